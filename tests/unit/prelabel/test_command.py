"""``maskwright prelabel``: exit codes, JSON, and going on after Ctrl+C and SIGKILL."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from desktop.dataset.store import Project
from tests.command_line import run
from tests.unit.prelabel.conftest import PLUG_IN, Photos, proposals_of

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


def prelabel(folder: Path, *more: str) -> int:
    return run(["prelabel", str(folder), "--engine", "squares", *more])


def started(folder: Path, seconds: float) -> subprocess.Popen[str]:
    # a shell's background jobs, and what they start, ignore Ctrl+C
    hears = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code = hears + "from desktop.cli.main import main; main()"
    arguments = ["prelabel", str(folder), "--engine", "squares", "--everything", "--option", f"seconds={seconds}"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "MASKWRIGHT_ENGINES": PLUG_IN}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "--json"], env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


def done_images(folder: Path) -> int:
    """How many images are marked; 0 as long as there is no project."""
    try:
        return sum(len(row) == 3 for row in proposals_of(folder / (folder.name + ".maskwright")))
    except Exception:
        return 0


def test_the_answer_as_json(photos: Photos, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photos(3)
    (folder / "img2.png").write_bytes(b"no image")
    assert prelabel(folder, "--text", "dim", "--text", "grey", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["images"], answer["done"], answer["proposals"], answer["left"]) == (3, 3, 3, 0)
    ((failed),) = answer["failed"]
    assert failed["file"].endswith("img2.png")
    with Project.open(answer["project"], read_only=True) as project:
        assert [p.label for p in project.proposals(2)] == ["grey", "dim"]


def test_a_reference_shows_what_to_look_for(photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photos(3)
    mask = np.zeros((48, 64), np.uint8)
    mask[6:18, 26:34] = 255
    PIL.Image.fromarray(mask).save(tmp_path / "mask.png")
    assert prelabel(folder, "--reference", f"{folder / 'img2.png'}:{tmp_path / 'mask.png'}:tile") == 0
    with Project.open(folder / "photos.maskwright", read_only=True) as project:
        assert [[p.label for p in project.proposals(image)] for image in (1, 2, 3)] == [[], ["tile"], ["tile"]]
        assert '"image":"img2.png"' in project.proposals(2)[0].prompts
    for wrong in ("nothing", f"{folder / 'img2.png'}:nowhere.png"):
        assert prelabel(folder, "--reference", wrong) == 2
        assert "--reference" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say what to look for"),
        (["--text", "unicorn"], "does not know “unicorn”"),
        (["--everything", "--option", "nonsense=1"], "no option 'nonsense'"),
        (["--everything", "--option", "seconds"], "NAME=VALUE"),
    ],
)
def test_wrong_use_is_one_sentence(
    photos: Photos, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert prelabel(photos(2), *arguments) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


def test_unknown_places_and_engines(tmp_path: Path, photos: Photos, capsys: pytest.CaptureFixture[str]) -> None:
    assert prelabel(tmp_path / "nowhere.maskwright", "--everything") == 2
    assert "was not found" in capsys.readouterr().err
    assert run(["prelabel", str(photos(1)), "--engine", "nobody", "--everything"]) == 2
    assert "no engine 'nobody'" in capsys.readouterr().err


@POSIX
def test_interrupted_it_keeps_what_is_finished_and_goes_on(photos: Photos) -> None:
    folder, whole = photos(8), photos(8, "whole")
    with started(folder, 1.0) as child:
        while not done_images(folder) and child.poll() is None:
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        out, said = child.communicate(timeout=30)
        assert child.returncode == 130, said
    answer = json.loads(out)
    assert answer["interrupted"] is True
    assert 0 < answer["done"] < 8
    assert done_images(folder) == answer["done"]
    assert "the same command goes on" in said
    for each in (folder, whole):
        with started(each, 0.0) as child:
            child.communicate(timeout=60)
            assert child.returncode == 0
    mine, theirs = (proposals_of(each / f"{each.name}.maskwright") for each in (folder, whole))
    # the option is part of the request, so the second run is a job of its own with the same finds
    assert [row[1:] for row in mine if len(row) > 3] == [row[1:] for row in theirs if len(row) > 3]


@POSIX
@pytest.mark.slow
def test_killed_at_random_moments_it_ends_like_an_undisturbed_run(photos: Photos) -> None:
    folder, whole = photos(40), photos(40, "whole")
    with started(whole, 0.05) as child:
        child.communicate(timeout=120)
    chance = random.Random(2)
    killed = 0
    while True:
        before = done_images(folder)
        with started(folder, 0.05) as child:
            while done_images(folder) == before and child.poll() is None:
                time.sleep(0.02)
            if killed < 10:
                time.sleep(chance.uniform(0, 0.25))
                child.kill()
                killed += child.wait() != 0
            else:
                out, _ = child.communicate(timeout=120)
                break
    answer = json.loads(out)
    assert killed == 10
    assert answer["before"] + answer["done"] == 40
    assert proposals_of(folder / "photos.maskwright") == proposals_of(whole / "whole.maskwright")
