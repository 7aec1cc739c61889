"""A box round an object: the first candidate is the object, on drawings and on the sample photos."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine import Image, silent
from inference.engines.classic import create
from inference.prompts import Box, MaskArray, Point, PromptSet
from inference.results import Candidate

SAMPLES = Path(__file__).parents[3] / "resources" / "sample"


def boxed(pixels: np.ndarray, box: Box, *others: Point) -> tuple[Candidate, ...]:
    engine = create()
    return engine.segment(engine.encode(Image(pixels, "x"), silent), PromptSet((box, *others)), None, silent).candidates


def iou(mask: MaskArray, truth: MaskArray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def card(scale: int, noise: float) -> tuple[np.ndarray, MaskArray]:
    """An orange card on grey, 80 × 60 times the scale."""
    pixels = np.full((60, 80, 3), 50, np.uint8)
    pixels[15:45, 20:60] = (210, 120, 40)
    large = cv2.resize(pixels, (80 * scale, 60 * scale), interpolation=cv2.INTER_NEAREST)
    noisy = large + np.random.default_rng(0).normal(0, noise, large.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), large[..., 0] > 100


@pytest.mark.parametrize("noise", [0, 12])
@pytest.mark.parametrize("scale", [1, 4, 8])
def test_the_first_candidate_of_a_box_is_the_card_in_it(scale: int, noise: float) -> None:
    pixels, truth = card(scale, noise)
    candidates = boxed(pixels, Box(18 * scale, 12 * scale, 63 * scale, 48 * scale))
    assert iou(candidates[0].mask(), truth) > 0.95
    assert [each.score for each in candidates] == sorted((each.score for each in candidates), reverse=True)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_how_loose_the_box_is_does_not_matter(left: int, top: int, right: int, bottom: int) -> None:
    pixels, truth = card(2, 0)
    box = Box(40 - 2 * left, 30 - 2 * top, 120 + 2 * right, 90 + 2 * bottom)
    assert iou(boxed(pixels, box)[0].mask(), truth) > 0.9


def test_a_click_beside_the_object_corrects_a_box() -> None:
    pixels, truth = card(4, 0)
    mask = boxed(pixels, Box(60, 40, 260, 200), Point(70, 50, False))[0].mask()
    assert not mask[50, 70]
    assert iou(mask, truth) > 0.9


def test_boxes_on_the_sample_photos() -> None:
    document = json.loads((SAMPLES / "instances.json").read_text(encoding="utf-8"))
    reached = []
    for image in document["images"]:
        objects = [each for each in document["annotations"] if each["image_id"] == image["id"]]
        if not objects:
            continue
        largest = max(objects, key=lambda each: float(each["area"]))
        with PIL.Image.open(SAMPLES / image["file_name"]) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        with PIL.Image.open(SAMPLES / image["mask_file"]) as opened:
            truth = np.asarray(opened) == largest["mask_value"]
        x, y, width, height = largest["bbox"]
        reached.append(iou(boxed(pixels, Box(x, y, x + width, y + height))[0].mask(), truth))
    print(f"Classic, a box round the largest object of {len(reached)} sample photos: IoU {np.mean(reached):.3f}")
    # 0.628 before boxes were learned with crops; the box itself as a mask has 0.567
    assert float(np.mean(reached)) > 0.67
