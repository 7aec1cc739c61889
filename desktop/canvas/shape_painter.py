"""Paints what tools say they show: lines, rectangles, brush outlines and the pixels of a stroke under way."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from desktop.canvas.markers import NEGATIVE, POSITIVE, draw_text
from desktop.canvas.tools.base import BoxShape, Cursor, Line, Raster
from desktop.canvas.transform import ViewTransform

_HANDLE = 3.5
_STROKE_ALPHA = 130
_SPOT = QColor("#4c9ffe")


def draw_line(painter: QPainter, view: ViewTransform, line: Line, colour: QColor) -> None:
    """A polyline with a dark casing, its breadth as a veil, its vertices as small squares."""
    points = QPolygonF([QPointF(*view.to_view(x, y)) for x, y in line.vertices])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ink = NEGATIVE if line.negative else (POSITIVE if line.width else colour)
    if line.width:
        veil = QColor(ink)
        veil.setAlpha(110)
        caps, joins = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
        painter.setPen(QPen(veil, max(line.width * view.scale, 2.0), Qt.PenStyle.SolidLine, caps, joins))
        painter.drawPolyline(points) if points.size() > 1 else painter.drawPoint(points.first())
    if line.closed and not line.width:
        veil = QColor(ink)
        veil.setAlpha(60)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(veil)
        painter.drawPolygon(points)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    draw = painter.drawPolygon if line.closed else painter.drawPolyline
    painter.setPen(QPen(QColor(0, 0, 0, 90 if line.faint else 170), 3.25))
    draw(points)
    pen = QPen(QColor(255, 255, 255, 190) if line.faint else ink, 1.75)
    if line.faint or line.negative:
        pen.setDashPattern([4, 3])
    painter.setPen(pen)
    draw(points)
    if line.handles:
        draw_handles(painter, points)


def draw_handles(painter: QPainter, points: QPolygonF, *, closing: bool = True) -> None:
    """White squares with a dark edge; the first is larger where clicking it closes the outline."""
    painter.setPen(QPen(QColor(20, 20, 20), 1.25))
    painter.setBrush(Qt.GlobalColor.white)
    for i, point in enumerate(points.toList()):
        half = _HANDLE + (1.5 if closing and i == 0 else 0.0)
        painter.drawRect(QRectF(point.x() - half, point.y() - half, 2 * half, 2 * half))


def draw_polygon(painter: QPainter, corners: QPolygonF) -> None:
    """The edges of a polygon that differs from the mask it stands for."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((QColor(0, 0, 0, 170), 3.0), (_SPOT, 1.5)):
        painter.setPen(QPen(colour, width))
        painter.drawPolygon(corners)


def draw_spot(painter: QPainter, at: QPointF) -> None:
    """The handle under the pointer: larger, and filled with the colour of the focus."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(20, 20, 20), 1.5))
    painter.setBrush(_SPOT)
    half = _HANDLE + 2.0
    painter.drawRect(QRectF(at.x() - half, at.y() - half, 2 * half, 2 * half))


def draw_box(painter: QPainter, view: ViewTransform, shape: BoxShape, colour: QColor) -> None:
    """A rectangle under way; the rubber band of a selection has a light veil."""
    x0, y0, x1, y1 = view.rect_to_view(shape.box)
    box = QRectF(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(255, 255, 255, 34) if shape.band else Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(0, 0, 0, 170), 3.25))
    painter.drawRect(box)
    pen = QPen(Qt.GlobalColor.white if shape.band else NEGATIVE if shape.negative else colour, 1.5)
    if shape.band or shape.negative:
        pen.setDashPattern([4, 3])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box)
    if shape.text:
        draw_text(painter, QPointF(box.right() + 8, box.bottom() + 14), shape.text)


def draw_cursor(painter: QPainter, view: ViewTransform, cursor: Cursor) -> None:
    """The brush's outline in black and white, so that it reads on any image."""
    x, y = view.to_view(cursor.x, cursor.y)
    radius = max(cursor.size * view.scale / 2, 1.5)
    box = QRectF(x - radius, y - radius, 2 * radius, 2 * radius)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, not cursor.square)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    draw = painter.drawRect if cursor.square else painter.drawEllipse
    painter.setPen(QPen(QColor(255, 255, 255, 230), 2.5))
    draw(box)
    painter.setPen(QPen(Qt.GlobalColor.black, 1.0))
    draw(box)


def draw_raster(
    painter: QPainter, view: ViewTransform, raster: Raster, colour: QColor, clip: QRectF, ratio: float
) -> None:
    """The visible pixels of a mask under way, as a veil; cost follows the area to paint, not the mask."""
    height, width = raster.pixels.shape
    x0, y0 = view.to_view(raster.x0, raster.y0)
    x1, y1 = view.to_view(raster.x0 + width, raster.y0 + height)
    left, top = max(floor(max(x0, clip.left()) * ratio), 0), max(floor(max(y0, clip.top()) * ratio), 0)
    right, bottom = ceil(min(x1, clip.right()) * ratio), ceil(min(y1, clip.bottom()) * ratio)
    if right <= left or bottom <= top:
        return
    scale = view.scale * ratio
    columns = np.floor((np.arange(left, right) + 0.5 - view.dx * ratio) / scale).astype(np.intp) - raster.x0
    rows = np.floor((np.arange(top, bottom) + 0.5 - view.dy * ratio) / scale).astype(np.intp) - raster.y0
    ink = QColor(NEGATIVE if raster.negative else raster.colour or colour)
    ink.setAlpha(_STROKE_ALPHA)
    inside = (columns >= 0) & (columns < width), (rows >= 0) & (rows < height)
    if not (inside[0].any() and inside[1].any()):
        return
    left, top = left + int(np.argmax(inside[0])), top + int(np.argmax(inside[1]))
    shown = raster.pixels.take(columns[inside[0]], axis=1) if width <= height else raster.pixels[rows[inside[1]]]
    shown = shown[rows[inside[1]]] if width <= height else shown.take(columns[inside[0]], axis=1)
    indexed = np.ascontiguousarray(shown).view(np.uint8)
    image = QImage(indexed.data, indexed.shape[1], indexed.shape[0], indexed.strides[0], QImage.Format.Format_Indexed8)
    image.setColorTable([0, ink.rgba()])
    image.setDevicePixelRatio(ratio)
    painter.drawImage(QPointF(left / ratio, top / ratio), image)
