"""One searchable page of settings: they act at once, changed ones have a dot, each can be reset (ux.md §19)."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.languages import LANGUAGES
from desktop.panels.controls import padded
from desktop.panels.icons import icon
from desktop.settings import SETTINGS, Setting, Settings

_ENGINE_SETTINGS = frozenset({"engines.find_with", "engines.refine_with"})
_EDITOR_WIDTH, _NUMBER_WIDTH = 200, 96


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)


class SettingsDialog(QDialog):
    """Built from :data:`desktop.settings.SETTINGS`. ``engines`` are the titles of the engines that can be chosen."""

    def __init__(
        self, settings: Settings, parent: QWidget | None = None, engines: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle(self.tr("Settings"))
        self.resize(640, 620)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find a setting"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Find a setting"))
        self.rows: dict[str, _Row] = {}
        self._headings: dict[str, QLabel] = {}
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 8)
        column.setSpacing(4)
        for setting in SETTINGS:
            if setting.group not in self._headings:
                heading = QLabel(_tr(setting.group))
                heading.setProperty("heading", "true")
                heading.setContentsMargins(0, 12, 0, 4)
                self._headings[setting.group] = heading
                column.addWidget(heading)
            choices = {str(choice): _tr(str(choice)[:1].upper() + str(choice)[1:]) for choice in setting.choices or ()}
            if setting.name == "appearance.language":
                choices = {"system": _tr("System"), **LANGUAGES}
            elif setting.name in _ENGINE_SETTINGS:
                choices = dict(engines or {})
            elif setting.name == "engines.label_with":
                choices = {"auto": _tr("Automatic"), "off": _tr("Off"), **(engines or {})}
            self.rows[setting.name] = _Row(setting, settings, choices)
            column.addWidget(self.rows[setting.name])
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 12, 12)
        outer.setSpacing(8)
        outer.addWidget(self.search)
        outer.addWidget(scroll, 1)
        self.search.textChanged.connect(self._filter)

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        shown: set[str] = set()
        for row in self.rows.values():
            fits = all(word in row.words for word in words)
            row.setVisible(fits)
            if fits:
                shown.add(row.setting.group)
        for group, heading in self._headings.items():
            heading.setVisible(group in shown)


class _Row(QWidget):
    """Dot, name, editor, reset."""

    def __init__(self, setting: Setting, settings: Settings, choices: Mapping[str, str]) -> None:
        super().__init__()
        self.setting = setting
        self._choices = choices
        self._settings = settings
        self.words = f"{setting.name} {_tr(setting.title)} {_tr(setting.help)} {_tr(setting.group)}".casefold()
        self._dot = QLabel()
        self._dot.setFixedWidth(12)
        title = QLabel(_tr(setting.title))
        title.setToolTip(_tr(setting.help) or setting.name)
        self.editor = self._make_editor()
        self.editor.setMinimumHeight(24)
        self.editor.setAccessibleName(_tr(setting.title))
        title.setBuddy(self.editor)
        self.reset = QToolButton()
        self.reset.setIcon(icon("undo"))
        self.reset.setAutoRaise(True)
        self.reset.setMinimumSize(24, 24)
        self.reset.setToolTip(_tr("Reset to the default"))
        self.reset.setAccessibleName(_tr("Reset to the default"))
        self.reset.clicked.connect(self._reset)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        grid.addWidget(self._dot, 0, 0)
        grid.addWidget(title, 0, 1)
        grid.addWidget(self.editor, 0, 2)
        grid.addWidget(self.reset, 0, 3)
        if setting.help:
            note = QLabel(_tr(setting.help))
            note.setProperty("soft", "true")
            note.setWordWrap(True)
            grid.addWidget(note, 1, 1, 1, 2)
        self._show_changed()

    def _make_editor(self) -> QWidget:
        setting, value = self.setting, self._settings.value(self.setting.name)
        low = setting.low if setting.low is not None else -1e9
        high = setting.high if setting.high is not None else 1e9
        if self._choices:
            choice = QComboBox()
            for name, title in self._choices.items():
                choice.addItem(title, name)
            if value not in self._choices:
                choice.addItem(str(value), str(value))
            choice.setMinimumWidth(_EDITOR_WIDTH)
            choice.setCurrentIndex(choice.findData(str(value)))
            choice.currentIndexChanged.connect(lambda index: self._set(str(choice.itemData(index))))
            return choice
        if isinstance(setting.default, bool):
            box = QCheckBox()
            box.setChecked(bool(value))
            box.toggled.connect(self._set)
            return box
        if isinstance(setting.default, int):
            whole = QSpinBox()
            whole.setRange(int(low), int(high))
            whole.setValue(int(value))
            whole.setKeyboardTracking(False)
            whole.setMinimumWidth(_NUMBER_WIDTH)
            padded(whole)
            whole.valueChanged.connect(self._set)
            return whole
        if isinstance(setting.default, float):
            number = QDoubleSpinBox()
            number.setRange(low, high)
            number.setValue(float(value))
            number.setKeyboardTracking(False)
            padded(number)
            number.valueChanged.connect(self._set)
            return number
        line = QLineEdit(str(value))
        if setting.secret:
            line.setEchoMode(QLineEdit.EchoMode.Password)
        line.setMinimumWidth(_EDITOR_WIDTH)
        line.editingFinished.connect(lambda: self._set(line.text()))
        return line

    def _set(self, value: bool | int | float | str) -> None:
        try:
            self._settings.set(self.setting.name, value)
        except ValueError as error:
            self.editor.setToolTip(str(error))
        self._show_changed()

    def _reset(self) -> None:
        self._settings.reset(self.setting.name)
        default = self.setting.default
        editor = self.editor
        editor.blockSignals(True)
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(str(default)))
        elif isinstance(editor, QCheckBox):
            editor.setChecked(bool(default))
        elif isinstance(editor, QSpinBox):
            editor.setValue(int(default))
        elif isinstance(editor, QDoubleSpinBox):
            editor.setValue(float(default))
        elif isinstance(editor, QLineEdit):
            editor.setText(str(default))
        editor.blockSignals(False)
        self._show_changed()

    def _show_changed(self) -> None:
        changed = self._settings.is_changed(self.setting.name)
        self._dot.setText("●" if changed else "")
        self._dot.setAccessibleName(_tr("changed") if changed else "")
        self._dot.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.reset.setEnabled(changed)
