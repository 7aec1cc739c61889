"""Where the image lies in the view: a scale and an offset, free of Qt.

View coordinates are device-independent pixels of the widget; the scale is view pixels per image pixel, so 1.0 is
100 %. Image coordinates are those of ``inference.prompts`` (origin at the top-left corner).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

MIN_SCALE = 0.01
MAX_SCALE = 64.0
WHEEL_STEP = 1.15
FIT_MARGIN = 0.98
"""Share of the view that a fitted image fills, so that its border is seen."""

Rect: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1."""


@dataclass(frozen=True, slots=True)
class ViewTransform:
    """view = image · scale + (dx, dy); the scale is kept within 1 % … 6,400 %."""

    scale: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    def to_view(self, x: float, y: float) -> tuple[float, float]:
        return x * self.scale + self.dx, y * self.scale + self.dy

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.dx) / self.scale, (y - self.dy) / self.scale

    def rect_to_view(self, rect: Rect) -> Rect:
        return (*self.to_view(rect[0], rect[1]), *self.to_view(rect[2], rect[3]))

    def panned(self, dx: float, dy: float) -> ViewTransform:
        """Moved by that many view pixels."""
        return ViewTransform(self.scale, self.dx + dx, self.dy + dy)

    def zoomed(self, factor: float, about_x: float, about_y: float) -> ViewTransform:
        """Scaled by ``factor``; the image point under the view point (about_x, about_y) stays where it is."""
        scale = clamp_scale(self.scale * factor)
        used = scale / self.scale
        return ViewTransform(scale, about_x - (about_x - self.dx) * used, about_y - (about_y - self.dy) * used)

    def centred(self, x: float, y: float, view: tuple[float, float]) -> ViewTransform:
        """The same scale with the image point (x, y) in the middle of a view of that size."""
        return ViewTransform(self.scale, view[0] / 2 - x * self.scale, view[1] / 2 - y * self.scale)

    def visible(self, view: tuple[float, float]) -> Rect:
        """The image rectangle that a view of that size shows; it may reach beyond the image."""
        return (*self.to_image(0.0, 0.0), *self.to_image(*view))

    def kept_near(self, image: tuple[int, int], view: tuple[float, float], margin: float = 48.0) -> ViewTransform:
        """Moved as little as needed so that at least ``margin`` view pixels of the image stay in the view."""
        dx = _within(self.dx, image[0] * self.scale, view[0], margin)
        dy = _within(self.dy, image[1] * self.scale, view[1], margin)
        return ViewTransform(self.scale, dx, dy)


def clamp_scale(scale: float) -> float:
    return min(max(scale, MIN_SCALE), MAX_SCALE)


def fitted(
    rect: Rect, view: tuple[float, float], margin: float = FIT_MARGIN, largest: float = MAX_SCALE
) -> ViewTransform:
    """The transform that shows the image rectangle ``rect`` whole and centred, at ``largest`` at most."""
    width, height = max(rect[2] - rect[0], 1e-6), max(rect[3] - rect[1], 1e-6)
    scale = clamp_scale(min(view[0] / width, view[1] / height) * margin)
    scale = min(scale, largest)
    return ViewTransform(scale).centred((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2, view)


def _within(offset: float, extent: float, view: float, margin: float) -> float:
    margin = min(margin, extent, view)
    return min(max(offset, margin - extent), view - margin)
