"""The wand selects by colour, joined to the seed or anywhere."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inference.contours.wand import wand


def test_contiguous_stays_in_its_patch_and_whole_image_finds_the_twin() -> None:
    pixels = np.zeros((20, 30, 3), dtype=np.uint8)
    pixels[2:8, 2:8] = pixels[12:18, 20:28] = (200, 40, 40)
    joined, anywhere = wand(pixels, 4.5, 4.5, 10), wand(pixels, 4.5, 4.5, 10, contiguous=False)
    assert joined.sum() == 36
    assert joined[2:8, 2:8].all()
    assert anywhere.sum() == 36 + 48


def test_a_slow_gradient_does_not_leak() -> None:
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None], 10, axis=0)
    chosen = wand(ramp, 100.5, 5.5, 20)
    assert np.flatnonzero(chosen.any(axis=0)).tolist() == list(range(80, 121))


def test_the_corner_convention_picks_the_pixel_under_the_point() -> None:
    pixels = np.zeros((1, 3), dtype=np.uint8)
    pixels[0, 1] = 255
    assert wand(pixels, 1.0, 0.0, 0).tolist() == [[False, True, False]]
    assert wand(pixels, 1.99, 0.99, 0).tolist() == [[False, True, False]]


@pytest.mark.parametrize("point", [(-0.1, 0.5), (0.5, -1.0), (3.0, 0.5), (0.5, 2.0)])
def test_outside_the_image_nothing_is_selected(point: tuple[float, float]) -> None:
    assert not wand(np.zeros((2, 3, 3), dtype=np.uint8), *point, 255).any()


@given(
    arrays(np.uint8, (7, 9, 3), elements=st.sampled_from([0, 20, 60, 255])),
    st.integers(0, 8),
    st.integers(0, 6),
    st.integers(0, 255),
)
def test_joined_pixels_are_near_pixels_and_the_seed_is_among_them(
    pixels: np.ndarray, column: int, row: int, tolerance: int
) -> None:
    joined = wand(pixels, column + 0.5, row + 0.5, tolerance)
    anywhere = wand(pixels, column + 0.5, row + 0.5, tolerance, contiguous=False)
    assert joined[row, column]
    assert not (joined & ~anywhere).any()
    apart = np.abs(pixels.astype(int) - pixels[row, column].astype(int)).max(axis=2)
    assert (anywhere == (apart <= tolerance)).all()


def test_twelve_megapixels_are_flooded_in_time() -> None:
    pixels = np.full((3000, 4000, 3), 90, dtype=np.uint8)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        assert wand(pixels, 2000, 1500, 20).all()
        times.append(time.perf_counter() - begun)
    print(f"wand, 12 megapixels, contiguous: {1000 * min(times):.0f} ms (budget 100)")
    # twice the budget, as for the other benchmarks, because the machine may be busy
    assert min(times) < 0.2
