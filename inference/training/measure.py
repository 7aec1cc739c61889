"""``python -m inference.training.measure``: what click counts do not show of an engine.

Mean IoU of a box alone, of a stroke and of one click; whether a correction click changes the mask where it fell; the
mean IoU after each click; and whether one click improves a rough mask that came from elsewhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inference.engine import Engine, Features, Image, silent
from inference.evaluation.clicks import iou, next_click
from inference.evaluation.index import VOID, evenly_spaced, load_index, load_mask, load_pixels, tasks
from inference.prompts import Box, MaskPrompt, Point, PromptSet, Scribble
from inference.registry import create_engine
from inference.training.curves import draw_clicks
from inference.training.simulate import interior

CLICKS = 8


@dataclass(slots=True)
class Figures:
    """What one run over the tasks collects."""

    box: list[float] = field(default_factory=list)
    box_and_negative: list[float] = field(default_factory=list)
    scribble: list[float] = field(default_factory=list)
    curve: list[list[float]] = field(default_factory=list)
    corrections: int = 0
    obeyed: int = 0
    prior_before: list[float] = field(default_factory=list)
    prior_after: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        """The figures as they are printed."""
        before, after = np.array(self.prior_before), np.array(self.prior_after)
        return {
            "n": len(self.box),
            "box": round(float(np.mean(self.box)), 4),
            "box_and_negative": round(float(np.mean(self.box_and_negative)), 4),
            "scribble": round(float(np.mean(self.scribble)), 4),
            "iou_by_click": [round(float(v), 4) for v in np.mean(self.curve, 0)],
            "corrections_obeyed": round(self.obeyed / max(self.corrections, 1), 4),
            "prior_before": round(float(before.mean()), 4),
            "prior_after_one_click": round(float(after.mean()), 4),
            "prior_improved": round(float((after > before).mean()), 4),
        }


def stroke(truth: NDArray[np.bool_]) -> Scribble:
    """A stroke along the object: straight lines between its innermost places, as far as they stay inside."""
    depth = interior(truth)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    start = (float(column) + 0.5, float(row) + 0.5)
    rows, columns = np.nonzero(depth >= 0.4 * depth.max())
    far = int(np.argmax((rows - row) ** 2 + (columns - column) ** 2))
    end = (float(columns[far]) + 0.5, float(rows[far]) + 0.5)
    kept = [start]
    for step in np.linspace(0, 1, 24)[1:]:
        x, y = start[0] + step * (end[0] - start[0]), start[1] + step * (end[1] - start[1])
        if not truth[int(y), int(x)]:
            break
        kept.append((x, y))
    return Scribble(tuple(kept) if len(kept) > 1 else (start, start), 5.0)


def roughened(truth: NDArray[np.bool_], number: int) -> NDArray[np.bool_]:
    """The truth as a coarse engine would have it: low resolution and a border that is too wide or too tight."""
    rng = np.random.default_rng(number)
    side = max(6, int(rng.uniform(0.12, 0.22) * np.sqrt(truth.sum())))
    small = cv2.resize(truth.astype(np.float32), None, fx=1 / side, fy=1 / side, interpolation=cv2.INTER_AREA)
    size = (truth.shape[1], truth.shape[0])
    level = float(rng.choice([0.3, 0.5, 0.7]))
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR) > level)


def measure(engine: Engine, index: Path, limit: int) -> Figures:
    """Run the tasks of an index against an engine."""
    figures = Figures()
    read = load_index(index)
    for number, task in enumerate(evenly_spaced(tasks(read), limit)):
        pixels, values = load_pixels(task.image), load_mask(task.image)
        truth, valid = values == task.object_id, values != VOID
        features = engine.encode(Image(pixels, task.image.id), silent)
        rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
        box = Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        boxed = _mask(engine, features, PromptSet((box,)))
        figures.box.append(iou(boxed, truth, valid))
        surplus = next_click(np.zeros_like(truth), boxed & ~truth, valid, np.zeros_like(truth))
        with_negative = boxed if surplus is None else _mask(engine, features, PromptSet((box, surplus)))
        figures.box_and_negative.append(iou(with_negative, truth, valid))
        figures.scribble.append(iou(_mask(engine, features, PromptSet((stroke(truth),))), truth, valid))
        _clicks(engine, features, truth, valid, figures)
        rough = roughened(truth, number)
        click = next_click(truth, rough, valid, np.zeros_like(truth))
        if rough.any() and click is not None:
            figures.prior_before.append(iou(rough, truth, valid))
            after = _mask(engine, features, PromptSet((MaskPrompt(rough), click)))
            figures.prior_after.append(iou(after, truth, valid))
    return figures


def _clicks(
    engine: Engine, features: Features, truth: NDArray[np.bool_], valid: NDArray[np.bool_], figures: Figures
) -> None:
    mask, clicked = np.zeros_like(truth), np.zeros_like(truth)
    prompts, memory, curve = PromptSet(), None, []
    for number in range(CLICKS):
        click: Point | None = next_click(truth, mask, valid, clicked)
        if click is not None:
            clicked[int(click.y), int(click.x)] = True
            prompts = prompts.added(click)
            answer = engine.segment(features, prompts, memory, silent)
            mask, memory = answer.candidates[0].mask(), answer.memory
            if number:
                figures.corrections += 1
                figures.obeyed += bool(mask[int(click.y), int(click.x)]) == click.positive
        curve.append(iou(mask, truth, valid))
    figures.curve.append(curve)


def _mask(engine: Engine, features: Features, prompts: PromptSet) -> NDArray[np.bool_]:
    return engine.segment(features, prompts, None, silent).candidates[0].mask()


def main(arguments: list[str] | None = None) -> int:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m inference.training.measure", description=__doc__)
    parser.add_argument("--engine", default="lite")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plot", type=Path, help="draw the mean IoU by click here (PNG)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    figures = measure(create_engine(options.engine), options.index, options.limit)
    if options.plot is not None:
        draw_clicks([float(value) for value in np.mean(figures.curve, 0)], options.plot)
    print(json.dumps(figures.summary(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
