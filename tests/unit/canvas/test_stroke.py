from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.canvas.tools.stroke import Patch, snapped, swept
from desktop.dataset.masks import Mask

ends = st.tuples(st.integers(0, 40), st.integers(0, 40))


def by_distance(
    start: tuple[float, float], end: tuple[float, float], size: float, square: bool
) -> set[tuple[int, int]]:
    """The same pixels, asked one by one."""
    steps = np.linspace(0, 1, 4001)
    path = np.array(start) + steps[:, None] * (np.array(end) - np.array(start))
    found = set()
    for y in range(-10, 52):
        for x in range(-10, 52):
            offset = np.abs(path - (x + 0.5, y + 0.5))
            distance = offset.max(axis=1) if square else np.hypot(offset[:, 0], offset[:, 1])
            if distance.min() <= size / 2 + 1e-6:
                found.add((x, y))
    return found


@settings(max_examples=15, deadline=None)
@given(ends, ends, st.integers(1, 12), st.booleans())
def test_a_stroke_covers_exactly_the_pixels_within_reach(
    a: tuple[int, int], b: tuple[int, int], size: int, square: bool
) -> None:
    start, end = snapped(*a, size), snapped(*b, size)
    pixels, x0, y0 = swept(start, end, size, square)
    rows, columns = np.nonzero(pixels)
    drawn = {(int(x) + x0, int(y) + y0) for x, y in zip(columns, rows, strict=True)}
    # a pixel whose centre lies on the brush's very border may fall to either side by rounding
    assert drawn <= by_distance(start, end, size + 0.01, square)
    assert by_distance(start, end, size - 0.01, square) <= drawn


def test_small_brushes_have_their_known_shapes() -> None:
    for size, count in ((1, 1), (2, 4), (5, 21)):
        centre = snapped(10.3, 10.7, size)
        assert swept(centre, centre, size, square=False)[0].sum() == count
    centre = snapped(10.3, 10.7, 3)
    assert swept(centre, centre, 3, square=True)[0].sum() == 9


@given(ends, ends)
def test_a_stroke_of_one_pixel_has_no_gap(a: tuple[int, int], b: tuple[int, int]) -> None:
    start, end = snapped(*a, 1), snapped(*b, 1)
    pixels, x0, y0 = swept(start, end, 1, square=False)
    mask = Mask.from_crop(pixels, x0, y0, 60, 60)
    assert len(mask.parts()) == 1
    assert mask.contains(*start)
    assert mask.contains(*end)


def test_a_patch_is_cut_at_the_image_and_grows_with_the_stroke() -> None:
    patch = Patch(1000, 900)
    patch.paint(np.ones((10, 10), bool), -5, -5, True)
    patch.paint(np.ones((10, 10), bool), 995, 895, True)
    mask = patch.mask()
    assert mask.area == 50
    assert mask.bbox == (0, 0, 1000, 900)


def test_a_patch_starts_from_the_mask_and_leaves_it_alone() -> None:
    base = Mask.from_crop(np.ones((20, 20), bool), 40, 40, 200, 200)
    patch = Patch(200, 200, base)
    patch.paint(np.ones((5, 5), bool), 40, 40, False)
    patch.paint(np.ones((5, 5), bool), 100, 100, True)
    patch.paint(np.ones((5, 5), bool), 150, 10, False)
    assert patch.mask().area == 400
    assert base.area == 400
    assert not patch.mask().contains(42, 42)


@pytest.mark.parametrize("size", [1, 2, 7, 500])
def test_snapped_is_a_pixel_centre_for_odd_and_a_corner_for_even_sizes(size: int) -> None:
    x, y = snapped(12.4, 7.9, size)
    assert (x % 1, y % 1) == ((0.5, 0.5) if size % 2 else (0.0, 0.0))
