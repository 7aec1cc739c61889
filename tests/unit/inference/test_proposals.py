"""Automatic masks with a model that is a formula: grid, crops, filters and what counts as the same object."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from segment_anything.utils.amg import (
    batched_mask_to_box,
    build_point_grid,
    calculate_stability_score,
    generate_crop_boxes,
)
from torch import Tensor

from inference.engine import Cancelled, silent
from inference.proposals import (
    Settings,
    automatic_masks,
    bounding_boxes,
    crop_boxes,
    point_grid,
    stability,
    whole_image_masks,
)

EASY = Settings(points=8, least_score=0.5, least_stability=0.5, stability_offset=0.1)


@dataclass
class Disks:
    """Sees bright disks in the picture: a click on one is answered by it, any other by a mask that is not sure."""

    at_once: int = 5
    looks: list[tuple[int, int]] = field(default_factory=list)

    def look(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self.looks.append(pixels.shape[:2])
        return pixels[..., 0]

    def size(self, seen: NDArray[np.uint8]) -> tuple[int, int]:
        return seen.shape[0], seen.shape[1]

    def click(self, seen: NDArray[np.uint8], points: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        height, width = seen.shape
        masks, scores = [], []
        for x, y in points:
            value = int(seen[min(int(y), height - 1), min(int(x), width - 1)])
            masks.append(torch.from_numpy(np.where(seen == value, 5.0, -5.0))[None])
            scores.append([value / 255])
        return torch.stack(masks).float(), torch.tensor(scores)

    def enlarged(self, seen: NDArray[np.uint8], low: Tensor) -> Tensor:
        return low


def _picture(height: int, width: int, disks: list[tuple[int, int, int, int]]) -> NDArray[np.uint8]:
    rows, columns = np.indices((height, width))
    out = np.zeros((height, width, 3), np.uint8)
    for x, y, radius, value in disks:
        out[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = value
    return out


PICTURE = _picture(120, 160, [(40, 40, 20, 200), (110, 70, 25, 240), (60, 95, 14, 90)])


def test_each_object_is_found_once_best_first() -> None:
    found = automatic_masks(Disks(), PICTURE, EASY, silent)
    assert [round(each.score * 255) for each in found] == [240, 200]
    assert np.array_equal(found[0].mask, PICTURE[..., 0] == 240)
    assert np.array_equal(found[1].mask, PICTURE[..., 0] == 200)
    for each in found:
        x, y = each.point
        assert each.mask[int(y), int(x)]
        assert each.stability == 1
        assert each.crop == (0, 0, 160, 120)


def test_an_unsure_object_is_left_out_and_can_be_let_in() -> None:
    found = automatic_masks(Disks(), PICTURE, Settings(8, 0.3, 0.5, 0.1), silent)
    assert [round(each.score * 255) for each in found] == [240, 200, 90]


def test_an_unstable_mask_is_left_out() -> None:
    assert automatic_masks(Disks(), PICTURE, Settings(8, 0.5, 0.5, stability_offset=6.0), silent) == []


def test_crops_find_what_they_hold_whole() -> None:
    probe = Disks()
    found = automatic_masks(probe, PICTURE, Settings(8, 0.3, 0.5, 0.1, layers=1, fewer_points=2), silent)
    assert len(probe.looks) == 5
    # none of the disks is cut off by the picture, so nothing is found twice
    assert sorted(round(each.score * 255) for each in found) == [90, 200, 240]
    for each in found:
        assert np.array_equal(each.mask, PICTURE[..., 0] == round(each.score * 255))


def test_nothing_to_see_gives_nothing() -> None:
    assert automatic_masks(Disks(), np.zeros((30, 40, 3), np.uint8), EASY, silent) == []


def test_features_at_hand_give_the_same_as_the_picture() -> None:
    probe = Disks()
    from_features = whole_image_masks(probe, probe.look(PICTURE), EASY, silent)
    from_picture = automatic_masks(probe, PICTURE, EASY, silent)
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(from_features, from_picture, strict=True))


def test_the_size_of_a_batch_changes_nothing() -> None:
    few, many = (automatic_masks(Disks(count), PICTURE, EASY, silent) for count in (3, 100))
    assert [each.point for each in few] == [each.point for each in many]


def test_progress_goes_on_and_cancelling_stops_it() -> None:
    fractions: list[float] = []

    def report(fraction: float | None, message: str, preview: object = None) -> None:
        assert fraction is not None
        fractions.append(fraction)
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        automatic_masks(Disks(), PICTURE, Settings(8, 0.5, 0.5, 0.1, layers=1), report)
    assert fractions == sorted(fractions)
    assert fractions[-1] < 0.75


@given(st.integers(1, 12), st.integers(1, 3000), st.integers(1, 3000))
def test_the_grid_is_the_official_one(count: int, height: int, width: int) -> None:
    official = build_point_grid(count) * np.array([[width, height]])
    assert point_grid(count, height, width) - 0.5 == pytest.approx(official)


@given(st.integers(40, 3000), st.integers(40, 3000), st.integers(0, 2))
def test_the_crops_are_the_official_ones(height: int, width: int, layers: int) -> None:
    boxes, official_layers = generate_crop_boxes((height, width), layers, 512 / 1500)
    assert crop_boxes(height, width, layers, 512 / 1500) == [
        (tuple(box), layer) for box, layer in zip(boxes, official_layers, strict=True)
    ]


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(1, 20))
def test_boxes_and_stability_are_the_official_ones(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(-1.5, 1, (4, height, width)).astype(np.float32))
    assert torch.equal(bounding_boxes(logits > 0), batched_mask_to_box(logits > 0))
    ours, theirs = stability(logits, 0.7), calculate_stability_score(logits, 0.0, 0.7)
    assert torch.equal(ours.nan_to_num(-1), theirs.nan_to_num(-1))
