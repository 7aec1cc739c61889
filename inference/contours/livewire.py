"""Live-wire (intelligent scissors): the cheapest path along edges between an anchor and the pointer.

Mortensen and Barrett, "Intelligent scissors for image composition" (SIGGRAPH 1995), with the cost map and the
shortest-path tree of OpenCV's ``IntelligentScissorsMB``. The tree is built once per anchor, on a window at full
resolution round it and on the whole image reduced; a hover then only walks back along the tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.prompts import Vertices

WINDOW = 512
"""Side of the full-resolution window round the anchor, in pixels: its tree is built in about 60 ms on one core."""

_OVERVIEW_SIDE = 320
"""Long side of the reduced image that paths beyond the window follow; small, so that a click stays instant."""

_CANNY_LOW, _CANNY_HIGH = 32.0, 100.0
_GRADIENT_LIMIT = 200.0


@dataclass(frozen=True, slots=True)
class _Tree:
    """The shortest-path tree of a view of the image: a view pixel covers ``scale`` image pixels, from ``origin`` on."""

    scissors: cv2.segmentation.IntelligentScissorsMB
    origin: tuple[float, float]
    scale: tuple[float, float]
    size: tuple[int, int]

    def covers(self, x: float, y: float) -> bool:
        i, j = self._pixel(x, y)
        return 0 <= i < self.size[0] and 0 <= j < self.size[1]

    def path_to(self, x: float, y: float) -> list[tuple[float, float]]:
        contour = self.scissors.getContour(self._pixel(x, y)).reshape(-1, 2).astype(np.float64)
        points = (contour + 0.5) * np.array(self.scale) + np.array(self.origin)
        return [(float(px), float(py)) for px, py in points]

    def _pixel(self, x: float, y: float) -> tuple[int, int]:
        return floor((x - self.origin[0]) / self.scale[0]), floor((y - self.origin[1]) / self.scale[1])


class LiveWire:
    """Follows edges of one image. ``pixels`` is uint8 (H, W, 3) RGB or (H, W) grey and is not copied as a whole.

    Points are image coordinates (corner convention, design.md §2); points outside the image count as the nearest
    pixel. Not thread-safe: one per tool.
    """

    def __init__(self, pixels: NDArray[np.uint8], window: int = WINDOW) -> None:
        self._pixels = pixels
        self._height, self._width = int(pixels.shape[0]), int(pixels.shape[1])
        self._window = window
        self._overview_pixels: NDArray[np.uint8] | None = None
        self._anchor: tuple[float, float] | None = None
        self._near: _Tree | None = None
        self._far: _Tree | None = None

    @property
    def anchor(self) -> tuple[float, float] | None:
        """Where the path starts (image coordinates), None before the first :meth:`set_anchor`."""
        return self._anchor

    def set_anchor(self, x: float, y: float) -> None:
        """Start the next path at (x, y): builds the path trees from it (some 90 ms for an image of any size)."""
        x, y = self._inside(x, y)
        half = self._window // 2
        left = min(max(floor(x) - half, 0), max(self._width - self._window, 0))
        top = min(max(floor(y) - half, 0), max(self._height - self._window, 0))
        crop = self._pixels[top : top + self._window, left : left + self._window]
        self._anchor = (x, y)
        self._near = _grown(crop, (float(left), float(top)), (1.0, 1.0), (x, y))
        self._far = self._overview() if crop.shape[:2] != (self._height, self._width) else None

    def path_to(self, x: float, y: float) -> Vertices:
        """The cheapest path from the anchor to (x, y) as a polyline of pixel centres; it ends exactly at both.

        Inside the window the path is at full resolution; beyond it, on an overview of the whole image. Empty before
        an anchor is set.
        """
        if self._anchor is None or self._near is None:
            return ()
        x, y = self._inside(x, y)
        tree = self._near if self._far is None or self._near.covers(x, y) else self._far
        inner = tree.path_to(x, y)[1:-1]
        return (self._anchor, *inner, (x, y))

    def _overview(self) -> _Tree:
        assert self._anchor is not None
        if self._overview_pixels is None:
            self._overview_pixels = self._reduced()
        height, width = self._overview_pixels.shape[:2]
        scale = (self._width / width, self._height / height)
        return _grown(self._overview_pixels, (0.0, 0.0), scale, self._anchor)

    def _reduced(self) -> NDArray[np.uint8]:
        factor = min(1.0, _OVERVIEW_SIDE / max(self._width, self._height))
        size = (max(1, round(self._width * factor)), max(1, round(self._height * factor)))
        return cv2.resize(self._pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    def _inside(self, x: float, y: float) -> tuple[float, float]:
        return min(max(x, 0.5), self._width - 0.5), min(max(y, 0.5), self._height - 0.5)


def _grown(
    view: NDArray[np.uint8], origin: tuple[float, float], scale: tuple[float, float], anchor: tuple[float, float]
) -> _Tree:
    """The path tree of a view of the image, rooted at the anchor."""
    height, width = view.shape[:2]
    scissors = cv2.segmentation.IntelligentScissorsMB()
    scissors.setEdgeFeatureCannyParameters(_CANNY_LOW, _CANNY_HIGH)
    scissors.setGradientMagnitudeMaxLimit(_GRADIENT_LIMIT)
    scissors.applyImage(np.ascontiguousarray(view))
    root = (floor((anchor[0] - origin[0]) / scale[0]), floor((anchor[1] - origin[1]) / scale[1]))
    scissors.buildMap((min(root[0], width - 1), min(root[1], height - 1)))
    return _Tree(scissors, origin, scale, (width, height))
