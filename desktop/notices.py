"""The notice bar above the canvas: what happened, what it means for the data, one or two actions (ux.md §13)."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from desktop.workspace.values import Notice, Severity

INFO_SECONDS = 8
"""An information leaves by itself; warnings and errors stay until they are dismissed."""


class NoticeBar(QFrame):
    """Shows one notice at a time; others wait. The same text again is folded into "×n"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._waiting: list[Notice] = []
        self._notice: Notice | None = None
        self._times = 0
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        self._close = QToolButton()
        self._close.setText("✕")
        self._close.setMinimumSize(24, 24)
        self._close.setAccessibleName(self.tr("Dismiss the message"))
        self._close.setToolTip(self.tr("Dismiss"))
        self._close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8, 4)
        row.setSpacing(8)
        row.addWidget(self._label, 1)
        row.addLayout(self._buttons)
        row.addWidget(self._close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self.hide()

    @property
    def notice(self) -> Notice | None:
        """The notice on show."""
        return self._notice

    @property
    def text(self) -> str:
        return self._label.text()

    def show_notice(self, notice: Notice) -> None:
        if self._notice is not None and self._notice.text == notice.text:
            self._times += 1
            self._label.setText(f"{notice.text}  ×{self._times}")
            return
        if self._notice is not None and notice.severity is Severity.INFO and self._notice.severity is not Severity.INFO:
            self._waiting.append(notice)
            return
        if self._notice is not None and self._notice.severity is not Severity.INFO:
            self._waiting.insert(0, self._notice)
        self._display(notice)

    def _display(self, notice: Notice) -> None:
        self._notice, self._times = notice, 1
        self._label.setText(notice.text)
        self.setProperty("severity", notice.severity.value)
        self.style().unpolish(self)
        self.style().polish(self)
        while (item := self._buttons.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for action in notice.actions:
            button = QPushButton(action.label)
            button.clicked.connect(lambda _checked=False, run=action.run: self._act(run))
            self._buttons.addWidget(button)
        if notice.details:
            button = QPushButton(self.tr("Details"))
            button.setToolTip(self.tr("Copy the full report"))
            button.clicked.connect(lambda: self._copy(notice.details))
            self._buttons.addWidget(button)
        self.show()
        self._timer.stop()
        if notice.severity is Severity.INFO:
            self._timer.start(INFO_SECONDS * 1000)

    def _act(self, run: object) -> None:
        self.dismiss()
        if callable(run):
            run()

    def _copy(self, details: str) -> None:
        QGuiApplication.clipboard().setText(details)
        self._label.setText(self.tr("The full report is on the clipboard."))

    def dismiss(self) -> None:
        """Take the notice away and show the next one that waits."""
        self._timer.stop()
        self._notice = None
        if self._waiting:
            self._display(self._waiting.pop(0))
        else:
            self.hide()
