"""Proposals in the project file: seen at once, there after a restart, gone with their image, in no export."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from desktop.dataset.changes import (
    AddImages,
    AddProposals,
    DeleteImages,
    DeleteProposals,
    Job,
    MarkDone,
    PutJob,
    StoredProposal,
)
from desktop.dataset.errors import UnknownItem
from desktop.dataset.masks import Mask
from desktop.dataset.model import Image
from desktop.dataset.project_file import connect
from desktop.dataset.store import Project

SQUARE = Mask.from_polygons([[(1, 1), (5, 1), (5, 5), (1, 5)]], 16, 12)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "p", state_folder=tmp_path)
    made.apply(
        AddImages(tuple(Image(n, f"{n}.png", width=16, height=12) for n in (1, 2))),
        PutJob(Job(1, "prelabel", "running")),
    )
    return made


def proposal(number: int, image_id: int, score: float = 0.5) -> StoredProposal:
    return StoredProposal(number, image_id, SQUARE, "cat", score, False, "lite", "f-1", '{"a":1}', 7)


@pytest.mark.parametrize("written", [False, True])
def test_what_is_applied_is_seen_before_and_after_it_is_written(project: Project, written: bool) -> None:
    project.proposal_counts()
    project.apply(AddProposals((proposal(1, 1), proposal(2, 1), proposal(3, 2))), MarkDone(1, 1, 2), MarkDone(1, 2, 1))
    if written:
        project.flush()
    project.apply(DeleteProposals((2,)), MarkDone(1, 2, 0, "broken"))
    assert project.proposals(1) == (proposal(1, 1),)
    assert project.proposal_counts() == {1: 1, 2: 1}
    assert project.doubts() == {1: 0.5, 2: 0.5}
    assert project.done(1) == {1: MarkDone(1, 1, 2), 2: MarkDone(1, 2, 0, "broken")}
    project.apply(DeleteProposals((3,)))
    assert project.doubts() == {1: 0.5}
    project.apply(AddProposals((proposal(3, 2, 0.25),)))
    assert project.doubts() == {1: 0.5, 2: 0.75}
    project.apply(AddProposals((proposal(2, 1, 0.9),)))
    assert [p.score for p in project.proposals(1)] == [0.5, 0.9]
    project.close()
    with Project.open(project.path) as again:
        assert [p.score for p in again.proposals(1)] == [0.5, 0.9]
        assert again.proposal_counts() == {1: 2, 2: 1}
        assert again.done(1) == {1: MarkDone(1, 1, 2), 2: MarkDone(1, 2, 0, "broken")}
        assert again.reserve_proposal_id() == 4
        assert again.all_instances() == ()


def test_counts_stay_right_while_the_writer_writes(project: Project) -> None:
    """The first count reads the file while what was decided is being removed from it."""
    project.apply(AddProposals((proposal(1, 1), proposal(2, 1), proposal(3, 2))))
    project.close()
    with (
        Project.open(project.path) as again,
        closing(connect(project.path, read_only=False)) as holder,
        closing(connect(project.path, read_only=True)) as file,
    ):
        holder.execute("BEGIN IMMEDIATE")  # the writer waits for it
        again.apply(DeleteProposals((1, 2)))
        statements = []

        def before_each(statement: str) -> None:
            statements.append(statement)
            if len(statements) == 2:
                holder.execute("ROLLBACK")
                while file.execute("SELECT count(*) FROM proposals").fetchone() != (1,):
                    time.sleep(0.005)

        again._connection.set_trace_callback(before_each)
        assert again.proposal_counts() == {2: 1}
        again._connection.set_trace_callback(None)
        assert statements
        if holder.in_transaction:
            holder.execute("ROLLBACK")
        again.flush()
        assert again.proposal_counts() == {2: 1}


def test_proposals_go_with_their_image(project: Project) -> None:
    project.apply(AddProposals((proposal(1, 1), proposal(2, 2))))
    project.apply(DeleteImages((1,)))
    project.flush()
    assert project.proposal_counts() == {2: 1}
    with pytest.raises(UnknownItem):
        project.proposals(1)
    project.close()


def test_a_proposal_or_a_mark_needs_its_image_and_its_job(project: Project) -> None:
    with pytest.raises(UnknownItem):
        project.apply(AddProposals((proposal(1, 9),)))
    with pytest.raises(UnknownItem):
        project.apply(MarkDone(4, 1))
    project.close()


def test_what_could_not_be_saved_comes_back_from_the_journal(project: Project, tmp_path: Path) -> None:
    project.flush()
    project.path.rename(tmp_path / "away")
    project.apply(AddProposals((proposal(1, 1),)), MarkDone(1, 1, 1))
    project.close()
    (tmp_path / "away").rename(project.path)
    with Project.open(project.path, state_folder=tmp_path) as again:
        assert again.proposals(1) == ()
        assert again.restore_recovered() == 2
        assert again.proposals(1) == (proposal(1, 1),)
        assert again.done(1) == {1: MarkDone(1, 1, 1)}
