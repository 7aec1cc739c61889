"""Cutting: every pixel goes to exactly one piece, and to the right one."""

from __future__ import annotations

from functools import reduce
from math import cos, pi, sin

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from desktop.dataset.cutting import cut, parted
from desktop.dataset.masks import Mask

arrays = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20))
places = st.one_of(st.integers(-4, 24).map(float), st.integers(-8, 48).map(lambda n: n / 2), st.floats(-4, 24))
# below 50 pixels no piece is too small to count
small = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7))
lines = st.lists(st.tuples(places, places), min_size=2, max_size=8)


def block(x0: int, y0: int, x1: int, y1: int, width: int = 60, height: int = 40) -> Mask:
    return Mask.from_crop(np.ones((y1 - y0, x1 - x0), bool), x0, y0, width, height)


@given(arrays, lines, st.booleans())
def test_no_pixel_is_lost_or_doubled(pixels, line, closed):
    mask = Mask.from_array(pixels)
    pieces = cut(mask, line, closed=closed)
    assert sum(piece.area for piece in pieces) == mask.area
    assert reduce(Mask.union, pieces) == mask
    assert len(pieces) == 1 or not any(piece.is_empty for piece in pieces)


@given(small, st.integers(0, 7), st.floats(-3, 3))
def test_a_straight_cut_leaves_no_piece_on_both_sides(pixels, place, slope):
    mask = Mask.from_array(pixels)
    ends = [(-20.0, place - 20 * slope), (40.0, place + 40 * slope)]
    pieces = cut(mask, ends)
    rows, columns = np.indices(pixels.shape) + 0.5
    below = rows > place + 3.1e-7 + (columns - 2.3e-7) * slope
    for piece in pieces[1:]:
        assert len(set(below[piece.to_array()].tolist())) == 1


@given(small, lines)
def test_a_closed_cut_divides_what_hangs_together_inside_from_outside(pixels, line):
    mask = Mask.from_array(pixels)
    inside = Mask.from_polygons([[(x + 2.3e-7, y + 3.1e-7) for x, y in line]], mask.width, mask.height)
    for piece in cut(mask, line, closed=True)[1:]:
        part = piece.intersect(inside)
        assert part.is_empty or part == piece


def test_a_line_through_the_middle_makes_two_exact_halves():
    left, right = cut(block(10, 10, 40, 30), [(25, 0), (25, 40)])
    assert {left, right} == {block(10, 10, 25, 30), block(25, 10, 40, 30)}


def test_a_closed_cut_takes_a_piece_out():
    rest, inner = cut(block(10, 10, 40, 30), [(20, 15), (30, 15), (30, 25), (20, 25)], closed=True)
    assert inner == block(20, 15, 30, 25)
    assert rest == block(10, 10, 40, 30).subtract(inner)


@pytest.mark.parametrize("line", [[(0, 0), (5, 5)], [(0, 20), (25, 20)], [(20, 15), (30, 25)], [(3, 3)], []])
def test_a_line_that_does_not_cross_divides_nothing(line):
    mask = block(10, 10, 40, 30)
    assert cut(mask, line) == [mask]


def test_parts_that_are_not_divided_stay_with_the_largest_piece():
    far = block(50, 2, 55, 6)
    largest, other = cut(block(10, 10, 40, 30).union(far), [(20, 0), (20, 40)])
    assert largest == block(20, 10, 40, 30).union(far)
    assert other == block(10, 10, 20, 30)


def test_two_pixels_that_touch_at_a_corner_are_cut_apart():
    mask = Mask.from_array([[1, 0], [0, 1]])
    assert len(cut(mask, [(0, 2), (2, 0)])) == 2
    assert cut(mask, [(0, 0), (2, 2)]) == [mask]


def test_a_shaky_cut_over_a_ragged_border_leaves_no_crumbs():
    rng = np.random.default_rng(3)
    noise = cv2.GaussianBlur(rng.normal(size=(300, 300)).astype(np.float32), (0, 0), 3)
    rows, columns = np.mgrid[0:300, 0:300]
    disc = np.hypot(rows - 150, columns - 150) + 25 * noise < 120
    shaky = [(150 + 3 * sin(t / 3) + rng.normal() / 2, t) for t in np.linspace(0, 300, 200)]
    pieces = cut(Mask.from_array(disc).components()[0], shaky)
    assert len(pieces) == 2
    assert pieces[1].area > 10_000


def test_parts_have_a_gap_of_one_pixel():
    mask = block(10, 10, 40, 30)
    whole = parted(cut(mask, [(25, 0), (25, 40)]))
    assert len(whole.components()) == 2
    assert whole.subtract(mask).is_empty
    assert mask.area - whole.area == 20


def test_a_round_cut_is_as_exact_as_filling_it():
    ring = [(30 + 8 * cos(a), 20 + 8 * sin(a)) for a in np.linspace(0, 2 * pi, 50)]
    _, inner = cut(block(10, 5, 50, 35), ring, closed=True)
    assert inner == Mask.from_polygons([ring], 60, 40)
