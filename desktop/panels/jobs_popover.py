"""The jobs: progress, elapsed time and estimate, cancel; opened from the status bar (ux.md §12)."""

from __future__ import annotations

import time

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from desktop.panels.controls import GAP, ElidedLabel, EmptyState, icon_button, soft_label
from desktop.panels.icons import icon
from desktop.panels.words import duration
from desktop.workspace import JobInfo, JobState, Workspace

_LOWEST, _HIGHEST, _FRAME = 120, 420, 64
"""Heights of the popover, px, and what of it is not list."""

_ICONS = {
    JobState.WAITING: "clock",
    JobState.RUNNING: "run",
    JobState.PAUSED: "hourglass",
    JobState.CANCELLING: "cancel",
    JobState.DONE: "done",
    JobState.FAILED: "error",
    JobState.CANCELLED: "cancel",
}


def remaining_seconds(job: JobInfo, now: float) -> float | None:
    """Seconds to the end at the speed so far; None while that is a guess (no fraction, or less than 3 s of it)."""
    elapsed = now - job.started
    if job.fraction is None or job.fraction <= 0.02 or elapsed < 3:
        return None
    return elapsed * (1 - job.fraction) / job.fraction


class JobsPopover(QFrame):
    """A popup list of jobs, newest first."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._workspace = workspace
        self.setObjectName("palette")
        self.setAccessibleName(self.tr("Jobs"))
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._rows: dict[str, _JobRow] = {}
        inside = QWidget()
        self._list = QVBoxLayout(inside)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(8)
        self._empty = EmptyState(self.tr("No jobs. Runs longer than 10 seconds, imports and exports appear here."))
        self._list.addWidget(self._empty)
        self._list.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        inside.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        heading = QLabel(self.tr("Jobs"))
        heading.setProperty("heading", "true")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addWidget(scroll, 1)
        self.resize(360, 260)
        # elapsed times move only while someone looks: an idle window stays idle
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self.refresh)
        workspace.jobs_changed.connect(self.refresh)
        self.refresh()

    def open_above(self, corner: QPoint) -> None:
        """Show it with its bottom-right corner at a global position."""
        rows = self._list.sizeHint().height() + _FRAME
        self.resize(self.width(), min(max(rows, _LOWEST), _HIGHEST))
        self.move(corner.x() - self.width(), corner.y() - self.height())
        self.show()

    def refresh(self) -> None:
        jobs = list(self._workspace.jobs)
        for gone in self._rows.keys() - {job.id for job in jobs}:
            row = self._rows.pop(gone)
            row.hide()
            row.deleteLater()
        for job in jobs:
            if job.id not in self._rows:
                self._rows[job.id] = _JobRow(self._workspace, job.id)
                self._list.insertWidget(0, self._rows[job.id])
            self._rows[job.id].show_job(job)
        self._empty.setVisible(not jobs)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._clock.stop()


class _JobRow(QWidget):
    def __init__(self, workspace: Workspace, job_id: str) -> None:
        super().__init__()
        self._icon = QLabel()
        self._title = ElidedLabel()
        self._workspace, self._job_id = workspace, job_id
        self._hold = icon_button("pause", self.tr("Pause"))
        self._hold.clicked.connect(self._hold_or_go_on)
        self._paused = False
        self._cancel = icon_button("cancel", self.tr("Cancel"))
        self._cancel.clicked.connect(lambda: workspace.cancel_job(job_id))
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(4)
        self._detail = soft_label(wrap=True)
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addWidget(self._icon)
        top.addWidget(self._title, 1)
        top.addWidget(self._hold)
        top.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self._bar)
        column.addWidget(self._detail)

    def show_job(self, job: JobInfo) -> None:
        self._icon.setPixmap(icon(_ICONS[job.state]).pixmap(16, 16))
        self._title.set_full_text(job.title)
        self._bar.setVisible(job.active and job.state is not JobState.WAITING)
        self._bar.setRange(0, 1000 if job.fraction is not None else 0)
        self._bar.setValue(round(1000 * (job.fraction or 0)))
        self._cancel.setVisible(job.active)
        self._cancel.setEnabled(job.state is not JobState.CANCELLING)
        self._paused = job.state is JobState.PAUSED
        self._hold.setVisible(job.active and job.pausable)
        self._hold.setEnabled(job.state is not JobState.CANCELLING)
        hold = self.tr("Go on with %1") if self._paused else self.tr("Pause %1")
        self._hold.setIcon(icon("run" if self._paused else "pause"))
        self._hold.setAccessibleName(hold.replace("%1", job.title))
        self._hold.setToolTip(self._hold.accessibleName())
        label = self.tr("Cancel %1").replace("%1", job.title)
        self._cancel.setAccessibleName(label)
        self._cancel.setToolTip(self.tr("Cancelling…") if job.state is JobState.CANCELLING else label)
        self._detail.setText(self._detail_text(job))
        self.setAccessibleName(f"{job.title}: {self._detail.text()}")

    def _hold_or_go_on(self) -> None:
        (self._workspace.resume_job if self._paused else self._workspace.pause_job)(self._job_id)

    def _detail_text(self, job: JobInfo) -> str:
        words = {
            JobState.WAITING: self.tr("Waiting"),
            JobState.RUNNING: self.tr("Running"),
            JobState.PAUSED: self.tr("Paused"),
            JobState.CANCELLING: self.tr("Cancelling…"),
            JobState.DONE: self.tr("Done"),
            JobState.FAILED: self.tr("Failed"),
            JobState.CANCELLED: self.tr("Cancelled"),
        }
        parts = [words[job.state]]
        if job.fraction is not None and job.active:
            parts.append(f"{round(100 * job.fraction)} %")
        if job.started:
            now = job.finished if job.finished is not None else time.monotonic()
            parts.append(duration(now - job.started))
            # a job that was begun earlier knows better than its fraction
            left = job.left if job.pausable else remaining_seconds(job, now)
            left = left if job.state is JobState.RUNNING else None
            if left is not None:
                parts.append(self.tr("about %1 left").replace("%1", duration(left)))
        # a job that has nothing more to say repeats its title
        if job.message and job.message != job.title:
            parts.append(job.message)
        return " · ".join(parts)
