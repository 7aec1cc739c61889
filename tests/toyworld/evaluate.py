"""Whether engines localise on unseen scenes: ``python -m tests.toyworld.evaluate --engine refdiff --json``.

One run reports the engine and the baselines on the same expressions. The engines are those of the program, with the
toy models in place of the real ones; nothing of them is replaced but where Ref-Diff takes its proposals from.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.engine import Image, silent
from inference.evaluation.referring import Overlap, figures, overlap
from inference.models.diffusion import files, stable
from inference.models.peekaboo.presets import Preset
from inference.prompts import MaskArray, PromptSet, Text
from tests.toyworld import models, panoptic, text_lists
from tests.toyworld.captions import Expression, expressions
from tests.toyworld.proposals import ColourRegions, colour_regions
from tests.toyworld.scenes import Scene, Twins, make_scene

SEED = 1_000_000
"""Training draws its scenes from one stream that starts elsewhere."""

TWINS: tuple[Twins | None, ...] = (
    "horizontal",
    None,
    "horizontal",
    None,
    "vertical",
    None,
    "horizontal",
    None,
    None,
    None,
)
"""What every ten scenes are like."""

TUNED = 5
DIFFERENT = 0.5
"""Two answers with a smaller IoU than this are different answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A scene, an expression, and, of scenes with twins side by side, the two texts that must mean different things."""

    scene: Scene
    expression: Expression
    pair: tuple[Expression, Expression] | None

    @property
    def image(self) -> Image:
        return Image(self.scene.pixels, hashlib.sha256(self.scene.pixels.tobytes()).hexdigest())

    @property
    def truth(self) -> MaskArray:
        return self.scene.things[self.expression.target].mask


Answer = Callable[[Any, str], MaskArray]


def tasks(count: int, single: bool = False) -> list[Task]:
    """The first ``count`` of an endless list of tasks; ``single``: scenes of one to three things, meant by look."""
    found = []
    for number in range(count):
        rng = np.random.default_rng([SEED, number])
        if single:
            scene = make_scene(rng, int(rng.integers(1, 4)))
        else:
            scene = make_scene(rng, int(rng.integers(2, 5)), TWINS[number % len(TWINS)])
        said = expressions(scene)
        if single:
            said = [each for each in said if each.kind == "look"]
        expression = said[int(rng.integers(len(said)))]
        found.append(Task(scene, expression, _pair(said)))
    return found


def refdiff(weights: Path, count: int, detail: str) -> dict[str, Any]:
    """Ref-Diff with proposals by colour, without proposals, and with each part of its score alone."""
    from inference.engines.refdiff import SPEC
    from inference.models.refdiff.clip import load_clip
    from inference.models.refdiff.segmenter import RefDiffSegmenter

    cpu = torch.device("cpu")
    diffusion = stable.load(weights / models.DIFFUSION, cpu, torch.float32)
    clip = load_clip(weights / models.CLIP, diffusion.tokenizer, cpu)
    engine: Any = RefDiffSegmenter(
        SPEC, diffusion, clip, "toy", lambda name: ColourRegions(), lambda name: name == "lite"
    )
    ways: dict[str, dict[str, Any]] = {
        "refdiff": {},
        "refdiff, attention only": {"hard": 0.0, "soft": 0.0, "attention": 1.0},
        "refdiff, CLIP only": {"attention": 0.0},
        "weight-free": {"proposals": "pieces"},
        "weight-free, levels": {"proposals": "levels"},
    }
    found: dict[str, list[Overlap]] = {}
    pairs: dict[str, list[tuple[bool, bool]]] = {name: [] for name in ways}
    rng = np.random.default_rng(SEED)
    for task in tasks(count):
        engine.configure({"detail": detail, "proposals": "lite"})
        features = engine.encode(task.image, silent)
        for name, options in ways.items():
            engine.configure({"detail": detail, "proposals": "lite", **options})
            ask = _asker(engine)
            _note(found, name, task, ask(features, task.expression.text))
            if task.pair is not None:
                answers = [ask(features, each.text) for each in task.pair]
                pairs[name].append(_compared(task, answers))
        masks = colour_regions(task.scene.pixels)
        _note(found, "random proposal", task, masks[int(rng.integers(len(masks)))])
        _note(found, "largest proposal", task, masks[0])
        _note(found, "best proposal (bound)", task, max(masks, key=lambda mask: _iou(mask, task.truth)))
    report: dict[str, Any] = {name: _figures(each) for name, each in found.items()}
    for name, each in pairs.items():
        report[name]["pairs"] = len(each)
        report[name]["pairs_changed"] = _mean([changed for changed, _ in each])
        report[name]["pairs_both_right"] = _mean([right for _, right in each])
    return report


def peekaboo(weights: Path, count: int) -> dict[str, Any]:
    """Peekaboo beside a centred box and the whole image."""
    from inference.engines.peekaboo import SPEC
    from inference.models.peekaboo.segmenter import PeekabooSegmenter

    diffusion = stable.load(weights / models.DIFFUSION, torch.device("cpu"), torch.float32)
    engine: Any = PeekabooSegmenter(SPEC, diffusion, _name(weights))
    engine._preset = preset()
    ask = _asker(engine)
    found: dict[str, list[Overlap]] = {}
    for task in tasks(TUNED + count, single=True)[TUNED:]:
        features = engine.encode(task.image, silent)
        _note(found, "peekaboo", task, ask(features, task.expression.text))
        quarter = task.scene.size // 4
        centre = np.zeros_like(task.truth)
        centre[quarter:-quarter, quarter:-quarter] = True
        _note(found, "centre box", task, centre)
        _note(found, "whole image", task, np.ones_like(task.truth))
    return {name: _figures(each) for name, each in found.items()}


def preset() -> Preset:
    """Peekaboo's settings for gradients so faint; all else of the published code is as it is. Rate, gravity and the
    picture's size were chosen on scenes 12 to 35 of another seed (2,000,000), none of which are in the figures."""
    return Preset(
        form="raster, filtered",
        iterations=60,
        learning_rate=1.5,
        gravity=0.006,
        picture_size=256,
        alpha_size=64,
        last_time=500,
        settles=False,
    )


