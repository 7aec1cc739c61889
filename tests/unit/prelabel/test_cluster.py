"""A local Ray cluster of two workers: the same proposals under the same ids as in this process, whoever dies."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.prelabel.request import PrelabelError, PrelabelRequest
from desktop.prelabel.work import Control
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
    from desktop.prelabel.cluster import RayFinder

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PrelabelError, match=r"maskwright\[cluster\]"):
        RayFinder(PrelabelRequest("squares", everything=True), (), Control(), "local")


def test_a_cluster_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from desktop.prelabel.cluster import RayFinder

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
