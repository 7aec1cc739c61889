"""A job in a project: every image once, whatever happens in between, and always the same proposals."""

from __future__ import annotations

import json
import random
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from desktop.dataset.changes import AddInstances, PutSetting
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance
from desktop.dataset.store import Project, SaveStatus
from desktop.prelabel.answers import hows, questions
from desktop.prelabel.job import Prelabelling, Progress, Report, Stage, unfinished
from desktop.prelabel.local import LocalFinder
from desktop.prelabel.places import open_place
from desktop.prelabel.request import PrelabelError, PrelabelRequest
from desktop.prelabel.work import Control, Outcome, Task, in_order
from inference.engine import Cancelled
from inference.registry import create_engine
from tests.unit.prelabel.conftest import Photos, photo, proposals_of
from tests.unit.prelabel.finding_engine import SPEC

EVERYTHING = PrelabelRequest("squares", everything=True)


def no_pixels(_: object) -> None:
    raise AssertionError("no reference was given")


def run(project: Project, request: PrelabelRequest = EVERYTHING, *, again: bool = False, stop_after: int = 0) -> Report:
    """Run a job to its end, or until so many images are written."""
    job = Prelabelling.begin(project, request, again=again)
    asked = questions(request, SPEC, no_pixels)

    def told(progress: Progress) -> None:
        if progress.done - job.report.before == stop_after:
            job.control.stop()

    try:
        return job.run(LocalFinder(create_engine("squares"), request, asked, job.control), hows(asked), told)
    except Cancelled:
        assert stop_after
        return job.report


def test_every_image_gets_its_proposals(photos: Photos) -> None:
    folder = photos(4)
    (folder / "img1.png").write_bytes(b"no image")
    with open_place(folder) as project:
        report = run(project)
        assert (report.now, report.found, report.before) == (4, 1 + 3 + 1, 0)
        ((failure),) = report.failures
        assert failure.image.path == "img1.png"
        assert failure.reason.startswith("img1.png: ")
        assert list(project.proposal_counts().values()) == [1, 3, 1]
        bright = max(project.proposals(3), key=lambda p: p.score)
        assert (bright.engine, bright.fingerprint, bright.prompts) == ("squares", "squares-1", "")
        assert (bright.mask.bbox, bright.score) == ((44, 5, 56, 20), 220 / 255)
        assert [image.width for image in project.images()] == [64, 0, 64, 64]
        assert [job.state for job in project.jobs()] == [Stage.DONE]
        assert project.all_instances() == ()


def test_the_same_again_does_what_is_new_and_what_failed(photos: Photos) -> None:
    folder = photos(3)
    good = (folder / "img1.png").read_bytes()
    (folder / "img1.png").write_bytes(b"no image")
    with open_place(folder) as project:
        run(project)
    photo(folder / "img9.png", 9)
    (folder / "img1.png").write_bytes(good)
    with open_place(folder) as project:
        report = run(project)
        assert (report.now, report.before, report.failures) == (2, 2, [])
        assert len(project.jobs()) == 1
        assert run(project).now == 0


def test_another_run_replaces_what_was_found_the_same_way(photos: Photos) -> None:
    with open_place(photos(3)) as project:
        run(project)
        before = project.proposal_counts()
        assert run(project, again=True).now == 3
        assert project.proposal_counts() == before
        run(project, PrelabelRequest("squares", texts=("dim",)))
        assert project.proposal_counts() == {image: count + 1 for image, count in before.items()}
        assert [p.label for p in project.proposals(1)] == ["", "dim"]
        assert json.loads(project.proposals(1)[1].prompts)["prompts"][0]["text"] == "dim"


def test_images_with_instances_are_left_out_unless_wanted(photos: Photos) -> None:
    with open_place(photos(3)) as project:
        square = Mask.from_polygons([[(1, 1), (5, 1), (5, 5), (1, 5)]], 64, 48)
        project.apply(AddInstances((Instance(project.reserve_instance_id(), 2, square),)))
        report = run(project)
        assert (report.now, report.annotated) == (2, 1)
        assert run(project, PrelabelRequest("squares", everything=True, annotated=True)).now == 3


def test_only_the_chosen_images_in_their_order(photos: Photos) -> None:
    with open_place(photos(5)) as project:
        report = run(project, PrelabelRequest("squares", everything=True, image_ids=(4, 2, 77)))
        assert report.now == 2
        assert [p.image_id for image in (4, 2) for p in project.proposals(image)] == [4, 2, 2]
        assert [p.id for p in project.proposals(4)] == [1]


