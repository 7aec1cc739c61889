"""Half-resolution levels of an image, so that a zoomed-out view draws few pixels and does not shimmer."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SMALLEST = 512


def pyramid(pixels: NDArray[np.uint8], smallest: int = SMALLEST) -> tuple[NDArray[np.uint8], ...]:
    """The image and its halves, uint8 (h, w, 3) each, down to the first whose longer side is ≤ ``smallest`` px.

    Odd sides round up; each level still covers the whole image, so its scale is ``level.width / image.width``.
    """
    levels = [pixels]
    while max(levels[-1].shape[:2]) > smallest:
        height, width = levels[-1].shape[:2]
        size = ((width + 1) // 2, (height + 1) // 2)
        levels.append(np.asarray(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA), np.uint8))
    return tuple(levels)


def level_for(scale: float, levels: int) -> int:
    """The level to draw at ``scale`` screen pixels per image pixel: the smallest that need not be enlarged."""
    if scale >= 1:
        return 0
    return min(levels - 1, int(np.floor(-np.log2(max(scale, 1e-9)))))
