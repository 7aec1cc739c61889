"""Where the selected instance came from, who changed it, and what was said about it (ux.md §17)."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from desktop.dataset.model import Comment, Image, Instance
from desktop.dataset.prompt_json import count_prompts
from desktop.dataset.review import state_word
from desktop.panels.controls import GAP, TARGET, EmptyState, explain, plain
from desktop.panels.words import counted, duration
from desktop.workspace import Workspace


class DetailsPanel(QWidget):
    """Follows the selection: one instance, or the current image without one. ``left`` returns focus to the canvas."""

    left = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setObjectName("details_panel")
        self.setAccessibleName(self.tr("Details"))
        self._rows: list[tuple[QLabel, QLabel]] = []
        self._form = QFormLayout()
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(8)
        self._form.setVerticalSpacing(2)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.RichText)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.said.setAccessibleName(self.tr("Comments"))
        self.comment = _Line(self)
        self._empty = EmptyState("")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 8)
        column.setSpacing(GAP)
        column.addLayout(self._form)
        column.addWidget(self.said)
        column.addWidget(self.comment)
        column.addWidget(self._empty)
        self.setFocusProxy(self.comment)
        self.comment.returnPressed.connect(self._say)
        self.comment.given_up.connect(self.left)
        workspace.selection_changed.connect(self.refresh)
        workspace.instances_changed.connect(lambda _ids: self.refresh())
        workspace.image_changed.connect(self.refresh)
        workspace.image_state_changed.connect(lambda _id: self.refresh())
        self.refresh()

    def rows(self) -> dict[str, str]:
        """What is shown, by its name."""
        return {name.text(): value.text() for name, value in self._rows}

    def refresh(self) -> None:
        """Show what is selected now."""
        if self.isHidden():
            return
        shown = self._shown()
        self._empty.setVisible(shown is None)
        for widget in (self.said, self.comment):
            widget.setVisible(shown is not None)
        if shown is None:
            self._put([])
            many = len(self._workspace.selection) > 1
            text = self.tr("Select one instance to see where it came from.") if many else self.tr("No image is open.")
            self._empty.say(text)
            return
        self._put(self._of_instance(shown) if isinstance(shown, Instance) else self._of_image(shown))
        self.said.setText("<br>".join(map(_paragraph, shown.comments)))
        self.said.setVisible(bool(shown.comments))
        about = self.tr("Comment on the instance") if isinstance(shown, Instance) else self.tr("Comment on the image")
        self.comment.setPlaceholderText(about)
        explain(self.comment, self._workspace.read_only, self.tr("Enter adds the comment"))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _shown(self) -> Instance | Image | None:
        chosen = self._workspace.selection
        if len(chosen) == 1:
            return self._workspace.instances.get(chosen[0])
        return self._workspace.current_image if not chosen else None

    def _put(self, rows: list[tuple[str, str]]) -> None:
        while self._form.rowCount() > len(rows):
            self._form.removeRow(self._form.rowCount() - 1)
            self._rows.pop()
        while len(self._rows) < len(rows):
            pair = QLabel(), QLabel()
            pair[0].setProperty("soft", "true")
            pair[1].setWordWrap(True)
            pair[1].setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._rows.append(pair)
            self._form.addRow(*pair)
        for (name, value), (title, text) in zip(self._rows, rows, strict=True):
            name.setText(title)
            value.setText(text)

    def _of_instance(self, instance: Instance) -> list[tuple[str, str]]:
        made = instance.provenance
        rows = [(self.tr("Object"), plain(self._workspace.title_of(instance.id)))]
        state = self.tr(instance.review.value)
        if instance.reviewed:
            state = self.tr("{state}, by {who}, {when}").format(
                state=state, who=instance.reviewer or self.tr("somebody"), when=local_time(instance.reviewed)
            )
        rows.append((self.tr("State"), state))
        source = f"{made.source} {made.version}".strip() if made.by_engine else made.source
        rows.append((self.tr("Made by"), source))
        if made.fingerprint:
            rows.append((self.tr("Weights"), made.fingerprint[:16]))
        prompts = count_prompts(made.prompts)
        if prompts:
            rows.append((self.tr("Prompts"), counted(prompts, self.tr("1 prompt"), self.tr("%1 prompts"))))
        if made.score is not None:
            rows.append((self.tr("Score"), f"{made.score:.2f}"))
        if made.suggested:
            rows.append((self.tr("Suggested"), made.suggested))
        if made.seconds is not None:
            rows.append((self.tr("Took"), duration(made.seconds)))
        rows.append((self.tr("Created"), _who_when(made.author, made.created)))
        if made.edited and made.edited != made.created:
            rows.append((self.tr("Changed"), _who_when(made.editor or made.author, made.edited)))
        if made.mask_edits:
            rows.append((self.tr("Mask"), counted(made.mask_edits, self.tr("1 edit"), self.tr("%1 edits"))))
        return [row for row in rows if row[1]]

    def _of_image(self, image: Image) -> list[tuple[str, str]]:
        state = self.tr(state_word(image.state))
        rows = [
            (self.tr("Image"), image.path),
            (self.tr("State"), " · ".join(part for part in (state, _who_when(image.editor, image.changed)) if part)),
        ]
        if image.width:
            rows.append((self.tr("Size"), f"{image.width} × {image.height}"))
        waiting = [i.provenance.score for i in self._workspace.instances.values() if i.is_doubtful]
        scores = [score for score in waiting if score is not None] + [p.score for p in self._workspace.proposals]
        if scores:
            rows.append((self.tr("Uncertainty"), f"{1 - min(scores):.2f}"))
        return rows

    def _say(self) -> None:
        chosen = self._workspace.selection
        text = self.comment.text()
        self.comment.clear()
        self._workspace.comment_on(text, chosen)
        self.left.emit()


class _Line(QLineEdit):
    given_up = Signal()

    def __init__(self, panel: DetailsPanel) -> None:
        super().__init__()
        self.setAccessibleName(panel.tr("New comment"))
        self.setMinimumHeight(TARGET)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.given_up.emit()
        else:
            super().keyPressEvent(event)


def local_time(moment: str) -> str:
    """A stored time (ISO 8601 UTC) as it is written here: 2026-11-21 10:42; as it is when it is no time."""
    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return moment


def _who_when(who: str, when: str) -> str:
    return ", ".join(part for part in (who, local_time(when) if when else "") if part)


def _paragraph(comment: Comment) -> str:
    head = _who_when(comment.author, comment.made)
    text = comment.text.replace("&", "&amp;").replace("<", "&lt;")
    head = head.replace("&", "&amp;").replace("<", "&lt;")
    return f"<b>{head}</b><br>{text}" if head else text
