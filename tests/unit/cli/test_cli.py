"""The command line as scripts use it: exit codes, one sentence for bad input, JSON on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from desktop.cli import values
from desktop.cli.output import InputProblem
from inference import __version__
from tests.command_line import run

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.full((60, 80, 3), 50, np.uint8)
    pixels[15:45, 20:60] = (210, 120, 40)
    path = tmp_path / "사진 (1) ü.png"
    PillowImage.fromarray(pixels).save(path)
    return path


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_segment_writes_the_best_mask_and_prints_json(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, view = tmp_path / "mask.png", tmp_path / "view.png"
    prompts = ["--box", "18,12,63,48", "--point", "40.5,30.5", "--point", "5,5,-", "--text", "thing"]
    code = run(
        ["segment", str(photo), "--engine", "classic", *prompts, "--out", str(out), "--overlay", str(view), "--json"]
    )
    assert code == 0
    found = answer(capsys)
    assert found["engine"] == "classic"
    assert set(found["candidates"][0]) == {"score", "area", "bbox", "labels"}
    assert found["ignored"] == [{"kind": "text", "count": 1}]
    assert set(found["ms"]) == {"encode", "segment"}
    mask = np.asarray(PillowImage.open(out))
    assert mask.shape == (60, 80)
    assert set(np.unique(mask)) == {0, 255}
    assert (mask > 0).sum() == found["candidates"][0]["area"]
    truth = np.zeros((60, 80), bool)
    truth[15:45, 20:60] = True
    inside = mask > 0
    assert (inside & truth).sum() / (inside | truth).sum() > 0.9
    assert PillowImage.open(view).size == (80, 60)


def test_a_box_alone_is_enough(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mask.png"
    assert run(["segment", str(photo), "--engine", "classic", "--box", "18,12,63,48", "--out", str(out), "--json"]) == 0
    found = answer(capsys)["candidates"][0]
    inside = np.asarray(PillowImage.open(out)) > 0
    truth = np.zeros((60, 80), bool)
    truth[15:45, 20:60] = True
    assert found["area"] == inside.sum()
    assert (inside & truth).sum() / (inside | truth).sum() > 0.95


def test_a_project_is_made_filled_and_exported(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "a.maskwright"
    assert run(["new", str(project), str(photo), "--classes", "cat, dog"]) == 0
    coco = {
        "images": [{"id": 7, "file_name": photo.name, "width": 80, "height": 60}],
        "categories": [{"id": 90, "name": "dog"}, {"id": 3, "name": "bird"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 90,
                "segmentation": [[20, 15, 60, 15, 60, 45, 20, 45]],
                "iscrowd": 0,
            },
            {"id": 2, "image_id": 8, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 5]], "iscrowd": 0},
        ],
    }
    source = tmp_path / "in.json"
    source.write_text(json.dumps(coco), encoding="utf-8")
    capsys.readouterr()
    assert run(["import", str(project), "--format", "coco", str(source), "--dry-run", "--json"]) == 1
    plan = answer(capsys)
    assert plan["instances"] == 1
    assert len(plan["rejected"]) == 1
    assert run(["import", str(project), "--format", "coco", str(source)]) == 1
    assert run(["export", str(project), "--format", "mask-png", "--out", str(tmp_path / "png"), "--json"]) == 0
    capsys.readouterr()
    assert run(["info", str(project), "--json"]) == 0
    found = answer(capsys)
    assert found["instances"] == 1
    assert {c["name"]: c["instances"] for c in found["classes"]}["dog"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["segment", "nope.png", "--point", "1,1"], "nope.png"),
        (["segment", "PHOTO"], "--point"),
        (["segment", "PHOTO", "--point", "1;1"], "X,Y"),
        (["segment", "PHOTO", "--point", "nan,1"], "X,Y"),
        (["segment", "PHOTO", "--box", "1,1,1,5"], "no area"),
        (["segment", "PHOTO", "--point", "1,1", "--point", "9999,1,-"], "outside PHOTO"),
        (["segment", "PHOTO", "--box=-9,-9,-1,-1"], "outside PHOTO"),
        (["segment", "PHOTO", "--scribble", "1,9999 5,9999"], "outside PHOTO"),
        (["segment", "PHOTO", "--engine", "nonsense", "--point", "1,1"], "nonsense"),
        (["segment", "PHOTO", "--prior", "PHOTO.txt"], "PHOTO.txt"),
        (["info", "PHOTO"], "PHOTO"),
        (["export", "missing.maskwright", "--format", "coco", "--out", "x"], "missing.maskwright"),
        (["new", "p", "empty-folder"], "empty-folder"),
        (["evaluate", "clicks", "--engine", "classic", "--index", "none.json"], "none.json"),
        (["segment", "--frobnicate"], "frobnicate"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_bad_input_ends_in_one_sentence(
    arguments: list[str], words: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty-folder").mkdir()
    given_ = [argument.replace("PHOTO", photo.name) for argument in arguments]
    assert run(given_) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words.replace("PHOTO", photo.name) in captured.err
    assert "Traceback" not in captured.err
    assert len(captured.err.strip().splitlines()) == 1


def test_a_file_that_is_not_an_image_is_reported_and_the_rest_is_kept(photo: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    assert run(["new", str(tmp_path / "b"), str(photo), str(broken)]) == 1
    assert (tmp_path / "b.maskwright").exists()


@given(st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=8), st.sampled_from(["", ",+", ",-"]))
def test_scribbles_are_read_as_written(vertices: list[tuple[float, float]], sign: str) -> None:
    text = " ".join(f"{x!r},{y!r}" for x, y in vertices) + sign
    stroke = values.scribble(text)
    assert stroke.vertices == tuple(vertices)
    assert stroke.positive is (sign != ",-")


@given(st.text(max_size=20))
def test_any_text_is_a_point_or_a_sentence(text: str) -> None:
    try:
        found = values.point(text)
    except InputProblem:
        return
    assert np.isfinite([found.x, found.y]).all()


def test_the_command_line_loads_neither_qt_nor_torch() -> None:
    code = (
        "import sys; from tests.command_line import run; run(['engines', '--json']);"
        "print([m for m in ('PySide6', 'torch', 'transformers', 'diffusers') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"
    assert "classic" in {engine["name"] for engine in json.loads(done.stdout)}


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"
