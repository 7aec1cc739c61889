"""The history of the image as a list; a click jumps there (ux.md §10)."""

from __future__ import annotations

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QStackedLayout, QVBoxLayout, QWidget

from desktop.panels.controls import EmptyState
from desktop.panels.icons import icon
from desktop.workspace import Workspace


class HistoryPanel(QWidget):
    """Row 0 is the image as it was opened; row n has the first n steps done. Undone steps are grey."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setObjectName("history_panel")
        self.setAccessibleName(self.tr("History"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Steps"))
        self.list.setUniformItemSizes(True)
        self._empty = EmptyState(self.tr("Nothing to undo yet. Every change to this image appears here."))
        self._stack = QStackedLayout()
        self._stack.addWidget(self.list)
        self._stack.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 8)
        column.addLayout(self._stack)
        self.setMinimumHeight(96)
        self.setFocusProxy(self.list)
        self.list.itemClicked.connect(self._jump)
        self.list.itemActivated.connect(self._jump)
        workspace.history_changed.connect(self.refresh)
        workspace.image_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        entries = list(self._workspace.history())
        self._stack.setCurrentWidget(self.list if entries else self._empty)
        self.list.clear()
        opened = QListWidgetItem(icon("image"), self.tr("Image opened"))
        self.list.addItem(opened)
        grey = self.palette().brush(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        for entry in entries:
            item = QListWidgetItem(icon("check") if entry.done else icon("redo"), entry.name)
            if not entry.done:
                item.setForeground(grey)
                item.setToolTip(self.tr("Undone; click to redo up to here"))
            self.list.addItem(item)
        done = sum(entry.done for entry in entries)
        self.list.setCurrentRow(done)
        self.list.scrollToItem(self.list.item(done))

    def _jump(self, item: QListWidgetItem) -> None:
        self._workspace.jump_to(self.list.row(item))
