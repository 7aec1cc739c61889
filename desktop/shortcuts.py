"""The shortcut editor: choose a command, press keys. A key that is taken is refused with the name of its owner."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import PRESETS, ActionRegistry, Conflict
from desktop.languages import word
from desktop.panels.controls import TARGET
from desktop.settings import Settings


class ShortcutEditor(QDialog):
    """Changes act at once; each can be reset, and all together."""

    def __init__(self, registry: ActionRegistry, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._registry, self._settings = registry, settings
        self.setWindowTitle(self.tr("Shortcuts"))
        self.resize(660, 640)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find a command or key"))
        self.search.setClearButtonEnabled(True)
        self.preset = QComboBox()
        self.preset.setAccessibleName(self.tr("Preset"))
        for preset in PRESETS:
            self.preset.addItem(QCoreApplication.translate("Settings", preset), preset)
        self.preset.setCurrentIndex(self.preset.findData(settings.text("shortcuts.preset")))
        self.tree = QTreeWidget()
        self.tree.setColumnCount(3)
        self.tree.setHeaderLabels([self.tr("Command"), self.tr("Keys"), self.tr("Works in")])
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        header = self.tree.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        header.resizeSection(1, 180)
        header.resizeSection(2, 80)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setAccessibleName(self.tr("Commands"))
        self.keys = QKeySequenceEdit()
        self.keys.setMaximumSequenceLength(1)
        self.keys.setAccessibleName(self.tr("New key"))
        self._set = QPushButton(self.tr("Set"))
        self._none = QPushButton(self.tr("No key"))
        self._reset = QPushButton(self.tr("Reset"))
        self._reset_all = QPushButton(self.tr("Reset all"))
        self.problem = QLabel()
        self.problem.setProperty("problem", "true")
        self.problem.setWordWrap(True)
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(QLabel(self.tr("Preset")))
        top.addWidget(self.preset)
        row = QHBoxLayout()
        row.addWidget(self.keys, 1)
        for button in (self._set, self._none, self._reset, self._reset_all):
            button.setAutoDefault(False)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.tree, 1)
        column.addWidget(self.problem)
        column.addLayout(row)
        self.search.textChanged.connect(self._filter)
        self.preset.activated.connect(lambda index: self._choose_preset(str(self.preset.itemData(index))))
        self.tree.currentItemChanged.connect(lambda *_: self.problem.clear())
        self._set.clicked.connect(lambda: self.assign(self.keys.keySequence()))
        self._none.clicked.connect(lambda: self.assign(QKeySequence()))
        self._reset.clicked.connect(self._reset_one)
        self._reset_all.clicked.connect(self._reset_everything)
        self._fill()

    def _fill(self) -> None:
        chosen = self.current()
        self.tree.clear()
        for command in self._registry.commands:
            native = QKeySequence.SequenceFormat.NativeText
            keys = ", ".join(QKeySequence(key).toString(native) for key in self._registry.keys(command.id))
            item = QTreeWidgetItem([command.name, keys, word(command.scope)])
            item.setSizeHint(0, QSize(0, TARGET))
            item.setData(0, Qt.ItemDataRole.UserRole, command.id)
            if command.id in self._settings.shortcuts:
                font = item.font(1)
                font.setBold(True)
                item.setFont(1, font)
                item.setToolTip(1, self.tr("Changed by you"))
            self.tree.addTopLevelItem(item)
            if command.id == chosen:
                self.tree.setCurrentItem(item)
        self._filter(self.search.text())

    def _filter(self, text: str) -> None:
        wanted = text.casefold()
        for row in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(row)
            if item is not None:
                item.setHidden(wanted not in f"{item.text(0)} {item.text(1)}".casefold())

    def current(self) -> str:
        """The id of the chosen command, or empty."""
        item = self.tree.currentItem()
        return str(item.data(0, Qt.ItemDataRole.UserRole)) if item is not None else ""

    def choose(self, action_id: str) -> None:
        """Choose a command by its id."""
        for row in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(row)
            if item is not None and item.data(0, Qt.ItemDataRole.UserRole) == action_id:
                self.tree.setCurrentItem(item)

    def assign(self, sequence: QKeySequence) -> None:
        """Give the chosen command a key (none when empty); a taken key is refused with a sentence."""
        action_id = self.current()
        if not action_id:
            self.problem.setText(self.tr("Choose a command first."))
            return
        key = sequence.toString(QKeySequence.SequenceFormat.PortableText)
        try:
            self._registry.set_keys(action_id, (key,) if key else ())
        except Conflict as conflict:
            self.problem.setText(str(conflict))
            return
        self.keys.clear()
        self._fill()

    def _reset_one(self) -> None:
        if self.current():
            try:
                self._registry.reset_keys(self.current())
            except Conflict as conflict:
                self.problem.setText(str(conflict))
                return
            self._fill()

    def _reset_everything(self) -> None:
        self._registry.reset_keys()
        self._fill()

    def _choose_preset(self, name: str) -> None:
        self._settings.set("shortcuts.preset", name)
        self._registry.reload_keys()
        self._fill()
