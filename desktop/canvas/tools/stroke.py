"""Brush strokes as exact pixels, on a crop that grows with the stroke, so that cost follows the stroke."""

from __future__ import annotations

from math import ceil, floor, hypot

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.masks import Mask

_GROWTH = 256
"""Pixels by which the crop grows beyond what a stroke needs, so that it grows rarely."""


def snapped(x: float, y: float, size: int) -> tuple[float, float]:
    """The centre of a brush of ``size`` pixels nearest to (x, y): a pixel's centre for odd sizes, a corner for even."""
    if size % 2:
        return floor(x) + 0.5, floor(y) + 0.5
    return float(floor(x + 0.5)), float(floor(y + 0.5))


def swept(
    start: tuple[float, float], end: tuple[float, float], size: int, square: bool
) -> tuple[NDArray[np.bool_], int, int]:
    """The pixels whose centre a brush covers on its way from ``start`` to ``end``: (bool array, x0, y0).

    A round brush covers centres within size/2 of the segment; a square one those within size/2 in both directions of
    a point of it. Both shapes are convex, so each row is one interval, found in closed form.
    """
    (xa, ya), (xb, yb) = start, end
    radius = size / 2
    y0, y1 = floor(min(ya, yb) - radius), ceil(max(ya, yb) + radius)
    x0, x1 = floor(min(xa, xb) - radius), ceil(max(xa, xb) + radius)
    rows = np.arange(y0, y1, dtype=np.float64) + 0.5
    low, high = _passing(rows, ya, yb, radius)
    met = low <= high
    reach = _reach_square if square else _reach_round
    left, right = reach(rows, (xa, ya), (xb, yb), radius, low, high)
    first = np.where(met, np.ceil(left - 0.5 - 1e-9), 1)
    last = np.where(met, np.floor(right - 0.5 + 1e-9), 0)
    columns = np.arange(x0, x1)
    return (columns >= first[:, None]) & (columns <= last[:, None]), x0, y0


_Rows = NDArray[np.float64]
_Place = tuple[float, float]


def _passing(rows: _Rows, ya: float, yb: float, radius: float) -> tuple[_Rows, _Rows]:
    """For each row the share of the way, as [low, high], during which the brush's centre is within reach of it."""
    rise = yb - ya
    if abs(rise) < 1e-12:
        near = np.abs(rows - ya) <= radius
        return np.where(near, 0.0, 1.0), np.where(near, 1.0, 0.0)
    one, two = (rows - radius - ya) / rise, (rows + radius - ya) / rise
    return np.clip(np.minimum(one, two), 0.0, None), np.clip(np.maximum(one, two), None, 1.0)


def _reach_square(rows: _Rows, a: _Place, b: _Place, radius: float, low: _Rows, high: _Rows) -> tuple[_Rows, _Rows]:
    one, two = a[0] + low * (b[0] - a[0]), a[0] + high * (b[0] - a[0])
    return np.minimum(one, two) - radius, np.maximum(one, two) + radius


def _reach_round(rows: _Rows, a: _Place, b: _Place, radius: float, low: _Rows, high: _Rows) -> tuple[_Rows, _Rows]:
    """The leftmost point over the way is where the disc's tangent follows the stroke, or an end of the way."""
    run, rise = b[0] - a[0], b[1] - a[1]
    length = hypot(run, rise)
    if length < 1e-12:
        half = np.sqrt(np.clip(radius**2 - (rows - a[1]) ** 2, 0, None))
        return a[0] - half, a[0] + half
    sides = []
    for side in (-1.0, 1.0):
        if abs(rise) < 1e-12:
            along = np.full_like(rows, 1.0 if run * side > 0 else 0.0)
        else:
            # The normal that points to this side; the tangent touches the row where the centre is that far below it.
            normal_y = -run / length * (side if rise > 0 else -side)
            along = (rows - radius * normal_y - a[1]) / rise
        along = np.minimum(np.maximum(along, low), high)
        half = np.sqrt(np.clip(radius**2 - (rows - a[1] - along * rise) ** 2, 0, None))
        sides.append(a[0] + along * run + side * half)
    return sides[0], sides[1]


class Patch:
    """The pixels of one instance while it is painted on: a crop inside the image that grows where the stroke goes."""

    def __init__(self, width: int, height: int, base: Mask | None = None) -> None:
        self._width, self._height = width, height
        if base is None or base.is_empty:
            self.pixels: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)
            self.x0 = self.y0 = 0
        else:
            self.pixels, self.x0, self.y0 = base.crop()
            self.pixels = self.pixels.copy()

    def paint(self, stamp: NDArray[np.bool_], x0: int, y0: int, value: bool) -> None:
        """Set the pixels of ``stamp`` (top-left at (x0, y0)) to ``value``; what is outside the image is cut off."""
        left, top = max(x0, 0), max(y0, 0)
        right, bottom = min(x0 + stamp.shape[1], self._width), min(y0 + stamp.shape[0], self._height)
        if right <= left or bottom <= top:
            return
        if value:
            self._reach(left, top, right, bottom)
        left, top = max(left, self.x0), max(top, self.y0)
        right = min(right, self.x0 + self.pixels.shape[1])
        bottom = min(bottom, self.y0 + self.pixels.shape[0])
        if right <= left or bottom <= top:
            return
        target = self.pixels[top - self.y0 : bottom - self.y0, left - self.x0 : right - self.x0]
        part = stamp[top - y0 : bottom - y0, left - x0 : right - x0]
        if value:
            target |= part
        else:
            target &= ~part

    def mask(self) -> Mask:
        if self.pixels.size == 0:
            return Mask.empty(self._width, self._height)
        return Mask.from_crop(self.pixels, self.x0, self.y0, self._width, self._height)

    def _reach(self, left: int, top: int, right: int, bottom: int) -> None:
        height, width = self.pixels.shape
        inside = self.x0 <= left and self.y0 <= top and right <= self.x0 + width and bottom <= self.y0 + height
        if self.pixels.size and inside:
            return
        old = (self.x0, self.y0, self.x0 + width, self.y0 + height) if self.pixels.size else (left, top, right, bottom)
        x0 = old[0] if left >= old[0] else max(left - _GROWTH, 0)
        y0 = old[1] if top >= old[1] else max(top - _GROWTH, 0)
        x1 = old[2] if right <= old[2] else min(right + _GROWTH, self._width)
        y1 = old[3] if bottom <= old[3] else min(bottom + _GROWTH, self._height)
        grown = np.zeros((y1 - y0, x1 - x0), np.bool_)
        if self.pixels.size:
            grown[self.y0 - y0 : self.y0 - y0 + height, self.x0 - x0 : self.x0 - x0 + width] = self.pixels
        self.pixels, self.x0, self.y0 = grown, x0, y0
