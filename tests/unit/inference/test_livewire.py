"""The live-wire follows edges from the anchor to the pointer."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.contours.livewire import LiveWire


def disc(size: int, radius: float) -> np.ndarray:
    pixels = np.full((size, size, 3), 30, dtype=np.uint8)
    cv2.circle(pixels, (size // 2, size // 2), round(radius), (220, 220, 220), -1)
    return pixels


def test_the_path_follows_the_rim_of_a_disc() -> None:
    wire = LiveWire(disc(200, 70))
    wire.set_anchor(100.5, 30.5)
    path = np.array(wire.path_to(170.5, 100.5))
    distance = np.hypot(*(path - 100.5).T)
    assert np.abs(distance - 70).max() < 4
    assert len(path) > 60


def test_the_path_ends_exactly_at_anchor_and_pointer() -> None:
    wire = LiveWire(disc(64, 20))
    assert wire.path_to(3.0, 3.0) == ()
    wire.set_anchor(10.25, 12.75)
    path = wire.path_to(40.125, 41.5)
    assert wire.anchor == path[0] == (10.25, 12.75)
    assert path[-1] == (40.125, 41.5)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.tuples(st.floats(-50, 80), st.floats(-50, 80)),
    st.tuples(st.floats(-50, 80), st.floats(-50, 80)),
)
def test_any_size_and_any_point_give_a_path_inside_the_image(
    height: int, width: int, anchor: tuple[float, float], pointer: tuple[float, float]
) -> None:
    wire = LiveWire(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8), window=16)
    wire.set_anchor(*anchor)
    path = np.array(wire.path_to(*pointer))
    assert len(path) >= 2
    assert (path >= 0.5).all()
    assert (path <= (width - 0.5, height - 0.5)).all()


def test_beyond_the_window_the_path_follows_the_edge_too() -> None:
    wire = LiveWire(disc(1600, 600), window=256)
    wire.set_anchor(800, 200)
    path = np.array(wire.path_to(1400, 800))
    distance = np.hypot(*(path - 800).T)
    assert np.abs(distance - 600).max() < 25


@pytest.mark.parametrize("pointer", [(2100.0, 1600.0), (200.0, 2900.0)])
def test_a_hover_is_instant_on_twelve_megapixels(pointer: tuple[float, float]) -> None:
    wire = LiveWire(cv2.resize(disc(500, 150), (4000, 3000)))
    wire.set_anchor(2000, 1500)
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        wire.path_to(*pointer)
        times.append(time.perf_counter() - begun)
    print(f"live-wire hover, 12 megapixels: {1000 * min(times):.2f} ms (budget 16)")
    assert min(times) < 0.016
