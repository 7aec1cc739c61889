"""The options of a format as form fields: a choice, a tick, a number or a text, by the type of the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QLabel, QLineEdit, QSpinBox, QWidget

from desktop.dataset.formats.contract import OptionField
from desktop.panels.controls import TARGET


class OptionFields(QWidget):
    """``changed`` follows every edit. Options whose default is None have no field here; they are set by code."""

    changed = Signal()

    def __init__(self, fields: Sequence[OptionField], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editors: dict[str, QWidget] = {}
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(8)
        for field in fields:
            if field.default is None:
                continue
            editor = self._editor(field)
            editor.setMinimumHeight(TARGET)
            title = QCoreApplication.translate("Formats", field.title)
            editor.setAccessibleName(title)
            self._editors[field.name] = editor
            if isinstance(editor, QCheckBox):
                editor.setText(title)
                form.addRow(editor)
            else:
                label = QLabel(title)
                label.setBuddy(editor)
                label.setWordWrap(True)
                form.addRow(label, editor)

    def _editor(self, field: OptionField) -> QWidget:
        if field.choices:
            choice = QComboBox()
            for value in field.choices:
                choice.addItem(QCoreApplication.translate("Formats", str(value)), str(value))
            choice.setCurrentIndex(choice.findData(str(field.default)))
            choice.currentIndexChanged.connect(self.changed)
            return choice
        if isinstance(field.default, bool):
            tick = QCheckBox()
            tick.setChecked(field.default)
            tick.toggled.connect(self.changed)
            return tick
        if isinstance(field.default, int):
            whole = QSpinBox()
            whole.setRange(0, 2**31 - 1)
            whole.setValue(field.default)
            whole.valueChanged.connect(self.changed)
            return whole
        if isinstance(field.default, float):
            number = QDoubleSpinBox()
            number.setRange(0, 100)
            number.setSingleStep(0.5)
            number.setValue(field.default)
            number.valueChanged.connect(self.changed)
            return number
        text = QLineEdit(str(field.default))
        text.textChanged.connect(self.changed)
        return text

    def values(self) -> Mapping[str, Any]:
        """The options as they stand, by name."""
        return {name: _value(editor) for name, editor in self._editors.items()}

    def set_value(self, name: str, value: Any) -> None:
        """Show a value. Raises KeyError for an option without a field."""
        editor = self._editors[name]
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(str(value)))
        elif isinstance(editor, QCheckBox):
            editor.setChecked(bool(value))
        elif isinstance(editor, QSpinBox | QDoubleSpinBox):
            editor.setValue(value)
        elif isinstance(editor, QLineEdit):
            editor.setText(str(value))


def _value(editor: QWidget) -> Any:
    if isinstance(editor, QComboBox):
        return editor.currentData()
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    if isinstance(editor, QSpinBox | QDoubleSpinBox):
        return editor.value()
    return editor.text() if isinstance(editor, QLineEdit) else None
