"""Editing by vertices: the mask is touched beside the moved edges only; borders are followed exactly."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.canvas.hit_test import HitIndex
from desktop.canvas.host import CanvasInstance
from desktop.canvas.tools.outline import Outline, outline_of, tolerance_of
from desktop.dataset.masks import Mask

SIZE = 90
numbers = st.integers(0, 10**6)


def blob(seed: int) -> Mask:
    """A ragged piece, perhaps with holes."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=(SIZE, SIZE)).astype(np.float32), (0, 0), 5)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    away = np.hypot(rows - 45, columns - 45)
    return Mask.from_array((noise * 60 > away / 6 - 5) | (away < 6))


@settings(max_examples=40)
@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.floats(-15, 15), st.floats(-15, 15), st.sampled_from([50, 75, 100])
)
def test_only_the_surroundings_of_the_moved_edges_change(seed, pick, dx, dy, detail):
    mask = blob(seed)
    outline = outline_of(mask, detail)
    ring = pick % len(outline.rings)
    vertex = pick % len(outline.rings[ring])
    x, y = outline.rings[ring][vertex]
    edit = outline.moving((ring, vertex))
    edit.drag(x + dx, y + dy)
    touched = np.array([*edit.touched, edit.after[vertex]])
    x0, y0 = touched.min(axis=0) - (outline.error + 5)
    x1, y1 = touched.max(axis=0) + (outline.error + 5)
    changed = mask.exclude(edit.mask())
    if not changed.is_empty:
        assert changed.bbox[0] >= np.floor(x0)
        assert changed.bbox[1] >= np.floor(y0)
        assert changed.bbox[2] <= np.ceil(x1)
        assert changed.bbox[3] <= np.ceil(y1)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(0, 99))
def test_the_error_is_what_it_says(seed, detail):
    mask = blob(seed)
    outline = outline_of(mask, detail)
    assert outline.error <= tolerance_of(detail) + 1e-9
    exact, rings = Outline(mask, 0.0).rings, outline.rings
    worst = 0.0
    for border, ring in zip(exact, rings, strict=True):
        lines = ring.astype(np.float32).reshape(-1, 1, 2)
        off = [abs(cv2.pointPolygonTest(lines, (float(x), float(y)), True)) for x, y in border]
        worst = max(worst, *off)
    assert worst <= outline.error + 1e-3


def test_more_detail_is_closer_and_all_of_it_is_the_mask() -> None:
    mask = blob(4)
    counts = [outline_of(mask, detail).vertices for detail in (0, 25, 50, 75, 100)]
    assert counts == sorted(counts)
    assert outline_of(mask, 100).simplified_mask() == mask
    assert outline_of(mask, 100).error == 0
    assert tolerance_of(75) == pytest.approx(1.0)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_way_along_a_border_is_the_shorter_one(seed, one, two):
    mask = blob(seed)
    index = HitIndex([CanvasInstance(1, mask, "#ffffff")])
    ring = max(index.rings(1), key=len)
    middles = (ring + np.roll(ring, -1, axis=0)) / 2
    a, b = (tuple(map(float, middles[number % len(ring)])) for number in (one, two))
    way: Any = [a, *index.border_between(a, b), b]
    corners = {tuple(corner) for corner in ring.tolist()}
    assert all(corner in corners for corner in way[1:-1])
    length = np.hypot(*np.diff(np.array(way), axis=0).T).sum()
    around = np.hypot(*(np.roll(ring, -1, axis=0) - ring).T).sum()
    assert length <= around / 2 + 1e-9
