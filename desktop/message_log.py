"""The messages shown so far: kept by the workspace, read by a dialog."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from PySide6.QtCore import QObject, Signal


class MessageLog(QObject):
    """The last messages with their time, for *Help ▸ Message log*."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: deque[tuple[str, str]] = deque(maxlen=500)

    def add(self, text: str) -> None:
        self._rows.append((datetime.now().strftime("%H:%M:%S"), text))
        self.changed.emit()

    def rows(self) -> list[tuple[str, str]]:
        return list(self._rows)
