"""SAM, SAM 2 and EdgeTAM as engines: every kind of prompt, memory, what is cut out, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference import proposals
from inference.engine import Cancelled, Capability, EngineError, Image, UnusablePrompts, Vocabulary, silent
from inference.engines import edgetam, sam, sam2
from inference.features import DeviceFeatures, RestoresFeatures, StorableFeatures
from inference.models.sam.checkpoint import load
from inference.models.sam.edgetam import open_edgetam
from inference.models.sam.official import OfficialSam
from inference.models.sam.promptable import Promptable
from inference.models.sam.sam2 import open_sam2
from inference.models.sam.segmenter import SamSegmenter
from inference.models.sam.sight import Sight
from inference.prompts import Box, MaskPrompt, Point, Polygon, Prompt, PromptSet, Reference, Scribble, Text
from inference.results import Candidate, Memory, Segmentation
from tests.unit.inference.sam_hub_models import small_edgetam, small_sam2, write_model
from tests.unit.inference.sam_model import picture, write_sam

SIZE = (90, 130)
REGION = np.zeros(SIZE, bool)
REGION[20:50, 30:80] = True
POINT = Point(40.5, 30.5)
EASY = proposals.Settings(points=4, least_score=0.0, least_stability=0.0, stability_offset=0.1)


@dataclass(frozen=True)
class Opened:
    engine: SamSegmenter
    sight: Sight

    def ask(self, *said: Prompt, memory: Memory | None = None) -> Segmentation:
        return self.engine.segment(self.sight, PromptSet(said), memory, silent)


def _sam(folder: Path) -> tuple[Path, Promptable]:
    path = write_sam(folder / "sam.pth")
    return path, OfficialSam(load(path))


def _sam2(folder: Path) -> tuple[Path, Promptable]:
    path = write_model(small_sam2(), folder)
    return path, open_sam2(path)


def _edgetam(folder: Path) -> tuple[Path, Promptable]:
    path = write_model(small_edgetam(), folder)
    return path, open_edgetam(path)


FAMILIES: dict[str, Callable[[Path], tuple[Path, Promptable]]] = {"sam": _sam, "sam2": _sam2, "edgetam": _edgetam}
SPECS = {"sam": sam.SPEC, "sam2": sam2.SPEC, "edgetam": edgetam.SPEC}


@pytest.fixture(scope="module", params=FAMILIES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    path, model = FAMILIES[request.param](tmp_path_factory.mktemp(request.param))
    engine = SamSegmenter(SPECS[request.param], model, path, EASY)
    return Opened(engine, engine.encode(Image(picture(*SIZE), "hash"), silent))


def _same(first: Candidate, second: Candidate) -> bool:
    return first.logits.shape == second.logits.shape and bool(np.array_equal(first.logits, second.logits))


KINDS: dict[str, tuple[Prompt, ...]] = {
    "click": (POINT,),
    "clicks": (POINT, Point(100.5, 70.5, positive=False)),
    "box": (Box(30, 20, 80, 50),),
    "boxes": (Box(30, 20, 80, 50), Box(90, 60, 120, 80)),
    "box and click": (Box(30, 20, 80, 50), POINT),
    "parts": (POINT, Point(100.5, 70.5, part=1)),
    "stroke": (Scribble(((31.0, 25.0), (60.0, 40.0))),),
    "negative stroke": (POINT, Scribble(((90.0, 60.0), (100.0, 80.0)), positive=False)),
    "polygon": (Polygon(((10.0, 60.0), (25.0, 62.0), (20.0, 80.0))),),
    "mask and click": (MaskPrompt(REGION), POINT),
    "mask and negative click": (MaskPrompt(REGION), Point(70.5, 40.5, positive=False)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_prompt_gives_three_masks_of_the_image(opened: Opened, kind: str) -> None:
    result = opened.ask(*KINDS[kind])
    assert len(result.candidates) == 3
    assert not result.ignored
    for candidate in result.candidates:
        assert candidate.mask().shape == SIZE
        assert np.isfinite(candidate.logits).all()
        assert 0 <= candidate.score <= 1
        assert candidate.engine == opened.engine.spec.name
        assert 0 <= candidate.probability().min() <= candidate.probability().max() <= 1


def test_the_same_prompts_give_the_same_masks(opened: Opened) -> None:
    first, second = opened.ask(POINT, Box(30, 20, 80, 50)), opened.ask(POINT, Box(30, 20, 80, 50))
    assert all(map(_same, first.candidates, second.candidates))


def test_readings_of_a_click_come_best_first(opened: Opened) -> None:
    scores = [candidate.score for candidate in opened.ask(POINT).candidates]
    assert scores == sorted(scores, reverse=True)


def test_several_boxes_are_one_object(opened: Opened) -> None:
    """Each box is decoded alone and the object is all of them."""
    boxes = Box(10, 10, 60, 50), Box(70, 40, 120, 85)
    alone = [opened.ask(box).candidates[0] for box in boxes]
    together = opened.ask(*boxes).candidates[0]
    np.testing.assert_allclose(together.logits, np.maximum(alone[0].logits, alone[1].logits), atol=1e-5)
    assert together.score == pytest.approx((alone[0].score + alone[1].score) / 2, abs=1e-6)


def test_a_part_is_decoded_for_itself(opened: Opened) -> None:
    elsewhere = Point(100.5, 70.5)
    alone = [opened.ask(click).candidates[0].logits for click in (POINT, elsewhere)]
    together = opened.ask(POINT, replace(elsewhere, part=1)).candidates[0].logits
    np.testing.assert_allclose(together, np.maximum(*alone), atol=1e-5)


def test_the_round_before_matters_and_undo_brings_it_back(opened: Opened) -> None:
    first = opened.ask(POINT)
    said = POINT, Point(60.5, 60.5, positive=False)
    second = opened.ask(*said, memory=first.memory)
    assert not _same(second.candidates[0], opened.ask(*said).candidates[0])
    # a third round, taken back: the memory of the first round is as it was
    opened.ask(*said, Point(20.5, 20.5), memory=second.memory)
    assert _same(second.candidates[0], opened.ask(*said, memory=first.memory).candidates[0])


def test_the_chosen_candidate_is_what_the_next_round_refines(opened: Opened) -> None:
    first = opened.ask(POINT)
    assert first.memory is not None
    said = POINT, Point(60.5, 60.5, positive=False)
    answers = []
    for chosen in range(3):
        arrays = {**first.memory.arrays, "chosen": np.array(chosen)}
        answers.append(opened.ask(*said, memory=Memory(first.memory.engine, arrays)).candidates[0].logits)
    assert not np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], opened.ask(*said, memory=first.memory).candidates[0].logits)


def test_a_new_box_leaves_the_memory_of_the_others(opened: Opened) -> None:
    boxes = Box(10, 10, 60, 50), Box(70, 40, 120, 85)
    first = opened.ask(boxes[0])
    second = opened.ask(*boxes, memory=first.memory)
    refined = opened.ask(boxes[0], memory=first.memory).candidates[0]
    fresh = opened.ask(boxes[1]).candidates[0]
    np.testing.assert_allclose(second.candidates[0].logits, np.maximum(refined.logits, fresh.logits), atol=1e-5)


@pytest.mark.parametrize("arrays", [{}, {"low-resolution logits": np.zeros((3, 2, 5, 5), np.float32)}])
def test_a_memory_that_does_not_fit_is_no_memory(
    opened: Opened, arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]
) -> None:
    plain = opened.ask(POINT).candidates[0]
    name = opened.engine.spec.name
    asked = {"questions": np.zeros((1, 5))} if arrays else {}
    assert _same(plain, opened.ask(POINT, memory=Memory(name, {**arrays, **asked})).candidates[0])
    assert _same(plain, opened.ask(POINT, memory=Memory("seem", {})).candidates[0])


def test_a_mask_is_taken_as_it_is_until_something_is_said_about_it(opened: Opened) -> None:
    given = opened.ask(MaskPrompt(REGION))
    assert len(given.candidates) == 1
    assert np.array_equal(given.candidates[0].mask(), REGION)
    click = Point(90.5, 30.5)
    with_mask = opened.ask(MaskPrompt(REGION), click)
    assert not _same(with_mask.candidates[0], opened.ask(click).candidates[0])
    assert _same(with_mask.candidates[0], opened.ask(MaskPrompt(REGION), click, memory=given.memory).candidates[0])


@pytest.mark.parametrize(
    "cut",
    [Box(0, 0, 65, 90, positive=False), Polygon(((0.0, 0.0), (65.0, 0.0), (65.0, 90.0), (0.0, 90.0)), positive=False)],
)
def test_negative_areas_are_cut_out(opened: Opened, cut: Prompt) -> None:
    plain, less = opened.ask(POINT), opened.ask(POINT, cut)
    assert not less.ignored
    for before, after in zip(plain.candidates, less.candidates, strict=True):
        assert not after.mask()[:, :64].any()
        assert (after.mask()[:, 68:] == before.mask()[:, 68:]).mean() > 0.98


def test_negative_masks_are_cut_out(opened: Opened) -> None:
    for candidate in opened.ask(POINT, MaskPrompt(REGION, positive=False)).candidates:
        assert not candidate.mask()[22:48, 32:78].any()


@pytest.mark.parametrize(
    "said",
    [(), (Point(3.5, 3.5, positive=False),), (Box(0, 0, 9, 9, positive=False),), (Text("cat"),)],
    ids=["nothing", "negative click", "negative box", "text"],
)
def test_without_anything_positive_there_is_a_sentence(opened: Opened, said: tuple[Prompt, ...]) -> None:
    title = opened.engine.spec.title
    with pytest.raises(UnusablePrompts, match=f"^{title} needs a positive point, box, scribble, polygon or mask.$"):
        opened.ask(*said)


def test_what_is_not_taken_is_counted(opened: Opened) -> None:
    reference = Reference(picture(20, 20), np.ones((20, 20), bool))
    result = opened.ask(POINT, Text("cat"), reference, Text("dog"))
    assert {each.kind: each.count for each in result.ignored} == {"text": 2, "reference": 1}
    assert _same(result.candidates[0], opened.ask(POINT).candidates[0])


def test_everything_gives_regions_of_the_image(opened: Opened) -> None:
    fractions: list[float] = []

    def report(fraction: float | None, message: str, preview: object = None) -> None:
        fractions.append(fraction or 0.0)

    regions = opened.engine.everything(opened.sight, Vocabulary(("cat",)), report)
    assert regions
    assert fractions == sorted(fractions)
    for region in regions:
        assert region.mask.shape == SIZE
        assert 0 <= region.score <= 1
        assert region.label is None
    assert Capability.VOCABULARY not in opened.engine.spec.capabilities


def test_looking_reports_from_step_to_step_and_can_be_cancelled(opened: Opened) -> None:
    image = Image(picture(*SIZE), "hash")
    fractions: list[float | None] = []
    opened.engine.encode(image, lambda fraction, message, preview=None: fractions.append(fraction))
    assert fractions[0] == 0
    assert len(fractions) >= 2
    assert fractions == sorted(fractions, key=lambda fraction: fraction or 0.0)

    def cancelled(fraction: float | None, message: str, preview: object = None) -> None:
        if fraction:
            raise Cancelled

    with pytest.raises(Cancelled):
        opened.engine.encode(image, cancelled)
    again = opened.engine.encode(image, silent)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(again.maps, opened.sight.maps, strict=True))


def test_it_cannot_name_anything(opened: Opened) -> None:
    with pytest.raises(EngineError, match="cannot name them"):
        opened.engine.label(opened.sight, [REGION], Vocabulary(("cat",)))


def test_features_come_back_from_disk_in_half_precision(opened: Opened) -> None:
    """The cache stores float16; the masks are the same but for what lies on the border."""
    sight, engine = opened.sight, opened.engine
    assert isinstance(sight, DeviceFeatures)
    assert isinstance(sight, StorableFeatures)
    assert isinstance(engine, RestoresFeatures)
    halved = {n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in sight.to_arrays().items()}
    restored = engine.features_from_arrays(halved)
    assert isinstance(restored, Sight)
    assert restored.frame == sight.frame
    assert restored.nbytes == sight.nbytes == sum(each.nbytes for each in restored.maps)
    assert all(each.dtype == torch.float32 for each in restored.maps)
    again = engine.segment(restored, PromptSet((POINT,)), None, silent)
    for before, after in zip(opened.ask(POINT).candidates, again.candidates, strict=True):
        assert (before.mask() == after.mask()).mean() >= 0.999


def test_features_move_to_ram_and_back(opened: Opened) -> None:
    there = opened.sight.to_host().to_device()
    assert opened.sight.to_host().on_device is False
    assert all(torch.equal(a, b) for a, b in zip(there.maps, opened.sight.maps, strict=True))


def test_the_image_encoder_can_compute_in_half_precision(tmp_path: Path) -> None:
    """As on a GPU. The decoder stays in single precision."""
    path = write_sam(tmp_path / "sam.pth")
    full, half = (
        SamSegmenter(sam.SPEC, OfficialSam(load(path), each), path) for each in (torch.float32, torch.float16)
    )
    image = Image(picture(*SIZE), "hash")
    sights = [engine.encode(image, silent) for engine in (full, half)]
    assert sights[1].maps[0].dtype == torch.float32
    torch.testing.assert_close(sights[0].maps[0], sights[1].maps[0], atol=0.02, rtol=0.02)


def test_the_fingerprint_is_that_of_the_file(tmp_path: Path) -> None:
    paths = write_sam(tmp_path / "a.pth"), write_sam(tmp_path / "b.pth"), write_sam(tmp_path / "c.pth", seed=1)
    model = OfficialSam(load(paths[0]))
    marks = [SamSegmenter(sam.SPEC, model, path).fingerprint for path in paths]
    assert marks[2] != marks[0]
    assert marks[0].startswith("sam-1-")
