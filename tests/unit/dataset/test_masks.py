"""Mask: round trips, exact contours, exact polygon filling, and operations against plain numpy."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from desktop.dataset.masks import Mask, MaskError

arrays = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=16))
coordinate = st.floats(-6, 26, allow_nan=False)
polygons = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9)


@given(arrays)
def test_rle_is_that_of_pycocotools(pixels):
    mask = Mask.from_array(pixels)
    assert mask.counts == coco.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"]
    assert (mask.to_array() == pixels).all()
    assert Mask.from_rle(mask.rle()) == mask == pickle.loads(pickle.dumps(mask))
    assert mask.area == pixels.sum()


@given(arrays)
def test_parts_are_exact_and_eight_connected(pixels):
    mask = Mask.from_array(pixels)
    parts = mask.parts()
    assert Mask.from_parts(parts, mask.width, mask.height) == mask
    assert len(parts) == cv2.connectedComponents(pixels.astype(np.uint8), connectivity=8)[0] - 1
    background = cv2.connectedComponents(np.pad(~pixels, 1, constant_values=True).astype(np.uint8), connectivity=4)[0]
    assert sum(len(part.holes) for part in parts) == background - 2
    assert [component.area for component in mask.components()] == [part.area for part in parts]
    flat = [[v for point in part.outer for v in point] for part in parts]
    outlines = mask.flat_outlines()
    assert (outlines and [ring.tolist() for ring in outlines]) == (None if any(part.holes for part in parts) else flat)


@given(st.data(), arrays)
def test_set_operations_are_those_of_numpy(data, a):
    b = data.draw(hnp.arrays(np.bool_, a.shape))
    x, y = Mask.from_array(a), Mask.from_array(b)
    assert (x.union(y).to_array() == (a | b)).all()
    assert (x.intersect(y).to_array() == (a & b)).all()
    assert (x.subtract(y).to_array() == (a & ~b)).all()
    assert (x.exclude(y).to_array() == (a ^ b)).all()
    assert x.iou(y) == pytest.approx((a & b).sum() / max((a | b).sum(), 1) if (a | b).any() else 1)


@given(polygons)
def test_a_pixel_is_in_when_its_centre_is(polygon):
    mask = Mask.from_polygons([polygon], 20, 20).to_array()
    for y in range(20):
        for x in range(20):
            cx, cy = x + 0.5, y + 0.5
            inside, near = False, False
            for (x0, y0), (x1, y1) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
                if (x0 <= cx < x1) or (x1 <= cx < x0):
                    crossing = y0 + (cx - x0) * (y1 - y0) / (x1 - x0)
                    near |= abs(crossing - cy) < 1e-9
                    inside ^= crossing <= cy
            assert near or mask[y, x] == inside


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_polygon_round_trip_keeps_place_holes_and_parts(seed):
    rng = np.random.default_rng(seed)
    canvas = np.zeros((200, 200), np.uint8)
    for value in (1, 1, 0):
        cv2.circle(canvas, tuple(rng.integers(50, 150, 2).tolist()), int(rng.integers(15, 45)), int(value), -1)
    mask = Mask.from_array(canvas)
    assume(not mask.is_empty)  # the last circle can take away all of the others
    again = Mask.from_parts(mask.simplified(0.3), 200, 200)
    assert mask.iou(again) >= 0.995
    moved = np.subtract(
        [a.mean() for a in np.nonzero(mask.to_array())], [a.mean() for a in np.nonzero(again.to_array())]
    )
    assert np.abs(moved).max() < 0.1
    assert [len(p.holes) for p in mask.simplified(0.3)] == [len(p.holes) for p in mask.parts()]


@given(arrays, st.floats(0.1, 4))
def test_simplified_stays_within_its_tolerance(pixels, tolerance):
    mask = Mask.from_array(cv2.resize(pixels.astype(np.uint8), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST))
    for exact, fewer in zip(mask.parts(), mask.simplified(tolerance), strict=True):
        for ring, short in zip((exact.outer, *exact.holes), (fewer.outer, *fewer.holes), strict=True):
            a, b = np.array(short), np.roll(np.array(short), -1, 0)
            for point in np.array(ring):
                t = np.clip(((point - a) * (b - a)).sum(1) / np.maximum(((b - a) ** 2).sum(1), 1e-12), 0, 1)
                assert np.linalg.norm(a + t[:, None] * (b - a) - point, axis=1).min() <= tolerance + 1e-9


@given(arrays, st.integers(-20, 20), st.integers(-20, 20))
def test_translation_and_crops_are_cut_at_the_border(pixels, dx, dy):
    h, w = pixels.shape
    moved = np.zeros_like(pixels)
    for y, x in zip(*np.nonzero(pixels), strict=True):
        if 0 <= x + dx < w and 0 <= y + dy < h:
            moved[y + dy, x + dx] = True
    assert (Mask.from_array(pixels).translated(dx, dy).to_array() == moved).all()
    assert (Mask.from_crop(pixels, dx, dy, w, h).to_array() == moved).all()


def test_contains_growing_holes_and_small_parts():
    pixels = np.zeros((40, 40), bool)
    pixels[10:20, 10:20] = True
    pixels[14:16, 14:16] = False
    pixels[30, 30] = True
    mask = Mask.from_array(pixels)
    assert mask.contains(10.0, 10.0)
    assert not mask.contains(9.99, 10)
    assert not mask.contains(14.5, 15.9)
    assert mask.fill_holes().area == 101
    assert mask.fill_holes(max_area=3) == mask
    assert mask.remove_small(2).area == 96
    assert mask.grown(1).contains(9.5, 12)
    assert mask.remove_small(2).fill_holes().grown(-1).bbox == (11, 11, 19, 19)
    assert Mask.from_array(np.ones((5, 5), bool)).grown(-2).area == 25
    assert 70 < mask.smoothed(2).area < 101
    assert Mask.empty(4, 3).bbox == (0, 0, 0, 0)
    assert Mask.empty(4, 3).parts() == []


@pytest.mark.parametrize(
    "rle",
    [
        {},
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": "\x00"},
        {"size": [2, 2], "counts": "P" * 40},
        {"size": [2, 2], "counts": "ü"},
        {"size": [-2, -2], "counts": [4]},
        {"size": [2, 2], "counts": ["x"]},
    ],
)
def test_broken_rle_is_refused(rle):
    with pytest.raises(MaskError):
        Mask.from_rle(rle)


def test_coordinates_that_are_no_numbers_and_other_sizes_are_refused():
    with pytest.raises(MaskError, match="finite"):
        Mask.from_polygons([[(0, 0), (float("nan"), 1), (1, 1)]], 4, 4)
    with pytest.raises(MaskError, match="4 × 4 and 5 × 5"):
        Mask.empty(4, 4).union(Mask.empty(5, 5))
