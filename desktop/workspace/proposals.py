"""Whole-image runs: regions become proposals, which are not in the store until they are accepted (ux.md §8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject

from desktop.canvas.host import CanvasInstance
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance, Provenance
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.classes import UNLABELLED_COLOUR
from desktop.workspace.link import InferenceLink
from desktop.workspace.suggesting import Suggesting
from desktop.workspace.values import JobInfo, JobState, Proposal
from inference.engine import Capability
from inference.messages import Dropped, Everything, Failed, Finished, Progress, Started
from inference.results import Region

OVERLAP = 0.5
"""IoU with an instance from which a proposal starts unchecked."""


class Proposals(Suggesting):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._proposals: dict[int, Proposal] = {}
        self._proposal_threshold = 0.0
        self._last_proposal = 0
        self._jobs: dict[str, JobInfo] = {}
        self._cancel_outside: dict[str, Callable[[], None]] = {}
        self._whole_image: dict[int, int] = {}

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def proposals(self) -> Sequence[Proposal]:
        """Of the current image, above the threshold, best first."""
        image_id = self._image.id if self._image is not None else 0
        here = [p for p in self._proposals.values() if p.image_id == image_id and p.score >= self._proposal_threshold]
        return sorted(here, key=lambda proposal: -proposal.score)

    @property
    def proposal_threshold(self) -> float:
        return self._proposal_threshold

    def set_proposal_threshold(self, threshold: float) -> None:
        self._proposal_threshold = threshold
        self._proposals_changed()

    def canvas_instances(self) -> list[CanvasInstance]:
        """Instances and proposals as the canvas draws them; the id of a proposal is its number, negated."""
        drawn = [
            CanvasInstance(-p.id, p.mask, self._proposal_colour(p), p.label or p.engine, proposal=True)
            for p in self.proposals
        ]
        return [*super().canvas_instances(), *drawn]

    def _proposal_colour(self, proposal: Proposal) -> str:
        category = next((c for c in self.categories if c.name == proposal.label), self.current_category)
        return category.colour if category is not None else UNLABELLED_COLOUR

    # -- running -------------------------------------------------------------------------------------------------

    def can_run_everything(self) -> str:
        """Empty, or why the engine cannot run on the whole image."""
        status = self.engine_status(self._find_with)
        if status is None:
            return self.tr("No engine is chosen.")
        if Capability.EVERYTHING not in status.spec.capabilities:
            return self.tr("{engine} cannot run on a whole image.").format(engine=status.spec.title)
        if self._pixels is None:
            return self.tr("The image is still being read.")
        return self.editable()

    def run_everything(self) -> None:
        """Run the current engine on the whole image; the regions arrive as proposals.

        Engines that name regions are given the project's classes; without any they use the names that they have.
        """
        reason = self.can_run_everything()
        image = self.engine_image()
        if reason or image is None or self._image is None or self._link is None:
            self.notice(reason)
            return
        names = None
        if self.categories and Capability.VOCABULARY in self.specs[self._find_with].capabilities:
            names = self.class_names()
        seed, options = self.settings.number("engines.seed"), self.changed_options(self._find_with)
        job = self._link.submit(Everything(self._find_with, image, names, seed=seed, options=options))
        self._whole_image[job] = self._image.id
        title = self.tr("{engine} on {image}").format(engine=self._find_with, image=self._image.path)
        self._put_job(JobInfo(f"run-{job}", title, started=time.monotonic(), lossy=True))

    def _proposal_event(self, event: object) -> None:
        match event:
            case Started(job=job) if job in self._whole_image:
                self._update_job(f"run-{job}", state=JobState.RUNNING)
            case Progress(job=job) if job in self._whole_image:
                self._update_job(f"run-{job}", fraction=event.fraction, message=event.message)
            case Finished(job=job, result=list() as regions) if job in self._whole_image:
                found = self._propose(self._whole_image.pop(job), event.request.engine, regions)
                self._end_job(f"run-{job}", JobState.DONE, self.tr("{n} proposals").format(n=found))
            case Failed(job=job) if job in self._whole_image:
                del self._whole_image[job]
                self._end_job(f"run-{job}", JobState.FAILED, event.message)
                self.problem(event.message, event.details)
            case Dropped(job=job) if job in self._whole_image:
                del self._whole_image[job]
                self._end_job(f"run-{job}", JobState.CANCELLED, self.tr("Cancelled"))

    def _propose(self, image_id: int, engine: str, regions: Iterable[Region], prompts: str = "") -> int:
        """Add regions as proposals of an image; ``prompts`` (JSON) is how they were found. Returns how many."""
        present = [i.mask for i in self.storage.instances(image_id).values()]
        found = 0
        for region in regions:
            mask = Mask.from_array(region.mask)
            if mask.is_empty:
                continue
            found += 1
            self._last_proposal += 1
            overlap = max((mask.iou(other) for other in present), default=0.0)
            self._proposals[self._last_proposal] = Proposal(
                self._last_proposal, image_id, mask, region.label or "", region.score, engine,
                region.is_thing, overlap, overlap < OVERLAP, prompts,
            )  # fmt: skip
        self._proposals_changed()
        return found

    def _proposals_changed(self) -> None:
        self.proposals_changed.emit()
        self.instances_changed.emit(frozenset())

    # -- review --------------------------------------------------------------------------------------------------

    def check_proposal(self, proposal_id: int, checked: bool) -> None:
        proposal = self._proposals.get(proposal_id)
        if proposal is not None:
            self._proposals[proposal_id] = replace(proposal, checked=checked)
            self.proposals_changed.emit()

    def accept_proposal(self, proposal_id: int) -> None:
        if proposal_id in self._proposals:
            self._accept([self._proposals[proposal_id]])

    def accept_all_proposals(self) -> None:
        """The checked ones that are shown; one undo step."""
        self._accept([p for p in self.proposals if p.checked])

    def _accept(self, taken: list[Proposal]) -> None:
        if not taken or self.editable() or not self._ready_to_change():
            return
        names = {category.name: category.id for category in self.categories}
        new: list[Instance] = []
        for offset, proposal in enumerate(taken):
            if proposal.label and proposal.label not in names:
                names[proposal.label] = self.add_category(proposal.label)
            provenance = Provenance(
                source=proposal.engine, score=proposal.score, prompts=proposal.prompts, suggested=proposal.label
            )
            instance = self.new_instance(proposal.mask, provenance, names.get(proposal.label))
            new.append(replace(instance, z_order=instance.z_order + offset))
        if self._change_instances(self.tr("Accept {n} proposals").format(n=len(new)), new):
            for proposal in taken:
                del self._proposals[proposal.id]
            self._proposals_changed()

    def reject_proposal(self, proposal_id: int) -> None:
        if self._proposals.pop(proposal_id, None) is not None:
            self._proposals_changed()

    def reject_all_proposals(self) -> None:
        for proposal in self.proposals:
            del self._proposals[proposal.id]
        self._proposals_changed()

    # -- the list of jobs ----------------------------------------------------------------------------------------

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

    def cancel_job(self, job_id: str) -> None:
        """Ask a job to stop; it says so when it has."""
        if job_id in self._cancel_outside:
            self._cancel_outside[job_id]()
        elif job_id.startswith("run-") and self._link is not None:
            self._update_job(job_id, state=JobState.CANCELLING)
            self._link.cancel(int(job_id.removeprefix("run-")))
