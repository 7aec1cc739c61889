"""The click protocol, played against engines whose answers are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from inference.engine import EngineSpec, Features, Image, Report, Speed, Vocabulary
from inference.evaluation.baselines import PlainGrabCut
from inference.evaluation.clicks import PROTOCOLS, evaluate, iou, next_click, seem_next_click
from inference.evaluation.index import BadIndex
from inference.prompts import MaskArray, Point, PromptKind, PromptSet
from inference.results import Candidate, Frame, LabelScores, Memory, Region, Segmentation

FIGURES = ["noc80", "noc85", "noc90", "iou1", "iou3", "iou5", "iou10", "failures90", "encode_ms", "ms_per_click"]


@dataclass(frozen=True, eq=False)
class Seen:
    pixels: np.ndarray

    @property
    def nbytes(self) -> int:
        return int(self.pixels.nbytes)


class Discs:
    """Adds or removes a disc per click; remembers the mask; counts what it was asked."""

    spec = EngineSpec("discs", "Discs", frozenset({PromptKind.POINT}), frozenset(), Speed.INSTANT, "", "", "")
    fingerprint = "discs"

    def __init__(self, radius: float) -> None:
        self.radius, self.encoded, self.memories = radius, 0, []

    def encode(self, image: Image, report: Report) -> Seen:
        self.encoded += 1
        return Seen(image.pixels)

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        assert isinstance(features, Seen)
        self.memories.append(memory)
        h, w = features.pixels.shape[:2]
        mask = np.zeros((h, w), bool) if memory is None else np.array(memory.arrays["mask"], bool)
        click = prompts.prompts[-1]
        assert isinstance(click, Point)
        rows, columns = np.mgrid[:h, :w] + 0.5
        mask[np.hypot(columns - click.x, rows - click.y) <= self.radius] = click.positive
        logits = np.where(mask, 5.0, -5.0).astype(np.float32)
        candidate = Candidate(logits, Frame.whole(h, w), 0.9, "discs")
        return Segmentation((candidate,), Memory("discs", {"mask": mask}))

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise NotImplementedError

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise NotImplementedError


def index_with(folder: Path, values: np.ndarray, objects: list[int], domains: Sequence[str] = ("photo",)) -> Path:
    images = []
    for number, domain in enumerate(domains):
        PIL.Image.fromarray(np.zeros((*values.shape, 3), np.uint8)).save(folder / f"{number}.png")
        PIL.Image.fromarray(values).save(folder / f"{number}_mask.png")
        images.append(
            {
                "id": str(number),
                "image": f"{number}.png",
                "mask": f"{number}_mask.png",
                "domain": domain,
                "objects": [{"id": each, "category": None} for each in objects],
            }
        )
    path = folder / "index.json"
    path.write_text(json.dumps({"images": images}))
    return path


def disc_values(radius: float = 20) -> np.ndarray:
    rows, columns = np.mgrid[:64, :80] + 0.5
    return (np.hypot(columns - 40.5, rows - 32.5) <= radius).astype(np.uint8)


def test_the_first_click_is_in_the_middle_and_the_image_border_is_outside() -> None:
    truth = np.zeros((20, 20), bool)
    truth[:, :9] = True
    nothing = np.zeros_like(truth)
    click = next_click(truth, nothing, np.ones_like(truth), nothing)
    assert click is not None
    assert (click.x, click.positive) == (4.5, True)


def test_the_larger_error_gets_the_click_and_void_gets_none() -> None:
    truth, predicted = np.zeros((30, 60), bool), np.zeros((30, 60), bool)
    truth[5:10, 5:10] = True
    predicted[5:24, 30:50] = True
    valid, nothing = np.ones_like(truth), np.zeros_like(truth)
    click = next_click(truth, predicted, valid, nothing)
    assert click is not None
    assert not click.positive
    assert predicted[int(click.y), int(click.x)]
    valid[:, 30:] = False
    click = next_click(truth, predicted, valid, nothing)
    assert click == Point(7.5, 7.5, True)
    assert next_click(truth, truth, np.ones_like(truth), nothing) is None


def test_a_pixel_is_clicked_once() -> None:
    truth = np.ones((1, 1), bool)
    assert next_click(truth, ~truth, truth, truth) is None


def test_void_pixels_do_not_count() -> None:
    truth = np.array([[True, True, False, False]])
    predicted = np.array([[True, False, False, True]])
    assert iou(predicted, truth, np.array([[True, True, True, False]])) == 0.5


def test_a_perfect_answer_takes_one_click(tmp_path: Path) -> None:
    engine = Discs(20)
    figures = evaluate(engine, index_with(tmp_path, disc_values(), [1]))
    assert list(figures) == ["engine", "n", "seconds", *FIGURES, "domains"]
    assert (figures["noc80"], figures["noc90"], figures["iou1"], figures["iou10"]) == (1.0, 1.0, 1.0, 1.0)
    assert figures["failures90"] == 0
    json.dumps(figures)


def test_a_hopeless_engine_takes_twenty(tmp_path: Path) -> None:
    engine = Discs(1)
    figures = evaluate(engine, index_with(tmp_path, disc_values(), [1]))
    assert (figures["noc80"], figures["noc90"], figures["failures90"]) == (20.0, 20.0, 1)
    assert len(engine.memories) == 20
    assert engine.memories[0] is None
    assert all(memory is not None for memory in engine.memories[1:])


def test_an_image_is_encoded_once_and_domains_are_told_apart(tmp_path: Path) -> None:
    values = disc_values(12)
    values[:6, :6] = 2
    engine = Discs(12)
    seen: list[tuple[int, int]] = []
    path = index_with(tmp_path, values, [1, 2], domains=["photo", "thin"])
    figures = evaluate(engine, path, progress=lambda done, total: seen.append((done, total)))
    assert engine.encoded == 2
    assert seen[0] == (0, 4)
    assert seen[-1] == (4, 4)
    domains = figures["domains"]
    assert isinstance(domains, dict)
    assert list(domains) == ["photo", "thin"]
    assert set(domains["thin"]) == {"n", "seconds", *FIGURES}
    assert evaluate(engine, path, domain="thin")["n"] == 2
    assert evaluate(engine, path, limit=2)["n"] == 2


def test_nothing_to_evaluate_is_said(tmp_path: Path) -> None:
    path = index_with(tmp_path, disc_values(), [1])
    with pytest.raises(BadIndex, match="no click tasks of the domain 'x-ray'"):
        evaluate(Discs(3), path, domain="x-ray")
    with pytest.raises(BadIndex, match="no pixel of the object 7"):
        evaluate(Discs(3), index_with(tmp_path, disc_values(), [7]))


def test_the_baseline_cuts_out_a_bright_disc() -> None:
    values = disc_values()
    pixels = np.where(values[..., None] == 1, 220, 30).astype(np.uint8).repeat(3, axis=2)
    pixels += np.random.default_rng(0).integers(0, 12, pixels.shape, dtype=np.uint8)
    engine = PlainGrabCut()
    features = engine.encode(Image(pixels, "disc"), lambda *_: None)
    answer = engine.segment(features, PromptSet((Point(40.5, 32.5),)), None, lambda *_: None)
    assert iou(answer.candidates[0].mask(), values == 1, np.ones(values.shape, bool)) > 0.9


def test_seems_protocol_counts_pixels_and_takes_the_middle_of_all_of_them() -> None:
    """A thin long rim has more pixels than a compact surplus: the usual protocol clicks the one, SEEM's the other."""
    truth, predicted = np.zeros((30, 90), bool), np.zeros((30, 90), bool)
    truth[0:3, :] = True
    predicted[10:24, 40:54] = True
    valid, nothing = np.ones_like(truth), np.zeros_like(truth)
    usual, own = next_click(truth, predicted, valid, nothing), seem_next_click(truth, predicted, valid, nothing)
    assert usual is not None
    assert own is not None
    assert (usual.positive, own.positive) == (False, True)
    assert truth[int(own.y), int(own.x)]
    covered = np.zeros_like(truth)
    covered[0:3, :80] = True
    after = seem_next_click(truth, predicted, valid, covered)
    assert after is not None
    assert not after.positive, "what clicks cover is no error any more"
    even = seem_next_click(truth, ~truth & False, valid, truth)
    assert even is None


