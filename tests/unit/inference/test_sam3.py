"""SAM 3: words find, boxes are examples, clicks refine; and the numbers of transformers' own classes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Sam3ImageProcessor, Sam3VideoModel

from inference.engine import EngineError, Image, UnusablePrompts, Vocabulary, WrongWeights, silent
from inference.engines import sam3
from inference.models.sam import concept_segmenter, files
from inference.models.sam.concept_segmenter import ConceptSegmenter
from inference.models.sam.sam3 import Sam3, open_sam3
from inference.models.sam.sight import Sight
from inference.prompts import Box, MaskPrompt, Point, Prompt, PromptSet, Text
from inference.results import Memory, Segmentation
from tests.unit.inference.sam_hub_models import SAM3_SIDE, write_sam3
from tests.unit.inference.sam_model import picture

SIZE = (90, 130)
CAT = Text("cat")


@dataclass(frozen=True)
class Opened:
    model: Sam3
    engine: ConceptSegmenter
    sight: Sight

    def ask(self, *said: Prompt, memory: Memory | None = None) -> Segmentation:
        return self.engine.segment(self.sight, PromptSet(said), memory, silent)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sam3(tmp_path_factory.mktemp("sam3"))


@pytest.fixture(scope="module")
def official(weights: Path) -> Any:
    """The class that SAM 3 was released for, with the same weights."""
    return Sam3VideoModel.from_pretrained(weights.parent).eval()


@pytest.fixture
def copied(weights: Path, tmp_path: Path) -> Path:
    """The weights in a folder of their own, to spoil."""
    shutil.copytree(weights.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / weights.name


@pytest.fixture(scope="module")
def opened(weights: Path) -> Opened:
    model = open_sam3(weights)
    engine = ConceptSegmenter(sam3.SPEC, model, weights)
    return Opened(model, engine, engine.encode(Image(picture(*SIZE), "hash"), silent))


@pytest.fixture(autouse=True)
def sees_a_lot(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random model is never sure."""
    monkeypatch.setattr(concept_segmenter, "LEAST_SCORE", 0.22)


@torch.no_grad()
def test_both_halves_see_what_the_released_class_sees(official: Any, opened: Opened) -> None:
    processor = Sam3ImageProcessor(size={"height": SAM3_SIDE, "width": SAM3_SIDE})
    values = processor(images=picture(*SIZE), return_tensors="pt")["pixel_values"]
    seen = official.detector_model.vision_encoder(values)
    for ours, theirs in zip(opened.sight.maps[3:], seen.fpn_hidden_states, strict=False):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    maps, _ = official.get_vision_features_for_tracker(vision_embeds=seen)
    for ours, theirs in zip(opened.sight.maps[:2], maps, strict=False):
        torch.testing.assert_close(ours.flatten(2).permute(2, 0, 1), theirs, atol=1e-4, rtol=1e-4)
    unremembered = official.tracker_model.no_memory_embedding
    torch.testing.assert_close(
        opened.sight.maps[2].flatten(2).permute(2, 0, 1), maps[2] + unremembered, atol=1e-4, rtol=1e-4
    )


