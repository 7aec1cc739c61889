"""A pre-labelling job of a project: which images are left, one transaction for each, progress, and going on later.

The results are written in the order of the images by one writer, so that the same job always makes the same proposals
under the same ids: undisturbed, killed and resumed, or on many machines.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from desktop.dataset.changes import (
    AddProposals,
    Change,
    DeleteProposals,
    Job,
    MarkDone,
    PutJob,
    ReplaceImages,
    StoredProposal,
)
from desktop.dataset.model import Image
from desktop.dataset.store import Project, SaveStatus
from desktop.prelabel.request import KIND, PrelabelError, PrelabelRequest
from desktop.prelabel.work import Control, Finder, Outcome, Task, in_order

RATE_OVER = 50
"""Images over which the rate is taken."""

UNWRITTEN = 64
"""So many images may wait to be written before the job waits for the disk."""


class Stage(StrEnum):
    """The state of such a job in the project file. After a kill it still says *running*."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Failure:
    """An image that could not be looked at, and the sentence why."""

    image: Image
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` images, ``found`` proposals; ``rate`` in images per second, ``left`` in seconds."""

    done: int
    total: int
    found: int
    failed: int
    rate: float | None = None
    left: float | None = None


@dataclass(slots=True, eq=False)
class Report:
    """What came of one run: images looked at ``now``, those an earlier run had done, those left out as annotated."""

    now: int = 0
    before: int = 0
    annotated: int = 0
    found: int = 0
    failures: list[Failure] = field(default_factory=list)


class Prelabelling:
    """One job in a project that is open for writing.

    Make one with :meth:`begin` (a new request, or the same again: what is done is not done twice) or :meth:`of_job`.
    """

    def __init__(self, project: Project, job: Job, request: PrelabelRequest) -> None:
        """Internal: see :meth:`begin`."""
        self.project, self.job, self.request = project, job, request
        self.control = Control()
        self.report = Report()
        self._times: deque[float] = deque(maxlen=RATE_OVER)
        self._begun = 0
        self.left = self._plan()

    @classmethod
    def begin(cls, project: Project, request: PrelabelRequest, *, again: bool = False) -> Prelabelling:
        """The job of a request: the one that was begun with the same request, or (or with ``again``) a new one."""
        text = request.to_json()
        known = next((j for j in reversed(project.jobs()) if j.kind == KIND and j.request == text), None)
        if known is None or again:
            created = datetime.now(UTC).isoformat(timespec="seconds")
            known = Job(project.reserve_job_id(), KIND, Stage.RUNNING, text, "{}", created)
            project.apply(PutJob(known))
        return cls(project, known, request)

    @classmethod
    def of_job(cls, project: Project, job: Job) -> Prelabelling:
        """A job that is in the project. Raises :class:`PrelabelError` when its request cannot be read."""
        return cls(project, job, PrelabelRequest.from_json(job.request))

    @property
    def total(self) -> int:
        """Images that the job is about, done or not."""
        return self.report.before + self.report.now + len(self.left)

    @property
    def under_way(self) -> int:
        """Images that were begun in this run and are not written yet."""
        return self._begun - self.report.now

    def _plan(self) -> deque[Image]:
        """The images that are left, in order: not done yet, or failed before, and without instances."""
        known = {image.id: image for image in self.project.images()}
        wanted = known if self.request.image_ids is None else self.request.image_ids
        done = {image_id for image_id, mark in self.project.done(self.job.id).items() if not mark.error}
        annotated = set() if self.request.annotated else self.project.counts_by_image().keys() - done
        left: deque[Image] = deque()
        for image_id in wanted:
            image = known.get(image_id)
            if image is None:
                continue
            if image_id in done:
                self.report.before += 1
            elif image_id in annotated:
                self.report.annotated += 1
            else:
                left.append(image)
        return left

    def run(self, finder: Finder, hows: frozenset[str], told: Callable[[Progress], None] | None = None) -> Report:
        """Look at all images that are left; closes the finder.

        ``hows`` are the prompts of the finds (:func:`desktop.prelabel.answers.hows`): waiting proposals of the same
        engine that were found the same way are replaced, so that no run doubles what another found.

        Raises :class:`inference.engine.Cancelled` when the control stopped it, :class:`PrelabelError` when it cannot
        go on, or what the engine raises about its weights. What was finished is written in any case.
        """
        self._put(Stage.RUNNING)
        stage = Stage.PAUSED
        try:
            for outcome in in_order(self._tasks(), finder, self.control):
                self._take(outcome, hows)
                if told is not None:
                    told(self.progress())
            stage = Stage.DONE
        finally:
            finder.close()
            self._put(stage)
            self.project.flush()
        return self.report

    def cancel(self) -> None:
        """It is not to be gone on with; what it found stays."""
        self._put(Stage.CANCELLED)

    def progress(self) -> Progress:
        done = self.report.before + self.report.now
        rate = left = None
        if len(self._times) > 1 and self._times[-1] > self._times[0]:
            rate = (len(self._times) - 1) / (self._times[-1] - self._times[0])
            left = (self.total - done) / rate
        return Progress(done, self.total, self.report.found, len(self.report.failures), rate, left)

    def _tasks(self) -> Iterator[Task]:
        # those that were begun stay in ``left`` until they are written
        for image in list(self.left):
            self._begun += 1
            yield Task(image.id, self.project.image_path(image), image.page)

    def _take(self, outcome: Outcome, hows: frozenset[str]) -> None:
        """Write one image: its proposals and the mark that it is done, in one transaction."""
        image = self.left.popleft()
        self.report.now += 1
        self.report.found += len(outcome.finds)
        self._times.append(time.monotonic())
        if outcome.error:
            self.report.failures.append(Failure(image, outcome.error))
        changes: list[Change] = []
        engine, seed = self.request.engine, self.request.seed
        before = self.project.proposals(image.id) if not outcome.error else ()
        replaced = tuple(p.id for p in before if p.engine == engine and p.prompts in hows)
        if replaced:
            changes.append(DeleteProposals(replaced))
        new = tuple(
            StoredProposal(
                self.project.reserve_proposal_id(), image.id, find.mask, find.label, find.score, find.is_thing,
                engine, outcome.fingerprint, find.prompts, seed,
            )
            for find in outcome.finds
        )  # fmt: skip
        if new:
            changes.append(AddProposals(new))
        learned = self._learned(image, outcome)
        if learned is not None:
            changes.append(ReplaceImages((learned,)))
        self.project.apply(*changes, MarkDone(self.job.id, image.id, len(new), outcome.error))
        self._wait_for_disk()

    def _learned(self, image: Image, outcome: Outcome) -> Image | None:
        """The image with its size, when it was never opened before."""
        if outcome.error or image.width:
            return None
        size = {"width": outcome.width, "height": outcome.height, "orientation": outcome.orientation}
        return replace(self.project.image(image.id), content_hash=outcome.content_hash, **size)  # type: ignore[arg-type]

    def _wait_for_disk(self) -> None:
        saved = self.project.saved
        if saved.status is not SaveStatus.FAILED and saved.pending > UNWRITTEN:
            saved = self.project.flush()
        if saved.status is SaveStatus.FAILED:
            raise PrelabelError(saved.sentence)

    def _put(self, stage: Stage) -> None:
        progress = {"done": self.report.before + self.report.now, "total": self.total, "found": self.report.found}
        self.job = replace(self.job, state=stage, progress=json.dumps(progress))
        self.project.apply(PutJob(self.job))


def unfinished(project: Project) -> Sequence[Job]:
    """Pre-labelling jobs that can be gone on with: paused, or cut short with the program."""
    return [job for job in project.jobs() if job.kind == KIND and job.state in (Stage.RUNNING, Stage.PAUSED)]