def test_seems_protocol_goes_on_at_exactly_ninety_and_has_its_own_figure(tmp_path: Path) -> None:
    assert PROTOCOLS["usual"].is_enough(0.90)
    assert not PROTOCOLS["seem"].is_enough(0.90)
    figures = evaluate(Discs(20), index_with(tmp_path, disc_values(), [1]), protocol="seem")
    assert list(figures) == ["engine", "n", "seconds", "noc50", *FIGURES, "domains"]
    assert (figures["noc50"], figures["noc90"]) == (1.0, 1.0)


def test_clicks_of_seems_protocol_cover_three_by_three_pixels(tmp_path: Path) -> None:
    """A disc of one pixel is never enough; every click lies outside what the earlier ones cover."""
    clicks: list[Point] = []

    class Watched(Discs):
        def segment(
            self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report
        ) -> Segmentation:
            last = prompts.prompts[-1]
            assert isinstance(last, Point)
            clicks.append(last)
            return super().segment(features, prompts, memory, report)

    evaluate(Watched(0.1), index_with(tmp_path, disc_values(), [1]), protocol="seem")
    assert len(clicks) == 20
    pairs = [(a, b) for n, a in enumerate(clicks) for b in clicks[:n]]
    assert all(max(abs(a.x - b.x), abs(a.y - b.y)) > 1 for a, b in pairs)
