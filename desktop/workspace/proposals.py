"""Proposals and their review (ux.md §8): of whole-image runs, and of batches, which wait in the project file.

Those of a batch are read when their image is shown; deciding them is a step that undo takes back. Those of a run on one
image are only here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum

from PySide6.QtCore import QObject

from desktop.canvas.host import CanvasInstance
from desktop.dataset.changes import (
    AddInstances,
    AddProposals,
    Change,
    DeleteInstances,
    DeleteProposals,
    ReplaceInstances,
    StoredProposal,
)
from desktop.dataset.errors import DatasetError
from desktop.dataset.history import Step
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance, Provenance
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.classes import UNLABELLED_COLOUR
from desktop.workspace.jobs import Jobs
from desktop.workspace.link import InferenceLink
from desktop.workspace.values import JobInfo, JobState, Proposal
from inference.engine import Capability
from inference.messages import Dropped, Everything, Failed, Finished, Progress, Started
from inference.results import Region

OVERLAP = 0.5
"""IoU with an instance from which a proposal starts unchecked."""

SLIVER = 0.1
"""A proposal of which instances leave no more than this share is not accepted: it is what is there already."""


class ProposalOrder(StrEnum):
    """How the review lane is sorted."""

    BEST_FIRST = "best first"
    LEAST_SURE_FIRST = "least sure first"


class Proposals(Jobs):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._proposals: dict[int, Proposal] = {}
        self._proposal_threshold = 0.0
        self._last_proposal = 0
        self._proposal_order = ProposalOrder.BEST_FIRST
        self._whole_image: dict[int, int] = {}
        # before the panels hear of it
        self.image_changed.connect(self._read_waiting)

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def proposals(self) -> Sequence[Proposal]:
        """Of the current image, above the threshold, in the order of :attr:`proposal_order`."""
        here = [p for p in self._of_this_image() if p.score >= self._proposal_threshold]
        if self._proposal_order is ProposalOrder.LEAST_SURE_FIRST:
            return sorted(here, key=lambda proposal: abs(proposal.score - 0.5))
        return sorted(here, key=lambda proposal: -proposal.score)

    def _of_this_image(self) -> list[Proposal]:
        image_id = self._image.id if self._image is not None else 0
        return [proposal for proposal in self._proposals.values() if proposal.image_id == image_id]

    @property
    def hidden_proposals(self) -> int:
        """How many of the current image are below the threshold."""
        return sum(proposal.score < self._proposal_threshold for proposal in self._of_this_image())

    @property
    def images_with_proposals(self) -> frozenset[int]:
        """Ids of the images where proposals wait."""
        project = self.storage.project
        waiting = project.proposal_counts().keys() if project is not None else ()
        return frozenset(waiting) | {proposal.image_id for proposal in self._proposals.values()}

    @property
    def proposal_order(self) -> ProposalOrder:
        return self._proposal_order

    def set_proposal_order(self, order: ProposalOrder) -> None:
        self._proposal_order = order
        self.proposals_changed.emit()

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
            self._put_proposal(
                Proposal(0, image_id, mask, region.label or "", region.score, engine, region.is_thing, prompts=prompts),
                present,
            )
        self._proposals_changed()
        return found

    def _put_proposal(self, proposal: Proposal, present: Iterable[Mask]) -> None:
        """List a proposal under a number of its own, unchecked when it covers an instance."""
        self._last_proposal += 1
        overlap = largest_overlap(proposal.mask, present)
        self._proposals[self._last_proposal] = replace(
            proposal, id=self._last_proposal, overlap=overlap, checked=overlap < OVERLAP
        )

    def _read_waiting(self) -> None:
        """List what waits in the project file for the image that is shown; what is known of it stays as it is."""
        project, image = self.storage.project, self._image
        known = {p.stored: p for p in self._proposals.values() if p.stored}
        waiting: dict[int, StoredProposal] = {}
        if project is not None and image is not None and self.storage.is_stored(image.id):
            try:
                waiting = {p.id: p for p in project.proposals(image.id)}
            except DatasetError as error:
                self.problem(str(error))
        for stored, proposal in known.items():
            if stored not in waiting:
                del self._proposals[proposal.id]
        present = [instance.mask for instance in self._instances.values()]
        for stored, kept in waiting.items():
            if stored not in known:
                new = Proposal(
                    0, kept.image_id, kept.mask, kept.label, kept.score, kept.engine, kept.is_thing,
                    prompts=kept.prompts, stored=stored, fingerprint=kept.fingerprint, seed=kept.seed,
                )  # fmt: skip
                self._put_proposal(new, present)

    def _show_changes(self, changes: Iterable[Change]) -> None:
        changes = tuple(changes)
        super()._show_changes(changes)
        decided = any(isinstance(change, AddProposals | DeleteProposals) for change in changes)
        if decided:
            self._read_waiting()
        elif not any(isinstance(change, AddInstances | ReplaceInstances | DeleteInstances) for change in changes):
            return
        here = self._of_this_image()
        present = [instance.mask for instance in self._instances.values()] if here else []
        for proposal in here:
            overlap = largest_overlap(proposal.mask, present)
            # what came to be covered is unchecked; a person's own check of what was covered before stays
            checked = proposal.checked and (overlap < OVERLAP or proposal.overlap >= OVERLAP)
            self._proposals[proposal.id] = replace(proposal, overlap=overlap, checked=checked)
        if here or decided:
            self._proposals_changed()

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
        accepted: list[Proposal] = []
        for proposal, mask in zip(taken, self._left_of([p.mask for p in taken]), strict=True):
            if mask.area <= SLIVER * proposal.mask.area:
                continue
            if proposal.label and proposal.label not in names:
                names[proposal.label] = self.add_category(proposal.label)
            provenance = Provenance(
                source=proposal.engine, fingerprint=proposal.fingerprint, score=proposal.score,
                prompts=proposal.prompts, seed=proposal.seed, suggested=proposal.label,
            )  # fmt: skip
            instance = self.new_instance(mask, provenance, names.get(proposal.label))
            new.append(replace(instance, z_order=instance.z_order + len(new)))
            accepted.append(proposal)
        covered = len(taken) - len(new)
        if covered:
            self.notice(self.tr("{n} proposals lie wholly on instances that are there already.").format(n=covered))
        if new and self._change_instances(
            self.tr("Accept {n} proposals").format(n=len(new)), new, also=_decided(accepted)
        ):
            self._forget_proposals(accepted)

    def _left_of(self, masks: Sequence[Mask]) -> list[Mask]:
        """The masks, without the pixels of instances and of the masks before them where nothing is overwritten."""
        if not self.settings.flag("tools.never_overwrite") or not masks:
            return list(masks)
        taken = [instance.mask for instance in self._instances.values()]
        left = []
        for mask in masks:
            for other in taken:
                if _boxes_meet(mask, other):
                    mask = mask.subtract(other)
            left.append(mask)
            taken.append(mask)
        return left

    def reject_proposal(self, proposal_id: int) -> None:
        if proposal_id in self._proposals:
            self._reject([self._proposals[proposal_id]])

    def reject_all_proposals(self) -> None:
        """Those that are shown; one undo step for those of a batch."""
        self._reject(list(self.proposals))

    def _reject(self, gone: list[Proposal]) -> None:
        there, back = _decided(gone)
        name = self.tr("Reject {n} proposals").format(n=len(gone))
        if there and not self._commit(Step(name, there, back)):
            return
        self._forget_proposals(gone)

    def _forget_proposals(self, decided: Iterable[Proposal]) -> None:
        for proposal in decided:
            self._proposals.pop(proposal.id, None)
        self._proposals_changed()

    # -- jobs ----------------------------------------------------------------------------------------------------

    def cancel_job(self, job_id: str) -> None:
        """Ask a job to stop; it says so when it has."""
        if job_id.startswith("run-") and self._link is not None:
            self._update_job(job_id, state=JobState.CANCELLING)
            self._link.cancel(int(job_id.removeprefix("run-")))
        else:
            super().cancel_job(job_id)


def largest_overlap(mask: Mask, present: Iterable[Mask]) -> float:
    """The largest IoU with one of the masks, all of the same image."""
    return max((mask.iou(other) for other in present if _boxes_meet(mask, other)), default=0.0)


def _boxes_meet(one: Mask, other: Mask) -> bool:
    ax0, ay0, ax1, ay1 = one.bbox
    bx0, by0, bx1, by1 = other.bbox
    return ax0 < bx1 and bx0 < ax1 and ay0 < by1 and by0 < ay1


def _decided(proposals: Iterable[Proposal]) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """What takes decided proposals out of the project file, and what puts them back."""
    stored = tuple(
        StoredProposal(
            p.stored, p.image_id, p.mask, p.label, p.score, p.is_thing, p.engine, p.fingerprint, p.prompts, p.seed
        )
        for p in proposals
        if p.stored
    )
    return ((DeleteProposals(tuple(p.id for p in stored)),), (AddProposals(stored),)) if stored else ((), ())
