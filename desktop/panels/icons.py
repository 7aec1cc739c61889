"""The program's icons: own SVGs on a 24 × 24 grid, recoloured to the theme when they are drawn.

An icon is drawn by an engine that renders the SVG at the device-pixel ratio of the paint device, in the text colour of
the present palette. That keeps it crisp at any scale and right after a theme switch, without a cache to invalidate.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QIconEngine, QImage, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer

from resources import resource

if TYPE_CHECKING:
    from PySide6.QtGui import QColor

_KEEPS_ITS_COLOURS = frozenset({"app"})


class UnknownIcon(KeyError):
    """No icon has that name; a typing mistake in the program, so it is raised at once."""

    def __str__(self) -> str:
        return f"There is no icon named {self.args[0]!r} in resources/icons."


@lru_cache(maxsize=1)
def icon_names() -> tuple[str, ...]:
    """All names that :func:`icon` takes, sorted."""
    entries = resource("icons").iterdir()
    return tuple(sorted(entry.name.removesuffix(".svg") for entry in entries if entry.name.endswith(".svg")))


def icon(name: str, colour: str | None = None) -> QIcon:
    """Return an icon that follows the theme.

    ``colour`` (``#rrggbb``) fixes the colour, for badges and warnings. Raises :class:`UnknownIcon` for a missing name.
    """
    if name not in icon_names():
        raise UnknownIcon(name)
    return QIcon(_ThemedIcon(name, colour))


def pixmap(name: str, size: int, ratio: float = 1.0, colour: str | None = None) -> QPixmap:
    """Draw an icon at ``size`` logical pixels for a screen with the device-pixel ratio ``ratio``.

    Raises :class:`UnknownIcon` for a missing name.
    """
    if name not in icon_names():
        raise UnknownIcon(name)
    ink = colour or _ink(QIcon.Mode.Normal)
    return _rendered(name, round(size * ratio), ink, ratio)


def _ink(mode: QIcon.Mode) -> str:
    palette = QGuiApplication.palette()
    if mode is QIcon.Mode.Disabled:
        ink: QColor = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText)
    else:
        # selected rows too: the theme marks them by a tint behind the usual text colour
        ink = palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.WindowText)
    return ink.name()


@lru_cache(maxsize=256)
def _source(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=1024)
def _rendered(name: str, pixels: int, ink: str, ratio: float) -> QPixmap:
    source = _source(name) if name in _KEEPS_ITS_COLOURS else _source(name).replace("currentColor", ink)
    renderer = QSvgRenderer(QByteArray(source.encode()))
    image = QImage(QSize(pixels, pixels), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, pixels, pixels))
    painter.end()
    drawn = QPixmap.fromImage(image)
    drawn.setDevicePixelRatio(ratio)
    return drawn


class _ThemedIcon(QIconEngine):
    """Renders one SVG for whatever size, mode and ratio is asked."""

    def __init__(self, name: str, colour: str | None) -> None:
        super().__init__()
        self._name = name
        self._colour = colour

    def clone(self) -> QIconEngine:
        return _ThemedIcon(self._name, self._colour)

    def _ink(self, mode: QIcon.Mode) -> str:
        if self._colour is not None and mode is not QIcon.Mode.Disabled:
            return self._colour
        return _ink(mode)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatioF()
        side = min(rect.width(), rect.height())
        drawn = _rendered(self._name, round(side * ratio), self._ink(mode), ratio)
        corner = rect.topLeft() + QPoint((rect.width() - side) // 2, (rect.height() - side) // 2)
        painter.drawPixmap(corner, drawn)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return _rendered(self._name, min(size.width(), size.height()), self._ink(mode), 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        return _rendered(self._name, min(size.width(), size.height()), self._ink(mode), scale)
