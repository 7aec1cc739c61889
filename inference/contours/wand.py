"""Wand: the pixels whose colour is near that of a seed pixel, joined to it or anywhere in the image."""

from __future__ import annotations

from math import floor

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.prompts import MaskArray

_JOINED_BY_EDGES = 4
"""Pixels join over edges, not over corners: a one-pixel diagonal line stops the flood."""


def wand(pixels: NDArray[np.uint8], x: float, y: float, tolerance: int, contiguous: bool = True) -> MaskArray:
    """Select by colour from the seed pixel that holds the point (x, y).

    ``pixels`` is uint8 (H, W, 3) RGB or (H, W) grey; (x, y) are image coordinates (corner convention, design.md §2).
    A pixel is near when every channel differs from the seed's by at most ``tolerance`` (0 … 255). ``contiguous``
    keeps only the pixels joined to the seed through near pixels. Returns bool (H, W): the seed is always set; a point
    outside the image selects nothing.
    """
    height, width = pixels.shape[:2]
    column, row = floor(x), floor(y)
    if not (0 <= column < width and 0 <= row < height):
        return np.zeros((height, width), dtype=np.bool_)
    tolerance = min(max(int(tolerance), 0), 255)
    pixels = np.ascontiguousarray(pixels)
    if contiguous:
        return _joined(pixels, column, row, tolerance)
    seed = np.atleast_1d(pixels[row, column]).astype(np.int32)
    near = cv2.inRange(pixels, tuple((seed - tolerance).tolist()), tuple((seed + tolerance).tolist()))
    return near.view(np.bool_)


def _joined(pixels: NDArray[np.uint8], column: int, row: int, tolerance: int) -> MaskArray:
    """Flood with the range fixed to the seed, so that a slow gradient cannot leak across the image."""
    height, width = pixels.shape[:2]
    # OpenCV wants a one-pixel frame round the mask
    flooded = np.zeros((height + 2, width + 2), dtype=np.uint8)
    flags = _JOINED_BY_EDGES | (1 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    near = (float(tolerance),) * 3
    cv2.floodFill(pixels, flooded, (column, row), 0, near, near, flags)
    # the frame is filled with ones by some builds, the inside only where the flood went
    return flooded[1:-1, 1:-1].astype(np.bool_)