def test_stopped_anywhere_it_ends_like_an_undisturbed_run(photos: Photos) -> None:
    whole, parts = photos(12, "whole"), photos(12, "parts")
    with open_place(whole) as project:
        run(project)
    chance = random.Random(1)
    runs = 0
    left = 12
    while left:
        with open_place(parts) as project:
            report = run(project, stop_after=chance.randint(1, 3))
            left = 12 - report.now - report.before
            assert len(project.done(1)) == 12 - left
            state = project.jobs()[0].state
            assert state == (Stage.PAUSED if left else Stage.DONE)
            assert len(unfinished(project)) == bool(left)
        runs += 1
    assert runs > 3
    assert proposals_of(parts / "parts.maskwright") == proposals_of(whole / "whole.maskwright")


def test_a_request_that_no_image_can_answer_ends_the_job(photos: Photos) -> None:
    with open_place(photos(3)) as project:
        with pytest.raises(PrelabelError, match="does not know “unicorn”"):
            run(project, PrelabelRequest("squares", texts=("dim", "unicorn")))
        assert project.done(1) == {}


def test_what_cannot_be_written_ends_the_job(photos: Photos, tmp_path: Path) -> None:
    folder = photos(3)
    with open_place(folder) as project:
        project.flush()
        project.path.rename(tmp_path / "away")
        project.apply(PutSetting("a", "b"))
        assert project.flush().status is SaveStatus.FAILED
        with pytest.raises(PrelabelError, match="Not saved"):
            run(project)
        (tmp_path / "away").rename(project.path)


def test_places_that_cannot_be_used(photos: Photos, tmp_path: Path) -> None:
    with pytest.raises(PrelabelError, match="neither a project file"):
        open_place(tmp_path / "a.txt")
    (tmp_path / "none").mkdir()
    with pytest.raises(PrelabelError, match="no images in none"):
        open_place(tmp_path / "none")
    assert not list((tmp_path / "none").iterdir())
    folder = photos(1)
    with open_place(folder), pytest.raises(PrelabelError, match="another window"):
        open_place(folder)


class Waiting:
    """A finder that is done when the test says so, in any order."""

    ahead = 3

    def __init__(self) -> None:
        self.begun: dict[int, Future[Outcome]] = {}

    def begin(self, task: Task) -> Future[Outcome]:
        self.begun[task.image_id] = Future()
        return self.begun[task.image_id]

    def finish(self, image_id: int) -> None:
        self.begun[image_id].set_result(Outcome(image_id))

    def close(self) -> None: ...


def tasks(count: int) -> list[Task]:
    return [Task(number, Path(f"{number}.png")) for number in range(1, count + 1)]


def test_outcomes_keep_the_order_of_the_images() -> None:
    finder = Waiting()
    stream = in_order(tasks(5), finder, Control())
    for image_id in (3, 2):
        threading.Timer(0.01, lambda image_id=image_id: finder.finish(image_id)).start()
    threading.Timer(0.05, lambda: finder.finish(1)).start()
    assert [next(stream).image_id for _ in range(3)] == [1, 2, 3]
    # the fourth and fifth were begun as soon as there was room
    assert set(finder.begun) == {1, 2, 3, 4, 5}
    finder.finish(4)
    finder.finish(5)
    assert [outcome.image_id for outcome in stream] == [4, 5]


def test_a_pause_finishes_what_is_under_way_and_begins_nothing() -> None:
    finder, control = Waiting(), Control()
    stream = in_order(tasks(6), finder, control)
    threading.Timer(0.01, lambda: finder.finish(1)).start()
    assert next(stream).image_id == 1
    control.pause()
    finder.finish(2)
    finder.finish(3)
    assert [next(stream).image_id for _ in range(2)] == [2, 3]
    assert set(finder.begun) == {1, 2, 3}
    threading.Timer(0.05, control.resume).start()
    threading.Timer(0.1, lambda: [finder.finish(n) for n in (4, 5, 6)]).start()
    assert [outcome.image_id for outcome in stream] == [4, 5, 6]


@pytest.mark.parametrize("paused", [False, True])
def test_a_stop_ends_it_at_once(paused: bool) -> None:
    finder, control = Waiting(), Control()
    if paused:
        control.pause()
    threading.Timer(0.05, control.stop).start()
    with pytest.raises(Cancelled):
        next(in_order(tasks(2), finder, control))
