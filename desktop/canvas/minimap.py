"""The overview at the lower right: the whole image with the visible part marked; click or drag to go there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.canvas.transform import Rect

_LONGEST = 176
_EDGE = 4


class Minimap(QWidget):
    """``go`` is called with the image point to centre on."""

    def __init__(self, parent: QWidget, go: Callable[[float, float], None]) -> None:
        super().__init__(parent)
        self._go = go
        self._image: QImage | None = None
        self._size = (0, 0)
        self._visible: Rect = (0.0, 0.0, 0.0, 0.0)
        self.setAccessibleName(self.tr("Overview of the image"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()

    def set_image(self, thumbnail: NDArray[np.uint8] | None, size: tuple[int, int]) -> None:
        """Show this image: a small uint8 (h, w, 3) RGB array of an image of ``size`` (width, height)."""
        self._size = size
        if thumbnail is None or 0 in size:
            self._image = None
            self.hide()
            return
        height, width = thumbnail.shape[:2]
        whole = QImage(thumbnail.data, width, height, thumbnail.strides[0], QImage.Format.Format_RGB888)
        factor = _LONGEST / max(size)
        shown = (max(round(size[0] * factor), 12), max(round(size[1] * factor), 12))
        mode = Qt.TransformationMode.SmoothTransformation
        self._image = whole.scaled(*shown, Qt.AspectRatioMode.IgnoreAspectRatio, mode)
        self.setFixedSize(shown[0] + 2 * _EDGE, shown[1] + 2 * _EDGE)

    def set_visible_part(self, visible: Rect) -> None:
        """Mark the image rectangle that the view shows; hidden while the whole image is in view."""
        self._visible = visible
        width, height = self._size
        whole = visible[0] <= 1 and visible[1] <= 1 and visible[2] >= width - 1 and visible[3] >= height - 1
        self.setVisible(self._image is not None and not whole)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image is None:
            return
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(24, 26, 30, 230))
        painter.drawImage(_EDGE, _EDGE, self._image)
        factor = self._image.width() / self._size[0], self._image.height() / self._size[1]
        x0, y0, x1, y1 = self._visible
        box = QRectF(x0 * factor[0], y0 * factor[1], (x1 - x0) * factor[0], (y1 - y0) * factor[1])
        box = box.intersected(QRectF(0, 0, self._image.width(), self._image.height())).translated(_EDGE, _EDGE)
        if box.width() < 4 or box.height() < 4:
            box = QRectF(box.center().x() - 2, box.center().y() - 2, 4, 4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 200), 3))
        painter.drawRect(box)
        painter.setPen(QPen(Qt.GlobalColor.white, 1.5))
        painter.drawRect(box)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._follow(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._follow(event.position())

    def _follow(self, at: QPointF) -> None:
        if self._image is not None:
            x = (at.x() - _EDGE) / self._image.width() * self._size[0]
            y = (at.y() - _EDGE) / self._image.height() * self._size[1]
            self._go(min(max(x, 0.0), float(self._size[0])), min(max(y, 0.0), float(self._size[1])))
