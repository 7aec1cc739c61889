"""Import and export as cancellable jobs on a thread of their own (ux.md §18)."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from desktop.dataset import changes as c
from desktop.dataset.changes import Change
from desktop.dataset.errors import DatasetError, ImageReadError
from desktop.dataset.formats.contract import ExportReport, ImportPlan
from desktop.dataset.formats.registry import export_format, import_format
from desktop.dataset.history import Step
from desktop.dataset.images import probe
from desktop.dataset.model import Image, ImageState
from desktop.dataset.store import Project
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.proposals import Proposals
from desktop.workspace.values import JobInfo, JobState, Notice, Severity


class JobCancelled(Exception):
    """Raised by the progress callback to end a job."""


class _Exporting(QObject, QRunnable):
    """One export on a pool thread; its signals arrive on the GUI thread."""

    told = Signal(str, float, str)
    ended = Signal(str, object, str, str)
    """(job id, ExportReport or None, sentence, details)"""

    def __init__(self, job: str, project: Project, name: str, folder: Path, options: Mapping[str, Any]) -> None:
        QObject.__init__(self)
        QRunnable.__init__(self)
        self.setAutoDelete(False)
        self.cancelled = threading.Event()
        self._job, self._project, self._name, self._folder, self._options = job, project, name, folder, dict(options)

    def _progress(self, fraction: float, message: str) -> None:
        if self.cancelled.is_set():
            raise JobCancelled
        self.told.emit(self._job, fraction, message)

    def run(self) -> None:
        try:
            report = export_format(self._name).write(self._project, self._folder, self._options, self._progress)
            self.ended.emit(self._job, report, "", "")
        except JobCancelled:
            self.ended.emit(self._job, None, "", "")
        except (DatasetError, OSError) as error:
            self.ended.emit(self._job, None, str(error), traceback.format_exc())
        except Exception as error:  # a bug in a format must end as a message, not as a job that never ends
            self.ended.emit(self._job, None, f"The export failed: {error}", traceback.format_exc())


class _Measuring(QObject, QRunnable):
    """Reads the headers of images that were never opened, on a pool thread."""

    told = Signal(str, float, str)
    ended = Signal(str, object)
    """(job id, list of images with their sizes)"""

    def __init__(self, job: str, images: Sequence[tuple[Image, Path]]) -> None:
        QObject.__init__(self)
        QRunnable.__init__(self)
        self.setAutoDelete(False)
        self.cancelled = threading.Event()
        self._job, self._images = job, images

    def run(self) -> None:
        found = []
        for number, (image, file) in enumerate(self._images):
            if self.cancelled.is_set():
                break
            if number % 50 == 0:
                self.told.emit(self._job, number / len(self._images), image.path)
            found.append(measured(image, file))
        self.ended.emit(self._job, found)


def measured(image: Image, file: Path) -> Image:
    """The image with the size that its file's header says; with the sentence of the error when it cannot be read."""
    try:
        info = probe(file)
        width, height = info.sizes[image.page]
    except (ImageReadError, IndexError) as error:
        return replace(image, error=str(error), state=ImageState.ERROR)
    return replace(image, width=width, height=height, orientation=info.orientation)


