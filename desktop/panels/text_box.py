"""The text prompt: one line that grows to three, with a searchable history (ux.md §2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QStringListModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QCompleter, QPlainTextEdit, QWidget

_MAX_LINES = 3


def phrases(text: str) -> list[str]:
    """The phrases of a text: commas and newlines separate them; blanks and repeats are dropped, order is kept."""
    parts = (part.strip() for part in re.split(r"[,\n]", text))
    return list(dict.fromkeys(part for part in parts if part))


class TextBox(QPlainTextEdit):
    """``Enter`` submits, ``Shift+Enter`` breaks the line, ↑/↓ walk the history, ``Ctrl+R`` searches it, Esc leaves."""

    submitted = Signal(str)
    left = Signal()
    """Esc was pressed: the canvas should take the focus back."""

    def __init__(self, history: Callable[[], Sequence[str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._history = history
        self._place = -1
        self._draft = ""
        self.setPlaceholderText(self.tr("cat, red car"))
        self.setAccessibleName(self.tr("Text prompt"))
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip(
            self.tr("Enter runs, Shift+Enter breaks the line, ↑ ↓ history, Ctrl+R searches it; commas separate phrases")
        )
        self._completer = QCompleter(QStringListModel(self), self)
        self._completer.setWidget(self)
        self._completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self._completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._completer.activated.connect(self._take)
        self.textChanged.connect(self._fit)
        self.document().setDocumentMargin(2)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def phrases(self) -> list[str]:
        return phrases(self.toPlainText())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), event.modifiers()
        popup = self._completer.popup()
        if popup is not None and popup.isVisible() and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
            event.ignore()
            return
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._submit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # the editor itself would put a line separator, which is no new block and does not grow the box
            self.insertPlainText("\n")
        elif key == Qt.Key.Key_Escape:
            self.left.emit()
        elif key == Qt.Key.Key_R and modifiers & Qt.KeyboardModifier.ControlModifier:
            self._search()
        elif key == Qt.Key.Key_Up and self.textCursor().blockNumber() == 0:
            self._walk(1)
        elif key == Qt.Key.Key_Down and self.textCursor().blockNumber() == self.blockCount() - 1:
            self._walk(-1)
        else:
            super().keyPressEvent(event)

    def _submit(self) -> None:
        if self.phrases():
            self._place = -1
            self.submitted.emit(self.toPlainText().strip())

    def _walk(self, step: int) -> None:
        past = list(self._history())
        place = min(max(self._place + step, -1), len(past) - 1)
        if place == self._place:
            return
        if self._place == -1:
            self._draft = self.toPlainText()
        self._place = place
        self._take(self._draft if place == -1 else past[place])

    def _search(self) -> None:
        model = self._completer.model()
        if isinstance(model, QStringListModel):
            model.setStringList(list(self._history()))
        self._completer.setCompletionPrefix(self.toPlainText().strip())
        self._completer.complete()

    def _take(self, text: str) -> None:
        self.setPlainText(text)
        self.moveCursor(QTextCursor.MoveOperation.End)

    def _fit(self) -> None:
        lines = min(max(self.blockCount(), 1), _MAX_LINES)
        margins = 2 * int(self.document().documentMargin()) + 2 * self.frameWidth() + 4
        more = self.blockCount() > _MAX_LINES
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if more else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(policy)
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + margins)
