"""Our ``sam`` against the predictor and the generator of the package it is built on, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from segment_anything import SamAutomaticMaskGenerator, SamPredictor

from inference import proposals
from inference.engine import Image, silent
from inference.engines import sam
from inference.models.sam.checkpoint import load
from inference.models.sam.official import OfficialSam
from inference.models.sam.segmenter import SamSegmenter
from inference.models.sam.sight import Sight
from inference.prompts import Box, Point, Prompt, PromptSet
from inference.results import Segmentation, to_image_size
from tests.unit.inference.sam_model import picture, small_sam, write_sam

CLOSE = 1e-4
SIZES = [(90, 130), (130, 70), (128, 128), (300, 200)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sam(tmp_path_factory.mktemp("sam") / "any name.pth")


@pytest.fixture(scope="module")
def engine(weights: Path) -> SamSegmenter:
    return SamSegmenter(sam.SPEC, OfficialSam(load(weights)), weights)


@pytest.fixture(scope="module", params=SIZES, ids=str)
def both(request: pytest.FixtureRequest, engine: SamSegmenter) -> tuple[SamPredictor, SamSegmenter, Sight]:
    """The official predictor and our engine with the same weights, both looking at the same picture."""
    pixels = picture(*request.param)
    official = SamPredictor(small_sam())
    official.set_image(pixels)
    return official, engine, engine.encode(Image(pixels, "hash"), silent)


def _ask(engine: SamSegmenter, sight: Sight, *said: Prompt) -> Segmentation:
    return engine.segment(sight, PromptSet(said), None, silent)


def _logits(result: Segmentation) -> list[NDArray[np.float32]]:
    return [to_image_size(each.logits, each.frame) for each in result.candidates]


def _by_score(masks: Any, scores: Any) -> list[int]:
    return sorted(range(len(masks)), key=lambda index: -scores[index])


def test_the_encoder_sees_the_same(both: tuple[SamPredictor, SamSegmenter, Sight]) -> None:
    official, _, sight = both
    np.testing.assert_allclose(sight.maps[0].numpy(), official.features.numpy(), atol=1e-6)


def test_a_click_has_the_three_readings_of_the_predictor(both: tuple[SamPredictor, SamSegmenter, Sight]) -> None:
    official, engine, sight = both
    masks, scores, low = official.predict(np.array([[40, 30]]), np.array([1]), return_logits=True)
    result = _ask(engine, sight, Point(40.5, 30.5))
    order = _by_score(masks, scores)
    for ours, candidate, index in zip(_logits(result), result.candidates, order, strict=True):
        np.testing.assert_allclose(ours, masks[index], atol=CLOSE)
        assert candidate.score == pytest.approx(float(np.clip(scores[index], 0, 1)), abs=CLOSE)
        differs = candidate.mask() != (masks[index] > 0)
        assert not differs[np.abs(masks[index]) > CLOSE].any()
    assert result.memory is not None
    np.testing.assert_allclose(result.memory.arrays["low-resolution logits"][:, 0], low[order], atol=CLOSE)


@pytest.mark.parametrize(
    ("said", "official_words"),
    [
        (
            (Point(40.5, 30.5), Point(60.5, 60.5, positive=False), Point(20.5, 44.5)),
            {"point_coords": [[40, 30], [20, 44], [60, 60]], "point_labels": [1, 1, 0]},
        ),
        ((Box(10.5, 12.5, 50.5, 60.5),), {"box": [10, 12, 50, 60]}),
        (
            (Box(10.5, 12.5, 50.5, 60.5), Point(30.5, 20.5), Point(45.5, 50.5, positive=False)),
            {"box": [10, 12, 50, 60], "point_coords": [[30, 20], [45, 50]], "point_labels": [1, 0]},
        ),
    ],
    ids=["clicks", "box", "box and clicks"],
)
def test_prompts_that_leave_no_doubt_have_the_single_mask_first(
    both: tuple[SamPredictor, SamSegmenter, Sight], said: tuple[Prompt, ...], official_words: dict[str, Any]
) -> None:
    official, engine, sight = both
    words = {name: np.array(value) for name, value in official_words.items()}
    single, score, _ = official.predict(**words, multimask_output=False, return_logits=True)
    three, scores, _ = official.predict(**words, multimask_output=True, return_logits=True)
    result = _ask(engine, sight, *said)
    ours = _logits(result)
    np.testing.assert_allclose(ours[0], single[0], atol=CLOSE)
    assert result.candidates[0].score == pytest.approx(float(np.clip(score[0], 0, 1)), abs=CLOSE)
    for mask, index in zip(ours[1:], _by_score(three, scores), strict=False):
        np.testing.assert_allclose(mask, three[index], atol=CLOSE)


def test_the_second_round_refines_the_chosen_mask(both: tuple[SamPredictor, SamSegmenter, Sight]) -> None:
    official, engine, sight = both
    masks, scores, low = official.predict(np.array([[40, 30]]), np.array([1]))
    chosen = _by_score(masks, scores)[1]
    second, _, _ = official.predict(
        np.array([[40, 30], [60, 60]]),
        np.array([1, 0]),
        mask_input=low[chosen][None],
        multimask_output=False,
        return_logits=True,
    )
    first = _ask(engine, sight, Point(40.5, 30.5))
    assert first.memory is not None
    memory = type(first.memory)(first.memory.engine, {**first.memory.arrays, "chosen": np.array(1)})
    said = PromptSet((Point(40.5, 30.5), Point(60.5, 60.5, positive=False)))
    result = engine.segment(sight, said, memory, silent)
    np.testing.assert_allclose(_logits(result)[0], second[0], atol=CLOSE)


@pytest.mark.parametrize(
    ("layers", "size", "fewer"), [(0, (90, 130), 1), (1, (160, 240), 2)], ids=["whole image", "with crops"]
)
def test_automatic_masks_are_those_of_the_generator(
    engine: SamSegmenter, layers: int, size: tuple[int, int], fewer: int
) -> None:
    official = SamAutomaticMaskGenerator(
        small_sam(),
        points_per_side=8,
        pred_iou_thresh=0.93,
        stability_score_thresh=0.4,
        stability_score_offset=0.25,
        box_nms_thresh=0.9,
        crop_n_layers=layers,
        crop_nms_thresh=0.9,
        crop_n_points_downscale_factor=fewer,
    )
    ours = proposals.Settings(8, 0.93, 0.4, 0.25, 0.9, layers=layers, crop_overlap=0.9, fewer_points=fewer)
    pixels = picture(*size)
    expected = official.generate(pixels)
    found = engine.automatic(Image(pixels, "hash"), ours, silent)
    assert len(found) == len(expected) >= 10
    for mine, theirs in zip(found, expected, strict=True):
        union = (mine.mask | theirs["segmentation"]).sum()
        assert (mine.mask & theirs["segmentation"]).sum() >= 0.99 * union
        assert mine.score == pytest.approx(theirs["predicted_iou"], abs=CLOSE)
        assert mine.stability == pytest.approx(theirs["stability_score"], abs=0.02)
        assert mine.point == pytest.approx(np.array(theirs["point_coords"][0]) + 0.5)
        x, y, width, height = theirs["crop_box"]
        assert mine.crop == (x, y, x + width, y + height)