@torch.no_grad()
@pytest.mark.parametrize("boxes", [(), (((10.0, 12.0, 50.0, 60.0), True), ((70.0, 12.0, 90.0, 60.0), False))])
def test_the_detector_finds_what_the_released_class_finds(
    official: Any, opened: Opened, boxes: tuple[tuple[tuple[float, float, float, float], bool], ...]
) -> None:
    processor = Sam3ImageProcessor(size={"height": SAM3_SIDE, "width": SAM3_SIDE})
    words = opened.model._words
    assert words is not None
    ids = words("cat")
    mask = torch.tensor([[1] * (ids.index(words.end) + 1) + [0] * (len(ids) - ids.index(words.end) - 1)])
    given = {}
    if boxes:
        corners = torch.tensor([each for each, _ in boxes]) / torch.tensor([130.0, 90.0, 130.0, 90.0])
        centres = (corners[:, :2] + corners[:, 2:]) / 2
        given = {
            "input_boxes": torch.cat([centres, corners[:, 2:] - corners[:, :2]], 1)[None],
            "input_boxes_labels": torch.tensor([[1, 0]]),
        }
    out = official.detector_model(
        pixel_values=processor(images=picture(*SIZE), return_tensors="pt")["pixel_values"],
        input_ids=torch.tensor([ids]),
        attention_mask=mask,
        **given,
    )
    found = opened.model.find(opened.sight.maps, "cat", boxes, SIZE)
    scores = (out.pred_logits.sigmoid() * out.presence_logits.sigmoid())[0]
    order = scores.argsort(descending=True)
    torch.testing.assert_close(found.scores, scores[order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.low, out.pred_masks[0][order], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found.area, out.semantic_seg[0, 0], atol=1e-3, rtol=1e-3)


def test_a_word_has_every_find_as_candidate(opened: Opened) -> None:
    result = opened.ask(CAT)
    scores = [candidate.score for candidate in result.candidates]
    assert len(scores) > 1
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0.22
    assert all(candidate.mask().shape == SIZE for candidate in result.candidates)
    assert not result.ignored


def test_boxes_with_a_word_are_examples(opened: Opened) -> None:
    plain = opened.ask(CAT).candidates[0].logits
    like, unlike = Box(10, 12, 50, 60), Box(10, 12, 50, 60, positive=False)
    answers = [opened.ask(CAT, box) for box in (like, unlike)]
    first = [answer.candidates[0].logits for answer in answers if answer.candidates]
    assert len(first) == 2
    assert not np.array_equal(first[0], plain)
    assert not np.array_equal(first[0], first[1])


def test_two_words_find_both(opened: Opened) -> None:
    one, two = opened.ask(CAT), opened.ask(Text("dog"))
    both = opened.ask(CAT, Text("dog"))
    expected = sorted((c.score for c in (*one.candidates, *two.candidates)), reverse=True)
    assert [c.score for c in both.candidates] == pytest.approx(expected[:32])


def test_a_click_refines_the_find_under_it(opened: Opened) -> None:
    finds = opened.ask(CAT)
    click = Point(40.5, 30.5)
    refined = opened.ask(CAT, click)
    assert len(refined.candidates) == 3
    assert not np.array_equal(refined.candidates[0].logits, opened.ask(click).candidates[0].logits)
    agreeing = [index for index, each in enumerate(finds.candidates) if each.mask()[30, 40]]
    assert finds.memory is not None
    chosen = Memory("sam3", {**finds.memory.arrays, "chosen": np.array((agreeing or [0])[0])})
    remembered = opened.ask(CAT, click, memory=chosen).candidates[0].logits
    np.testing.assert_allclose(remembered, refined.candidates[0].logits, atol=1e-4)


def test_without_words_it_is_the_promptable_model(opened: Opened) -> None:
    click = Point(40.5, 30.5)
    negative = Text("dog", positive=False)
    result = opened.ask(click, negative)
    assert [(each.kind, each.count) for each in result.ignored] == [("text", 1)]
    assert np.array_equal(result.candidates[0].logits, opened.ask(click).candidates[0].logits)
    assert len(opened.ask(Box(10, 10, 60, 50)).candidates) == 3


def test_a_given_mask_is_refined_whatever_the_words(opened: Opened) -> None:
    mask = np.zeros(SIZE, bool)
    mask[20:50, 30:80] = True
    click = Point(85.5, 30.5)
    plain = opened.ask(MaskPrompt(mask), click).candidates[0].logits
    assert np.array_equal(opened.ask(CAT, MaskPrompt(mask), click).candidates[0].logits, plain)


def test_nothing_found_is_no_candidate(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concept_segmenter, "LEAST_SCORE", 0.999)
    assert opened.ask(CAT).candidates == ()
    assert len(opened.ask(CAT, Point(40.5, 30.5)).candidates) == 3


def test_everything_names_what_the_vocabulary_names(opened: Opened) -> None:
    regions = opened.engine.everything(opened.sight, Vocabulary(("cat", "dog", "ca"), frozenset({"ca"})), silent)
    assert regions
    assert {region.label for region in regions} <= {"cat", "dog", "ca"}
    assert all(region.is_thing == (region.label != "ca") for region in regions)
    scores = [region.score for region in regions]
    assert scores == sorted(scores, reverse=True)
    for index, region in enumerate(regions):
        for other in regions[:index]:
            assert (region.mask & other.mask).sum() <= 0.7 * (region.mask | other.mask).sum()


def test_only_negative_clicks_are_refused(opened: Opened) -> None:
    with pytest.raises(UnusablePrompts, match="SAM 3 needs a positive point"):
        opened.ask(Point(3.5, 3.5, positive=False))


def test_without_word_pieces_only_words_are_missing(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(copied.parent))
    monkeypatch.setenv("HF_HUB_CACHE", str(copied.parent / "no cache"))
    (copied.parent / "merges.txt").unlink()
    assert sam3.installed()
    engine = ConceptSegmenter(sam3.SPEC, open_sam3(copied), copied)
    sight = engine.encode(Image(picture(*SIZE), "hash"), silent)
    assert len(engine.segment(sight, PromptSet((Point(40.5, 30.5),)), None, silent).candidates) == 3
    with pytest.raises(EngineError, match=r"SAM 3 needs CLIP's list of word pieces \(merges.txt\) next to"):
        engine.segment(sight, PromptSet((CAT,)), None, silent)


def test_a_file_without_one_half_is_refused(copied: Path) -> None:
    assert files.holds(copied, files.SAM3.mark)
    save_file({n: t for n, t in load_file(copied).items() if not n.startswith("tracker_neck.")}, copied)
    with pytest.raises(WrongWeights, match=r"^This file is not a SAM 3 checkpoint: \d+ tensors missing."):
        open_sam3(copied)


def test_other_word_pieces_are_refused(copied: Path) -> None:
    (copied.parent / "merges.txt").write_text("#version: 0.2\nc a\n", encoding="utf-8")
    with pytest.raises(WrongWeights, match=r"^merges.txt is not the list of word pieces that this SAM 3 file was"):
        open_sam3(copied)


def test_features_come_back_from_disk(opened: Opened) -> None:
    halved = {n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in opened.sight.to_arrays().items()}
    restored = opened.engine.features_from_arrays(halved)
    again = opened.engine.segment(restored, PromptSet((Point(40.5, 30.5),)), None, silent)
    first = opened.ask(Point(40.5, 30.5)).candidates[0]
    assert (first.mask() == again.candidates[0].mask()).mean() > 0.99
