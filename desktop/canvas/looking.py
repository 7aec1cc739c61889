"""Where one looks: scale and offset of a canvas, zooming, panning, the minimap (ux.md §3)."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Signal
from PySide6.QtWidgets import QWidget

from desktop.canvas.hit_test import HitIndex
from desktop.canvas.minimap import Minimap
from desktop.canvas.renderer import ImageRenderer
from desktop.canvas.settling import Settling
from desktop.canvas.transform import ViewTransform, fitted

_BUTTON_ZOOM = 1.25
_MARGIN = 12
_MINIMAP_SHARE = 3
"""The view must be that many times as wide as the minimap, else the minimap would hide too much."""


class Looking(QWidget):
    """The part of a canvas that knows where its image lies in the view.

    The canvas gives it the image, the instances, the overlay to move and the minimap.
    """

    zoom_changed = Signal(float)
    """The scale, 1.0 being 100 %."""

    view_changed = Signal()

    renderer: ImageRenderer
    index: HitIndex
    settling: Settling
    minimap: Minimap
    _selection: tuple[int, ...] = ()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._transform = ViewTransform()
        self._fit_pending = True
        self._minimap_wanted = True

    @property
    def transform_now(self) -> ViewTransform:
        return self._transform

    @property
    def image_size(self) -> tuple[int, int]:
        return self.renderer.size

    @property
    def zoom(self) -> float:
        return self._transform.scale

    def image_to_widget(self, x: float, y: float) -> QPointF:
        return QPointF(*self._transform.to_view(x, y))

    def widget_to_image(self, point: QPointF) -> tuple[float, float]:
        return self._transform.to_image(point.x(), point.y())

    def zoom_to_fit(self) -> None:
        """The whole image, as large as the view allows."""
        if not self.renderer.empty:
            self._look(fitted((0, 0, *self.image_size), self._extent()))
            self._fit_pending = True

    def zoom_to_100(self) -> None:
        self.zoom_by(1 / self._transform.scale)

    def zoom_to_selection(self) -> None:
        """The selected instances with some room; the whole image when nothing is selected."""
        boxes = [item.mask.bbox for i in self._selection if (item := self.index.get(i)) and not item.mask.is_empty]
        if not boxes:
            self.zoom_to_fit()
            return
        array = np.array(boxes, np.float64)
        (x0, y0), (x1, y1) = array[:, :2].min(axis=0), array[:, 2:].max(axis=0)
        self._look(fitted((float(x0), float(y0), float(x1), float(y1)), self._extent(), 0.8, 16.0))

    def zoom_in(self) -> None:
        self.zoom_by(_BUTTON_ZOOM)

    def zoom_out(self) -> None:
        self.zoom_by(1 / _BUTTON_ZOOM)

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Scale about a widget point (default: the middle)."""
        about = about or QPointF(self.width() / 2, self.height() / 2)
        self._look(self._transform.zoomed(factor, about.x(), about.y()))

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the image by widget pixels."""
        self._look(self._transform.panned(dx, dy))

    def center_on(self, x: float, y: float) -> None:
        self._look(self._transform.centred(x, y, self._extent()))

    def keep_in_view(self, x: float, y: float) -> None:
        """Pan as little as needed to see the image point."""
        vx, vy = self._transform.to_view(x, y)
        dx = min(max(vx, _MARGIN), self.width() - _MARGIN) - vx
        dy = min(max(vy, _MARGIN), self.height() - _MARGIN) - vy
        if dx or dy:
            self.pan_by(dx, dy)
        self.update()

    def reveal_selection(self) -> None:
        """Pan to the first selected instance when nothing of it is in sight."""
        item = self.index.get(self._selection[0]) if self._selection else None
        if item is None or item.mask.is_empty:
            return
        x0, y0, x1, y1 = item.mask.bbox
        left, top, right, bottom = self._transform.visible(self._extent())
        if x0 >= right or x1 <= left or y0 >= bottom or y1 <= top:
            self.center_on((x0 + x1) / 2, (y0 + y1) / 2)

    def set_minimap(self, on: bool) -> None:
        self._minimap_wanted = on
        self._place_minimap()

    def _look(self, transform: ViewTransform) -> None:
        if self.renderer.empty:
            return
        transform = transform.kept_near(self.image_size, self._extent())
        self._fit_pending = False
        if transform == self._transform:
            return
        zoomed = transform.scale != self._transform.scale
        self._transform = transform
        self.settling.moved()
        self._place_minimap()
        if zoomed:
            self.zoom_changed.emit(transform.scale)
        self.view_changed.emit()

    def _extent(self) -> tuple[float, float]:
        return float(max(self.width(), 1)), float(max(self.height(), 1))

    def _place_minimap(self) -> None:
        small = self.width() < _MINIMAP_SHARE * self.minimap.width() or self.height() < 2 * self.minimap.height()
        if self.renderer.empty or not self._minimap_wanted or small:
            self.minimap.hide()
            return
        self.minimap.set_visible_part(self._transform.visible(self._extent()))
        corner = QPoint(self.width() - self.minimap.width() - _MARGIN, self.height() - self.minimap.height() - _MARGIN)
        self.minimap.move(corner)
