"""Which job runs next: priorities, latest wins, sessions. Pure bookkeeping without threads (design.md §4).

Latest wins, in detail: a newer revision of a session replaces its pending older ones. An older one that already runs
goes on when its engine is *instant* — its result is there at once and is shown by the rule of ux.md §4 — and is
stopped when the engine is slower, except for an encoding in progress, which the newer revision needs as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from inference.messages import Encode, Priority, RankLabels, Request, Segment


class Ending(Enum):
    """Why a job shall not run to its end."""

    CANCELLED = "cancelled"
    REPLACED = "replaced"


@dataclass(slots=True, eq=False)
class Job:
    """``sent`` to the worker, then ``started`` there (0 = not yet; else a counter that orders the starts)."""

    id: int
    request: Request
    priority: Priority
    sent: bool = False
    started: int = 0
    ending: Ending | None = None


def priority_of(request: Request) -> Priority:
    """Labels of a session are as urgent as its prompts; labels without one as the features of the current image."""
    match request:
        case Encode(prefetch=prefetch):
            return Priority.PREFETCH if prefetch else Priority.ENCODE
        case Segment(as_job=as_job):
            return Priority.BATCH if as_job else Priority.PROMPT
        case RankLabels(session=session):
            return Priority.PROMPT if session else Priority.ENCODE
        case _:
            return Priority.BATCH


@dataclass(frozen=True, slots=True)
class Consequences:
    """Of a new request: ``dropped`` jobs never reached the worker, ``stopping`` ones must be stopped there."""

    dropped: tuple[Job, ...]
    stopping: tuple[Job, ...]


class Schedule:
    """All jobs that have not ended. ``is_instant`` tells of an engine by name whether it answers at once."""

    def __init__(self, is_instant: Callable[[str], bool]) -> None:
        self._is_instant = is_instant
        self._jobs: dict[int, Job] = {}
        self._starts = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, job: int) -> Job | None:
        return self._jobs.get(job)

    def jobs(self) -> tuple[Job, ...]:
        return tuple(self._jobs.values())

    def add(self, number: int, request: Request) -> Consequences:
        """Take a request in; what it replaces follows from it."""
        replaced = [job for job in self._jobs.values() if job.ending is None and _replaces(request, job.request)]
        self._jobs[number] = Job(number, request, priority_of(request))
        dropped = [job for job in replaced if not job.sent]
        stopping = [job for job in replaced if job.sent and self._worth_stopping(job, request)]
        return self._end(dropped, stopping, Ending.REPLACED)

    def cancel(self, number: int) -> Consequences:
        job = self._jobs.get(number)
        return self._end_all([job] if job is not None else [])

    def close_session(self, session: str) -> Consequences:
        """End everything that was asked for a session; a later request of the same name opens it anew."""
        return self._end_all([job for job in self._jobs.values() if session and session_of(job.request) == session])

    def next_to_send(self) -> Job | None:
        """The most urgent pending job if the worker is idle or busy with less urgent work only; marks it as sent."""
        pending = [job for job in self._jobs.values() if not job.sent]
        if not pending:
            return None
        best = min(pending, key=lambda job: (job.priority, job.id))
        if any(job.sent and job.priority <= best.priority for job in self._jobs.values()):
            return None
        best.sent = True
        return best

    def started(self, number: int) -> None:
        job = self._jobs.get(number)
        if job is not None:
            self._starts += 1
            job.started = self._starts

    def yielded(self, number: int) -> None:
        """The worker gave the job back to make way; it is pending again."""
        job = self._jobs.get(number)
        if job is not None:
            job.sent, job.started = False, 0

    def finished(self, number: int) -> Job | None:
        """Take a job out; None when it is not known (any more)."""
        return self._jobs.pop(number, None)

    def running(self) -> Job | None:
        """The job that was started last: what the worker is at now."""
        return max((job for job in self._jobs.values() if job.started), key=lambda job: job.started, default=None)

    def _worth_stopping(self, job: Job, newer: Request) -> bool:
        if isinstance(job.request, Encode):
            return job.request.image.content_hash != newer.image.content_hash
        return not job.started or not self._is_instant(job.request.engine)

    def _end_all(self, jobs: list[Job]) -> Consequences:
        return self._end([j for j in jobs if not j.sent], [j for j in jobs if j.sent], Ending.CANCELLED)

    def _end(self, dropped: list[Job], stopping: list[Job], ending: Ending) -> Consequences:
        for job in dropped:
            del self._jobs[job.id]
        for job in (*dropped, *stopping):
            job.ending = ending
        return Consequences(tuple(dropped), tuple(stopping))


def session_of(request: Request) -> str:
    """The session a request belongs to, or an empty text."""
    return request.session if isinstance(request, Segment | RankLabels) else ""


def _replaces(new: Request, old: Request) -> bool:
    match new, old:
        case Segment(), Segment():
            if new.session != old.session:
                return False
            # the same revision on another engine is a comparison, not a replacement
            return new.revision > old.revision or (new.revision == old.revision and new.engine == old.engine)
        case RankLabels(), RankLabels():
            return bool(new.session) and (new.session, new.engine) == (old.session, old.engine)
        case Encode(), Encode():
            return (new.engine, new.prefetch) == (old.engine, old.prefetch)
        case _:
            return False
