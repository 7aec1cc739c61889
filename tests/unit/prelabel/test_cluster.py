"""A local Ray cluster of two workers: the same proposals under the same ids as in this process, whoever dies."""

from __future__ import annotations

import json
import sys
import threading
import types
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from desktop.prelabel.cluster import RayFinder, _Piece, _Slot
from desktop.prelabel.request import PrelabelError, PrelabelRequest
from desktop.prelabel.work import Control, Outcome, Task
from tests.command_line import run
from tests.unit.prelabel.conftest import Photos, photo, proposals_of
from tests.unit.prelabel.finding_engine import FATAL


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers are processes of their own; they find the test's engine where this process does."""
    pytest.importorskip("ray", reason="the extra [cluster] is not installed")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    yield
    import ray

    ray.shutdown()


def on_cluster(folder: Path, *more: str) -> int:
    command = ["prelabel", str(folder), "--engine", "squares", "--everything"]
    return run([*command, "--ray", "local", "--workers", "2", "--json", *more])


def finds_of(folder: Path) -> list[tuple[object, ...]]:
    return proposals_of(folder / f"{folder.name}.maskwright")


@pytest.mark.slow
@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("send", [False, True])
def test_a_cluster_finds_what_one_process_finds(photos: Photos, send: bool, capsys: pytest.CaptureFixture[str]) -> None:
    alone, many = photos(30, "alone"), photos(30, "many")
    for folder in (alone, many):
        (folder / "img4.png").write_bytes(b"no image")
    assert run(["prelabel", str(alone), "--engine", "squares", "--everything"]) == 1
    assert on_cluster(many, *["--send"] * send) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["done"], len(answer["failed"]), answer["proposals"]) == (30, 1, 58)
    assert finds_of(many) == finds_of(alone)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.usefixtures("importable")
def test_a_worker_killed_in_the_middle_changes_nothing_but_the_time(photos: Photos, tmp_path: Path) -> None:
    alone, many = photos(20, "alone"), photos(20, "many")
    for folder in (alone, many):
        photo(folder / "img8.png", FATAL)
    options = ["--option", f"dies_once={tmp_path / 'died'}", "--option", "seconds=0.02"]
    assert on_cluster(many, *options) == 0
    assert (tmp_path / "died").exists()
    assert run(["prelabel", str(alone), "--engine", "squares", "--everything", *options]) == 0
    assert finds_of(many) == finds_of(alone)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
@pytest.mark.usefixtures("importable")
def test_only_the_image_that_kills_workers_is_given_up(photos: Photos, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photos(10)
    photo(folder / "img5.png", FATAL)
    # a path that can never exist: it dies every time
    assert on_cluster(folder, "--option", "dies_once=/dev/null/never") == 1
    answer = json.loads(capsys.readouterr().out)
    ((failed),) = answer["failed"]
    assert failed["reason"] == "img5.png: 3 workers died of it."
    assert answer["done"] == 10


@pytest.mark.slow
@pytest.mark.usefixtures("importable")
def test_what_no_image_can_answer_ends_the_job(photos: Photos, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["prelabel", str(photos(3)), "--engine", "squares", "--text", "unicorn", "--ray", "local"]
    assert run([*command, "--workers", "1"]) == 2
    assert "does not know “unicorn”" in capsys.readouterr().err


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PrelabelError, match=r"maskwright\[cluster\]"):
        RayFinder(PrelabelRequest("squares", everything=True), (), Control(), "local")


def test_a_cluster_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    shut: list[bool] = []

    def init(**_options: object) -> None:
        print("a warning of Ray")
        raise Exception("The current node timed out during startup.\nMore.")

    fake = types.SimpleNamespace(init=init, shutdown=lambda: shut.append(True))
    monkeypatch.setitem(sys.modules, "ray", fake)
    before = sys.stdout
    with pytest.raises(PrelabelError, match=r"no Ray cluster at head:1: The current node timed out during startup\.$"):
        RayFinder(PrelabelRequest("squares", everything=True), (), Control(), "head:1")
    assert shut == [True]
    assert sys.stdout is before


class _Died(Exception):
    pass


class _FakeRay:
    """Answers that are known at once: a value, or the death of the actor that was to give it."""

    exceptions = types.SimpleNamespace(RayError=_Died, RayActorError=_Died)

    def wait(self, answers: list[object], **_options: object) -> tuple[list[object], list[object]]:
        return answers, []

    def get(self, answer: object) -> object:
        if answer is None:
            raise _Died("The actor died.")
        return answer


def finder_with(*asked: tuple[object, _Piece]) -> tuple[RayFinder, _Slot]:
    """A finder on no cluster, with one actor that was asked so."""
    finder = RayFinder.__new__(RayFinder)
    slot = _Slot(None, "loading", deque(asked), ready=True)
    finder._ray, finder._slots, finder._waiting = _FakeRay(), [slot], deque()
    finder._guard, finder._problem, finder._barren, finder.workers = threading.Condition(), None, 0, 1
    finder._new_slot = lambda: _Slot(None, "loading", ready=True)  # type: ignore[method-assign]
    return finder, slot


def piece_of(number: int) -> _Piece:
    return _Piece(Task(number, Path(f"img{number}.png"), 0), Future())


def test_an_answer_given_before_the_death_counts_and_the_rest_is_tried_alone() -> None:
    done, fatal, behind = piece_of(1), piece_of(2), piece_of(3)
    finder, slot = finder_with((Outcome(1), done), (None, fatal), (None, behind))
    finder._replace(slot, "killed")
    assert done.future.result(0) == Outcome(1)
    assert (done.blamed, fatal.blamed, behind.blamed) == (0, 1, 0)
    assert list(finder._waiting) == [fatal, behind]
    assert fatal.suspect
    assert behind.suspect


def test_a_lost_answer_costs_no_image_that_kills_nobody() -> None:
    """The death came before the answer to the first image could be fetched: it is blamed, and cleared when alone."""
    innocent, fatal = piece_of(1), piece_of(2)
    finder, slot = finder_with((None, innocent), (None, fatal))
    for _ in range(10):
        finder._replace(slot, "killed")
        slot = finder._slots[0]
        if not finder._waiting:
            break
        piece = finder._waiting.popleft()
        assert slot.takes(piece)
        if piece is innocent:
            piece.future.set_result(Outcome(1))
            piece = finder._waiting.popleft()
        slot.asked.append((None, piece))
        assert not any(slot.takes(each) for each in (*finder._waiting, piece_of(4))), "a suspect is alone"
    assert innocent.future.result(0).error == ""
    assert fatal.future.result(0).error == "img2.png: 3 workers died of it."
