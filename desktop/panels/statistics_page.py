"""The statistics page: what is in the project, how it was made and how far it is, as plots (ux.md §17)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.dataset.statistics import Bin, ClassFigures, Statistics, as_csv, bin_name, read
from desktop.panels.background import Latest
from desktop.panels.charts import Bar, BarChart, ColumnChart
from desktop.panels.controls import TARGET, explain, soft_label
from desktop.panels.icons import icon
from desktop.panels.words import grouped
from desktop.workspace import Workspace

MOST_BARS = 24
"""Classes or people in one plot; the rest is one bar. The table has them all."""

MOST_DAYS = 60


def tr(text: str) -> str:
    return QCoreApplication.translate("Statistics", text)


class StatisticsPage(QDialog):
    """Counts in a thread when it opens; stays open beside the window."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.figures: Statistics | None = None
        self.setWindowTitle(tr("Statistics"))
        self.setModal(False)
        self.resize(920, 760)
        self.summary = soft_label("", wrap=True)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setMaximumHeight(4)
        self.classes = BarChart(tr("Instances per class"))
        self.sizes = ColumnChart(tr("Size of objects in pixels"))
        self.states = BarChart(tr("Images by state"))
        self.reviews = BarChart(tr("Instances by state"))
        self.days = ColumnChart(tr("Instances and images per day"), (tr("made"), tr("reviewed"), tr("images done")))
        self.sources = BarChart(tr("Made by"))
        self.suggestions = BarChart(tr("What models proposed"))
        self.seconds = ColumnChart(tr("Seconds per object"))
        self.prompts = ColumnChart(tr("Prompts per object"))
        self.effort = BarChart(tr("Median seconds per object, by class"))
        self.people = BarChart(tr("Instances made, by person"))
        self._content = self._lay_out_charts()
        self._build()
        self._latest: Latest[Statistics] = Latest(self.show_figures, self._fail, self)
        workspace.project_changed.connect(self.refresh)
        self.refresh()

    def _lay_out_charts(self) -> QWidget:
        content = QWidget()
        content.setObjectName("statistics")
        grid = QGridLayout(content)
        grid.setContentsMargins(16, 8, 16, 16)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(16)
        pairs = (
            ((self.classes,), (self.states, self.reviews, self.sources, self.suggestions)),
            ((self.sizes,), (self.days,)),
            ((self.seconds,), (self.prompts,)),
            ((self.effort,), (self.people,)),
        )
        for row, pair in enumerate(pairs):
            for column, charts in enumerate(pair):
                grid.addWidget(_card(*charts), row, column, Qt.AlignmentFlag.AlignTop)
        for column in range(2):
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(len(pairs), 1)
        return content

    def _build(self) -> None:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._content)
        self.copy_csv = QPushButton(icon("copy"), tr("Copy as CSV"))
        self.copy_png = QPushButton(icon("image"), tr("Copy as PNG"))
        self.save = QPushButton(icon("save"), tr("Save…"))
        self.again = QPushButton(icon("reload"), tr("Count again"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        for button in (self.copy_csv, self.copy_png, self.save, self.again):
            button.setAutoDefault(False)
            button.setMinimumHeight(TARGET)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(buttons)
        head = QVBoxLayout()
        head.setContentsMargins(16, 0, 16, 0)
        head.addWidget(self.summary)
        head.addWidget(self.busy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 16, 0, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        column.addLayout(row)
        self.copy_csv.clicked.connect(self.copy_table)
        self.copy_png.clicked.connect(self.copy_picture)
        self.save.clicked.connect(self._ask_where)
        self.again.clicked.connect(self.refresh)

    def refresh(self) -> None:
        """Count again, off the GUI thread."""
        project = self._workspace.project
        if project is None:
            self.figures = None
            self.busy.hide()
            self.summary.setText(tr("There is no project yet."))
        else:
            self.busy.show()
            self._latest.ask(partial(read, project))
        self._update_buttons()

    def _fail(self, error: Exception) -> None:
        self.busy.hide()
        self.summary.setText(str(error))
        self._update_buttons()

    def show_figures(self, figures: Statistics) -> None:
        """Draw these figures."""
        self.figures = figures
        self.busy.hide()
        text = tr("{images} images, {instances} instances.")
        self.summary.setText(text.format(images=grouped(figures.images), instances=grouped(figures.instances)))
        self.classes.show_bars(_of_classes(figures.classes))
        self.states.show_bars([Bar(tr(name), count) for name, count in figures.image_states.items() if count])
        self.reviews.show_bars([Bar(tr(name), count) for name, count in figures.review_states.items() if count])
        self.sizes.show_columns([(grouped(int(each.low)), (each.count,)) for each in figures.sizes])
        self.days.show_columns(
            [(day.date[5:], (day.made, day.reviewed, day.images_done)) for day in figures.days[-MOST_DAYS:]]
        )
        self.sources.show_bars([Bar(name, count) for name, count in figures.sources.items()])
        self.suggestions.show_bars(_of_suggestions(figures))
        self.seconds.show_columns(_columns(figures.seconds))
        self.prompts.show_columns(_columns(figures.prompts))
        timed = sorted((k for k in figures.classes if k.seconds is not None), key=lambda k: -(k.seconds or 0))
        self.effort.show_bars(
            [Bar(k.name or tr("unlabelled"), k.seconds or 0.0, k.colour, tr("s")) for k in timed[:MOST_BARS]]
        )
        self.people.show_bars([Bar(person.name, person.made) for person in figures.people[:MOST_BARS]])
        self._update_buttons()

    def _update_buttons(self) -> None:
        reason = "" if self.figures is not None else tr("The figures are still being counted.")
        for button in (self.copy_csv, self.copy_png, self.save):
            explain(button, reason)

    # -- taking them along ---------------------------------------------------------------------------------------

    def picture(self) -> QPixmap:
        """All plots as one picture, also those that one would have to scroll to."""
        layout = self._content.layout()
        if layout is not None:
            # figures may have come that no event has laid out yet
            layout.activate()
            self._content.resize(self._content.width(), max(layout.sizeHint().height(), 1))
        return self._content.grab()

    def copy_table(self) -> None:
        if self.figures is not None:
            QGuiApplication.clipboard().setText(as_csv(self.figures))

    def copy_picture(self) -> None:
        QGuiApplication.clipboard().setPixmap(self.picture())

    def _ask_where(self) -> None:
        folder = self._workspace.storage.folder or Path.home()
        kinds = f"{tr('Table')} (*.csv);;{tr('Picture')} (*.png)"
        file, kind = QFileDialog.getSaveFileName(self, tr("Save statistics"), str(folder / "statistics.csv"), kinds)
        if file:
            path = Path(file)
            suffix = path.suffix.lower()
            self.save_to(path if suffix in (".csv", ".png") else path.with_suffix(".png" if "png" in kind else ".csv"))

    def save_to(self, path: Path) -> None:
        """Write the table (``.csv``) or the plots (``.png``)."""
        if self.figures is None:
            return
        problem = tr("{file} could not be written in {folder}.").format(file=path.name, folder=path.parent)
        if path.suffix.lower() == ".png":
            if not self.picture().save(str(path)):
                self.summary.setText(problem)
            return
        try:
            path.write_text(as_csv(self.figures), encoding="utf-8")
        except OSError as error:
            self.summary.setText(f"{problem} {error.strerror or ''}".strip())

    def done(self, result: int) -> None:
        self._latest.forget()
        super().done(result)


def _card(*charts: QWidget) -> QWidget:
    """Charts below each other, each under its name."""
    card = QWidget()
    column = QVBoxLayout(card)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    for number, chart in enumerate(charts):
        title = QLabel(chart.accessibleName())
        font = title.font()
        font.setBold(True)
        title.setFont(font)
        if number:
            column.addSpacing(12)
        column.addWidget(title)
        column.addWidget(chart)
    return card


def _of_classes(classes: Sequence[ClassFigures]) -> list[Bar]:
    """The largest classes first; what does not fit is one bar."""
    ordered = sorted((each for each in classes if each.instances), key=lambda each: -each.instances)
    bars = [Bar(each.name or tr("unlabelled"), each.instances, each.colour) for each in ordered[:MOST_BARS]]
    rest = ordered[MOST_BARS:]
    if rest:
        name = tr("{n} more classes").format(n=len(rest))
        bars.append(Bar(name, sum(each.instances for each in rest), drawn=False))
    return bars


def _of_suggestions(figures: Statistics) -> list[Bar]:
    what = figures.suggestions
    rows = (
        (tr("Masks kept"), what.masks_kept, what.masks_kept + what.masks_edited, ""),
        (tr("Masks edited"), what.masks_edited, what.masks_kept + what.masks_edited, "#f0a202"),
        (tr("Names kept"), what.names_kept, what.names_kept + what.names_changed, ""),
        (tr("Names changed"), what.names_changed, what.names_kept + what.names_changed, "#f0a202"),
    )
    return [Bar(name, count, colour, f"({count / total:.0%})") for name, count, total, colour in rows if total]


def _columns(bins: Sequence[Bin]) -> list[tuple[str, tuple[int, ...]]]:
    return [(bin_name(each), (each.count,)) for each in bins]
