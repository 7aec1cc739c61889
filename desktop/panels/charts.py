"""Plots drawn with the painter: sharp at any scale, in the colours of the theme, every value in a tooltip and in words.

Qt's own charts are not in the packages that Maskwright needs, and these two kinds are all that its figures ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from desktop.panels.words import grouped

SERIES = ("#3d8bfd", "#f0a202", "#8f6ed5")
"""Blue, amber and violet: told apart by the colour-blind, and seen on light and dark."""

_ROW = 22
_GAP = 8
_TICKS = 4
_COLUMNS_HIGH = 168


@dataclass(frozen=True, slots=True)
class Bar:
    """One value with its name; ``note`` is written behind the value. Without a colour it takes the first series'.

    ``drawn`` False writes the value only: a sum of others would make theirs short."""

    label: str
    value: float
    colour: str = ""
    note: str = ""
    drawn: bool = True


class _Chart(QWidget):
    """Tooltips over the places that the last painting remembered, and the same as one accessible text."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._places: list[tuple[QRectF, str]] = []

    def text_at(self, point: QPoint) -> str:
        """What is said about the value under a point of the widget."""
        return next((text for place, text in self._places if place.contains(QPointF(point))), "")

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.text_at(event.pos()), self)
            return True
        return super().event(event)

    def _quiet(self) -> QColor:
        return self.palette().color(QPalette.ColorRole.PlaceholderText)

    def _ink(self) -> QColor:
        return self.palette().color(QPalette.ColorRole.Text)

    def _say_nothing(self, painter: QPainter) -> None:
        painter.setPen(self._quiet())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.tr("Nothing to show yet."))


class BarChart(_Chart):
    """Horizontal bars below each other, names at the left, values at the end of the bars."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._bars: tuple[Bar, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Replace what is shown; the height follows."""
        self._bars = tuple(bars)
        self.setAccessibleDescription(", ".join(f"{bar.label}: {_written(bar)}" for bar in bars))
        self.setFixedHeight(max(len(self._bars), 2) * _ROW)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(360, max(len(self._bars), 2) * _ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._places = []
        if not self._bars:
            self._say_nothing(painter)
            painter.end()
            return
        metrics = self.fontMetrics()
        names = min(max(metrics.horizontalAdvance(bar.label) for bar in self._bars) + 4, self.width() // 3)
        values = max(metrics.horizontalAdvance(_written(bar)) for bar in self._bars)
        room = max(self.width() - names - values - 2 * _GAP, 10)
        most = max(max((bar.value for bar in self._bars if bar.drawn), default=0.0), 1e-9)
        for row, bar in enumerate(self._bars):
            top = row * _ROW
            label = metrics.elidedText(bar.label, Qt.TextElideMode.ElideRight, names)
            painter.setPen(self._ink())
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, names, _ROW), left, label)
            length = room * bar.value / most if bar.drawn else 0.0
            body = QRectF(names + _GAP, top + 4, max(length, 1.0), _ROW - 8)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(bar.colour or SERIES[0]))
            if length:
                painter.drawRoundedRect(body, 2, 2)
            painter.setPen(self._quiet())
            painter.drawText(QRectF(body.right() + _GAP / 2, top, values + _GAP, _ROW), left, _written(bar))
            self._places.append((QRectF(0, top, self.width(), _ROW), f"{bar.label}: {_written(bar)}"))
        painter.end()


