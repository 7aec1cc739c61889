"""Where the window and its parts were: remembered in a small JSON file, checked against the screens of today."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from desktop.main_window import MainWindow

DEFAULT_SIZE = (1440, 900)
MINIMUM_SIZE = (800, 560)


def on_a_screen(wanted: QRect, screens: list[QRect]) -> QRect:
    """``wanted``, moved and shrunk so that it lies on a screen as a whole; the minimum size is kept.

    The screen that shows most of it is taken, the first one when none shows any of it.
    """
    if not screens:
        return wanted
    screen = max(screens, key=lambda area: _area(area.intersected(wanted)))
    size = QSize(
        max(min(wanted.width(), screen.width()), MINIMUM_SIZE[0]),
        max(min(wanted.height(), screen.height()), MINIMUM_SIZE[1]),
    )
    x = max(min(wanted.x(), screen.x() + screen.width() - size.width()), screen.x())
    y = max(min(wanted.y(), screen.y() + screen.height() - size.height()), screen.y())
    return QRect(x, y, size.width(), size.height())


def _area(rectangle: QRect) -> int:
    return rectangle.width() * rectangle.height() if rectangle.isValid() else 0


class WindowLayout:
    """Saves and restores geometry, which parts are closed or folded, and the side of the strip."""

    def __init__(self, window: MainWindow, file: Path) -> None:
        self._window = window
        self._file = file
        self._closed: set[str] = set()

    def is_closed(self, widget: QWidget) -> bool:
        """Whether the person closed this part."""
        return widget.objectName() in self._closed

    def restore(self) -> None:
        """Put things where they were; whatever is missing or wrong in the file is as on the first day."""
        stored = self._read()
        rectangle = stored.get("geometry")
        wanted = QRect(0, 0, *DEFAULT_SIZE)
        screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if isinstance(rectangle, list) and len(rectangle) == 4 and all(isinstance(v, int) for v in rectangle):
            wanted = QRect(*rectangle)
        elif screens:
            wanted.moveCenter(screens[0].center())
        self._window.setGeometry(on_a_screen(wanted, screens))
        closed = stored.get("closed")
        self._closed = {str(name) for name in closed} if isinstance(closed, list) else set()
        folded = stored.get("folded")
        if isinstance(folded, list):
            self._window.sections.set_folded([str(name) for name in folded])
        self._window.set_strip_left(stored.get("strip") == "left")
        if stored.get("maximised") is True:
            self._window.showMaximized()

    def save(self) -> None:
        """Remember. A folder that cannot be written costs the layout, nothing else."""
        window = self._window
        g = window.normalGeometry()
        parts = (window.panel_dock, window.strip_dock, window.tools)
        hidden = {part.objectName() for part in parts if part.isHidden()} if window.workspace.images else self._closed
        row = {
            "geometry": [g.x(), g.y(), g.width(), g.height()],
            "maximised": window.isMaximized(),
            "closed": sorted(hidden),
            "folded": window.sections.folded(),
            "strip": "left" if window.strip_is_left() else "bottom",
        }
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._file.with_suffix(".part")
            temporary.write_text(json.dumps(row), encoding="utf-8")
            temporary.replace(self._file)
        except OSError:
            return

    def reset(self) -> None:
        """*View ▸ Reset layout*: everything as on the first day."""
        self._file.unlink(missing_ok=True)
        self._closed = set()
        window = self._window
        window.showNormal()
        window.resize(*DEFAULT_SIZE)
        window.set_strip_left(False)
        window.sections.set_folded(["details", "history", "adjustments"])
        for part in (window.panel_dock, window.strip_dock, window.tools):
            part.setVisible(bool(window.workspace.images))
        self.restore()

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}
