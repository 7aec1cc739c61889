"""The list of jobs: what runs longer than a moment, how far it is, and how it is paused and cancelled (ux.md §12)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject

from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.suggesting import Suggesting
from desktop.workspace.values import JobInfo, JobState


class Jobs(Suggesting):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._jobs: dict[str, JobInfo] = {}
        self._cancel_outside: dict[str, Callable[[], None]] = {}

    @property
    def jobs(self) -> Sequence[JobInfo]:
        """All jobs of this run of the program, oldest first."""
        return list(self._jobs.values())

    def show_job(self, job: JobInfo, cancel: Callable[[], None] | None = None) -> None:
        """Show or update a job of another part of the program; ``cancel`` is called when a person wants it to stop."""
        if cancel is not None:
            self._cancel_outside[job.id] = cancel
        if not job.active:
            self._cancel_outside.pop(job.id, None)
        self._put_job(job)

    def cancel_job(self, job_id: str) -> None:
        """Ask a job to stop; it says so when it has."""
        if job_id in self._cancel_outside:
            self._cancel_outside[job_id]()

    def pause_job(self, job_id: str) -> None:
        """Hold a job that is ``pausable``; what it is in the middle of is finished."""

    def resume_job(self, job_id: str) -> None:
        """Let a paused job go on, also one of an earlier run of the program."""

    def _put_job(self, job: JobInfo) -> None:
        self._jobs[job.id] = job
        self.jobs_changed.emit()

    def _update_job(
        self, job_id: str, *, state: JobState | None = None, fraction: float | None = None, message: str | None = None
    ) -> None:
        job = self._jobs.get(job_id)
        if job is None or not job.active:
            return
        job = replace(job, fraction=fraction if fraction is not None else job.fraction)
        job = replace(job, state=state or job.state, message=job.message if message is None else message)
        self._put_job(job)

    def _end_job(self, job_id: str, state: JobState, message: str) -> None:
        job = self._jobs.get(job_id)
        if job is not None:
            fraction = 1.0 if state is JobState.DONE else job.fraction
            ended = replace(job, state=state, message=message, fraction=fraction, finished=time.monotonic())
            self._put_job(ended)
