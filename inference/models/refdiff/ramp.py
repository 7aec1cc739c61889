"""Brightness ramps that stand for a named direction (refdiff.md §4): factors in [0, 1] for pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.prompts import MaskArray


def ramp(direction: str, height: int, width: int) -> NDArray[np.float64]:
    """Float64 (height, width): 1 at that side, falling to 0 at two thirds of the way and 0 beyond."""
    along = width if direction in ("left", "right") else height
    reach = 2 * along // 3
    line = np.concatenate([np.linspace(1, 0, reach), np.zeros(along - reach)])
    if direction in ("right", "bottom"):
        line = line[::-1]
    across = line if direction in ("left", "right") else line[:, None]
    return np.broadcast_to(across, (height, width)).copy()


def ramps(directions: Sequence[str], height: int, width: int) -> NDArray[np.float64] | None:
    """The product of the ramps of several directions, or None without any."""
    product = None
    for direction in directions:
        each = ramp(direction, height, width)
        product = each if product is None else product * each
    return product


def places(directions: Sequence[str], masks: MaskArray) -> NDArray[np.float32] | None:
    """The mean of the ramps over each mask, float32 (n,): how far it lies to the named sides. None without any."""
    product = ramps(directions, *masks.shape[1:])
    return None if product is None else np.array([product[mask].mean() for mask in masks], np.float32)


def dimmed(pixels: NDArray[np.uint8], factors: NDArray[np.float64]) -> NDArray[np.float32]:
    """uint8 (H, W, 3) times the ramp, not rounded: where it is cut to whole levels depends on single precision."""
    return (pixels * factors[:, :, None]).astype(np.float32)
