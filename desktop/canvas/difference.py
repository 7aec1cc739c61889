"""What a review changed, over the image: pixels that came and pixels that went, told apart by colour and hatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QWidget

from desktop.canvas.hit_test import rings_of
from desktop.canvas.paths import path_of
from desktop.dataset.masks import Mask

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

CAME, WENT = QColor("#4cb4ff"), QColor("#ffb000")
"""Blue and amber, which no kind of colour-blindness takes for each other; the hatches lean different ways as well."""

_PATTERN = {CAME.name(): Qt.BrushStyle.BDiagPattern, WENT.name(): Qt.BrushStyle.FDiagPattern}


def hatch(painter: QPainter, path: QPainterPath, colour: QColor) -> None:
    """Fill a path in view coordinates with the hatch of came or went, on a ground that reads on any image."""
    ground = QColor(colour)
    ground.setAlphaF(0.35)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillPath(path, ground)
    painter.fillPath(path, QBrush(colour, _PATTERN[colour.name()]))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for ink, width in ((QColor(0, 0, 0, 170), 2.5), (colour, 1.25)):
        painter.setPen(QPen(ink, width))
        painter.drawPath(path)


def swatch(colour: QColor, side: int, ratio: float) -> QPixmap:
    """A square of the hatch for a legend, ``side`` logical pixels wide."""
    picture = QPixmap(round(side * ratio), round(side * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(QColor("#3d3d3d"))
    painter = QPainter(picture)
    path = QPainterPath()
    path.addRect(QRectF(1, 1, side - 2, side - 2))
    hatch(painter, path, colour)
    painter.end()
    return picture


class DifferenceLayer(QWidget):
    """Lies on the canvas and lets every event through. :meth:`show_masks` gives it something to draw."""

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._paths: tuple[tuple[QPainterPath, QColor], ...] = ()
        self._masks: tuple[Mask, Mask] | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        self.lower()
        canvas.installEventFilter(self)
        canvas.view_changed.connect(self.update)

    def show_masks(self, masks: tuple[Mask, Mask] | None) -> None:
        """Draw what came and what went, or nothing."""
        if masks == self._masks:
            return
        self._masks = masks
        colours = (CAME, WENT)
        self._paths = tuple(
            (path_of(rings_of(mask.parts())), colour)
            for mask, colour in zip(masks or (), colours, strict=False)
            if not mask.is_empty
        )
        self.setVisible(bool(self._paths))
        self.resize(self._canvas.size())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._canvas.peeking:
            return
        view = self._canvas.transform_now
        place = QTransform(view.scale, 0, 0, view.scale, view.dx, view.dy)
        painter = QPainter(self)
        for path, colour in self._paths:
            hatch(painter, place.map(path), colour)
        painter.end()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self.resize(self._canvas.size())
        return False
