"""SAM 2 and EdgeTAM against the classes and processors of transformers that they are built on, in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Sam2ImageProcessor, Sam2Processor

from inference.engine import Image, silent
from inference.engines import edgetam, sam2
from inference.models.sam.edgetam import open_edgetam
from inference.models.sam.hub import HubSam
from inference.models.sam.promptable import Asked
from inference.models.sam.sam2 import open_sam2
from inference.models.sam.segmenter import SamSegmenter
from inference.models.sam.sight import Sight
from inference.prompts import Box, Point, Prompt, PromptSet
from inference.results import to_image_size
from tests.unit.inference.sam_hub_models import SIDE, small_edgetam, small_sam2, write_model
from tests.unit.inference.sam_model import picture

CLOSE = 1e-4
SIZE = (90, 130)
OPEN: dict[str, tuple[Callable[[], Any], Callable[[Path], HubSam], Any]] = {
    "sam2": (small_sam2, open_sam2, sam2.SPEC),
    "edgetam": (small_edgetam, open_edgetam, edgetam.SPEC),
}


@pytest.fixture(scope="module", params=OPEN)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, SamSegmenter, Sight]:
    """A model of transformers, our engine with its weights, and a picture that the engine has looked at."""
    make, open_, spec = OPEN[request.param]
    official = make()
    path = write_model(official, tmp_path_factory.mktemp(request.param))
    engine = SamSegmenter(spec, open_(path), path)
    return official, engine, engine.encode(Image(picture(*SIZE), "hash"), silent)


def _official(model: Any, multimask: bool, **said: Any) -> tuple[Any, Any, Any]:
    """Masks at image size, scores and low-resolution logits, as the documentation of transformers says."""
    processor = Sam2Processor(Sam2ImageProcessor(size={"height": SIDE, "width": SIDE}), target_size=SIDE)
    inputs = processor(images=picture(*SIZE), return_tensors="pt", **said)
    sizes = inputs.pop("original_sizes")
    with torch.no_grad():
        out = model(**inputs, multimask_output=multimask)
    masks = processor.post_process_masks(out.pred_masks, sizes, binarize=False)[0]
    return masks[0].numpy(), out.iou_scores[0, 0].numpy(), out.pred_masks[0, 0].numpy()


@torch.no_grad()
def test_the_encoder_sees_the_same(both: tuple[Any, SamSegmenter, Sight]) -> None:
    official, _, sight = both
    processor = Sam2ImageProcessor(size={"height": SIDE, "width": SIDE})
    maps = official.get_image_embeddings(processor(images=picture(*SIZE), return_tensors="pt")["pixel_values"])
    for ours, theirs in zip(sight.maps, maps, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_a_click_has_the_three_readings(both: tuple[Any, SamSegmenter, Sight]) -> None:
    official, engine, sight = both
    masks, scores, _ = _official(official, True, input_points=[[[[40, 30]]]], input_labels=[[[1]]])
    found = engine.segment(sight, PromptSet((Point(40.5, 30.5),)), None, silent).candidates
    for candidate, index in zip(found, np.argsort(-scores, kind="stable"), strict=True):
        np.testing.assert_allclose(to_image_size(candidate.logits, candidate.frame), masks[index], atol=CLOSE)
        assert candidate.score == pytest.approx(scores[index], abs=CLOSE)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((Point(40.5, 30.5), Point(60.5, 60.5, positive=False)), {"points": [[40, 30], [60, 60]], "labels": [1, 0]}),
        ((Box(10.5, 12.5, 50.5, 60.5),), {"box": [10, 12, 50, 60]}),
        (
            (Box(10.5, 12.5, 50.5, 60.5), Point(30.5, 20.5)),
            {"box": [10, 12, 50, 60], "points": [[30, 20]], "labels": [1]},
        ),
    ],
    ids=["clicks", "box", "box and click"],
)
def test_prompts_that_leave_no_doubt_have_the_single_mask_first(
    both: tuple[Any, SamSegmenter, Sight], said: tuple[Prompt, ...], words: dict[str, Any]
) -> None:
    official, engine, sight = both
    given = {"input_points": [[words["points"]]], "input_labels": [[words["labels"]]]} if "points" in words else {}
    if "box" in words:
        given["input_boxes"] = [[words["box"]]]
    single, score, _ = _official(official, False, **given)
    first = engine.segment(sight, PromptSet(said), None, silent).candidates[0]
    np.testing.assert_allclose(to_image_size(first.logits, first.frame), single[0], atol=CLOSE)
    assert first.score == pytest.approx(float(score[0]), abs=CLOSE)


@torch.no_grad()
def test_the_second_round_refines_the_mask_before(both: tuple[Any, SamSegmenter, Sight]) -> None:
    official, engine, sight = both
    first = engine.segment(sight, PromptSet((Point(40.5, 30.5),)), None, silent)
    assert first.memory is not None
    said = PromptSet((Point(40.5, 30.5), Point(60.5, 60.5, positive=False)))
    ours = engine.segment(sight, said, first.memory, silent).candidates[0]
    theirs = official(
        image_embeddings=list(sight.maps),
        input_points=torch.tensor([[[[40.0, 30.0], [60.0, 60.0]]]]) * torch.tensor([SIDE / 130, SIDE / 90]),
        input_labels=torch.tensor([[[1, 0]]]),
        input_masks=torch.from_numpy(first.memory.arrays["low-resolution logits"][0])[None],
        multimask_output=False,
    )
    np.testing.assert_allclose(ours.logits, theirs.pred_masks[0, 0, 0], atol=CLOSE)


@torch.no_grad()
def test_all_four_masks_come_at_once(both: tuple[Any, SamSegmenter, Sight]) -> None:
    """The decoder makes four and hands out one or three; ours hands out all."""
    _, engine, sight = both
    points = np.array([[[10.0, 20.0]], [[30.0, 40.0]]])
    decoded = engine._model.decode(sight.maps, Asked(points, np.ones((2, 1), np.int64)))
    assert decoded.low.shape == (2, 4, 16, 16)
    assert decoded.scores.shape == (2, 4)