class Exchange(Proposals):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._exports: dict[str, _Exporting | _Measuring] = {}
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def can_export(self) -> str:
        """Empty, or why there is nothing to export."""
        return "" if self.storage.project is not None else self.tr("There is nothing to export yet.")

    def _unmeasured(self) -> list[tuple[Image, Path]]:
        images = [image for image in self.storage.images if image.width == 0 and not image.error]
        return [(image, self.storage.file_of(image)) for image in images]

    def with_sizes(self, then: Callable[[], None]) -> None:
        """Make a project with the sizes of all images (imports and exports need them), then go on.

        Folders are listed without opening files; here the headers are read, as a job when there are any to read.
        """
        if not self.ensure_project():
            return
        waiting = self._unmeasured()
        if not waiting:
            then()
            return
        title = self.tr("Read the sizes of {n} images").format(n=len(waiting))
        job = JobInfo(f"sizes-{len(self._jobs) + 1}", title, JobState.RUNNING, started=time.monotonic())
        self._put_job(job)
        work = _Measuring(job.id, waiting)
        work.told.connect(lambda job_id, fraction, text: self._update_job(job_id, fraction=fraction, message=text))

        def ended(job_id: str, images: list[Image]) -> None:
            stopped = self._exports.pop(job_id).cancelled.is_set()
            for image in images:
                self.storage.learn(image)
            self.storage.apply(())
            self._end_job(job_id, JobState.CANCELLED if stopped else JobState.DONE, title)
            if not stopped:
                then()

        work.ended.connect(ended)
        self._exports[job.id] = work
        self._pool.start(work)

    def export(self, format_name: str, folder: Path, options: Mapping[str, Any]) -> str:
        """Start an export job; returns the job id. Raises DatasetError when there is no project to export."""
        project = self.storage.project
        if project is None:
            raise DatasetError(self.can_export())
        title = self.tr("Export {format} to {folder}").format(format=format_name, folder=folder.name)
        job = JobInfo(f"export-{len(self._jobs) + 1}", title, JobState.RUNNING, started=time.monotonic(), lossy=True)
        self._put_job(job)
        work = _Exporting(job.id, project, format_name, folder, options)
        work.told.connect(lambda job_id, fraction, text: self._update_job(job_id, fraction=fraction, message=text))
        work.ended.connect(self._exported)
        self._exports[job.id] = work
        self._pool.start(work)
        return job.id

    def _exported(self, job_id: str, report: ExportReport | None, problem: str, details: str) -> None:
        self._exports.pop(job_id, None)
        if report is not None:
            text = self.tr("{instances} instances of {images} images exported to {folder}.").format(
                instances=report.instances, images=report.images, folder=report.folder
            )
            self._end_job(job_id, JobState.DONE, text)
            warnings = "\n".join(f"{w.file}: {w.text}" if w.file else w.text for w in report.warnings)
            severity = Severity.WARNING if report.warnings else Severity.INFO
            if report.warnings:
                text += " " + self.tr("{n} warnings.").format(n=len(report.warnings))
            self.raise_notice(Notice(text, severity, details=warnings))
        elif problem:
            self._end_job(job_id, JobState.FAILED, problem)
            self.problem(problem, details)
        else:
            self._end_job(job_id, JobState.CANCELLED, self.tr("Cancelled"))

    def plan_import(self, format_name: str, source: Path, options: Mapping[str, Any]) -> ImportPlan:
        """The dry run: what an import would do. Raises DatasetError when the file cannot be read.

        Reads the headers of images that were never opened; :meth:`with_sizes` does that beforehand without waiting.
        """
        if not self._ready_to_change() or self.storage.project is None:
            raise DatasetError(self.read_only or self.tr("Open images or a project first."))
        for image, file in self._unmeasured():
            self.storage.learn(measured(image, file))
        self.storage.apply(())
        return import_format(format_name).plan(self.storage.project, source, options)

    def import_from(
        self, format_name: str, source: Path, options: Mapping[str, Any], planned: ImportPlan | None = None
    ) -> str:
        """Import a file as one undo step; returns the job id (it is done on return).

        ``planned`` is the dry run of the same import: the file is not read again unless its ids were taken meanwhile.
        """
        job = JobInfo(f"import-{len(self._jobs) + 1}", self.tr("Import {file}").format(file=source.name))
        self._put_job(job)
        try:
            fits = planned is not None and self._is_free(planned) and self._ready_to_change()
            plan = planned if planned is not None and fits else self.plan_import(format_name, source, options)
        except DatasetError as error:
            self._end_job(job.id, JobState.FAILED, str(error))
            self.problem(str(error))
            return job.id
        self.carry_out(plan)
        text = self.tr("{n} instances imported.").format(n=plan.instances)
        self._end_job(job.id, JobState.DONE, text)
        rejected = "\n".join(f"{r.what}: {r.reason}" for r in plan.rejected)
        if rejected:
            text += " " + self.tr("{n} items were rejected.").format(n=len(plan.rejected))
        self.raise_notice(Notice(text, Severity.WARNING if rejected else Severity.INFO, details=rejected))
        return job.id

    def _is_free(self, plan: ImportPlan) -> bool:
        """Whether no id that the plan gives was taken since."""
        project = self.storage.project
        if project is None:
            return False
        first = {
            c.AddImages: project.reserve_image_id,
            c.AddCategories: project.reserve_category_id,
            c.AddInstances: project.reserve_instance_id,
        }
        for change in plan.changes:
            match change:
                case c.AddImages(added) | c.AddCategories(added) | c.AddInstances(added):
                    if min(each.id for each in added) < first[type(change)]() - 1:
                        return False
        return True

    def carry_out(self, plan: ImportPlan) -> bool:
        """Apply an import plan as one undo step."""
        name = self.tr("Import {file}").format(file=plan.source.name)
        done = self._commit(Step(name, plan.changes, self._reverse(plan.changes)))
        self.storage.refresh()
        if self._image is not None:
            self._instances = self.storage.instances(self._image.id)
            self.instances_changed.emit(frozenset(self._instances))
        self.images_changed.emit()
        self.categories_changed.emit()
        return done

    def _reverse(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """What takes the changes of an import back, last first. Imported image entries stay: they are only a list."""
        back: list[Change] = []
        for change in reversed(changes):
            match change:
                case c.AddInstances(instances):
                    back.append(c.DeleteInstances(tuple(i.id for i in instances)))
                case c.AddCategories(categories):
                    back.extend(c.DeleteCategory(category.id) for category in categories)
                case c.ReplaceImages(images):
                    known = (self.storage.image(image.id) for image in images)
                    back.append(c.ReplaceImages(tuple(image for image in known if image is not None)))
                case _:
                    continue
        return tuple(back)

    def cancel_job(self, job_id: str) -> None:
        """Ask a job to stop; it says so when it has."""
        if job_id in self._exports:
            self._exports[job_id].cancelled.set()
            self._update_job(job_id, state=JobState.CANCELLING)
        else:
            super().cancel_job(job_id)

    def lossy_jobs(self) -> list[JobInfo]:
        """Active jobs whose work would be lost by closing."""
        return [job for job in self._jobs.values() if job.active and job.lossy]

    def _stop_jobs(self) -> None:
        for work in self._exports.values():
            work.cancelled.set()
        self._pool.waitForDone(2000)
