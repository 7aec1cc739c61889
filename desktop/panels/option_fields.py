"""The options of a format as form fields under headings: a choice, a tick, a number or a text, by their defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from desktop.dataset.formats.contract import OptionField
from desktop.panels.controls import GAP, TARGET, padded

_LABEL_WIDTH, _NUMBER_WIDTH = 168, 120
_HEADINGS = (
    ("Images", ("scope", "images", "overwrite")),
    ("Split", ("split", "split_shares", "split_seed")),
)
"""Options that every export has; the others come first, under the format's own heading."""

_WORDS = {
    ("scope", "all"): "All",
    ("scope", "done"): "Done and reviewed",
    ("scope", "reviewed"): "Reviewed",
    ("split", "none"): "None",
    ("split", "seed"): "At random, by a seed",
    ("split", "folder"): "By folder",
    ("images", "leave"): "Leave where they are",
    ("images", "copy"): "Copy",
    ("images", "link"): "Link",
    ("segmentation", "auto"): "Automatic",
    ("segmentation", "rle"): "RLE",
    ("boxes", "integers"): "Whole pixels",
    ("boxes", "floats"): "Decimal numbers",
}
"""What choices are called on screen; one that is not here is shown as it is, with a capital."""

_TITLES = {"scope": "Which images"}
_NEEDS = {"split_shares": ("split", "seed"), "split_seed": ("split", "seed")}
"""Options that say nothing unless another one has a certain value."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("Formats", text)


class OptionFields(QWidget):
    """``changed`` follows every edit. Options whose default is None have no field here; they are set by code."""

    changed = Signal()

    def __init__(self, fields: Sequence[OptionField], title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editors: dict[str, QWidget] = {}
        self._labels: dict[str, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, GAP, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnMinimumWidth(0, _LABEL_WIDTH)
        shown = [field for field in fields if field.default is not None]
        common = {name for _, names in _HEADINGS for name in names}
        own = [field for field in shown if field.name not in common]
        self._add_group(title, own)
        for heading, names in _HEADINGS:
            self._add_group(_tr(heading), [field for field in shown if field.name in names])
        self._grid.setRowStretch(self._grid.rowCount(), 1)
        self.changed.connect(self._show_needs)
        self._show_needs()

    def _add_group(self, heading: str, fields: Sequence[OptionField]) -> None:
        if not fields:
            return
        row = self._grid.rowCount()
        if heading:
            label = QLabel(heading)
            label.setProperty("heading", "true")
            label.setContentsMargins(0, 0 if not self._editors else 8, 0, 0)
            self._grid.addWidget(label, row, 0, 1, 2)
            row += 1
        for place, field in enumerate(fields, row):
            editor = self._editor(field)
            editor.setMinimumHeight(TARGET)
            title = _tr(_TITLES.get(field.name, field.title))
            editor.setAccessibleName(title)
            self._editors[field.name] = editor
            if isinstance(editor, QCheckBox):
                editor.setText(title)
                self._grid.addWidget(editor, place, 0, 1, 2)
                continue
            label = QLabel(title)
            label.setBuddy(editor)
            label.setWordWrap(True)
            self._labels[field.name] = label
            self._grid.addWidget(label, place, 0)
            self._grid.addWidget(editor, place, 1)

    def add_below(self, heading: str, widget: QWidget) -> None:
        """Put a widget under a heading of its own, after the options."""
        row = self._grid.rowCount()
        label = QLabel(heading)
        label.setProperty("heading", "true")
        label.setContentsMargins(0, 8, 0, 0)
        self._grid.addWidget(label, row - 1, 0, 1, 2)
        self._grid.addWidget(widget, row, 0, 1, 2)
        self._grid.setRowStretch(row - 1, 0)
        self._grid.setRowStretch(row + 1, 1)

    def _show_needs(self) -> None:
        values = self.values()
        for name, (other, wanted) in _NEEDS.items():
            if name in self._editors and other in values:
                serves = values[other] == wanted
                reason = "" if serves else _tr("Only for a split at random.")
                for widget in (self._editors[name], self._labels[name]):
                    widget.setEnabled(serves)
                    widget.setToolTip(reason)

    def _editor(self, field: OptionField) -> QWidget:
        if field.choices:
            choice = QComboBox()
            for value in field.choices:
                word = _WORDS.get((field.name, str(value)), str(value)[:1].upper() + str(value)[1:])
                choice.addItem(_tr(word), str(value))
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
            return _narrow(whole)
        if isinstance(field.default, float):
            number = QDoubleSpinBox()
            number.setRange(0, 100)
            number.setSingleStep(0.5)
            number.setValue(field.default)
            number.valueChanged.connect(self.changed)
            return _narrow(number)
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


def _narrow(box: QSpinBox | QDoubleSpinBox) -> QWidget:
    """A number does not need the width of a text."""
    padded(box)
    box.setMinimumWidth(_NUMBER_WIDTH)
    box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return box


def _value(editor: QWidget) -> Any:
    if isinstance(editor, QComboBox):
        return editor.currentData()
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    if isinstance(editor, QSpinBox | QDoubleSpinBox):
        return editor.value()
    return editor.text() if isinstance(editor, QLineEdit) else None
