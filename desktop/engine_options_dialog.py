"""The options of the chosen engines: they act at once, and each can go back to its default."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.controls import TARGET, padded, soft_label
from desktop.workspace import Workspace
from inference.engine import EngineOption, OptionValue, UnusableOption

BOUND = 1_000_000
"""Of numbers whose option has no bounds of its own."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("EngineOptions", text)


class EngineOptionsDialog(QDialog):
    """A form for each engine that finds or refines; ``editors`` by (engine, option)."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setWindowTitle(self.tr("Engine options"))
        self.editors: dict[tuple[str, str], QWidget] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.addStrut(408)  # a minimum width of the dialog would take the place of what its texts need
        column.setSpacing(8)
        for engine in dict.fromkeys((workspace.find_with, workspace.refine_with)):
            spec = workspace.specs.get(engine)
            if spec is not None and spec.options:
                heading = QLabel(spec.title)
                heading.setProperty("heading", "true")
                column.addWidget(heading)
                column.addLayout(self._form(engine, spec.options))
        self._note = soft_label(self.tr("They hold until the program is closed. Prompts are asked again."), wrap=True)
        column.addWidget(self._note)
        column.addStretch(1)
        buttons = QDialogButtonBox()
        buttons.addButton(QDialogButtonBox.StandardButton.RestoreDefaults).clicked.connect(self.reset)
        buttons.addButton(QDialogButtonBox.StandardButton.Close).clicked.connect(self.close)
        column.addWidget(buttons)

    def _form(self, engine: str, options: tuple[EngineOption, ...]) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        values = self._workspace.engine_options(engine)
        for option in options:
            editor = self._editor(engine, option, values[option.name])
            editor.setMinimumHeight(TARGET)
            editor.setAccessibleName(_tr(option.title))
            editor.setAccessibleDescription(_tr(option.help))
            editor.setToolTip(_tr(option.help))
            self.editors[engine, option.name] = editor
            form.addRow(_tr(option.title), editor)
            if option.help:
                form.addRow(soft_label(_tr(option.help), wrap=True))
        return form

    def _editor(self, engine: str, option: EngineOption, value: OptionValue) -> QWidget:
        def change(new: OptionValue) -> None:
            self._change(engine, option.name, new)

        if option.choices:
            choice = QComboBox()
            for each in option.choices:
                choice.addItem(_tr(each[:1].upper() + each[1:]), each)
            choice.setCurrentIndex(choice.findData(value))
            choice.activated.connect(lambda _index: change(choice.currentData()))
            return choice
        if isinstance(value, bool):
            tick = QCheckBox()
            tick.setChecked(value)
            tick.toggled.connect(change)
            return tick
        if isinstance(value, str):
            text = QLineEdit(value)
            text.editingFinished.connect(lambda: change(text.text()))
            return text
        low = option.least if option.least is not None else -BOUND
        high = option.most if option.most is not None else BOUND
        if isinstance(value, int):
            whole = QSpinBox()
            padded(whole)
            whole.setRange(int(low), int(high))
            whole.setValue(value)
            whole.editingFinished.connect(lambda: change(whole.value()))
            return whole
        number = QDoubleSpinBox()
        padded(number)
        number.setDecimals(3)
        number.setRange(low, high)
        number.setValue(value)
        number.editingFinished.connect(lambda: change(number.value()))
        return number

    def _change(self, engine: str, name: str, value: OptionValue) -> None:
        try:
            self._workspace.set_engine_option(engine, name, value)
        except UnusableOption as error:
            self._note.setText(str(error))

    def reset(self) -> None:
        """Every option back to its default."""
        for (engine, name), editor in self.editors.items():
            option = next(o for o in self._workspace.specs[engine].options if o.name == name)
            if isinstance(editor, QComboBox):
                editor.setCurrentIndex(editor.findData(option.default))
            elif isinstance(editor, QCheckBox):
                editor.setChecked(bool(option.default))
            elif isinstance(editor, QSpinBox | QDoubleSpinBox) and isinstance(option.default, int | float):
                editor.setValue(option.default)  # type: ignore[arg-type]
            elif isinstance(editor, QLineEdit):
                editor.setText(str(option.default))
            self._change(engine, name, option.default)
