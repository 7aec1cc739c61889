"""*Batch…*: many images while the project stays usable; paused, cancelled, gone on with after a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.dataset.model import Provenance
from desktop.panels.jobs_popover import JobsPopover
from desktop.prelabel.request import PrelabelRequest
from desktop.workspace import JobInfo, JobState, Notice, Workspace
from inference.messages import Dropped, Everything, FailureKind, Finished, Segment
from inference.prompts import Point, Text
from inference.results import Region
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker

CARS = PrelabelRequest("words", texts=("car",))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six images; the fourth is no image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(1, 7):
        pixels = np.full((HEIGHT, WIDTH, 3), number * 40, np.uint8)
        (folder / f"img{number}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (folder / "img4.png").write_bytes(b"no image")
    return folder


def batch(workspace: Workspace) -> JobInfo:
    return next(job for job in workspace.jobs if job.id.startswith("batch-"))


def started(workspace: Workspace, worker: FakeWorker, qtbot: QtBot, request: PrelabelRequest = CARS) -> None:
    workspace.start_batch(request)
    qtbot.waitUntil(lambda: bool(worker.waiting))


def answered(worker: FakeWorker, qtbot: QtBot, count: int) -> None:
    for _ in range(count):
        qtbot.waitUntil(lambda: bool(worker.waiting))
        worker.answer(0.9)


def test_every_image_is_asked_about_and_its_finds_wait(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    notices: list[Notice] = []
    browsing.notice_raised.connect(notices.append)
    started(browsing, worker, qtbot)
    job, request = worker.waiting[0]
    assert isinstance(request, Segment)
    assert request.as_job, "batch priority: it yields to prompts"
    assert [prompt.text for prompt in request.prompts if isinstance(prompt, Text)] == ["car"]
    # the project stays usable meanwhile
    browsing.add_prompt(Point(20, 20))
    assert browsing.session is not None
    worker.waiting = [row for row in worker.waiting if getattr(row[1], "as_job", False)]
    answered(worker, qtbot, 5)
    qtbot.waitUntil(lambda: not batch(browsing).active)
    assert batch(browsing).state is JobState.DONE
    assert browsing.images_with_proposals == {1, 2, 3, 5, 6}
    assert [(p.label, p.score, p.checked) for p in browsing.proposals] == [("car", 0.9, True)]
    assert not browsing.instances
    assert "5 proposals · 1 failed: img4.png" in notices[-1].text
    assert [action.label for action in notices[-1].actions] == ["Review"]
    assert job


def test_paused_it_finishes_what_it_began_and_goes_on(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    popover = JobsPopover(browsing)
    qtbot.addWidget(popover)
    started(browsing, worker, qtbot)
    row = popover._rows[batch(browsing).id]
    qtbot.waitUntil(lambda: len(worker.waiting) == 3)
    row._hold.click()
    assert batch(browsing).state is JobState.PAUSED
    answered(worker, qtbot, 3)
    qtbot.waitUntil(lambda: "3 of 6 images" in batch(browsing).message)
    qtbot.wait(50)
    assert not worker.waiting
    row._hold.click()
    assert batch(browsing).state is JobState.RUNNING
    answered(worker, qtbot, 2)
    qtbot.waitUntil(lambda: batch(browsing).state is JobState.DONE)


def test_cancelled_it_keeps_what_it_found(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    started(browsing, worker, qtbot)
    answered(worker, qtbot, 1)
    qtbot.waitUntil(lambda: "1 of 6 images" in batch(browsing).message)
    browsing.cancel_job(batch(browsing).id)
    qtbot.waitUntil(lambda: batch(browsing).state is JobState.CANCELLED)
    assert browsing.images_with_proposals == {1}
    project = browsing.project
    assert project is not None
    assert [job.state for job in project.jobs()] == ["cancelled"]


def test_it_goes_on_after_a_restart(
    browsing: Workspace, worker: FakeWorker, make: Callable[[], Workspace], qtbot: QtBot, photos: Path
) -> None:
    started(browsing, worker, qtbot)
    answered(worker, qtbot, 2)
    qtbot.waitUntil(lambda: "2 of 6 images" in batch(browsing).message)
    assert not browsing.lossy_jobs(), "closing loses nothing"
    browsing.shut_down()
    worker.waiting.clear()
    again = make()
    notices: list[Notice] = []
    again.notice_raised.connect(notices.append)
    again.open_folder(photos)
    assert batch(again).state is JobState.PAUSED
    assert "A batch was interrupted" in notices[-1].text
    assert "2 of 6 images" in notices[-1].text
    next(action for action in notices[-1].actions if action.label == "Resume").run()
    answered(worker, qtbot, 3)
    qtbot.waitUntil(lambda: batch(again).state is JobState.DONE)
    project = again.project
    assert project is not None
    assert [p.id for image in (1, 2, 3, 5, 6) for p in project.proposals(image)] == [1, 2, 3, 4, 5]


def test_discarded_after_a_restart_it_is_not_offered_again(
    browsing: Workspace, worker: FakeWorker, make: Callable[[], Workspace], qtbot: QtBot, photos: Path
) -> None:
    started(browsing, worker, qtbot)
    answered(worker, qtbot, 1)
    qtbot.waitUntil(lambda: "1 of 6 images" in batch(browsing).message)
    browsing.shut_down()
    again = make()
    again.open_folder(photos)
    again.cancel_job(batch(again).id)
    assert batch(again).state is JobState.CANCELLED
    assert again.images_with_proposals == {1}
    again.open_folder(photos)
    assert batch(again).state is JobState.CANCELLED


def test_an_image_that_fails_is_named_and_the_others_go_on(
    browsing: Workspace, worker: FakeWorker, qtbot: QtBot
) -> None:
    started(browsing, worker, qtbot)
    worker.fail(FailureKind.OUT_OF_MEMORY)
    answered(worker, qtbot, 4)
    qtbot.waitUntil(lambda: batch(browsing).state is JobState.DONE)
    assert batch(browsing).message.endswith("2 failed: img1.png, img4.png")
    assert any("img1.png: The engine broke." in text for _, text in browsing.messages())


@pytest.mark.parametrize("kind", [FailureKind.UNUSABLE_PROMPTS, FailureKind.WEIGHTS_MISSING])
def test_what_fails_for_all_images_holds_the_batch(
    browsing: Workspace, worker: FakeWorker, qtbot: QtBot, kind: FailureKind
) -> None:
    notices: list[Notice] = []
    browsing.notice_raised.connect(notices.append)
    started(browsing, worker, qtbot)
    worker.fail(kind)
    qtbot.waitUntil(lambda: batch(browsing).state is JobState.PAUSED)
    assert notices[-1].text == "The engine broke."


def test_an_image_that_the_worker_dropped_is_asked_about_again(
    browsing: Workspace, worker: FakeWorker, qtbot: QtBot
) -> None:
    started(browsing, worker, qtbot)
    job, first = worker.waiting.pop(0)
    worker.event.emit(Dropped(job))
    qtbot.waitUntil(lambda: sum(r.image.content_hash == first.image.content_hash for _, r in worker.waiting) == 1)
    answered(worker, qtbot, 5)
    qtbot.waitUntil(lambda: batch(browsing).state is JobState.DONE)
    assert browsing.images_with_proposals == {1, 2, 3, 5, 6}


def test_everything_and_only_some_images(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    started(browsing, worker, qtbot, PrelabelRequest("classic", everything=True, image_ids=(2,)))
    job, request = worker.waiting.pop(0)
    assert isinstance(request, Everything)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:9, 2:9] = True
    worker.event.emit(Finished(job, request, [Region(mask, 0.7), Region(mask, 0.01)]))
    qtbot.waitUntil(lambda: batch(browsing).state is JobState.DONE)
    assert browsing.images_with_proposals == {2}


def test_annotated_images_are_left_out(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    square = Mask.from_polygons([[(1, 1), (5, 1), (5, 5), (1, 5)]], WIDTH, HEIGHT)
    assert browsing.ensure_project()
    browsing._change_instances("Draw", [browsing.new_instance(square, Provenance())])
    assert browsing.batch_images(CARS) == [2, 3, 4, 5, 6]
    only = PrelabelRequest("words", texts=("car",), image_ids=(1,))
    assert browsing.batch_problem(only) == "No image is left to look at."
    assert browsing.batch_problem(PrelabelRequest("words", texts=("car",), image_ids=(1,), annotated=True)) == ""


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (PrelabelRequest("words", everything=True), "cannot run on a whole image"),
        (PrelabelRequest("classic", texts=("car",)), "does not take text"),
        (PrelabelRequest("words"), "Say what to look for"),
        (PrelabelRequest("nobody", texts=("car",)), "No engine is chosen"),
    ],
)
def test_what_cannot_be_started_says_why(browsing: Workspace, request_: PrelabelRequest, sentence: str) -> None:
    assert sentence in browsing.batch_problem(request_)
    browsing.start_batch(request_)
    assert not browsing.jobs
