"""*Relabel by model*: names for the selected instances, ranked by an engine, applied only after a person's look."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, SignalInstance

from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.quality import Quality
from desktop.workspace.suggesting import AUTOMATIC, OFF
from desktop.workspace.values import JobInfo, JobState
from inference.engine import Vocabulary
from inference.labels import decided
from inference.messages import Dropped, Failed, Finished, RankLabels
from inference.prompts import MaskArray
from inference.results import Label, LabelScores

PIXELS_AT_ONCE = 64_000_000
"""Of all masks in one request: they travel to the worker at image size."""

JOB = "relabel-"


@dataclass(frozen=True, slots=True)
class Relabel:
    """What an engine says about an instance: its best names, and the one it stands for, None when none fits."""

    instance_id: int
    labels: tuple[Label, ...]
    best: Label | None


@dataclass(slots=True, eq=False)
class _Run:
    number: int
    image_id: int
    engine: str
    vocabulary: Vocabulary
    waiting: list[Instance]
    total: int
    asked: list[int] = field(default_factory=list)
    job: int | None = None


class Relabelling(Quality):
    """See :class:`desktop.workspace.Workspace`."""

    relabelled = Signal()
    """The answers changed: more of them, or the run has ended."""

    _masks_ready = Signal(object, object)
    """A :class:`_Run` and the masks of its next instances."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._relabels: list[Relabel] = []
        self._relabel_run: _Run | None = None
        self._relabel_runs = 0
        self._masks_ready.connect(self._ask_names)

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def relabels(self) -> tuple[Relabel, ...]:
        """The answers of the last run about instances that are still there, in the order of the selection."""
        return tuple(each for each in self._relabels if each.instance_id in self._instances)

    @property
    def relabelling(self) -> bool:
        """Whether a run is under way."""
        return self._relabel_run is not None

    def can_relabel(self) -> str:
        """Empty, or why the selection cannot be relabelled."""
        if not self._relabel_candidates():
            return self.tr("Select instances that are not locked first.")
        if self._pixels is None:
            return self.tr("The image is still being read.")
        if self._relabel_run is not None:
            return self.tr("The last relabelling is still under way.")
        return self.editable()

    # -- asking --------------------------------------------------------------------------------------------------

    def relabel_selected(self) -> None:
        """Ask for the names of the selected instances; :attr:`relabels` fills while the answers come."""
        reason = self.can_relabel()
        if reason or self._image is None or self._link is None:
            self.notice(reason)
            return
        wanted = self.settings.text("engines.label_with")
        instances = self._relabel_candidates()
        self._relabel_runs += 1
        self._relabels = []
        self._relabel_run = run = _Run(
            self._relabel_runs,
            self._image.id,
            wanted if wanted not in (AUTOMATIC, OFF) else self.find_with,
            self._suggestible(),
            instances,
            len(instances),
        )
        title = self.tr("Names for {n} instances of {image}").format(n=len(instances), image=self._image.path)
        self._put_job(JobInfo(f"{JOB}{run.number}", title, JobState.RUNNING, 0.0, started=time.monotonic()))
        self._prepare(run)

    def _relabel_candidates(self) -> list[Instance]:
        return [each for each in self.selected() if not each.locked and not each.mask.is_empty]

    def _prepare(self, run: _Run) -> None:
        """The next few masks, off the GUI thread."""
        width, height = self.image_size
        count = max(1, PIXELS_AT_ONCE // max(1, width * height))
        portion, run.waiting = run.waiting[:count], run.waiting[count:]
        run.asked = [instance.id for instance in portion]
        masks = tuple(instance.mask for instance in portion)
        QThreadPool.globalInstance().start(_Drawer(run, masks, self._masks_ready))

    def _ask_names(self, run: _Run, masks: tuple[MaskArray, ...]) -> None:
        image = self.engine_image()
        if run is not self._relabel_run or self._link is None:
            return
        if image is None or self._image is None or self._image.id != run.image_id:
            self._end_relabelling(JobState.CANCELLED, self.tr("Another image was opened."))
            return
        options = self.changed_options(run.engine)
        request = RankLabels(run.engine, image, masks, run.vocabulary, f"{JOB}{run.number}", options=options)
        run.job = self._link.submit(request)

    def _relabel_event(self, event: object) -> None:
        run = self._relabel_run
        if run is None:
            return
        match event:
            case Finished(job=job, result=LabelScores() as scores) if job == run.job:
                self._relabels += [
                    Relabel(instance, scores.ranked(row), decided(scores, row))
                    for row, instance in enumerate(run.asked)
                ]
                self._update_job(f"{JOB}{run.number}", fraction=1 - len(run.waiting) / run.total)
                if run.waiting:
                    self._prepare(run)
                    self.relabelled.emit()
                else:
                    unknown = sum(each.best is None for each in self._relabels)
                    said = self.tr("{n} named, {unknown} unknown")
                    text = said.format(n=len(self._relabels) - unknown, unknown=unknown)
                    self._end_relabelling(JobState.DONE, text)
            case Failed(job=job) if job == run.job:
                self._end_relabelling(JobState.FAILED, event.message)
                self.problem(event.message, event.details)
            case Dropped(job=job) if job == run.job:
                self._end_relabelling(JobState.CANCELLED, self.tr("Cancelled"))

    def _end_relabelling(self, state: JobState, message: str) -> None:
        run, self._relabel_run = self._relabel_run, None
        if run is not None:
            self._end_job(f"{JOB}{run.number}", state, message)
        self.relabelled.emit()

    def cancel_relabelling(self) -> None:
        """Ask for no more names; answers that are here stay."""
        run = self._relabel_run
        if run is None:
            return
        if run.job is not None and self._link is not None:
            self._link.cancel(run.job)
        if self._relabel_run is run:
            self._end_relabelling(JobState.CANCELLED, self.tr("Cancelled"))

    def cancel_job(self, job_id: str) -> None:
        super().cancel_job(job_id)
        run = self._relabel_run
        if run is not None and job_id == f"{JOB}{run.number}":
            self.cancel_relabelling()

    # -- applying ------------------------------------------------------------------------------------------------

    def apply_relabels(self, instance_ids: Collection[int]) -> int:
        """Give these instances the names found for them: one undo step. Returns how many changed.

        Instances that are unknown, locked or gone are left alone; classes that are new are made.
        """
        if self.editable() or not self._ready_to_change():
            return 0
        known = {category.name.casefold(): category.id for category in self.categories}
        changed: list[Instance] = []
        for each in self.relabels:
            instance = self._instances[each.instance_id]
            if each.instance_id not in instance_ids or each.best is None or instance.locked:
                continue
            name = each.best.name
            if name.casefold() not in known:
                known[name.casefold()] = self.add_category(name, self._kind_of(name))
            category = known[name.casefold()]
            if instance.category_id != category:
                made = replace(instance.provenance, suggested=name)
                changed.append(replace(instance, category_id=category, provenance=made))
        if not self._change_instances(self.tr("Relabel {n} instances").format(n=len(changed)), changed):
            return 0
        return len(changed)


class _Drawer(QRunnable):
    """Brings masks to image size off the GUI thread."""

    def __init__(self, run: _Run, masks: tuple[Mask, ...], done: SignalInstance) -> None:
        super().__init__()
        self._run, self._masks, self._done = run, masks, done

    def run(self) -> None:
        drawn = tuple(mask.to_array() for mask in self._masks)
        # the window may be gone by now
        with suppress(RuntimeError):
            self._done.emit(self._run, drawn)
