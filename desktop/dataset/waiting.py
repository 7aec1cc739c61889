"""What waits for review: the proposals of a project, and which images a job is through with.

Like instances, both are seen as soon as they are applied, although the file has them up to a second later.
Not thread-safe: :class:`desktop.dataset.store.Project` guards it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable

from desktop.dataset import rows
from desktop.dataset.changes import AddProposals, Batch, Change, DeleteProposals, MarkDone, StoredProposal


class WaitingProposals:
    """Reads from ``connection``; :meth:`take` shows a change before it is written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._unwritten: dict[int, tuple[int, StoredProposal | None]] = {}
        self._marks: dict[tuple[int, int], tuple[int, MarkDone]] = {}
        self._counts: Counter[int] | None = None

    def of_image(self, image_id: int) -> list[StoredProposal]:
        """By id."""
        found = {p.id: p for p in rows.read_proposals(self._connection, image_id) if p.id not in self._unwritten}
        found |= {i: value for i, value in self.snapshot().items() if value is not None and value.image_id == image_id}
        return [found[proposal_id] for proposal_id in sorted(found)]

    def counts(self) -> dict[int, int]:
        """Proposals per image that has any."""
        return dict(+self._loaded_counts())

    def snapshot(self) -> dict[int, StoredProposal | None]:
        """By id, what the file does not say yet; None for what is decided."""
        return {proposal_id: value for proposal_id, (_, value) in self._unwritten.items()}

    def done(self, job_id: int) -> dict[int, MarkDone]:
        """What a job said about the images that it is through with, by image id."""
        found = rows.read_done(self._connection, job_id)
        found.update((mark.image_id, mark) for _, mark in self._marks.values() if mark.job_id == job_id)
        return found

    def take(self, number: int, change: Change) -> None:
        """Show a change that batch ``number`` writes."""
        match change:
            case AddProposals(proposals):
                self._recount([p.id for p in proposals], proposals)
                self._unwritten.update((p.id, (number, p)) for p in proposals)
            case DeleteProposals(proposal_ids):
                self._recount(proposal_ids, ())
                self._unwritten.update((proposal_id, (number, None)) for proposal_id in proposal_ids)
            case MarkDone(job_id, image_id):
                self._marks[job_id, image_id] = (number, change)

    def forget_images(self, image_ids: Iterable[int]) -> None:
        """Proposals go with their images."""
        gone = set(image_ids)
        for proposal_id, (_, value) in list(self._unwritten.items()):
            if value is not None and value.image_id in gone:
                del self._unwritten[proposal_id]
        self._counts = None

    def forget_written(self, batches: Iterable[Batch]) -> None:
        """Drop what these batches wrote, but nothing newer."""
        for batch in batches:
            for change in batch.changes:
                match change:
                    case AddProposals(proposals):
                        self._forget((p.id for p in proposals), batch.number)
                    case DeleteProposals(proposal_ids):
                        self._forget(proposal_ids, batch.number)
                    case MarkDone(job_id, image_id):
                        known = self._marks.get((job_id, image_id))
                        if known is not None and known[0] <= batch.number:
                            del self._marks[job_id, image_id]

    def _forget(self, ids: Iterable[int], number: int) -> None:
        for proposal_id in ids:
            known = self._unwritten.get(proposal_id)
            if known is not None and known[0] <= number:
                del self._unwritten[proposal_id]

    def _loaded_counts(self) -> Counter[int]:
        if self._counts is None:
            # one statement, so that the writer cannot come between
            self._counts = Counter(rows.read_proposal_counts(self._connection, self._unwritten))
            self._counts.update(value.image_id for value in self.snapshot().values() if value is not None)
        return self._counts

    def _recount(self, ids: Iterable[int], added: Iterable[StoredProposal]) -> None:
        """Keep the counts right without reading the whole table again."""
        if self._counts is None:
            return
        known = {i: self._unwritten[i][1] for i in ids if i in self._unwritten}
        stored = rows.read_proposal_images(self._connection, [i for i in ids if i not in known])
        self._counts.subtract(stored.values())
        self._counts.subtract(value.image_id for value in known.values() if value is not None)
        self._counts.update(proposal.image_id for proposal in added)
