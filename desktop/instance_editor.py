"""Class, attributes and flags of the selected instances (F2)."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop.workspace import Workspace

_OFF = Qt.CheckState.Unchecked


def parse_attributes(text: str) -> dict[str, str]:
    """One ``name = value`` per line; blank lines are skipped. ValueError names a line without a name."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, _, value = line.partition("=")
        if not name.strip():
            raise ValueError(f"Line {number} has no attribute name: {line.strip()}")
        found[name.strip()] = value.strip()
    return found


class InstanceEditor(QDialog):
    """Edits what is shared, in one step; with several instances, fields that differ are left alone unless changed."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._ids = [i for i in workspace.selection if i in workspace.instances]
        chosen = [workspace.instances[i] for i in self._ids]
        several = self.tr("{n} instances").format(n=len(chosen))
        self.setWindowTitle(workspace.title_of(self._ids[0]) if len(chosen) == 1 else several)
        self.resize(420, 320)
        self.category = QComboBox()
        self.category.addItem(self.tr("unlabelled"), None)
        for category in workspace.categories:
            self.category.addItem(category.name, category.id)
        classes = {i.category_id for i in chosen}
        self.category.setCurrentIndex(self.category.findData(classes.pop()) if len(classes) == 1 else -1)
        self._first_class = self.category.currentIndex()
        self.attributes = QPlainTextEdit()
        self.attributes.setPlaceholderText(self.tr("colour = red"))
        self.attributes.setTabChangesFocus(True)
        first = dict(chosen[0].attributes) if chosen else {}
        self._same = all(dict(i.attributes) == first for i in chosen)
        self.attributes.setPlainText("\n".join(f"{k} = {v}" for k, v in first.items()) if self._same else "")
        if not self._same:
            self.attributes.setPlaceholderText(
                self.tr("The instances have different attributes. Those written here are set on all of them.")
            )
        self._first_attributes = self.attributes.toPlainText()
        self.crowd = QCheckBox(self.tr("A crowd: many objects in one mask (COCO iscrowd)"))
        crowds = {i.is_crowd for i in chosen}
        self.crowd.setTristate(len(crowds) > 1)
        mixed = Qt.CheckState.PartiallyChecked
        self.crowd.setCheckState(mixed if len(crowds) > 1 else Qt.CheckState.Checked if True in crowds else _OFF)
        self._first_crowd = self.crowd.checkState()
        self.problem = QLabel()
        self.problem.setProperty("problem", "true")
        self.problem.setWordWrap(True)
        form = QFormLayout()
        form.addRow(self.tr("Class"), self.category)
        form.addRow(self.tr("Attributes"), self.attributes)
        form.addRow("", self.crowd)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.addLayout(form)
        column.addWidget(self.problem)
        column.addWidget(buttons)
        self.category.setFocus()

    def accept(self) -> None:
        try:
            attributes = parse_attributes(self.attributes.toPlainText())
        except ValueError as error:
            self.problem.setText(str(error))
            return
        crowd = self.crowd.checkState()
        self._workspace.set_properties(
            self._ids,
            category=(self.category.currentData(),) if self.category.currentIndex() != self._first_class else None,
            attributes=attributes if self.attributes.toPlainText() != self._first_attributes else None,
            merge=not self._same,
            is_crowd=crowd is Qt.CheckState.Checked if crowd is not self._first_crowd else None,
        )
        super().accept()