class ColumnChart(_Chart):
    """Columns over a scale; those of several series stand beside each other."""

    def __init__(self, name: str, series: Sequence[str] = ()) -> None:
        super().__init__(name)
        self._series = tuple(series)
        self._columns: tuple[tuple[str, tuple[int, ...]], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(2 * _ROW)

    def show_columns(self, columns: Sequence[tuple[str, Sequence[int]]]) -> None:
        """Replace what is shown: the name below each column and its value per series."""
        self._columns = tuple((name, tuple(values)) for name, values in columns)
        self.setAccessibleDescription(", ".join(self._said(name, values) for name, values in self._columns))
        self.setFixedHeight(_COLUMNS_HIGH if any(any(values) for _, values in self._columns) else 2 * _ROW)
        self.update()

    def _said(self, name: str, values: Sequence[int]) -> str:
        if not self._series:
            return f"{name}: {grouped(sum(values))}"
        parts = (f"{title} {grouped(value)}" for title, value in zip(self._series, values, strict=True))
        return f"{name}: {', '.join(parts)}"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._places = []
        most = max((max(values) for _, values in self._columns), default=0)
        if not most:
            self._say_nothing(painter)
            painter.end()
            return
        metrics = self.fontMetrics()
        step = nice_step(most / _TICKS)
        top_value = ceil(most / step) * step
        left = metrics.horizontalAdvance(grouped(top_value)) + _GAP
        head = metrics.height() + 4 if self._series else metrics.height() / 2
        ground = QRectF(left, head, self.width() - left - 4, self.height() - head - metrics.height() - 6)
        self._draw_scale(painter, ground, step, top_value)
        if self._series:
            self._draw_legend(painter, left)
        self._draw_columns(painter, ground, top_value)
        painter.end()

    def _draw_scale(self, painter: QPainter, ground: QRectF, step: int, top_value: int) -> None:
        line = QPen(self.palette().color(QPalette.ColorRole.Mid), 1)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value in range(0, top_value + 1, step):
            y = round(ground.bottom() - ground.height() * value / top_value) + 0.5
            painter.setPen(line)
            painter.drawLine(QPointF(ground.left(), y), QPointF(ground.right(), y))
            painter.setPen(self._quiet())
            painter.drawText(QRectF(0, y - 10, ground.left() - _GAP / 2, 20), right, grouped(value))

    def _draw_legend(self, painter: QPainter, left: float) -> None:
        metrics = self.fontMetrics()
        x = left
        for title, colour in zip(self._series, SERIES, strict=False):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(QRectF(x, metrics.height() / 2 - 4, 10, 10), 2, 2)
            painter.setPen(self._ink())
            painter.drawText(QPointF(x + 14, metrics.ascent() + 1), title)
            x += metrics.horizontalAdvance(title) + 14 + 2 * _GAP

    def _draw_columns(self, painter: QPainter, ground: QRectF, top_value: int) -> None:
        metrics = self.fontMetrics()
        pitch = ground.width() / len(self._columns)
        together = max(len(self._series), 1)
        width = max(min((pitch - 2) / together, 40.0), 1.0)
        # names that would touch are left out; the tooltip has them all
        wanted = max(metrics.horizontalAdvance(name) for name, _ in self._columns) + _GAP
        every = max(ceil(wanted / pitch), 1)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for place, (name, values) in enumerate(self._columns):
            middle = ground.left() + (place + 0.5) * pitch
            left = middle - width * together / 2
            for number, (value, colour) in enumerate(zip(values, SERIES, strict=False)):
                height = max(ground.height() * value / top_value, 1.0 if value else 0.0)
                painter.fillRect(QRectF(left + number * width, ground.bottom() - height, width, height), QColor(colour))
            if place % every == 0:
                painter.setPen(self._quiet())
                below = QRectF(middle - wanted, ground.bottom() + 4, 2 * wanted, metrics.height())
                painter.drawText(below, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, name)
            area = QRectF(middle - pitch / 2, ground.top(), pitch, self.height() - ground.top())
            self._places.append((area, self._said(name, values)))


def nice_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 … that is at least ``least``."""
    if least <= 1:
        return 1
    power = 10 ** int(log10(least))
    return next(int(factor * power) for factor in (1, 2, 5, 10) if factor * power >= least)


def _written(bar: Bar) -> str:
    value = grouped(int(bar.value)) if bar.value == int(bar.value) else f"{bar.value:,.1f}"
    return f"{value} {bar.note}" if bar.note else value
