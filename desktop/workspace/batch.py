"""*Batch…*: pre-labelling of many images while the project stays usable; it pauses, ends, and goes on after a restart.

The job itself is :mod:`desktop.prelabel`, as on the command line; here it has a thread, asks the window's worker, and
shows itself in the list of jobs.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.dataset import changes as c
from desktop.dataset import images as image_files
from desktop.dataset.errors import DatasetError
from desktop.dataset.store import Project
from desktop.image_service import ImageService
from desktop.prelabel.answers import hows, questions
from desktop.prelabel.job import Prelabelling, Progress, unfinished
from desktop.prelabel.request import PrelabelError, PrelabelRequest
from desktop.prelabel.served import ServedFinder
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.reviewing import Reviewing
from desktop.workspace.values import JobInfo, JobState, Notice, NoticeAction, Severity
from inference.engine import Cancelled, EngineError, EngineSpec

SHOW_MS = 300
"""How often a running batch is shown anew: every image would be too much for a large project."""

NAMED_FAILURES = 3
STOP_SECONDS = 2.0


@dataclass(slots=True, eq=False)
class _Run:
    """A batch of the open project. Without a ``thread`` it is one of an earlier run of the program."""

    id: str
    job: c.Job
    engine: str
    title: str
    work: Prelabelling | None = None
    finder: ServedFinder | None = None
    thread: threading.Thread | None = None
    progress: Progress | None = None
    cancelled: bool = False


class Batches(Reviewing):
    """See :class:`desktop.workspace.Workspace`."""

    _batch_ended = Signal(object, str, str)
    """A :class:`_Run`, the sentence why it could not go on (or empty), and details."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._batches: dict[str, _Run] = {}
        self._batch_clock = QTimer(self)
        self._batch_clock.setInterval(SHOW_MS)
        self._batch_clock.timeout.connect(self._show_batches)
        self._batch_ended.connect(self._end_batch)

    # -- starting ------------------------------------------------------------------------------------------------

    def can_batch(self) -> str:
        """Empty, or why no batch can be started."""
        if not self.storage.images:
            return self.tr("Open images or a project first.")
        if self._link is None:
            return self.tr("The inference worker is not there yet.")
        return self.read_only

    def batch_problem(self, request: PrelabelRequest) -> str:
        """Empty, or why this request cannot be started."""
        reason = self.can_batch()
        spec = self.specs.get(request.engine)
        if reason or spec is None:
            return reason or self.tr("No engine is chosen.")
        try:
            request.check(spec)
        except (PrelabelError, EngineError) as error:
            return str(error)
        status = self.engine_status(request.engine)
        if status is not None and not status.usable:
            return status.message or self.tr("{engine} is not installed.").format(engine=spec.title)
        if not self.batch_images(request):
            return self.tr("No image is left to look at.")
        return ""

    def batch_images(self, request: PrelabelRequest) -> list[int]:
        """The images that a request would look at: those without instances, unless it wants those as well."""
        wanted = request.image_ids if request.image_ids is not None else [image.id for image in self.storage.images]
        project = self.storage.project
        counts = project.counts_by_image() if project is not None and not request.annotated else {}
        return [image_id for image_id in wanted if not counts.get(image_id)]

    def start_batch(self, request: PrelabelRequest) -> None:
        """Begin a batch as a job; a sentence is shown when that cannot be."""
        reason = self.batch_problem(request)
        if reason:
            self.notice(reason)
            return
        self.with_sizes(partial(self._start_batch, request))

    def _start_batch(self, request: PrelabelRequest) -> None:
        project = self.storage.project
        if project is None:
            return
        try:
            work = Prelabelling.begin(project, request, again=True)
        except DatasetError as error:
            self.problem(str(error))
            return
        self._run_batch(self._listed_batch(project, work.job, request), work)

    def _listed_batch(self, project: Project, job: c.Job, request: PrelabelRequest) -> _Run:
        spec = self.specs.get(request.engine)
        title = self.tr("{engine} looks for {what}").format(
            engine=spec.title if spec is not None else request.engine, what=self._wanted(request)
        )
        run = _Run(f"batch-{project.name}-{job.id}", job, request.engine, title)
        self._batches[run.id] = run
        return run

    def _wanted(self, request: PrelabelRequest) -> str:
        if request.classes is not None:
            return ", ".join(request.classes.names[:3]) + ("…" if len(request.classes.names) > 3 else "")
        if request.texts:
            return ", ".join(request.texts[:3]) + ("…" if len(request.texts) > 3 else "")
        if request.references:
            return self.tr("what {n} references show").format(n=len(request.references))
        return self.tr("everything")

    def _run_batch(self, run: _Run, work: Prelabelling) -> None:
        link, spec = self._link, self.specs.get(run.engine)
        if link is None or spec is None:
            self.notice(self.tr("The engine {engine} is not there.").format(engine=run.engine))
            return
        run.work, run.cancelled, run.progress = work, False, work.progress()
        self._put_job(
            JobInfo(
                run.id, run.title, JobState.RUNNING, _fraction(run.progress), started=time.monotonic(), pausable=True
            )
        )
        run.thread = threading.Thread(target=self._work_batch, args=(run, work, link, spec), name="batch", daemon=True)
        run.thread.start()
        self._batch_clock.start()

    def _work_batch(self, run: _Run, work: Prelabelling, link: InferenceLink, spec: EngineSpec) -> None:
        """On the batch's thread."""
        sentence = details = ""
        try:
            asked = questions(
                work.request, spec,
                lambda region: image_files.load(work.project.folder / region.image, region.page).pixels,
            )  # fmt: skip
            run.finder = ServedFinder(
                link.submit, link.cancel, work.request, asked, work.control, run.id,
                lambda: self._engines[spec.name].fingerprint,
            )  # fmt: skip

            def told(progress: Progress) -> None:
                run.progress = progress

            work.run(run.finder, hows(asked), told)
        except Cancelled:
            pass
        except (DatasetError, EngineError) as error:
            sentence, details = str(error), traceback.format_exc()
        except Exception as error:  # a bug must end as a message, not as a job that never ends
            sentence, details = f"The batch failed: {error}", traceback.format_exc()
        self._batch_ended.emit(run, sentence, details)

    def _batch_event(self, event: object) -> None:
        for run in self._batches.values():
            if run.finder is not None:
                run.finder.hear(event)

    # -- showing -------------------------------------------------------------------------------------------------

    def _show_batches(self) -> None:
        """What came since the last look: progress, and proposals of the image that is shown."""
        active = False
        for run in self._batches.values():
            if run.thread is None or run.work is None or run.progress is None:
                continue
            active = True
            job = self._jobs[run.id]
            state = JobState.CANCELLING if run.cancelled else JobState.RUNNING
            if run.work.control.paused and not run.cancelled:
                state = JobState.PAUSED
            shown = replace(
                job, state=state, fraction=_fraction(run.progress), left=run.progress.left,
                message=self._batch_message(run.progress),
            )  # fmt: skip
            if shown != job:
                self._put_job(shown)
                self._show_waiting()
        if not active:
            self._batch_clock.stop()

    def _show_waiting(self) -> None:
        """The canvas is drawn anew only when something came to its image; badges of the strip in any case."""
        before = set(self._proposals)
        self._read_waiting()
        if self._proposals.keys() != before:
            self._proposals_changed()
        else:
            self.proposals_changed.emit()

    def _batch_message(self, progress: Progress) -> str:
        parts = [self.tr("{n} of {all} images").format(n=progress.done, all=progress.total)]
        parts.append(self.tr("{n} proposals").format(n=progress.found))
        if progress.failed:
            parts.append(self.tr("{n} failed").format(n=progress.failed))
        return " · ".join(parts)

    def _end_batch(self, run: _Run, sentence: str, details: str) -> None:
        work = run.work
        if work is None or self._batches.get(run.id) is not run:
            return
        run.thread, run.finder, run.progress = None, None, work.progress()
        run.job = work.job
        self._show_waiting()
        message = self._batch_message(run.progress)
        failed = [f"{Path(f.image.path).name}: {f.reason}" for f in work.report.failures]
        for line in failed:
            self.log.add(line)
        if sentence:
            self._put_job(replace(self._jobs[run.id], state=JobState.PAUSED, message=sentence))
            self.problem(sentence, details)
            return
        if run.cancelled:
            self._close_batch(run, work)
            self._end_job(run.id, JobState.CANCELLED, message)
            return
        if failed:
            names = ", ".join(Path(f.image.path).name for f in work.report.failures[:NAMED_FAILURES])
            message += self.tr(": {images}").format(images=names + ("…" if len(failed) > NAMED_FAILURES else ""))
        del self._batches[run.id]
        self._end_job(run.id, JobState.DONE, message)
        actions = (NoticeAction(self.tr("Review"), self.go_to_next_proposals),) if run.progress.found else ()
        severity = Severity.WARNING if failed else Severity.INFO
        self.raise_notice(Notice(f"{run.title}: {message}", severity, actions, "\n".join(failed)))

    # -- holding -------------------------------------------------------------------------------------------------

    def pause_job(self, job_id: str) -> None:
        """Hold a job that is ``pausable``; what it is in the middle of is finished."""
        run = self._batches.get(job_id)
        if run is None or run.work is None or run.thread is None:
            super().pause_job(job_id)
            return
        run.work.control.pause()
        self._show_batches()

    def resume_job(self, job_id: str) -> None:
        """Let a paused job go on, also one of an earlier run of the program."""
        run, project = self._batches.get(job_id), self.storage.project
        if run is None or project is None:
            super().resume_job(job_id)
        elif run.thread is not None and run.work is not None:
            run.work.control.resume()
            self._show_batches()
        else:
            reason = self.can_batch()
            try:
                work = Prelabelling.of_job(project, run.job) if not reason else None
            except PrelabelError as error:
                reason, work = str(error), None
            if work is None:
                self.notice(reason)
            else:
                self._run_batch(run, work)

    def cancel_job(self, job_id: str) -> None:
        """Ask a job to stop; what it found stays, and it is not gone on with."""
        run = self._batches.get(job_id)
        if run is None:
            super().cancel_job(job_id)
        elif run.thread is not None and run.work is not None:
            run.cancelled = True
            self._update_job(job_id, state=JobState.CANCELLING)
            run.work.control.stop()
        else:
            self._close_batch(run, run.work)
            self._end_job(job_id, JobState.CANCELLED, self._jobs[job_id].message)

    def _close_batch(self, run: _Run, work: Prelabelling | None) -> None:
        """It is over for good; what it found stays."""
        del self._batches[run.id]
        project = self.storage.project
        try:
            if work is None and project is not None:
                work = Prelabelling.of_job(project, run.job)
            if work is not None:
                work.cancel()
        except DatasetError as error:
            self.problem(str(error))

    def _offer_batches(self) -> None:
        """Batches that were cut short with the program, or paused, wait in the list of jobs."""
        project = self.storage.project
        if project is None or project.read_only:
            return
        found: list[_Run] = []
        for job in unfinished(project):
            try:
                request = PrelabelRequest.from_json(job.request)
            except PrelabelError:
                continue
            run = self._listed_batch(project, job, request)
            done, total = _counted(project, job)
            message = self.tr("{n} of {all} images").format(n=done, all=total)
            fraction = done / total if total else None
            self._put_job(JobInfo(run.id, run.title, JobState.PAUSED, fraction, message, pausable=True))
            found.append(run)
        if found:
            last = found[-1]
            text = self.tr("A batch was interrupted: {title}, {message}.").format(
                title=last.title, message=self._jobs[last.id].message
            )
            go_on = NoticeAction(self.tr("Resume"), partial(self.resume_job, last.id))
            drop = NoticeAction(self.tr("Discard"), partial(self.cancel_job, last.id))
            self.raise_notice(Notice(text, Severity.INFO, (go_on, drop)))

    # -- the project comes and goes ------------------------------------------------------------------------------

    def _arrive(self) -> None:
        super()._arrive()
        self._offer_batches()

    def _leave(self) -> None:
        self._halt_batches()
        super()._leave()

    def _stop_jobs(self) -> None:
        self._halt_batches()
        super()._stop_jobs()

    def _halt_batches(self) -> None:
        """They wait in their project until it is opened again."""
        runs, self._batches = list(self._batches.values()), {}
        for run in runs:
            if run.work is not None:
                run.work.control.stop()
        for run in runs:
            if run.thread is not None:
                run.thread.join(STOP_SECONDS)
            job = self._jobs.get(run.id)
            if job is not None and job.active:
                self._end_job(run.id, JobState.CANCELLED, self.tr("Goes on when the project is opened again"))
        self._batch_clock.stop()


def _fraction(progress: Progress) -> float | None:
    return progress.done / progress.total if progress.total else None


def _counted(project: Project, job: c.Job) -> tuple[int, int]:
    """Images done and in all, as far as the project knows."""
    done = sum(not mark.error for mark in project.done(job.id).values())
    try:
        total = int(json.loads(job.progress).get("total", done))
    except (ValueError, TypeError, AttributeError):
        total = done
    return done, max(total, done)
