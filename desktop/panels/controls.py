"""Small controls that every panel uses, so that targets, names and reasons look alike everywhere (ux.md §20)."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLayoutItem,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.icons import icon

GAP = 4
"""The small distance of the 4/8 px rhythm, in logical pixels."""
TARGET = 24
"""The least height and width of anything that can be clicked, in logical pixels."""


def icon_button(name: str, label: str, *, checkable: bool = False, text: str = "") -> QToolButton:
    """A flat button of at least 24 × 24 px; ``label`` is its tooltip and accessible name."""
    button = QToolButton()
    button.setIcon(icon(name))
    button.setIconSize(QSize(16, 16))
    button.setToolTip(label)
    button.setAccessibleName(label)
    button.setCheckable(checkable)
    button.setAutoRaise(True)
    button.setMinimumSize(TARGET, TARGET)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    if text:
        button.setText(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button


def plain(text: str) -> str:
    """A name that somebody chose, as buttons and menus need it: they would take & for the mark of a key."""
    return text.replace("&", "&&")


def explain(widget: QWidget, reason: str, enabled_tip: str = "") -> None:
    """Enable a control, or disable it with the reason as its tooltip."""
    widget.setEnabled(not reason)
    widget.setToolTip(reason or enabled_tip)
    widget.setAccessibleDescription(reason)


def soft_label(text: str = "", *, wrap: bool = False) -> QLabel:
    """A label in the quiet text colour of the theme."""
    label = QLabel(text)
    label.setProperty("soft", "true")
    label.setWordWrap(wrap)
    return label


def padded(box: QSpinBox | QDoubleSpinBox) -> None:
    """Keep the number off the frame; a stylesheet has no say in the field inside a spin box."""
    box.lineEdit().setTextMargins(GAP, 0, 0, 0)


class ElidedLabel(QLabel):
    """A label that shortens its text in the middle or end instead of forcing the panel wider."""

    def __init__(self, text: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        super().__init__()
        self._full = text
        self._mode = mode
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(QFontMetrics(self.font()).height())
        self.set_full_text(text)

    def set_full_text(self, text: str) -> None:
        """Show ``text``, whole in the tooltip when it does not fit."""
        self._full = text
        self.setAccessibleName(text)
        self._elide()

    def full_text(self) -> str:
        return self._full

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        short = self.fontMetrics().elidedText(self._full, self._mode, max(self.width(), 20))
        self.setText(short)
        self.setToolTip(self._full if short != self._full else "")


class EmptyState(QWidget):
    """A sentence and an action where a list has nothing to show."""

    triggered = Signal()

    def __init__(self, sentence: str, action: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = soft_label(sentence, wrap=True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._button = QPushButton(action)
        self._button.setAccessibleName(action)
        self._button.clicked.connect(self.triggered)
        self._button.setVisible(bool(action))
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(self._sentence)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def say(self, sentence: str, action: str = "") -> None:
        self._sentence.setText(sentence)
        self._button.setText(plain(action))
        self._button.setAccessibleName(action)
        self._button.setVisible(bool(action))

    @property
    def sentence(self) -> str:
        return self._sentence.text()


class Chip(QFrame):
    """A small rounded token: an icon or swatch, a text, and optionally a remove button."""

    removed = Signal()

    def __init__(self, text: str, *, icon_name: str = "", struck: bool = False, removable: bool = False) -> None:
        super().__init__()
        self.setObjectName("chip")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setMinimumHeight(TARGET)
        self.setAccessibleName(text)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 1, 2 if removable else 6, 1)
        row.setSpacing(GAP)
        if icon_name:
            picture = QLabel()
            picture.setPixmap(icon(icon_name).pixmap(14, 14))
            row.addWidget(picture)
        label = QLabel(text)
        font = label.font()
        font.setStrikeOut(struck)
        label.setFont(font)
        if struck:
            label.setProperty("soft", "true")
        row.addWidget(label)
        if removable:
            button = icon_button("close", self.tr("Remove %1").replace("%1", text))
            button.setIconSize(QSize(12, 12))
            button.clicked.connect(self.removed)
            row.addWidget(button)


class FlowLayout(QLayout):
    """Lays chips out in rows and breaks a row where the width ends (also from right to left)."""

    def __init__(self, parent: QWidget | None = None, spacing: int = GAP) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def clear(self) -> None:
        """Remove and delete all widgets of the layout."""
        while (item := self.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.invalidate()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        x, y, row_height = rect.x(), rect.y(), 0
        parent = self.parentWidget()
        mirrored = parent is not None and parent.isRightToLeft()
        for item in self._items:
            hint = item.sizeHint()
            width = min(hint.width(), rect.width())
            if x > rect.x() and x + width > rect.x() + rect.width():
                x, y, row_height = rect.x(), y + row_height + self.spacing(), 0
            if move:
                left = rect.x() + rect.width() - (x - rect.x()) - width if mirrored else x
                item.setGeometry(QRect(QPoint(left, y), QSize(width, hint.height())))
            x += width + self.spacing()
            row_height = max(row_height, hint.height())
        return y + row_height - rect.y()
