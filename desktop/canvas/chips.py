"""The class chips of instances: which are shown, where, and without overlaps (ux.md §9)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter

from desktop.canvas.host import CanvasInstance
from desktop.canvas.transform import Rect, ViewTransform

_LIMIT = 300
"""Chips drawn at most: more could not be read anyway."""

_CELL = 48
_CLEAR = 7.0
"""View pixels between a chip and what it names: room for the outline and its handles."""

_WIDEST = 240
"""Of a chip's text, view pixels."""


class Labels(StrEnum):
    """Which chips are shown."""

    NONE = "none"
    HOVER_SELECTION = "hover and selection"
    ALL = "all"


def draw_chips(painter: QPainter, view: ViewTransform, size: QRectF, instances: Iterable[CanvasInstance]) -> int:
    """Draw the chips of the instances in order, leaving out those that would overlap an earlier one; returns how many.

    A chip stands clear of its instance, above the top-left corner, else below the bottom-left one.
    """
    metrics = painter.fontMetrics()
    height = metrics.height() + 4
    taken: dict[tuple[int, int], list[QRectF]] = {}
    drawn = 0
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for instance in instances:
        x0, y0, x1, y1 = view.rect_to_view(tuple(map(float, instance.mask.bbox)))  # type: ignore[arg-type]
        if not instance.title or x1 < 0 or y1 < 0 or x0 > size.width() or y0 > size.height():
            continue
        title = _short(metrics, instance.title)
        plate = _plate((x0, y0, x1, y1), metrics.horizontalAdvance(title) + 22, height, size)
        cells = [
            (i, j)
            for i in range(int(plate.left()) // _CELL, int(plate.right()) // _CELL + 1)
            for j in range(int(plate.top()) // _CELL, int(plate.bottom()) // _CELL + 1)
        ]
        if any(plate.intersects(other) for cell in cells for other in taken.get(cell, ())):
            continue
        for cell in cells:
            taken.setdefault(cell, []).append(plate)
        _draw_chip(painter, plate, title, instance.colour)
        drawn += 1
        if drawn == _LIMIT:
            break
    return drawn


def draw_tag(
    painter: QPainter, view: ViewTransform, bounds: Rect, title: str, colour: str, *, clear: float = _CLEAR
) -> None:
    """One chip for what lies in ``bounds`` of the image, ``clear`` view pixels away from it."""
    metrics = painter.fontMetrics()
    title = _short(metrics, title)
    width, height = metrics.horizontalAdvance(title) + 22, metrics.height() + 4
    plate = _plate(view.rect_to_view(bounds), width, height, QRectF(painter.window()), clear)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_chip(painter, plate, title, colour)


def _short(metrics: QFontMetrics, title: str) -> str:
    """A title of a width that leaves something of the image to see; its end, the number, stays."""
    return metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, _WIDEST)


def _plate(box: Rect, width: int, height: int, size: QRectF, clear: float = _CLEAR) -> QRectF:
    """Clear of a box of the view: above it, else below it, else inside it, where it crosses none of its lines."""
    x0, y0, _, y1 = box
    left = min(max(round(x0), 2), max(round(size.width()) - width - 2, 2))
    lowest = round(size.height()) - height - 2
    above, below = round(y0 - clear) - height, round(y1 + clear)
    if above >= 2:
        return QRectF(left, min(above, max(lowest, 2)), width, height)
    if below <= lowest:
        return QRectF(left, max(below, 2), width, height)
    return QRectF(max(left, round(x0 + clear)), max(round(y0 + clear), 2), width, height)


def _draw_chip(painter: QPainter, plate: QRectF, title: str, colour: str) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(24, 26, 30, 225))
    painter.drawRoundedRect(plate, 4, 4)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(QPointF(plate.left() + 9, plate.center().y()), 4, 4)
    painter.setPen(Qt.GlobalColor.white)
    text = plate.adjusted(17, 0, -3, 0)
    painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)
