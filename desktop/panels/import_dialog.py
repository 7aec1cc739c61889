"""The import dialog: a dry-run table first, classes mapped by hand, then one undoable step (ux.md §18)."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.dataset.errors import DatasetError
from desktop.dataset.formats.contract import ClassAction, ClassRow, ImportPlan
from desktop.dataset.formats.recognise import recognised
from desktop.dataset.formats.registry import IMPORTS
from desktop.panels.background import Latest
from desktop.panels.controls import TARGET, explain
from desktop.panels.icons import icon
from desktop.panels.words import counted, grouped
from desktop.workspace import Workspace

_MOST_ROWS = 2000
_AS_IN_FILE, _SKIP = "as in the file", "skip"
"""What a class becomes besides a class of the project, which is a tuple of its name."""


class _Stopped(Exception):
    """A newer dry run, or none, is wanted."""


class ImportDialog(QDialog):
    """Reads the file off the GUI thread, shows what would happen, and changes nothing before *Import*."""

    started = Signal(str)
    """The id of the import job."""

    _read = Signal(int, float)
    """(number of the dry run, how much of the file is read)"""

    def __init__(
        self, workspace: Workspace, parent: QWidget | None = None, source: Path | None = None, format_name: str = ""
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._plan: ImportPlan | None = None
        self._error = self.tr("Choose a file or a folder to import.")
        self._mapping: dict[str, str | None] = {}
        self.setWindowTitle(self.tr("Import"))
        self.resize(760, 600)
        self.format = QComboBox()
        self.format.setAccessibleName(self.tr("Format"))
        self.format.setMinimumHeight(TARGET)
        for known in IMPORTS:
            self.format.addItem(known.title, known.name)
        self.format.setCurrentIndex(max(self.format.findData(format_name), 0))
        self.source = QLineEdit(str(source or ""))
        self.source.setAccessibleName(self.tr("File or folder"))
        self.source.setMinimumHeight(TARGET)
        self._browse = QPushButton(self.tr("File…"))
        self._browse.setAccessibleName(self.tr("Choose the file"))
        self._browse_folder = QPushButton(icon("folder"), self.tr("Folder…"))
        self._browse_folder.setAccessibleName(self.tr("Choose the folder"))
        self.folder = QLineEdit()
        self.folder.setPlaceholderText(self.tr("beside the file, or in the project"))
        self.folder.setAccessibleName(self.tr("Folder of the image files"))
        self.folder.setMinimumHeight(TARGET)
        self._browse_images = QPushButton(icon("folder"), self.tr("Choose…"))
        self._browse_images.setAccessibleName(self.tr("Choose the folder of the image files"))
        self.unknown = QComboBox()
        self.unknown.setAccessibleName(self.tr("Unknown classes"))
        self.unknown.setMinimumHeight(TARGET)
        self.unknown.addItem(self.tr("Create"), "create")
        self.unknown.addItem(self.tr("Skip with their instances"), "skip")
        self.boxes = QComboBox()
        self.boxes.setAccessibleName(self.tr("Objects with a box only"))
        self.boxes.setMinimumHeight(TARGET)
        self.boxes.addItem(self.tr("Refuse: a box is no mask"), "refuse")
        self.boxes.addItem(self.tr("Fill the box"), "fill")
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.classes = _table(
            (self.tr("Class in the file"), self.tr("Instances"), self.tr("Becomes")), self.tr("Classes")
        )
        self.images = _table((self.tr("Image"), self.tr("Instances"), self.tr("In the project")), self.tr("Images"))
        self.refused = _table((self.tr("Item"), self.tr("Reason")), self.tr("Rejected"))
        self.notes = _table((self.tr("Item"), self.tr("What changes")), self.tr("Changed"))
        self._tabs = QTabWidget()
        self._tables = (self.classes, self.images, self.refused, self.notes)
        for table in self._tables:
            self._tabs.addTab(table, table.accessibleName())
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._import = self._buttons.addButton(self.tr("Import"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._import.setDefault(True)
        self._browse.setAutoDefault(False)
        self._browse_folder.setAutoDefault(False)
        self._browse_images.setAutoDefault(False)
        self._stop = threading.Event()
        self._run = 0
        self._read.connect(self._show_progress)
        self._latest: Latest[ImportPlan] = Latest(self._show_plan, self._show_failure, self)
        top = QGridLayout()
        top.setHorizontalSpacing(12)
        top.setVerticalSpacing(8)
        top.setColumnStretch(1, 1)
        rows: tuple[tuple[str, QWidget, tuple[QWidget, ...]], ...] = (
            (self.tr("From"), self.source, (self._browse, self._browse_folder)),
            (self.tr("Format"), self.format, ()),
            (self.tr("Images"), self.folder, (self._browse_images,)),
            (self.tr("Unknown classes"), self.unknown, ()),
            (self.tr("Objects with a box only"), self.boxes, ()),
        )
        self._labels: dict[QWidget, QLabel] = {}
        for row, (title, widget, buttons) in enumerate(rows):
            label = self._labels[widget] = QLabel(title)
            label.setBuddy(widget)
            top.addWidget(label, row, 0)
            top.addWidget(widget, row, 1, 1, 3 - len(buttons))
            for place, button in enumerate(buttons, 4 - len(buttons)):
                top.addWidget(button, row, place)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.summary)
        column.addWidget(self._tabs, 1)
        column.addWidget(self._buttons)
        self.format.activated.connect(lambda _i: self.check())
        self.boxes.activated.connect(lambda _i: self.check())
        self.unknown.activated.connect(lambda _i: self.check())
        self.source.editingFinished.connect(self.check)
        self.folder.editingFinished.connect(self.check)
        self._browse.clicked.connect(lambda: self._choose(QFileDialog.FileMode.ExistingFile))
        self._browse_folder.clicked.connect(lambda: self._choose(QFileDialog.FileMode.Directory))
        self._browse_images.clicked.connect(self._choose_images)
        self._buttons.accepted.connect(self.start)
        self._buttons.rejected.connect(self.reject)
        if source is not None:
            self.check()
        else:
            self._show_failure(DatasetError(self._error))

    def options(self) -> dict[str, Any]:
        """Unknown classes are created or skipped; ``classes`` maps names of the file to present ones, None skips."""
        options = {
            "images": self.folder.text().strip(),
            "unknown_classes": self.unknown.currentData(),
            "classes": dict(self._mapping) or None,
        }
        return {**options, "boxes": self.boxes.currentData()} if self._has_boxes() else options

    def _has_boxes(self) -> bool:
        return any(field.name == "boxes" for field in IMPORTS[self.format.currentIndex()].fields)

    def _choose(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, self.tr("Import from"), self.source.text())
        dialog.setFileMode(mode)
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def _choose_images(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder of the image files"), self.folder.text() or self.source.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self._folder_chosen)
        dialog.open()

    def _folder_chosen(self, path: str) -> None:
        self.folder.setText(path)
        self.check()

    def _chosen(self, path: str) -> None:
        """A file that was chosen says itself what it is; a person can still choose another format."""
        self.source.setText(path)
        self._mapping.clear()
        found = self.format.findData(recognised(Path(path)) or "")
        if found >= 0:
            self.format.setCurrentIndex(found)
        self.check()

    def check(self) -> None:
        """Dry run; changes nothing."""
        for widget in (self.boxes, self._labels[self.boxes]):
            widget.setVisible(self._has_boxes())
        text = self.source.text().strip()
        if not text:
            self._show_failure(DatasetError(self.tr("Choose a file or a folder to import.")))
            return
        if self._workspace.project is None:
            self._show_failure(DatasetError(self.tr("Open a project or a folder of images first.")))
            return
        self._plan, self._error = None, self.tr("The dry run is still running.")
        self.summary.setText(self.tr("Reading…"))
        explain(self._import, self._error)
        known = IMPORTS[self.format.currentIndex()]
        self._stop.set()
        self._stop = threading.Event()
        self._run += 1
        progress = partial(self._tell, self._run, self._stop)
        self._latest.ask(
            partial(known.plan, self._workspace.project, Path(text).expanduser(), self.options(), progress)
        )

    def _tell(self, run: int, stop: threading.Event, fraction: float, _file: str) -> None:
        """Called on the reading thread."""
        if stop.is_set():
            raise _Stopped
        self._read.emit(run, fraction)

    def _show_progress(self, run: int, fraction: float) -> None:
        if run == self._run and self._plan is None and not self._stop.is_set():
            self.summary.setText(self.tr("Reading… {percent} %").format(percent=round(100 * fraction)))

    def _show_failure(self, error: Exception) -> None:
        self._plan, self._error = None, str(error)
        self.summary.setText(self._error)
        for table in self._tables:
            table.setRowCount(0)
        explain(self._import, self._error)

    def _show_plan(self, plan: ImportPlan) -> None:
        self._plan, self._error = plan, ""
        matched = sum(not row.new for row in plan.images)
        instances = counted(plan.instances, self.tr("%1 instance"), self.tr("%1 instances"))
        images = counted(len(plan.images), self.tr("%1 image"), self.tr("%1 images"))
        text = self.tr("{instances} on {images} ({matched} already in the project); {rejected} rejected.")
        self.summary.setText(
            text.format(
                instances=instances, images=images, matched=grouped(matched), rejected=grouped(len(plan.rejected))
            )
        )
        self._show_classes(plan)
        known, new = self.tr("yes"), self.tr("will be added")
        _fill(self.images, [(r.name, grouped(r.instances), new if r.new else known) for r in plan.images])
        _fill(self.refused, [(r.what, r.reason) for r in plan.rejected])
        _fill(self.notes, [(n.file, n.text) for n in plan.notes])
        counts = (len(plan.classes), len(plan.images), len(plan.rejected), len(plan.notes))
        for place, count in enumerate(counts):
            title = self._tables[place].accessibleName()
            self._tabs.setTabText(place, f"{title} ({grouped(count)})")
        nothing = self.tr("Nothing in this file can be imported.") if not plan.changes else ""
        explain(self._import, self._workspace.read_only or nothing)

    def _show_classes(self, plan: ImportPlan) -> None:
        """One list of choices serves all rows: there can be a thousand classes on both sides."""
        choices = QStandardItemModel(self)
        for text, data in (
            (self.tr("as in the file"), _AS_IN_FILE),
            (self.tr("nothing (skipped)"), _SKIP),
            *((category.name, (category.name,)) for category in self._workspace.categories),
        ):
            item = QStandardItem(text)
            item.setData(data, Qt.ItemDataRole.UserRole)
            choices.appendRow(item)
        self.classes.setRowCount(len(plan.classes))
        for row, found in enumerate(plan.classes):
            name = QTableWidgetItem(found.name)
            name.setToolTip(found.name)
            self.classes.setItem(row, 0, name)
            self.classes.setItem(row, 1, QTableWidgetItem(grouped(found.instances)))
            self.classes.setCellWidget(row, 2, self._class_choice(found, choices))

    def _class_choice(self, found: ClassRow, choices: QStandardItemModel) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(self.tr("“%1” becomes").replace("%1", found.name))
        words = {
            ClassAction.CREATE: self.tr("a new class"),
            ClassAction.SKIP: self.tr("nothing (skipped)"),
            ClassAction.USE: self.tr("the class of that name"),
        }
        box.setModel(choices)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setPlaceholderText(words[found.action])
        index = -1
        if found.name in self._mapping:
            target = self._mapping[found.name]
            index = box.findText(target) if target is not None else 1
        box.setCurrentIndex(index)
        box.activated.connect(lambda row: self._map(found.name, box.itemData(row)))
        return box

    def _map(self, name: str, choice: Any) -> None:
        if choice == _AS_IN_FILE:
            self._mapping.pop(name, None)
        else:
            self._mapping[name] = None if choice == _SKIP else choice[0]
        self.check()

    def start(self) -> None:
        """Start the import as a job and close."""
        if self._plan is None:
            return
        source = Path(self.source.text()).expanduser()
        job = self._workspace.import_from(self.format.currentData(), source, self.options(), self._plan)
        self.started.emit(job)
        self.accept()

    def done(self, result: int) -> None:
        self._stop.set()
        self._latest.forget()
        super().done(result)


def _table(titles: tuple[str, ...], name: str) -> QTableWidget:
    table = QTableWidget(0, len(titles))
    table.setHorizontalHeaderLabels(list(titles))
    table.setAccessibleName(name)
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(28)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setStretchLastSection(True)
    table.setShowGrid(False)
    return table


def _fill(table: QTableWidget, rows: list[tuple[str, ...]]) -> None:
    """At most 2,000 rows: a person reads the first ones, the summary has the number."""
    table.setRowCount(min(len(rows), _MOST_ROWS))
    for row, cells in enumerate(rows[:_MOST_ROWS]):
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(row, column, item)
