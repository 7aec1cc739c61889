"""Dialogs of one class: its name, colour and kind; and what happens to its instances when it is deleted."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QButtonGroup,
    QColorDialog,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.dataset.model import Category, Kind
from desktop.dataset.palette import CLASS_COLOURS, next_colour
from desktop.panels.controls import TARGET, explain
from desktop.panels.words import counted
from desktop.workspace import Workspace


def swatch_icon(colour: str, side: int = 16) -> QIcon:
    """A plain square of one colour."""
    picture = QPixmap(side, side)
    picture.fill(QColor(colour))
    return QIcon(picture)


class ClassEditor(QDialog):
    """Add a class (``category`` None) or change one. The OK button says why a name cannot be used."""

    def __init__(self, workspace: Workspace, category: Category | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._workspace = workspace
        self._category = category
        self.setWindowTitle(self.tr("Edit class") if category else self.tr("Add class"))
        self.name = QLineEdit(category.name if category else "")
        self.name.setAccessibleName(self.tr("Class name"))
        self.name.setMinimumWidth(240)
        used = [present.colour for present in workspace.categories]
        self._colour = category.colour if category else next_colour(used)
        self._swatches: dict[str, QToolButton] = {}
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("Kind"))
        self.kind.addItem(self.tr("Thing (countable)"), Kind.THING)
        self.kind.addItem(self.tr("Stuff (uncountable)"), Kind.STUFF)
        self.kind.setCurrentIndex(1 if category is not None and category.kind is Kind.STUFF else 0)
        self.parent_name = QLineEdit(category.parent or "" if category else "")
        self.parent_name.setAccessibleName(self.tr("Parent"))
        self.parent_name.setPlaceholderText(self.tr("none"))
        self._problem = QLabel()
        self._problem.setProperty("problem", "true")
        self._problem.setWordWrap(True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        form = QFormLayout(self)
        form.setContentsMargins(16, 16, 16, 12)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.addRow(self.tr("&Name"), self.name)
        form.addRow(self.tr("Colour"), self._colours())
        form.addRow(self.tr("&Kind"), self.kind)
        form.addRow(self.tr("&Parent"), self.parent_name)
        form.addRow(self._problem)
        form.addRow(self._buttons)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self.name.textChanged.connect(self._check)
        self._check()

    def _colours(self) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        group = QButtonGroup(self)
        for place, colour in enumerate(CLASS_COLOURS):
            button = QToolButton()
            button.setCheckable(True)
            button.setChecked(colour == self._colour)
            button.setIcon(swatch_icon(colour))
            button.setIconSize(QSize(16, 16))
            button.setMinimumSize(TARGET, TARGET)
            button.setAccessibleName(self.tr("Colour %1").replace("%1", colour))
            button.clicked.connect(lambda _checked=False, colour=colour: self._set_colour(colour))
            group.addButton(button)
            grid.addWidget(button, place // 10, place % 10)
            self._swatches[colour] = button
        self._own = QToolButton()
        self._own.setText(self.tr("Other…"))
        self._own.setMinimumHeight(TARGET)
        self._own.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._own.setIcon(swatch_icon(self._colour))
        self._own.setAccessibleName(self.tr("Another colour"))
        self._own.clicked.connect(self._other_colour)
        grid.addWidget(self._own, 2, 0, 1, 10, Qt.AlignmentFlag.AlignLeft)
        return box

    def _set_colour(self, colour: str) -> None:
        self._colour = colour
        self._own.setIcon(swatch_icon(colour))

    def _other_colour(self) -> None:
        dialog = QColorDialog(QColor(self._colour), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda chosen: self._set_colour(chosen.name()))
        dialog.open()

    def problem(self) -> str:
        """Why the name cannot be used, or empty."""
        name = self.name.text().strip()
        if not name:
            return self.tr("A class needs a name.")
        own = self._category.id if self._category is not None else None
        if any(c.name == name and c.id != own for c in self._workspace.categories):
            return self.tr("There is already a class “%1”.").replace("%1", name)
        return ""

    def _check(self) -> None:
        problem = self.problem()
        self._problem.setText(problem if self.name.text() else "")
        self._problem.setVisible(bool(self._problem.text()))
        explain(self._buttons.button(QDialogButtonBox.StandardButton.Ok), problem)

    def accept(self) -> None:
        if self.problem():
            return
        name, kind = self.name.text().strip(), Kind(self.kind.currentData())
        parent = self.parent_name.text().strip()
        if self._category is None:
            new = self._workspace.add_category(name, kind, self._colour)
            if parent:
                self._workspace.change_category(new, parent=parent)
            self._workspace.set_current_category(new)
        else:
            self._workspace.change_category(
                self._category.id, name=name, colour=self._colour, kind=kind, parent=parent or None
            )
        super().accept()


class DeleteClassDialog(QDialog):
    """Asks what to do with the instances of a class before it goes."""

    def __init__(self, workspace: Workspace, category: Category, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._workspace = workspace
        self._category = category
        self.setWindowTitle(self.tr("Delete class"))
        count = workspace.count(category.id).project
        one = self.tr("“%2” has one instance. What should happen to it?")
        many = self.tr("“%2” has %1 instances. What should happen to them?")
        label = QLabel(counted(count, one, many).replace("%2", category.name))
        label.setWordWrap(True)
        self.unlabel = QRadioButton(self.tr("Keep them, unlabelled"))
        self.unlabel.setChecked(True)
        self.reassign = QRadioButton(self.tr("Give them the class"))
        self.remove = QRadioButton(self.tr("Delete them too"))
        self.target = QComboBox()
        self.target.setAccessibleName(self.tr("Class to give"))
        for other in workspace.categories:
            if other.id != category.id:
                self.target.addItem(swatch_icon(other.colour), other.name, other.id)
        no_other = "" if self.target.count() else self.tr("There is no other class.")
        explain(self.reassign, no_other)
        explain(self.target, no_other)
        self.target.activated.connect(lambda _index: self.reassign.setChecked(True))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.tr("Delete class"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.addStrut(328)  # a minimum width of the dialog would take the place of what its texts need
        column.setSpacing(8)
        for widget in (label, self.unlabel, self.reassign, self.target, self.remove, buttons):
            column.addWidget(widget)

    def accept(self) -> None:
        self._workspace.delete_category(
            self._category.id,
            reassign_to=int(self.target.currentData()) if self.reassign.isChecked() else None,
            delete_instances=self.remove.isChecked(),
        )
        super().accept()