def _name(weights: Path) -> str:
    """Texts are kept by this name: other weights must have another."""
    return f"toy {files.digest(weights)}"


def _asker(engine: Any) -> Answer:
    def ask(features: Any, text: str) -> MaskArray:
        found = engine.segment(features, PromptSet((Text(text),)), None, silent).candidates
        size = features.pixels.shape[:2] if hasattr(features, "pixels") else (features.height, features.width)
        mask: MaskArray = found[0].mask() if found else np.zeros(size, bool)
        return mask

    return ask


def _pair(said: Sequence[Expression]) -> tuple[Expression, Expression] | None:
    sides = {word: each for each in said for word in ("left", "right") if each.text.startswith(f"{word} ")}
    return (sides["left"], sides["right"]) if len(sides) == 2 else None


def _compared(task: Task, answers: list[MaskArray]) -> tuple[bool, bool]:
    """Whether two answers differ, and whether both are right."""
    assert task.pair is not None
    truths = [task.scene.things[each.target].mask for each in task.pair]
    right = all(_iou(answer, truth) >= DIFFERENT for answer, truth in zip(answers, truths, strict=True))
    return _iou(*answers) < DIFFERENT, right


def _note(found: dict[str, list[Overlap]], name: str, task: Task, answer: MaskArray) -> None:
    everywhere = np.ones_like(task.truth)
    found.setdefault(name, []).append(overlap(task.expression.kind, answer, task.truth, everywhere))


def _figures(found: list[Overlap]) -> dict[str, Any]:
    kinds = sorted({each.domain for each in found})
    return {
        **figures(found),
        **{f"oiou_{kind}": figures([each for each in found if each.domain == kind])["oiou"] for kind in kinds},
    }


def _mean(values: list[bool]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _iou(one: MaskArray, other: MaskArray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def main() -> None:
    """Print figures per method, as a table or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["refdiff", "peekaboo", "tcl", "odise"], required=True)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--weights", type=Path, default=models.WEIGHTS)
    parser.add_argument("--detail", default="fast", choices=["full", "fast"], help="Ref-Diff's option")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    match wanted.engine:
        case "refdiff":
            report = refdiff(wanted.weights, wanted.scenes, wanted.detail)
        case "tcl":
            report = text_lists.evaluate(wanted.weights, wanted.scenes)
        case "odise":
            report = panoptic.evaluate(wanted.weights, wanted.scenes)
        case _:
            report = peekaboo(wanted.weights, wanted.scenes)
    seconds = round(time.perf_counter() - started, 1)
    if wanted.json:
        print(json.dumps({"engine": wanted.engine, "scenes": wanted.scenes, "seconds": seconds, "methods": report}))
        return
    for name, values in report.items():
        print(f"{name:44}", "  ".join(f"{key} {value}" for key, value in values.items()))
    print(f"{seconds} s")


if __name__ == "__main__":
    main()
