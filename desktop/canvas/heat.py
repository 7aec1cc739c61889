"""Maps over the image: the preview of a running engine and the probability view with its legend (ux.md §9)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPen, QTransform

from desktop.canvas.hit_test import rings_of
from desktop.canvas.paths import path_of
from desktop.canvas.transform import Rect, ViewTransform
from desktop.dataset.masks import Mask

_ALPHA = 165
_DOUBT = float(np.log(0.6 / 0.4))
"""The logit of 0.6: below it, on both sides of zero, the probability is between 0.4 and 0.6."""


class Heat:
    """A map with values in [0, 1] stretched over an image rectangle, in the perceptually uniform viridis colours."""

    def __init__(self, values: NDArray[np.float32], region: Rect) -> None:
        levels = np.round(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)
        coloured = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)
        self._pixels = np.ascontiguousarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2BGRA))
        height, width = levels.shape
        self._image = QImage(self._pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)
        self._region = region

    def draw(self, painter: QPainter, view: ViewTransform, opacity: float = _ALPHA / 255) -> None:
        x0, y0, x1, y1 = view.rect_to_view(self._region)
        painter.save()
        painter.setOpacity(opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(x0, y0, x1 - x0, y1 - y0), self._image)
        painter.restore()


def doubtful(logits: NDArray[np.float32], region: Rect) -> QPainterPath:
    """Where the probability is between 0.4 and 0.6, in image coordinates, as fine as the logits over ``region``."""
    band = np.abs(logits) < _DOUBT
    height, width = band.shape
    x0, y0, x1, y1 = region
    step = np.array(((x1 - x0) / width, (y1 - y0) / height))
    return path_of(ring * step + (x0, y0) for ring in rings_of(Mask.from_array(band).parts()))


def draw_doubt(painter: QPainter, view: ViewTransform, area: QPainterPath) -> None:
    """Dark and light hatching, the same on screen at every scale."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    placed = QTransform(view.scale, 0, 0, view.scale, view.dx, view.dy).map(area)
    painter.fillPath(placed, QBrush(QColor(0, 0, 0, 150), Qt.BrushStyle.BDiagPattern))
    painter.fillPath(placed, QBrush(QColor(255, 255, 255, 200), Qt.BrushStyle.FDiagPattern))
    painter.restore()


def draw_legend(painter: QPainter, bottom_left: QPointF) -> None:
    """The colour scale from 0 to 1 with the border at 0.5 marked, on a dark plate."""
    steps = np.tile(np.arange(256, dtype=np.uint8), (1, 1))
    ramp = np.ascontiguousarray(cv2.cvtColor(cv2.applyColorMap(steps, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2BGRA))
    image = QImage(ramp.data, 256, 1, 1024, QImage.Format.Format_RGB32)
    line = painter.fontMetrics().height()
    plate = QRectF(bottom_left.x(), bottom_left.y() - 2 * line - 30, 196, 2 * line + 30)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(24, 26, 30, 215))
    painter.drawRoundedRect(plate, 5, 5)
    bar = QRectF(plate.left() + 12, plate.top() + 10 + line, 172, 10)
    painter.setPen(Qt.GlobalColor.white)
    title = QCoreApplication.translate("Canvas", "Probability of the object")
    painter.drawText(QPointF(bar.left(), bar.top() - 5), title)
    painter.drawImage(bar, image)
    painter.setPen(QPen(Qt.GlobalColor.white, 1.5))
    painter.drawLine(QPointF(bar.center().x(), bar.top() - 2), QPointF(bar.center().x(), bar.bottom() + 2))
    for value, place, align in (
        ("0", bar.left(), Qt.AlignmentFlag.AlignLeft),
        ("0.5", bar.center().x() - 20, Qt.AlignmentFlag.AlignHCenter),
        ("1", bar.right() - 40, Qt.AlignmentFlag.AlignRight),
    ):
        painter.drawText(QRectF(place, bar.bottom() + 2, 40, line), align, value)
    painter.restore()
