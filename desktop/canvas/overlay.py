"""The instances over the image: two viewport-size layers, rebuilt only when instances, style or view change.

While the view moves the old layers are drawn transformed; when it rests they are made anew, in slices of a few
milliseconds so that the window stays alive with thousands of instances (ux.md §9, §11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from math import ceil
from time import perf_counter

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPen, QTransform

from desktop.canvas.hit_test import HitIndex
from desktop.canvas.host import CanvasInstance
from desktop.canvas.paths import PathCache, detail
from desktop.canvas.transform import Rect, ViewTransform

CONTOUR = 1.5
"""Device-independent pixels, the same at every zoom."""

_DIRTY_PADDING = 4.0
_REDRAW_LIMIT = 400
"""More instances than this in the changed area: rebuild the layer in slices instead of at once."""


class Style(StrEnum):
    """What is drawn of an instance."""

    CONTOUR_FILL = "contour and fill"
    CONTOUR = "contour"
    FILL = "fill"
    OFF = "off"


PaintInstance = Callable[[QPainter, CanvasInstance, QPainterPath, bool], None]


class Layer:
    """One viewport-size transparent image of some instances, with the view it was made for."""

    def __init__(self, index: HitIndex, paths: PathCache, paint: PaintInstance) -> None:
        self._index = index
        self._paths = paths
        self._paint = paint
        self.excluded: frozenset[int] = frozenset()
        self.only: frozenset[int] | None = None
        self._image: QImage | None = None
        self._view = ViewTransform()
        self._building: QImage | None = None
        self._target = ViewTransform()
        self._queue: list[int] = []
        self._antialias = True

    @property
    def building(self) -> bool:
        return self._building is not None

    def clear(self) -> None:
        """Show nothing until the next build."""
        self._image = self._building = None
        self._queue = []

    def begin(self, view: ViewTransform, size: QSize, ratio: float, *, antialias: bool) -> int:
        """Start a build for this view; returns how many instances it will draw."""
        self._queue = self._visible((*view.to_image(0, 0), *view.to_image(size.width(), size.height())))
        self._queue.reverse()
        self._target = view
        self._antialias = antialias
        if not self._queue:
            self._image = self._building = None
            return 0
        image = QImage(
            max(ceil(size.width() * ratio), 1),
            max(ceil(size.height() * ratio), 1),
            QImage.Format.Format_ARGB32_Premultiplied,
        )
        image.setDevicePixelRatio(ratio)
        image.fill(0)
        self._building = image
        return len(self._queue)

    def step(self, seconds: float) -> bool:
        """Go on with the build for that long; true when it is done."""
        if self._building is None:
            return True
        deadline = perf_counter() + seconds
        painter = self._painter(self._building, self._target)
        level = detail(self._target.scale * self._building.devicePixelRatio())
        while self._queue:
            instance = self._index.get(self._queue.pop())
            if instance is not None:
                self._paint(painter, instance, self._paths.get(instance, level), self._antialias)
            if perf_counter() >= deadline:
                break
        painter.end()
        if self._queue:
            return False
        self._image, self._view, self._building = self._building, self._target, None
        return True

    def redraw(self, area: Rect) -> bool:
        """Draw an image rectangle of the finished layer anew; false when a whole build is better."""
        if self._building is not None:
            return False
        if self._image is None:
            return not self._visible(area)
        ids = self._visible(area)
        if len(ids) > _REDRAW_LIMIT:
            return False
        x0, y0, x1, y1 = self._view.rect_to_view(area)
        pad = _DIRTY_PADDING
        clip = QRectF(x0 - pad, y0 - pad, x1 - x0 + 2 * pad, y1 - y0 + 2 * pad).toAlignedRect()
        painter = QPainter(self._image)
        painter.setClipRect(clip)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
        painter.fillRect(clip, Qt.GlobalColor.transparent)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        _apply(painter, self._view)
        level = detail(self._view.scale * self._image.devicePixelRatio())
        reach = pad / self._view.scale
        for instance_id in self._visible((area[0] - reach, area[1] - reach, area[2] + reach, area[3] + reach)):
            instance = self._index.get(instance_id)
            if instance is not None:
                self._paint(painter, instance, self._paths.get(instance, level), True)
        painter.end()
        return True

    def draw(self, painter: QPainter, view: ViewTransform) -> None:
        """Draw the layer for ``view``: as it is, or the old one moved and scaled."""
        image, made_for = (self._image, self._view) if self._image else (self._building, self._target)
        if image is None:
            return
        if made_for == view:
            painter.drawImage(0, 0, image)
            return
        ratio = view.scale / made_for.scale
        painter.save()
        painter.translate(view.dx - made_for.dx * ratio, view.dy - made_for.dy * ratio)
        painter.scale(ratio, ratio)
        painter.drawImage(0, 0, image)
        painter.restore()

    def _painter(self, image: QImage, view: ViewTransform) -> QPainter:
        painter = QPainter(image)
        _apply(painter, view)
        return painter

    def _visible(self, area: Rect) -> list[int]:
        if self.only is not None and not self.only:
            return []
        ids, boxes, shown = self._index.boxes()
        x0, y0, x1, y1 = area
        inside = shown & (boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)
        inside &= boxes[:, 2] > boxes[:, 0]
        if self.only is not None:
            inside &= np.isin(ids, np.fromiter(self.only, np.int64, len(self.only)))
        return [i for i in ids[inside].tolist() if i not in self.excluded]


class Overlay:
    """The layer of all instances and the layer that marks the selected ones."""

    def __init__(self, index: HitIndex) -> None:
        self.paths = PathCache()
        self.previews = PathCache()
        self._index = index
        self.style = Style.CONTOUR_FILL
        self.opacity = 0.35
        self.base = Layer(index, self.paths, self._paint_plain)
        self.marks = Layer(index, self.paths, _paint_selected)
        self.marks.only = frozenset()

    @property
    def layers(self) -> tuple[Layer, Layer]:
        return self.base, self.marks

    @property
    def building(self) -> bool:
        return self.base.building or self.marks.building

    def begin(self, view: ViewTransform, size: QSize, ratio: float, *, antialias: bool) -> int:
        """Start building both layers; returns the number of instances to draw."""
        return sum(layer.begin(view, size, ratio, antialias=antialias) for layer in self.layers)

    def step(self, seconds: float) -> bool:
        """Go on building for that long; true when both layers are done."""
        end = perf_counter() + seconds
        return all(layer.step(max(end - perf_counter(), 0.0)) for layer in self.layers)

    def redraw(self, areas: Iterable[Rect]) -> bool:
        """Draw the changed image rectangles anew in both layers; false when a whole build is needed."""
        areas = list(areas)
        done = [layer.redraw(area) for layer in self.layers for area in areas]
        return all(done)

    def draw(self, painter: QPainter, view: ViewTransform) -> None:
        if self.style is not Style.OFF:
            self.base.draw(painter, view)
        self.marks.draw(painter, view)

    def draw_hovered(self, painter: QPainter, view: ViewTransform, instance: CanvasInstance) -> None:
        """The instance a click would pick: a light veil and a stronger contour."""
        path = self.paths.get(instance, detail(view.scale))
        painter.save()
        _apply(painter, view)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(_pen(QColor(0, 0, 0, 150), 4.0))
        painter.setBrush(QColor(255, 255, 255, 38))
        painter.drawPath(path)
        painter.setPen(_pen(QColor(instance.colour).lighter(125), 2.25))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.restore()

    def draw_ghost(
        self, painter: QPainter, view: ViewTransform, instance: CanvasInstance, dx: float, dy: float
    ) -> None:
        """An instance drawn (dx, dy) image pixels away from its place, while it is moved."""
        painter.save()
        _apply(painter, view)
        painter.translate(dx, dy)
        path = self.paths.get(instance, detail(view.scale))
        self._paint_plain(painter, instance, path, True)
        _paint_selected(painter, instance, path, True)
        painter.restore()

    def draw_preview(self, painter: QPainter, view: ViewTransform, instance: CanvasInstance) -> None:
        """What an instance would become, marked as selected, in any style of the overlay."""
        painter.save()
        _apply(painter, view)
        path = self.previews.get(instance, detail(view.scale))
        fill = QColor(instance.colour)
        fill.setAlphaF(max(self.opacity, 0.2))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.fillPath(path, fill)
        _paint_selected(painter, instance, path, True)
        painter.restore()

    def _paint_plain(self, painter: QPainter, instance: CanvasInstance, path: QPainterPath, antialias: bool) -> None:
        colour = QColor(instance.colour)
        if self.style in (Style.CONTOUR_FILL, Style.FILL) and self.opacity > 0:
            fill = QColor(colour)
            fill.setAlphaF(self.opacity)
            # without smoothing: the contour covers the edge, and it is ten times cheaper
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, self.style is Style.FILL and antialias)
            if instance.proposal:
                fill.setAlphaF(min(self.opacity * 2, 1.0))
                brush = QBrush(fill, Qt.BrushStyle.BDiagPattern)
                brush.setTransform(QTransform(painter.transform()).inverted()[0])
                painter.fillPath(path, brush)
            else:
                painter.fillPath(path, fill)
        if self.style in (Style.CONTOUR_FILL, Style.CONTOUR):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, antialias)
            pen = _pen(colour, CONTOUR if antialias else 1.0)
            if instance.proposal:
                pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)


def _paint_selected(painter: QPainter, instance: CanvasInstance, path: QPainterPath, antialias: bool) -> None:
    """A black line between two white ones reads on any image."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, antialias)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((Qt.GlobalColor.white, 3.75), (Qt.GlobalColor.black, 1.5 if antialias else 1.0)):
        painter.setPen(_pen(QColor(colour), width))
        painter.drawPath(path)


def _pen(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    pen.setJoinStyle(Qt.PenJoinStyle.BevelJoin)
    return pen


def _apply(painter: QPainter, view: ViewTransform) -> None:
    painter.translate(view.dx, view.dy)
    painter.scale(view.scale, view.scale)
