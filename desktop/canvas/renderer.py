"""The image in the view: only what is visible is sampled, from the level of the pyramid that fits the scale.

Cost follows the viewport, not the image, so a 48-megapixel photo pans like a small one; display adjustments are
applied to the sampled pixels only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from desktop.canvas.transform import ViewTransform

NEAREST_FROM = 2.0
GRID_FROM = 8.0
_PADDING = 2
_THUMB_SIDE = 1024


@dataclass(frozen=True, slots=True)
class Adjustments:
    """How the image is displayed; pixels given to engines and exports never change.

    ``low`` and ``high`` are the values in [0, 1] that are shown black and white (window and level), then come
    ``contrast`` 0 … 4 (factor about mid-grey), ``brightness`` −1 … 1 (added) and ``gamma`` 0.1 … 10; ``channel`` is
    "rgb", "red", "green", "blue" or "grey".
    """

    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    invert: bool = False
    channel: str = "rgb"
    low: float = 0.0
    high: float = 1.0

    @property
    def is_neutral(self) -> bool:
        return self == Adjustments()

    def table(self) -> NDArray[np.uint8] | None:
        """The look-up table uint8 (256,), or None when it would change nothing."""
        if replace(self, channel="rgb").is_neutral:
            return None
        value = np.clip((np.arange(256) / 255.0 - self.low) / max(self.high - self.low, 1 / 255), 0, 1)
        value = np.clip((value - 0.5) * self.contrast + 0.5 + self.brightness, 0, 1) ** (1 / max(self.gamma, 0.01))
        if self.invert:
            value = 1 - value
        return np.round(value * 255).astype(np.uint8)


class ImageRenderer:
    """Draws one image. ``levels`` are uint8 (H, W, 3) RGB, finest first; ``size`` is the full (width, height).

    A placeholder is the same with a coarse first level: coordinates stay those of the full image.
    """

    def __init__(self) -> None:
        self._levels: list[NDArray[np.uint8]] = []
        self.size = (0, 0)
        self.adjustments = Adjustments()

    def set_levels(self, levels: Sequence[NDArray[np.uint8]], size: tuple[int, int] | None) -> None:
        self._levels = [level for level in levels if level.size]
        if size is not None:
            self.size = size
        elif self._levels:
            self.size = (self._levels[0].shape[1], self._levels[0].shape[0])
        else:
            self.size = (0, 0)

    @property
    def empty(self) -> bool:
        return not self._levels

    def render(self, view: ViewTransform, size: QSize, ratio: float, background: QColor | Qt.GlobalColor) -> QImage:
        """The viewport of ``size`` view pixels at device-pixel ratio ``ratio``, opaque, with grid where it applies."""
        width, height = max(ceil(size.width() * ratio), 1), max(ceil(size.height() * ratio), 1)
        result = QImage(width, height, QImage.Format.Format_RGB32)
        result.fill(background)
        if not self.empty:
            scale, dx, dy = view.scale * ratio, view.dx * ratio, view.dy * ratio
            x0, y0 = max(round(dx), 0), max(round(dy), 0)
            x1 = min(max(round(dx + self.size[0] * scale), x0 + 1), width)
            y1 = min(max(round(dy + self.size[1] * scale), y0 + 1), height)
            if x0 < x1 and y0 < y1:
                self._draw(result, (scale, dx, dy), QRect(QPoint(x0, y0), QPoint(x1 - 1, y1 - 1)), view.scale)
        result.setDevicePixelRatio(ratio)
        return result

    def _draw(self, target: QImage, to_device: tuple[float, float, float], area: QRect, scale: float) -> None:
        pixels = self._sampled(to_device, area, nearest=scale >= NEAREST_FROM)
        image = QImage(pixels.data, area.width(), area.height(), pixels.strides[0], QImage.Format.Format_RGB32)
        painter = QPainter(target)
        painter.drawImage(area.topLeft(), image)
        if scale >= GRID_FROM:
            _draw_grid(painter, to_device, area)
        painter.end()

    def _sampled(self, to_device: tuple[float, float, float], area: QRect, *, nearest: bool) -> NDArray[np.uint8]:
        """BGRA uint8 (h, w, 4) of the device rectangle ``area``, adjusted."""
        level = self._level_for(to_device[0])
        level_scale = level.shape[1] / self.size[0], level.shape[0] / self.size[1]
        # device pixel centre -> level coordinates, corner convention: u = a · i + b
        a = level_scale[0] / to_device[0], level_scale[1] / to_device[0]
        b = (area.x() + 0.5 - to_device[1]) * a[0], (area.y() + 0.5 - to_device[2]) * a[1]
        left = min(max(floor(b[0]) - _PADDING, 0), level.shape[1] - 1)
        top = min(max(floor(b[1]) - _PADDING, 0), level.shape[0] - 1)
        right = max(min(ceil(b[0] + area.width() * a[0]) + _PADDING, level.shape[1]), left + 1)
        bottom = max(min(ceil(b[1] + area.height() * a[1]) + _PADDING, level.shape[0]), top + 1)
        # without a coarser level, whole rows and columns are skipped: rough, but never slow
        skip = max(floor(min(a) / 1.5), 1)
        crop = np.ascontiguousarray(level[top:bottom:skip, left:right:skip])
        a = a[0] / skip, a[1] / skip
        b = (b[0] - left) / skip, (b[1] - top) / skip
        if nearest:
            columns = np.clip(np.floor(np.arange(area.width()) * a[0] + b[0]), 0, crop.shape[1] - 1).astype(np.intp)
            rows = np.clip(np.floor(np.arange(area.height()) * a[1] + b[1]), 0, crop.shape[0] - 1).astype(np.intp)
            picked: NDArray[np.uint8] = self._adjusted(crop).take(columns, axis=1).take(rows, axis=0)
            return picked
        matrix = np.array([[a[0], 0, b[0] - 0.5], [0, a[1], b[1] - 0.5]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (area.width(), area.height())
        warped = cv2.warpAffine(crop, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return self._adjusted(warped.astype(np.uint8, copy=False))

    def _level_for(self, scale: float) -> NDArray[np.uint8]:
        """The coarsest level that still has a pixel for every device pixel, else the finest."""
        for level in reversed(self._levels):
            if level.shape[1] >= self.size[0] * scale * 0.99:
                return level
        return self._levels[0]

    def _adjusted(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        channel = {"red": 0, "green": 1, "blue": 2}.get(self.adjustments.channel)
        if channel is not None:
            pixels = np.repeat(pixels[:, :, channel : channel + 1], 3, axis=2)
        elif self.adjustments.channel == "grey":
            grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
            pixels = np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8, copy=False)
        table = self.adjustments.table()
        if table is not None:
            pixels = cv2.LUT(pixels, table).astype(np.uint8, copy=False)
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGRA).astype(np.uint8, copy=False)

    def thumbnail(self) -> NDArray[np.uint8] | None:
        """The coarsest level of at most about 1,024 pixels, for the minimap."""
        if self.empty:
            return None
        level = self._levels[-1]
        skip = max(max(level.shape[:2]) // _THUMB_SIDE, 1)
        return np.ascontiguousarray(level[::skip, ::skip])


def _draw_grid(painter: QPainter, to_device: tuple[float, float, float], area: QRect) -> None:
    scale, dx, dy = to_device
    painter.setPen(QPen(QColor(128, 128, 128, 110), 1))
    left, right = area.left(), area.right() + 1
    top, bottom = area.top(), area.bottom() + 1
    lines = [
        QLineF(x, top, x, bottom)
        for x in (round(i * scale + dx) for i in range(ceil((left - dx) / scale), floor((right - dx) / scale) + 1))
    ]
    lines += [
        QLineF(left, y, right, y)
        for y in (round(i * scale + dy) for i in range(ceil((top - dy) / scale), floor((bottom - dy) / scale) + 1))
    ]
    painter.drawLines(lines)
