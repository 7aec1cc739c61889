"""Pieces of an attention map: connected, apart, inside the picture; two things of one look are two pieces."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.models.refdiff.pieces import BACKGROUND, MOST, SMALLEST, pieces
from inference.models.refdiff.ramp import places
from inference.models.refdiff.scores import LEVELS

SIZE = (90, 120)


def disc(x: int, y: int, radius: int) -> NDArray[np.bool_]:
    return cv2.circle(np.zeros(SIZE, np.uint8), (x, y), radius, 1, -1).astype(bool)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_two_things_of_one_look_are_two_pieces() -> None:
    left, right = disc(30, 45, 15), disc(90, 45, 12)
    heat = cv2.GaussianBlur((0.9 * left + 0.8 * right).astype(np.float64), (0, 0), 1.5)
    found = pieces(heat)
    assert len(found) == 2
    assert iou(found[0], left) > 0.75
    assert iou(found[1], right) > 0.75


def test_of_a_nest_the_extent_stays_that_lasts() -> None:
    spot, thing, halo = disc(60, 45, 4), disc(60, 45, 16), disc(60, 45, 34)
    (found,) = pieces(np.select([spot, thing, halo], [1.0, 0.8, 0.15], 0.0))
    assert iou(found, thing) == 1


def test_background_goes_first_only_alone() -> None:
    thing = disc(60, 45, 20)
    around = np.where(thing, 0.0, 1.0)
    (background,) = pieces(around)
    assert (background == ~thing).all()
    both = pieces(np.where(disc(60, 45, 8), 1.0, np.where(thing, 0.0, 1.0)))
    assert len(both) == 1
    assert iou(both[0], disc(60, 45, 8)) == 1


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 24), st.sampled_from([(1, 1), (1, 40), (33, 7), (64, 64), (150, 200)]))
def test_any_map_has_connected_pieces_out_of_its_levels(seed: int, sigma: int, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(seed).random(size)
    heat = cv2.GaussianBlur(noise, (0, 0), sigma / 4) if min(size) > 1 else noise
    heat = (heat - heat.min()) / max(np.ptp(heat), 1e-8)
    found = pieces(heat)
    assert found.shape[1:] == size
    assert 1 <= len(found) <= MOST
    levels = [heat >= level for level in LEVELS]
    alone = len(found) == 1
    for mask in found:
        assert alone or mask.sum() >= SMALLEST * heat.size
        assert cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] == 2
        assert mask.all() or any((mask & ~level).sum() == 0 for level in levels)
        border = np.concatenate((mask[0], mask[-1], mask[:, 0], mask[:, -1])).mean()
        assert border <= BACKGROUND or all(
            np.concatenate((each[0], each[-1], each[:, 0], each[:, -1])).mean() > BACKGROUND for each in found
        )


def test_a_constant_map_is_the_whole_picture() -> None:
    assert pieces(np.zeros(SIZE)).all()


def test_places_follow_the_named_side() -> None:
    masks = np.stack([disc(20, 45, 10), disc(100, 45, 10)])
    assert places((), masks) is None
    left, right = (places((side,), masks) for side in ("left", "right"))
    assert left is not None
    assert right is not None
    assert left[0] > 0.6 > left[1] == 0
    np.testing.assert_allclose(left[::-1], right, atol=0.02)
