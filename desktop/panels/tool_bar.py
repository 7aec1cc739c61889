"""The tools at the left: icon and text, one group per family (ux.md §2)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QToolBar, QToolButton, QWidget

from desktop.panels.controls import TARGET


class ToolsBar(QToolBar):
    """Shows the actions it is given, with a separator between families: Select · Prompts · Draw · Shape.

    Names, keys, mouse help and reasons are the actions' own tooltips (:mod:`desktop.actions`).
    """

    def __init__(self, families: Sequence[Sequence[QAction]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tools")
        self.setWindowTitle(self.tr("Tools"))
        self.setAccessibleName(self.tr("Tools"))
        self.setMovable(False)
        self.setIconSize(QSize(20, 20))
        self.setOrientation(Qt.Orientation.Vertical)
        group = QActionGroup(self)
        group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        for number, family in enumerate(families):
            if number:
                self.addSeparator()
            for action in family:
                self.addAction(action)
                if action.isCheckable():
                    group.addAction(action)
        self.set_text_visible(True)

    def set_text_visible(self, visible: bool) -> None:
        """Icon with text (default), or icons alone."""
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if visible else Qt.ToolButtonStyle.ToolButtonIconOnly
        self.setToolButtonStyle(style)
        buttons = [self.widgetForAction(action) for action in self.actions() if not action.isSeparator()]
        width = max((button.sizeHint().width() for button in buttons), default=TARGET) if visible else 0
        for button, action in zip(buttons, (a for a in self.actions() if not a.isSeparator()), strict=True):
            button.setMinimumSize(max(width, 28), 28)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setAccessibleName(action.text().replace("&", ""))
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(style)
