"""The export dialog: format at the left, options and a live pre-flight at the right (ux.md §18)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.dataset.errors import DatasetError
from desktop.dataset.formats.contract import ExportFormat, Preflight
from desktop.dataset.formats.registry import EXPORTS
from desktop.dataset.formats.traits import Trait
from desktop.panels.background import Latest
from desktop.panels.category_ids import CategoryIds
from desktop.panels.controls import TARGET, explain, soft_label
from desktop.panels.icons import icon
from desktop.panels.option_fields import OptionFields
from desktop.panels.words import counted, grouped
from desktop.workspace import JobInfo, JobState, Workspace

_DELAY_MS = 250
_MOST_LINES = 200


class ExportDialog(QDialog):
    """Starts the export as a job of the workspace and shows its report when it ends.

    The button is disabled, with the reason, while the pre-flight finds nothing to write, a mistake in the options, or
    files that exist and *Replace existing files* is off.
    """

    started = Signal(str)
    """The id of the export job."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None, folder: Path | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._preflight: Preflight | None = None
        self._error = ""
        self._job = ""
        self.setWindowTitle(self.tr("Export"))
        self.resize(1000, 700)
        self.formats = QListWidget()
        self.formats.setAccessibleName(self.tr("Formats"))
        self.formats.setFixedWidth(200)
        self._pages = QStackedWidget()
        self._options: list[OptionFields] = []
        self.category_ids = CategoryIds(workspace.categories)
        self.category_ids.changed.connect(self._changed)
        self.folder = QLineEdit(str(folder or self._default_folder()))
        self.folder.setAccessibleName(self.tr("Target folder"))
        self.folder.setMinimumHeight(TARGET)
        self._browse = QPushButton(icon("folder"), self.tr("Choose…"))
        self._browse.setAccessibleName(self.tr("Choose the target folder"))
        self.filtered = QCheckBox(self.tr("Only the images that the strip shows"))
        self.filtered.setMinimumHeight(TARGET)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.summary.setMinimumHeight(3 * self.summary.fontMetrics().lineSpacing())
        self.summary.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.limits = soft_label(wrap=True)
        self.report = QPlainTextEdit()
        self.report.setReadOnly(True)
        self.report.setAccessibleName(self.tr("Pre-flight"))
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._export = self._buttons.addButton(self.tr("Export"), QDialogButtonBox.ButtonRole.ActionRole)
        self._export.setDefault(True)
        self._browse.setAutoDefault(False)
        self._latest: Latest[Preflight] = Latest(self._show_preflight, self._show_failure, self)
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(_DELAY_MS)
        self._delay.timeout.connect(self.check)
        for known in EXPORTS:
            self._add_format(known)
        self._build()
        self.formats.currentRowChanged.connect(self._format_chosen)
        self.folder.textChanged.connect(self._changed)
        self.filtered.toggled.connect(self._changed)
        self._browse.clicked.connect(self._choose_folder)
        self._export.clicked.connect(self.start)
        self._buttons.rejected.connect(self.reject)
        workspace.jobs_changed.connect(self._follow_job)
        self.formats.setCurrentRow(0)

    def _default_folder(self) -> Path:
        project = self._workspace.project
        return Path(project.folder) / "export" if project is not None else Path.home()

    def _add_format(self, known: ExportFormat) -> None:
        item = QListWidgetItem(known.title)
        item.setSizeHint(QSize(0, 30))
        self.formats.addItem(item)
        fields = OptionFields(known.fields, known.title)
        fields.changed.connect(self._changed)
        self._options.append(fields)
        if any(field.name == "category_ids" for field in known.fields):
            fields.add_below(self.tr("Category ids"), self.category_ids)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(fields)
        self._pages.addWidget(scroll)

    def _build(self) -> None:
        target = QHBoxLayout()
        label = QLabel(self.tr("To"))
        label.setBuddy(self.folder)
        target.addWidget(label)
        target.addWidget(self.folder, 1)
        target.addWidget(self._browse)
        options = QVBoxLayout()
        options.setSpacing(8)
        options.addWidget(self._pages, 1)
        options.addWidget(self.filtered)
        preflight = QVBoxLayout()
        preflight.setSpacing(8)
        heading = QLabel(self.tr("Pre-flight"))
        heading.setProperty("heading", "true")
        preflight.addWidget(heading)
        preflight.addWidget(self.summary)
        preflight.addWidget(self.limits)
        preflight.addWidget(self.report, 1)
        sides = QHBoxLayout()
        sides.setSpacing(16)
        sides.addWidget(self.formats)
        sides.addLayout(options, 4)
        sides.addLayout(preflight, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.setSpacing(12)
        column.addLayout(target)
        column.addLayout(sides, 1)
        column.addWidget(self._buttons)

    # -- choices -------------------------------------------------------------------------------------------------

    @property
    def format(self) -> ExportFormat:
        return EXPORTS[max(self.formats.currentRow(), 0)]

    def options(self) -> dict[str, Any]:
        """The options of the chosen format as they stand."""
        options = dict(self._options[max(self.formats.currentRow(), 0)].values())
        if any(field.name == "category_ids" for field in self.format.fields):
            options["category_ids"] = self.category_ids.values() or None
        if self.filtered.isChecked():
            options["image_ids"] = [image.id for image in self._workspace.visible_images]
        return options

    def _format_chosen(self, row: int) -> None:
        self._pages.setCurrentIndex(row)
        missing = [QCoreApplication.translate("Formats", str(t)) for t in Trait if t not in self.format.keeps]
        text = self.tr("{format} does not keep: {what}.")
        self.limits.setText(text.format(format=self.format.title, what=", ".join(missing)))
        self._changed()

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Export to"), self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()

    def _changed(self) -> None:
        self._preflight = None
        self._error = ""
        self._job = ""
        self.summary.setText(self.tr("Checking…"))
        self._say_why()
        self._delay.start()

    # -- pre-flight ----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Look at what would be written, off this thread."""
        project = self._workspace.project
        if project is None:
            self._show_failure(DatasetError(self.tr("No project is open.")))
            return
        if not self.folder.text().strip():
            self._show_failure(DatasetError(self.tr("Choose a folder to export to.")))
            return
        target = Path(self.folder.text()).expanduser()
        self._latest.ask(partial(self.format.preflight, project, target, self.options()))

    def _show_preflight(self, preflight: Preflight) -> None:
        self._preflight = preflight
        what = ", ".join(
            (
                counted(preflight.images, self.tr("%1 image"), self.tr("%1 images")),
                counted(preflight.instances, self.tr("%1 instance"), self.tr("%1 instances")),
                counted(preflight.classes, self.tr("%1 class"), self.tr("%1 classes")),
            )
        )
        files = counted(len(preflight.files), self.tr("%1 file will be written."), self.tr("%1 files will be written."))
        self.summary.setText(f"{what}; {files}")
        lines = [
            f"⚠ {problem.file}: {problem.text}" if problem.file else f"⚠ {problem.text}"
            for problem in preflight.problems
        ]
        if preflight.existing:
            lines += ["", self.tr("These files exist already:"), *(f"  {name}" for name in preflight.existing)]
        lines += ["", self.tr("Files to be written:"), *(f"  {name}" for name in preflight.files)]
        self._show_lines(lines)
        self._say_why()

    def _show_lines(self, lines: list[str]) -> None:
        more = len(lines) - _MOST_LINES
        shown = [*lines[:_MOST_LINES], self.tr("… and %1 more").replace("%1", grouped(more))] if more > 0 else lines
        self.report.setPlainText("\n".join(shown).strip())

    def _show_failure(self, error: Exception) -> None:
        self._error = str(error)
        self.summary.setText(self._error)
        self.report.setPlainText("")
        self._say_why()

    def reason(self) -> str:
        """Why the export cannot start, or empty."""
        if self._job:
            return self.tr("The export is running.")
        if self._error:
            return self._error
        if self._preflight is None:
            return self.tr("The pre-flight is still running.")
        if not self._preflight.images:
            return self.tr("No image passes the chosen scope.")
        if self._preflight.existing and not self.options().get("overwrite", False):
            return counted(
                len(self._preflight.existing),
                self.tr("%1 file exists already. Turn on “Replace existing files” or choose another folder."),
                self.tr("%1 files exist already. Turn on “Replace existing files” or choose another folder."),
            )
        return ""

    def _say_why(self) -> None:
        reason = self.reason()
        explain(self._export, reason)
        if reason and self._preflight is not None and not self._job:
            self.summary.setText(f"{self.summary.text().splitlines()[0]}\n{reason}")

    # -- run -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the job; the dialog stays open for its report and may be closed."""
        if self.reason():
            return
        self._job = self._workspace.export(self.format.name, Path(self.folder.text()).expanduser(), self.options())
        self.summary.setText(self.tr("Exporting…"))
        self._say_why()
        self.started.emit(self._job)
        self._follow_job()

    def _follow_job(self) -> None:
        job = next((job for job in self._workspace.jobs if self._job and job.id == self._job), None)
        if job is None:
            return
        if job.active:
            self.summary.setText(self._progress_text(job))
            return
        titles = {
            JobState.DONE: self.tr("Exported."),
            JobState.FAILED: self.tr("Not exported; nothing was written."),
            JobState.CANCELLED: self.tr("Cancelled; nothing was written."),
        }
        self.summary.setText(titles[job.state])
        self.report.setPlainText(job.message)
        self._job = ""
        self._preflight = None
        self._error = self.tr("Change an option or the folder to export again.")
        explain(self._export, self._error)

    def _progress_text(self, job: JobInfo) -> str:
        percent = f" {round(100 * job.fraction)} %" if job.fraction is not None else ""
        return f"{self.tr('Exporting…')}{percent} {job.message}".strip()

    def done(self, result: int) -> None:
        self._delay.stop()
        self._latest.forget()
        super().done(result)
