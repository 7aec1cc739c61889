"""What is marked in one image is looked for in the next ones: a job, proposals, failures by name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.dataset.model import Provenance
from desktop.panels.image_strip import ImageStrip
from desktop.workspace import JobInfo, JobState, Notice, Workspace
from inference.messages import FailureKind, Progress, Segment
from inference.prompts import Point, Reference
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker

SQUARE = Mask.from_polygons([[(4, 4), (20, 4), (20, 16), (4, 16)]], WIDTH, HEIGHT)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Five images; the fourth is no image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(1, 6):
        pixels = np.full((HEIGHT, WIDTH, 3), number * 40, np.uint8)
        (folder / f"img{number}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (folder / "img4.png").write_bytes(b"no image")
    return folder


def asked(worker: FakeWorker) -> list[Segment]:
    return [request for request in worker.segments if request.as_job]


def job_of(workspace: Workspace, job: str) -> JobInfo:
    return next(each for each in workspace.jobs if each.id == job)


def marked(workspace: Workspace, worker: FakeWorker) -> None:
    """A candidate of a class in the first image."""
    workspace.set_current_category(workspace.add_category("car"))
    workspace.add_prompt(Point(20, 20))
    worker.answer()


def test_the_next_images_get_proposals_one_by_one(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    notices: list[Notice] = []
    browsing.notice_raised.connect(notices.append)
    marked(browsing, worker)
    job = browsing.apply_to_following(10)
    qtbot.waitUntil(lambda: len(asked(worker)) == 1)
    first = asked(worker)[0]
    (reference,) = first.prompts.prompts
    assert isinstance(reference, Reference)
    assert (first.engine, reference.name) == ("pairs", "img1.png"), "the only engine here that takes references"
    assert int(reference.mask.sum()) == 36, "the shown candidate"
    assert int(reference.pixels[0, 0, 0]) == 40
    assert int(first.image.pixels[0, 0, 0]) == 80
    assert job_of(browsing, job).title == "car in 4 following images"
    worker.event.emit(Progress(len(worker.sent), 0.5, "Looking"))
    assert job_of(browsing, job).fraction == pytest.approx(0.5 / 4)
    worker.answer(0.8)
    qtbot.waitUntil(lambda: len(asked(worker)) == 2)
    assert int(asked(worker)[1].image.pixels[0, 0, 0]) == 120
    worker.fail()
    qtbot.waitUntil(lambda: len(asked(worker)) == 3)
    assert int(asked(worker)[2].image.pixels[0, 0, 0]) == 200, "what cannot be decoded is passed over"
    worker.answer(0.6)
    done = job_of(browsing, job)
    assert (done.state, done.fraction) == (JobState.DONE, 1.0)
    assert done.message == notices[-1].text == "2 proposals · failed: img3.png, img4.png"
    assert any(text.startswith("img3.png: The engine broke.") for _, text in browsing.messages())
    assert browsing.images_with_proposals == {2, 5}
    assert browsing.session is not None, "the session here goes on"


def test_proposals_are_reviewed_image_by_image(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    notices: list[Notice] = []
    browsing.notice_raised.connect(notices.append)
    marked(browsing, worker)
    browsing.apply_to_following(2)
    for number in (1, 2):
        qtbot.waitUntil(lambda number=number: len(asked(worker)) == number)
        worker.answer(0.8)
    notices[-1].actions[0].run()
    assert browsing.current_image is not None
    assert browsing.current_image.path == "img2.png"
    (proposal,) = browsing.proposals
    drawn = [each for each in browsing.canvas_instances() if each.proposal]
    assert [each.title for each in drawn] == ["car"]
    qtbot.waitUntil(lambda: not browsing.editable())
    browsing.accept_proposal(proposal.id)
    (instance,) = browsing.instances.values()
    assert browsing.class_name(instance.category_id) == "car"
    assert (instance.provenance.source, instance.provenance.score) == ("pairs", 0.8)
    assert "img1.png" in instance.provenance.prompts, "how it was found is kept"
    browsing.go_to_next_proposals()
    assert browsing.current_image.path == "img3.png"
    browsing.reject_all_proposals()
    browsing.go_to_next_proposals()
    assert browsing.current_image.path == "img3.png"


def test_the_strip_marks_images_where_proposals_wait(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    strip = ImageStrip(browsing)
    qtbot.addWidget(strip)
    strip.show()
    marked(browsing, worker)
    browsing.apply_to_following(1)
    qtbot.waitUntil(lambda: len(asked(worker)) == 1)
    worker.answer(0.8)
    tips = {
        image.id: str(strip.model.index_of(image.id).data(Qt.ItemDataRole.ToolTipRole)) for image in browsing.images
    }
    assert [image_id for image_id, tip in tips.items() if "proposals wait" in tip] == [2]
    strip.grab()
    browsing.go_to_image(2)
    browsing.reject_all_proposals()
    assert "proposals wait" not in str(strip.model.index_of(2).data(Qt.ItemDataRole.ToolTipRole))


def test_a_selected_instance_shows_what_to_look_for(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    assert browsing.can_follow().startswith("Prompt an object or select one instance")
    assert browsing.apply_to_following(1) == ""
    dog = browsing.add_category("dog")
    browsing.set_current_category(browsing.add_category("car"))
    made = browsing.new_instance(SQUARE, Provenance(source="hand"), dog)
    browsing._change_instances("Draw", [made])
    browsing.select([made.id])
    job = browsing.apply_to_following(1)
    assert job_of(browsing, job).title == "dog in the following image"
    qtbot.waitUntil(lambda: len(asked(worker)) == 1)
    (reference,) = asked(worker)[0].prompts.prompts
    assert isinstance(reference, Reference)
    assert np.array_equal(reference.mask, SQUARE.to_array())
    browsing.go_to_image(5)
    qtbot.waitUntil(lambda: browsing.pixels is not None)
    made = browsing.new_instance(SQUARE, Provenance(source="hand"), dog)
    browsing._change_instances("Draw", [made])
    browsing.select([made.id])
    assert browsing.can_follow() == "This is the last image."


def test_an_image_without_the_object_is_counted(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    marked(browsing, worker)
    job = browsing.apply_to_following(1)
    qtbot.waitUntil(lambda: len(asked(worker)) == 1)
    number, request = worker.waiting[0]
    empty = Point(1, 1, positive=False)
    worker.waiting[0] = number, Segment(request.engine, request.image, type(request.prompts)((empty,)), "", 0)  # type: ignore[union-attr]
    worker.answer(0.9)
    assert job_of(browsing, job).message == "0 proposals · nothing found in 1"
    assert not browsing.images_with_proposals


def test_cancelling_keeps_what_was_found(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    marked(browsing, worker)
    job = browsing.apply_to_following(4)
    qtbot.waitUntil(lambda: len(asked(worker)) == 1)
    worker.answer(0.8)
    qtbot.waitUntil(lambda: len(asked(worker)) == 2)
    browsing.cancel_job(job)
    ended = job_of(browsing, job)
    assert (ended.state, ended.message) == (JobState.CANCELLED, "1 proposal")
    assert worker.cancelled == [len(worker.sent)]
    assert browsing.images_with_proposals == {2}
    qtbot.wait(100)
    assert len(asked(worker)) == 2


def test_leaving_the_project_ends_it(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    marked(browsing, worker)
    job = browsing.apply_to_following(4)
    qtbot.waitUntil(lambda: len(asked(worker)) == 1)
    browsing.close_project()
    assert job_of(browsing, job).state is JobState.CANCELLED
    assert not browsing.images_with_proposals


def test_all_failures_are_a_failure(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    marked(browsing, worker)
    job = browsing.apply_to_following(1)
    qtbot.waitUntil(lambda: len(asked(worker)) == 1)
    worker.fail(FailureKind.OUT_OF_MEMORY)
    assert job_of(browsing, job).state is JobState.FAILED
    assert job_of(browsing, job).message == "0 proposals · failed: img2.png"


def test_without_an_engine_for_references_the_sentence_says_so(browsing: Workspace, worker: FakeWorker) -> None:
    marked(browsing, worker)
    browsing.set_engine_specs([browsing.specs["pairs"]], frozenset({"pairs"}))
    assert browsing.can_follow().endswith("References would work with Pairs, which cannot be used yet.")
