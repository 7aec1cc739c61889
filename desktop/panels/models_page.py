"""The Models page: which weights there are, which are here, and how to get the others (ux.md §14).

Size, licence and target folder are on the page before *Download* is pressed; nothing is downloaded otherwise.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.model_service import Activity, Doing, ModelRow, ModelService
from desktop.panels.controls import GAP, TARGET, ElidedLabel, explain, soft_label
from desktop.panels.icons import icon
from desktop.panels.words import duration
from inference import weights
from inference.weights import readable
from inference.weights.tensors import SUFFIXES

_NAME = Qt.ItemDataRole.UserRole


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModelsPage", text)


class ModelsPage(QDialog):
    """A list by family at the left, everything about the chosen weights at the right."""

    def __init__(self, service: ModelService, parent: QWidget | None = None, engine_weights: str = "") -> None:
        super().__init__(parent)
        self._service = service
        self._wanted = engine_weights
        self.setWindowTitle(self.tr("Models"))
        self.resize(960, 660)
        self.list = self._make_list()
        self.details = _Details(service)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.list)
        split.addWidget(self.details)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 4)
        split.setChildrenCollapsible(False)
        split.setSizes([440, 460])
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(8)
        self.general = soft_label(self.tr("Looking for models…"), wrap=True)
        column.addWidget(split, 1)
        column.addWidget(self.general)
        column.addLayout(self._make_bottom())
        self.list.currentItemChanged.connect(lambda item, _before: self._choose(item))
        service.changed.connect(self._fill)
        service.changed.connect(self.general.clear)
        service.moved.connect(self._show_activities)
        service.said.connect(self._hear)
        service.located.connect(self.select)
        self._fill()
        service.refresh()

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(self.tr("Models"))
        tree.setHeaderLabels([self.tr("Model"), self.tr("State"), self.tr("Size")])
        tree.setRootIsDecorated(False)
        tree.setIndentation(12)
        tree.setUniformRowHeights(True)
        tree.setMinimumWidth(320)
        tree.setStyleSheet(f"QTreeWidget::item {{ min-height: {TARGET}px; }}")
        header = tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        return tree

    def _make_bottom(self) -> QHBoxLayout:
        folder = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        folder.setProperty("soft", "true")
        folder.set_full_text(self.tr("Model folder: {path}").format(path=weights.folder()))
        self.open_folder = QPushButton(icon("folder"), self.tr("Open"))
        self.open_folder.setAccessibleName(self.tr("Open the model folder"))
        self.open_folder.clicked.connect(self._open_folder)
        self.locate_file = QPushButton(self.tr("Locate file…"))
        self.locate_file.setToolTip(self.tr("Use a weights file that is on this computer; its name does not matter."))
        self.locate_file.clicked.connect(self._locate_file)
        self.locate_folder = QPushButton(self.tr("Locate folder…"))
        self.locate_folder.setToolTip(self.tr("Look for weights in a folder of this computer from now on."))
        self.locate_folder.clicked.connect(self._locate_folder)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(folder, 1)
        for button in (self.open_folder, self.locate_file, self.locate_folder):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addWidget(buttons)
        return row

    def select(self, name: str) -> None:
        """Show some weights, by the name of an entry or a family."""
        for item in self._items():
            row = self._service.rows.get(item.data(0, _NAME))
            if row is not None and name in (row.entry.name, row.entry.family):
                self.list.setCurrentItem(item)
                return

    def _items(self) -> list[QTreeWidgetItem]:
        groups = [self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount())]
        return [child for group in groups if group is not None for i in range(group.childCount())
                if (child := group.child(i)) is not None]  # fmt: skip

    def _fill(self) -> None:
        current = self.list.currentItem()
        chosen = current.data(0, _NAME) if current is not None else None
        self.list.blockSignals(True)
        self.list.clear()
        families = weights.catalogue().families
        groups: dict[str, QTreeWidgetItem] = {}
        for row in self._service.rows.values():
            family = row.entry.family if row.entry.family in families else ""
            if family not in groups:
                title = families[family].title if family else self.tr("Other")
                groups[family] = QTreeWidgetItem(self.list, [title])
                groups[family].setFlags(Qt.ItemFlag.ItemIsEnabled)
                groups[family].setFirstColumnSpanned(True)
                font = groups[family].font(0)
                font.setBold(True)
                groups[family].setFont(0, font)
            item = QTreeWidgetItem(groups[family])
            item.setData(0, _NAME, row.entry.name)
            item.setText(0, row.entry.title)
            item.setText(2, size_of(row).replace(self.tr("about "), "≈ ") or "–")
            item.setToolTip(0, row.entry.title)
            item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.list.expandAll()
        self.list.blockSignals(False)
        self._show_activities()
        items = self._items()
        again = next((item for item in items if item.data(0, _NAME) == chosen), None)
        if again is not None:
            self.list.setCurrentItem(again)
        elif self._wanted and items:
            self.select(self._wanted)
        elif items:
            self.list.setCurrentItem(items[0])

    def _choose(self, item: QTreeWidgetItem | None) -> None:
        self.details.show_row(self._service.rows.get(item.data(0, _NAME)) if item is not None else None)

    def _show_activities(self) -> None:
        for item in self._items():
            name = item.data(0, _NAME)
            row = self._service.rows.get(name)
            if row is not None:
                text, picture = state_of(row, self._service.activities.get(name))
                item.setText(1, text)
                item.setIcon(0, icon(picture))
        self.details.refresh()

    def _hear(self, name: str, text: str, _is_problem: bool) -> None:
        self.general.setText("" if name else text)
        self.general.setVisible(not name)
        self.details.refresh()

    def _open_folder(self) -> None:
        folder = weights.folder()
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _locate_file(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        title = self.tr("Locate weights")
        file, _ = QFileDialog.getOpenFileName(
            self, title, str(Path.home()), f"{self.tr('Weights')} ({patterns} merges.txt);;{self.tr('All files')} (*)"
        )
        if file:
            self._service.add(Path(file))

    def _locate_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Locate weights"), str(Path.home()))
        if folder:
            self._service.add(Path(folder))


class _Details(QScrollArea):
    """Everything about one entry, and what can be done with it."""

    def __init__(self, service: ModelService) -> None:
        super().__init__()
        self._service = service
        self._row: ModelRow | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._title = QLabel()
        self._title.setProperty("heading", "true")
        self._state = QLabel()
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(12)
        self._facts.setVerticalSpacing(GAP)
        self._facts.setColumnStretch(1, 1)
        self._values = [self._fact(number) for number in range(8)]
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.progress_text = soft_label()
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.download = self._button(self.tr("Download"), "", self._download)
        self.download.setProperty("primary", "true")
        self.pause = self._button(self.tr("Pause"), "", lambda name: service.pause(name))
        self.cancel = self._button(self.tr("Cancel download"), "", lambda name: service.cancel(name))
        self.verify = self._button(self.tr("Check files"), "", lambda name: service.verify(name))
        self.remove = self._button(self.tr("Remove…"), "trash", self._ask_remove)
        self._inside = QWidget()
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(16, 4, 8, 8)
        column.setSpacing(8)
        column.addWidget(self._title)
        column.addWidget(self._state)
        column.addLayout(self._facts)
        column.addSpacing(GAP)
        column.addWidget(self.progress)
        column.addWidget(self.progress_text)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.download, self.pause, self.cancel, self.verify, self.remove):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.words)
        column.addStretch(1)
        self.setWidget(self._inside)
        self.refresh()

    def _fact(self, number: int) -> tuple[QLabel, QLabel]:
        name = soft_label()
        name.setAlignment(Qt.AlignmentFlag.AlignTop)
        value = QLabel()
        value.setWordWrap(True)
        value.setOpenExternalLinks(True)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._facts.addWidget(name, number, 0)
        self._facts.addWidget(value, number, 1)
        return name, value

    def _button(self, text: str, picture: str, run: object) -> QPushButton:
        button = QPushButton(icon(picture), text) if picture else QPushButton(text)
        button.setMinimumHeight(TARGET)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: run(self._row.entry.name) if self._row is not None else None)  # type: ignore[operator]
        return button

    def show_row(self, row: ModelRow | None) -> None:
        self._row = row
        self.refresh()

    def refresh(self) -> None:
        """Show the row again, with what is under way."""
        if self._row is not None:
            self._row = self._service.rows.get(self._row.entry.name, self._row)
        row = self._row
        self._inside.setVisible(row is not None)
        if row is None:
            return
        activity = self._service.activities.get(row.entry.name)
        self._title.setText(row.entry.title)
        self._state.setText(state_of(row, activity)[0])
        for (name, value), (title, text) in zip(self._values, self._texts(row), strict=True):
            name.setText(title)
            value.setText(text)
            for label in (name, value):
                label.setVisible(bool(text))
        self._show_buttons(row, activity)
        self._show_progress(activity)
        text, is_problem = self._service.last_words(row.entry.name)
        self.words.setText(f"⚠ {text}" if is_problem else text)
        self.words.setVisible(bool(text))

    def _texts(self, row: ModelRow) -> list[tuple[str, str]]:
        entry, found = row.entry, row.located
        companions = [weights.catalogue().entry(name).title for name in entry.companions]
        unknown = self.tr("told by the server when the download starts")
        return [
            (self.tr("Used by"), ", ".join(row.used_by)),
            (self.tr("Size"), size_of(row) or unknown),
            (self.tr("Licence"), entry.licence),
            ("", entry.notice),
            (self.tr("From"), f"huggingface.co/{entry.repository}" if entry.repository else entry.files[0].url),
            (self.tr("Home"), f'<a href="{entry.home}">{entry.home}</a>' if entry.home else ""),
            (self.tr("Here"), str(found.path)) if found is not None else
            (self.tr("Goes to"), str(weights.folder() / entry.name)),
            (self.tr("Comes with"), ", ".join(companions)),
        ]  # fmt: skip

    def _show_buttons(self, row: ModelRow, activity: Activity | None) -> None:
        here, busy = row.located is not None, activity is not None
        stopping = activity is not None and activity.doing is Doing.STOPPING
        checking = activity is not None and activity.doing is Doing.CHECKING
        self.download.setVisible(not here and not busy)
        self.download.setText(self.tr("Resume") if row.partial else self.tr("Download"))
        reason = self._service.offline_reason()
        if not row.entry.can_be_fetched:
            reason = self.tr("It cannot be downloaded from here; get it at its source and locate the file.")
        explain(self.download, reason, self.tr("Downloads what is not here yet, also what it works with."))
        self.pause.setVisible(busy and not checking)
        self.pause.setEnabled(not stopping)
        self.cancel.setVisible(busy or (bool(row.partial) and not here))
        self.cancel.setText(self.tr("Cancel") if checking else self.tr("Cancel download"))
        self.cancel.setEnabled(not stopping)
        self.verify.setVisible(here and not busy)
        self.remove.setVisible(here and not busy)

    def _show_progress(self, activity: Activity | None) -> None:
        self.progress.setVisible(activity is not None)
        self.progress_text.setVisible(activity is not None)
        if activity is None:
            return
        known = bool(activity.total) and activity.doing is not Doing.WAITING
        self.progress.setRange(0, 1000 if known else 0)
        if activity.total:
            self.progress.setValue(round(1000 * activity.done / activity.total))
        parts = []
        if activity.doing is not Doing.WAITING:
            of = self.tr("{done} of {total}") if activity.total else "{done}"
            parts.append(of.format(done=readable(activity.done), total=readable(activity.total or 0)))
        if activity.speed:
            parts.append(self.tr("{size} per second").format(size=readable(activity.speed)))
            if activity.total:
                left = duration((activity.total - activity.done) / activity.speed)
                parts.append(self.tr("{time} left").format(time=left))
        self.progress_text.setText(" · ".join(parts))

    def _download(self, name: str) -> None:
        self._service.download(name)

    def _ask_remove(self, name: str) -> None:
        row = self._row
        if row is None or row.located is None:
            return
        ours = row.located.is_ours
        text = (
            self.tr("Delete {title} ({size}) from the model folder? It can be downloaded again.")
            if ours
            else self.tr("Look no longer at {path}? The files there are left as they are.")
        )
        box = QMessageBox(
            QMessageBox.Icon.Question,
            self.tr("Remove"),
            text.format(title=row.entry.title, size=readable(row.located.size), path=row.located.path),
            QMessageBox.StandardButton.Cancel,
            self,
        )
        box.addButton(
            self.tr("Delete") if ours else self.tr("Forget"), QMessageBox.ButtonRole.DestructiveRole
        ).clicked.connect(lambda: self._service.remove(name))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()


def size_of(row: ModelRow) -> str:
    """The true size of what is here, else what the catalogue knows."""
    if row.located is not None:
        return readable(row.located.size)
    entry = row.entry
    return entry.size_text if entry.size is not None or entry.about is None else _tr("about ") + readable(entry.about)


def state_of(row: ModelRow, activity: Activity | None) -> tuple[str, str]:
    """The state in a word or two, and the name of its icon."""
    if activity is not None:
        percent = f" {100 * activity.done // activity.total} %" if activity.total else ""
        words = {
            Doing.WAITING: _tr("Waiting"),
            Doing.DOWNLOADING: _tr("Downloading") + percent,
            Doing.STOPPING: _tr("Stopping…"),
            Doing.CHECKING: _tr("Checking") + percent,
        }
        return words[activity.doing], "hourglass"
    if row.located is not None:
        return (_tr("Here"), "done") if row.located.exact else (_tr("Of another size"), "warning")
    if row.partial:
        return _tr("Paused"), "hourglass"
    return _tr("Not here"), "minus"
