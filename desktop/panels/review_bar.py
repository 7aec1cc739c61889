"""The bar of a review round, above the canvas: which item, what was said about it, approve or send back (ux.md §17)."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop.canvas.difference import CAME, WENT, swatch
from desktop.dataset.model import Comment, ImageState
from desktop.dataset.review import state_word
from desktop.panels.controls import GAP, TARGET, ElidedLabel, explain, icon_button, soft_label
from desktop.panels.icons import icon
from desktop.panels.words import grouped
from desktop.workspace import Workspace

_SWATCH = 14


class ReviewBar(QFrame):
    """Shown while a round is under way. ``left`` gives the focus back to the canvas."""

    left = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setObjectName("review_bar")
        self.setAccessibleName(self.tr("Review"))
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.progress = QLabel()
        self.progress.setAccessibleName(self.tr("Progress of the review"))
        bold = self.progress.font()
        bold.setBold(True)
        self.progress.setFont(bold)
        self._share = QProgressBar()
        self._share.setTextVisible(False)
        self._share.setFixedSize(88, 4)
        self.title = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.approve = QPushButton(icon("check", "#ffffff"), self.tr("Approve"))
        self.approve.setProperty("primary", "true")
        self.send_back = QPushButton(icon("comment"), self.tr("Send back…"))
        self.previous = icon_button("previous", self.tr("Previous item (A)"))
        self.next = icon_button("next", self.tr("Next item without deciding (D)"))
        self.difference = icon_button("compare", self.tr("Show what the review changed"), checkable=True)
        self.close_button = icon_button("close", self.tr("Leave the review (Esc)"))
        self.said = ElidedLabel()
        self._legend = QWidget()
        self._came, self._went = QLabel(), QLabel()
        self.comment = _CommentLine(self)
        self._build()
        self._connect()
        self.hide()
        self.refresh()

    def _build(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.progress)
        first.addWidget(self._share)
        first.addWidget(self.title, 1)
        for decision in (self.approve, self.send_back):
            decision.setAutoDefault(False)
            decision.setMinimumHeight(TARGET + 4)
            first.addWidget(decision)
        for button in (self.previous, self.next, self.difference, self.close_button):
            first.addWidget(button)
        legend = QHBoxLayout(self._legend)
        legend.setContentsMargins(0, 0, 0, 0)
        legend.setSpacing(GAP)
        for colour, label in ((CAME, self._came), (WENT, self._went)):
            sample = QLabel()
            sample.setPixmap(swatch(colour, _SWATCH, self.devicePixelRatioF()))
            legend.addWidget(sample)
            legend.addWidget(label)
        second = QHBoxLayout()
        second.setSpacing(8)
        second.addWidget(self.said, 1)
        second.addWidget(self._legend)
        self._third = QWidget()
        third = QHBoxLayout(self._third)
        third.setContentsMargins(0, 0, 0, 0)
        third.setSpacing(8)
        third.addWidget(self.comment, 1)
        third.addWidget(soft_label(self.tr("Enter sends it back, Esc does not")))
        self._third.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(GAP)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self._third)

    def _connect(self) -> None:
        workspace = self._workspace
        self.approve.clicked.connect(workspace.approve)
        self.send_back.clicked.connect(self.ask_comment)
        self.previous.clicked.connect(lambda: workspace.review_step(-1))
        self.next.clicked.connect(lambda: workspace.review_step(1))
        self.difference.clicked.connect(workspace.show_difference)
        self.close_button.clicked.connect(workspace.leave_review)
        self.comment.returnPressed.connect(self._send)
        self.comment.given_up.connect(self.drop_comment)
        workspace.review_changed.connect(self.refresh)
        workspace.session_changed.connect(self._show_reason)
        workspace.review_item_opened.connect(self.drop_comment)

    @property
    def is_asking(self) -> bool:
        """Whether a comment is being written."""
        return not self._third.isHidden()

    def ask_comment(self) -> None:
        """``Backspace``: what needs work? The text can be typed at once."""
        if self._workspace.can_decide():
            self._workspace.notice(self._workspace.can_decide())
            return
        self._third.show()
        self.comment.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def drop_comment(self) -> None:
        """Close the line without sending anything back."""
        self.comment.clear()
        if self.is_asking:
            self._third.hide()
            self.left.emit()

    def _send(self) -> None:
        text = self.comment.text()
        if not text.strip():
            self._workspace.notice(self.tr("Say what needs work: the annotator reads it beside the object."))
            return
        self._third.hide()
        self.left.emit()
        self._workspace.send_back(text)

    def refresh(self) -> None:
        info = self._workspace.review
        self.setVisible(info is not None)
        if info is None:
            return
        text = self.tr("{n} of {all}").format(n=grouped(info.number), all=grouped(info.count))
        self.progress.setText(text)
        self.progress.setToolTip(
            self.tr("{good} approved, {back} sent back").format(
                good=grouped(info.approved), back=grouped(info.sent_back)
            )
        )
        self._share.setRange(0, info.count)
        self._share.setValue(info.approved + info.sent_back)
        state = state_word(info.state) if isinstance(info.state, ImageState) else info.state.value
        by = self.tr(" · by {name}").format(name=info.by) if info.by else ""
        self.title.set_full_text(f"{info.title} · {self.tr(state)}{by}")
        self.said.set_full_text("   ".join(map(comment_text, info.said)) or self.tr("No comments."))
        self.said.setProperty("soft", "false" if info.said else "true")
        self.said.style().polish(self.said)
        self._show_difference()
        self._show_reason()

    def _show_difference(self) -> None:
        change = self._workspace.difference()
        self.difference.setChecked(self._workspace.difference_shown)
        self._legend.setVisible(change is not None)
        if change is not None:
            self._came.setText(self.tr("+{n} px").format(n=grouped(change[0].area)))
            self._went.setText(self.tr("−{n} px").format(n=grouped(change[1].area)))
            self._came.setToolTip(self.tr("Pixels that came since the last review, or in this one"))
            self._went.setToolTip(self.tr("Pixels that went since the last review, or in this one"))

    def _show_reason(self) -> None:
        reason = self._workspace.can_decide() if self._workspace.reviewing else ""
        explain(self.approve, reason, self.tr("Approve and go on (Enter)"))
        explain(self.send_back, reason, self.tr("Send back with a comment (Backspace)"))


class _CommentLine(QLineEdit):
    given_up = Signal()

    def __init__(self, bar: ReviewBar) -> None:
        super().__init__()
        self.setPlaceholderText(bar.tr("What needs work?"))
        self.setAccessibleName(bar.tr("Comment"))
        self.setMinimumHeight(TARGET)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)


def comment_text(comment: Comment) -> str:
    """ "Kim: too small", without a name only the text."""
    return f"{comment.author}: {comment.text}" if comment.author else comment.text
