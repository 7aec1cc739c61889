"""A sight: a rectangle of the image as the network sees it, scaled and padded to whole cells."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.lite.prompt_maps import STRIDE

BLOCK = 32
"""The coarsest stride: the network's input is a multiple of it."""

WHOLE_SHORT, WHOLE_LONG = 256, 512
"""The whole image is scaled so that its short side is this, its long side at most that."""

ZOOM_SIDE = 272
"""A zoomed sight has about this many pixels squared, whatever its shape."""

MAX_ENLARGEMENT = 4.5
MARGIN = 0.22
"""A zoomed sight shows this part of the object's extent beyond it on each side."""

MIN_ZOOM = 56.0
"""Image pixels that a zoomed sight shows at least."""

WINDOW_SIDE, MIN_WINDOW = 160, 40.0
"""The same two for a window: a still closer look at what a late click changed."""

MAX_ZOOM_SHARE = 0.72
"""A zoomed sight larger than this part of the image (per side, geometric mean) would add too little."""

Region = tuple[float, float, float, float]
"""xyxy in image coordinates."""


@dataclass(frozen=True, slots=True)
class Sight:
    """``region`` of the image shown at ``height`` x ``width`` network pixels (multiples of BLOCK).

    The region may reach beyond the image: there the border pixels are repeated.
    """

    region: Region
    height: int
    width: int

    @staticmethod
    def _of(x0: float, y0: float, x1: float, y1: float, scale: float) -> Sight:
        """The rectangle at ``scale`` network pixels per image pixel, grown on the far sides to whole blocks."""
        height = max(BLOCK * round((y1 - y0) * scale / BLOCK), BLOCK)
        width = max(BLOCK * round((x1 - x0) * scale / BLOCK), BLOCK)
        return Sight((x0, y0, x1, y1), height, width)

    @staticmethod
    def whole(height: int, width: int) -> Sight:
        """The whole image."""
        scale = min(WHOLE_SHORT / min(height, width), WHOLE_LONG / max(height, width))
        return Sight._of(0.0, 0.0, float(width), float(height), scale)

    @staticmethod
    def zoom(box: Region, height: int, width: int) -> Sight | None:
        """A closer look round ``box`` in an image of that size; None when it would show almost the whole image."""
        return Sight._around(box, height, width, ZOOM_SIDE, MIN_ZOOM)

    @staticmethod
    def window(box: Region, height: int, width: int) -> Sight | None:
        """The same, smaller and closer."""
        return Sight._around(box, height, width, WINDOW_SIDE, MIN_WINDOW)

    @staticmethod
    def _around(box: Region, height: int, width: int, side: float, least: float) -> Sight | None:
        x0, y0, x1, y1 = box
        extent = max(x1 - x0, y1 - y0)
        half_x = max((x1 - x0) / 2 + MARGIN * extent, 0.3 * extent, least / 2)
        half_y = max((y1 - y0) / 2 + MARGIN * extent, 0.3 * extent, least / 2)
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        x0, x1 = _within(cx - half_x, cx + half_x, width)
        y0, y1 = _within(cy - half_y, cy + half_y, height)
        area = (x1 - x0) * (y1 - y0)
        if area >= MAX_ZOOM_SHARE**2 * height * width:
            return None
        return Sight._of(x0, y0, x1, y1, min(side / area**0.5, MAX_ENLARGEMENT))

    @property
    def scale(self) -> tuple[float, float]:
        """Network pixels per image pixel, across and down."""
        x0, y0, x1, y1 = self.region
        return self.width / (x1 - x0), self.height / (y1 - y0)

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the stride-4 grid on which prompts are drawn."""
        return self.height // STRIDE, self.width // STRIDE

    def contains(self, x: float, y: float) -> bool:
        x0, y0, x1, y1 = self.region
        return x0 <= x < x1 and y0 <= y < y1

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Image coordinates to network pixels."""
        sx, sy = self.scale
        return (x - self.region[0]) * sx, (y - self.region[1]) * sy

    def cut(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The network's input: uint8 (height, width, 3), area-averaged when it shrinks."""
        x0, y0, x1, y1 = (round(v) for v in self.region)
        piece = pixels[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
        shrinks = piece.shape[0] > self.height
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(piece, (self.width, self.height), interpolation=how), np.uint8)

    def mask(self, mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
        """A mask of the image as seen here at ``size`` (height, width): cells that it covers by half."""
        height, width = mask.shape
        return self.resampled(mask.astype(np.float32), (0.0, 0.0, float(width), float(height)), size) >= 0.5

    def resampled(self, values: NDArray[np.float32], source: Region, size: tuple[int, int]) -> NDArray[np.float32]:
        """A map stretched over the region ``source``, seen here at ``size`` (height, width); 0 where it says nothing.

        Averaged over cells when it shrinks, so that thin parts fade instead of vanishing by chance.
        """
        height, width = values.shape
        rows, columns = size
        x0, y0, x1, y1 = self.region
        per_x, per_y = width / (source[2] - source[0]), height / (source[3] - source[1])
        step_x, step_y = (x1 - x0) / columns * per_x, (y1 - y0) / rows * per_y
        fine = max(1, min(4, round(max(step_x, step_y))))
        start_x, start_y = (x0 - source[0]) * per_x, (y0 - source[1]) * per_y
        matrix = np.array(
            [
                [step_x / fine, 0, start_x + 0.5 * step_x / fine - 0.5],
                [0, step_y / fine, start_y + 0.5 * step_y / fine - 0.5],
            ]
        )
        seen = cv2.warpAffine(
            values.astype(np.float32),
            matrix,
            (columns * fine, rows * fine),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0.0,
        )
        if fine == 1:
            return np.asarray(seen, np.float32)
        return np.asarray(cv2.resize(seen, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def _within(low: float, high: float, length: int) -> tuple[float, float]:
    """[low, high) moved into [0, length) as far as it fits, on whole pixels."""
    if high - low >= length:
        return 0.0, float(length)
    shift = max(-low, 0.0) - max(high - length, 0.0)
    return float(np.floor(low + shift)), float(min(np.ceil(high + shift), length))
