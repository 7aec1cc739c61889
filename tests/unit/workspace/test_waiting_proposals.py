"""The review of proposals that wait in the project file: decided by steps, live threshold, nothing overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.dataset.changes import AddImages, AddProposals, StoredProposal
from desktop.dataset.masks import Mask
from desktop.dataset.model import Image, Provenance
from desktop.dataset.store import Project
from desktop.panels.image_strip import ImageStrip
from desktop.workspace import ImageFilter, Workspace
from desktop.workspace.proposals import ProposalOrder
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH


def square(x: int, width: int = 10) -> Mask:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[10:20, x : x + width] = True
    return Mask.from_array(pixels)


def project_of(workspace: Workspace) -> Project:
    assert workspace.project is not None
    return workspace.project


def waiting(workspace: Workspace, image_id: int) -> list[int]:
    return [proposal.id for proposal in project_of(workspace).proposals(image_id)]


@pytest.fixture
def reviewed(workspace: Workspace, photos: Path, qtbot: QtBot) -> Workspace:
    """Three proposals wait on the first image, one on the third."""
    with Project.create(photos / "photos.maskwright") as project:
        project.apply(
            AddImages(tuple(Image(n, f"img{n}.png", width=WIDTH, height=HEIGHT) for n in (1, 2, 3))),
            AddProposals(
                (
                    StoredProposal(1, 1, square(0), "cat", 0.9, True, "lite", "f-1", '{"a":1}', 7),
                    StoredProposal(2, 1, square(20), "dog", 0.45, True, "lite"),
                    StoredProposal(3, 1, square(40), "cow", 0.1, True, "lite"),
                    StoredProposal(4, 3, square(0), "cat", 0.8, True, "lite"),
                )
            ),
        )
    workspace.open_project(photos / "photos.maskwright")
    qtbot.waitUntil(lambda: workspace.pixels is not None)
    return workspace


def test_they_are_there_after_opening(reviewed: Workspace, qtbot: QtBot) -> None:
    assert [(p.label, p.score, p.checked) for p in reviewed.proposals] == [
        ("cat", 0.9, True), ("dog", 0.45, True), ("cow", 0.1, True),
    ]  # fmt: skip
    assert reviewed.images_with_proposals == {1, 3}
    assert sum(instance.proposal for instance in reviewed.canvas_instances()) == 3
    reviewed.go_to_next_proposals()
    assert reviewed.current_image is not None
    assert reviewed.current_image.id == 3
    assert [p.label for p in reviewed.proposals] == ["cat"]
    strip = ImageStrip(reviewed)
    qtbot.addWidget(strip)
    reviewed.set_image_filter(ImageFilter(chip="proposals"))
    assert strip.model.rowCount() == 2


def test_accepting_is_one_step_that_undo_takes_back(reviewed: Workspace) -> None:
    reviewed.set_proposal_threshold(0.4)
    assert reviewed.hidden_proposals == 1
    reviewed.accept_all_proposals()
    cat, dog = reviewed.instances.values()
    assert [reviewed.class_name(i.category_id) for i in (cat, dog)] == ["cat", "dog"]
    made = cat.provenance
    assert (made.source, made.fingerprint, made.prompts, made.seed, made.score) == ("lite", "f-1", '{"a":1}', 7, 0.9)
    assert waiting(reviewed, 1) == [3]
    reviewed.undo()
    assert not reviewed.instances
    assert waiting(reviewed, 1) == [1, 2, 3]
    assert [p.label for p in reviewed.proposals] == ["cat", "dog"]
    reviewed.redo()
    assert len(reviewed.instances) == 2
    assert waiting(reviewed, 1) == [3]
    assert [p.label for p in reviewed.proposals] == []


def test_rejecting_is_a_step_as_well(reviewed: Workspace) -> None:
    reviewed.reject_proposal(reviewed.proposals[0].id)
    assert waiting(reviewed, 1) == [2, 3]
    assert reviewed.undo_name
    reviewed.undo()
    assert [p.label for p in reviewed.proposals] == ["cat", "dog", "cow"]
    reviewed.reject_all_proposals()
    assert reviewed.images_with_proposals == {3}


def test_least_sure_first(reviewed: Workspace) -> None:
    reviewed.set_proposal_order(ProposalOrder.LEAST_SURE_FIRST)
    assert [p.label for p in reviewed.proposals] == ["dog", "cat", "cow"]


def test_what_comes_to_be_covered_is_unchecked(reviewed: Workspace) -> None:
    assert all(p.checked for p in reviewed.proposals)
    made = reviewed.new_instance(square(20, 9), Provenance())
    reviewed._change_instances("Draw", [made])
    dog = next(p for p in reviewed.proposals if p.label == "dog")
    assert dog.overlap == pytest.approx(0.9)
    assert not dog.checked
    reviewed.check_proposal(dog.id, True)
    reviewed._change_instances("Draw", [reviewed.new_instance(square(60, 2), Provenance())])
    assert next(p for p in reviewed.proposals if p.label == "dog").checked, "a person wants it all the same"


@pytest.mark.parametrize("never", [True, False])
def test_accepted_ones_leave_instances_alone_unless_allowed(reviewed: Workspace, never: bool) -> None:
    reviewed.settings.set("tools.never_overwrite", never)
    reviewed._change_instances("Draw", [reviewed.new_instance(square(5, 20), Provenance())])
    reviewed.accept_proposal(next(p.id for p in reviewed.proposals if p.label == "cat"))
    accepted = list(reviewed.instances.values())[-1]
    assert accepted.mask == (square(0, 5) if never else square(0))


@pytest.mark.parametrize("start", [0, 1])
def test_one_of_which_hardly_anything_is_left_stays_a_proposal(reviewed: Workspace, start: int) -> None:
    reviewed._change_instances("Draw", [reviewed.new_instance(square(start, 63), Provenance())])
    reviewed.accept_proposal(reviewed.proposals[0].id)
    assert len(reviewed.instances) == 1
    assert waiting(reviewed, 1) == [1, 2, 3]


def test_a_read_only_project_decides_nothing(reviewed: Workspace, photos: Path, qtbot: QtBot) -> None:
    other = Workspace(reviewed.settings)
    other.open_project(photos / "photos.maskwright")
    qtbot.waitUntil(lambda: other.pixels is not None)
    assert other.read_only
    other.accept_all_proposals()
    other.reject_all_proposals()
    assert len(other.proposals) == 3
    other.shut_down()
