"""Prompt markers: ⊕ filled circle with plus, ⊖ hollow circle with minus; shape differs as well as colour (ux.md §4)."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from desktop.canvas.transform import ViewTransform
from inference.prompts import Box, Point, Polygon, Prompt, Scribble

POSITIVE = QColor("#0a9e6e")
NEGATIVE = QColor("#d9480f")
_DARK = QColor(20, 20, 20, 200)
_RADIUS = 7.5
_CROSS = 4.0


def draw_prompt(
    painter: QPainter, view: ViewTransform, prompt: Prompt, *, muted: bool = False, highlighted: bool = False
) -> None:
    """One prompt in view coordinates; prompts without a place (text, reference, mask) draw nothing."""
    painter.save()
    painter.setOpacity(0.35 if muted else 1.0)
    if isinstance(prompt, Point):
        draw_marker(painter, QPointF(*view.to_view(prompt.x, prompt.y)), prompt.positive, highlighted)
    elif isinstance(prompt, Box):
        x0, y0, x1, y1 = view.rect_to_view((prompt.x0, prompt.y0, prompt.x1, prompt.y1))
        outline = QPolygonF(QRectF(x0, y0, x1 - x0, y1 - y0))
        draw_outline(painter, outline, prompt.positive)
        draw_marker(painter, QPointF(x0, y0), prompt.positive, highlighted)
    elif isinstance(prompt, Scribble | Polygon):
        vertices = prompt.line if isinstance(prompt, Scribble) else prompt.vertices
        line = QPolygonF([QPointF(*view.to_view(x, y)) for x, y in vertices])
        if isinstance(prompt, Scribble):
            draw_stroke(painter, line, prompt.width * view.scale, prompt.positive)
        else:
            line.append(line.first())
            draw_outline(painter, line, prompt.positive)
        if not line.isEmpty():
            draw_marker(painter, line.first(), prompt.positive, highlighted)
    painter.restore()


def draw_marker(painter: QPainter, at: QPointF, positive: bool, highlighted: bool = False) -> None:
    """A circle with a plus or a minus, with a dark and a light edge so that it reads on any image."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    radius = _RADIUS * (1.3 if highlighted else 1.0)
    colour = POSITIVE if positive else NEGATIVE
    painter.setPen(QPen(_DARK, 1.0))
    painter.setBrush(Qt.GlobalColor.white)
    painter.drawEllipse(at, radius + 1.5, radius + 1.5)
    cross = QPen(Qt.GlobalColor.white if positive else colour, 2.25)
    cross.setCapStyle(Qt.PenCapStyle.FlatCap)
    if positive:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(at, radius, radius)
    else:
        painter.setPen(QPen(colour, 2.25))
        painter.setBrush(QColor(255, 255, 255, 235))
        painter.drawEllipse(at, radius - 1.0, radius - 1.0)
    painter.setPen(cross)
    painter.drawLine(QPointF(at.x() - _CROSS, at.y()), QPointF(at.x() + _CROSS, at.y()))
    if positive:
        painter.drawLine(QPointF(at.x(), at.y() - _CROSS), QPointF(at.x(), at.y() + _CROSS))


def draw_outline(painter: QPainter, outline: QPolygonF, positive: bool) -> None:
    """A closed or open line with a white casing; negative ones are dashed."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    casing = QPen(QColor(255, 255, 255, 220), 3.5)
    painter.setPen(casing)
    painter.drawPolyline(outline)
    pen = QPen(POSITIVE if positive else NEGATIVE, 1.75)
    if not positive:
        pen.setDashPattern([4, 3])
    painter.setPen(pen)
    painter.drawPolyline(outline)


def draw_stroke(painter: QPainter, line: QPolygonF, width: float, positive: bool) -> None:
    """A scribble: its breadth as a veil, its middle as a line (dashed when negative)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    veil = QColor(POSITIVE if positive else NEGATIVE)
    veil.setAlpha(110)
    pen = QPen(veil, max(width, 2.0), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    if line.size() == 1:
        painter.drawPoint(line.first())
    else:
        painter.drawPolyline(line)
    draw_outline(painter, line, positive)


def draw_ring(painter: QPainter, at: QPointF, phase: float, text: str) -> None:
    """The busy ring at a prompt: ``phase`` in [0, 1) turns it; the text stands beside it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    box = QRectF(at.x() - 15, at.y() - 15, 30, 30)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(0, 0, 0, 140), 5))
    painter.drawEllipse(box)
    painter.setPen(QPen(QColor(255, 255, 255, 90), 3))
    painter.drawEllipse(box)
    pen = QPen(Qt.GlobalColor.white, 3)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawArc(box, round(-phase * 360 * 16), 100 * 16)
    if text:
        draw_text(painter, QPointF(at.x() + 22, at.y()), text)
    painter.restore()


def draw_text(painter: QPainter, left_middle: QPointF, text: str) -> QRectF:
    """White text on a dark rounded plate; returns the plate."""
    metrics = painter.fontMetrics()
    width, height = metrics.horizontalAdvance(text) + 12, metrics.height() + 6
    plate = QRectF(round(left_middle.x()), round(left_middle.y() - height / 2), width, height)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(24, 26, 30, 215))
    painter.drawRoundedRect(plate, 4, 4)
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
    return plate


def draw_crosshair(painter: QPainter, at: QPointF) -> None:
    """The keyboard's cross-hair, open in the middle so that the pixel is seen."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    lines = [
        QLineF(at.x() + dx * a, at.y() + dy * a, at.x() + dx * b, at.y() + dy * b)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
        for a, b in ((5, 22),)
    ]
    painter.setPen(QPen(Qt.GlobalColor.white, 3))
    painter.drawLines(lines)
    painter.setPen(QPen(Qt.GlobalColor.black, 1))
    painter.drawLines(lines)
