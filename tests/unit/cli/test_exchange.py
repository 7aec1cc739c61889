"""Import and export from the command line: what is chosen, what is said beforehand, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from desktop.dataset.changes import AddCategories, AddImages, AddInstances
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, Instance
from desktop.dataset.store import Project
from tests.command_line import run

PATHS = ("train/a.png", "train/b.png", "val/c.png")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    square = np.zeros((20, 30), bool)
    square[2:9, 3:12] = True
    for path in PATHS:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        PillowImage.new("L", (30, 20)).save(tmp_path / path)
    with Project.create(tmp_path / "p.maskwright", state_folder=tmp_path / "state") as opened:
        opened.apply(
            AddImages(tuple(Image(n, path, 0, 30, 20) for n, path in enumerate(PATHS, 1))),
            AddCategories((Category(3, "car", "#ff0000"), Category(5, "cat", "#00ff00", position=1))),
            AddInstances(
                tuple(Instance(n, n, Mask.from_array(square), 3 + 2 * (n % 2), {"a": "b"}) for n in (1, 2, 3))
            ),
        )
    return opened.path


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def export(project: Path, out: Path, *more: str) -> list[str]:
    return ["export", str(project), "--out", str(out), "--json", *more]


def test_a_dry_run_says_all_and_writes_nothing(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(export(project, tmp_path / "out", "--format", "yolo", "--dry-run")) == 0
    found = answer(capsys)
    assert (found["images"], found["instances"], found["classes"]) == (3, 3, 2)
    assert {"file": "", "text": "The attributes of 3 instances are not written."} in found["problems"]
    assert "instance ids" in found["not_kept"]
    assert "labels/train/a.txt" in found["files"]
    assert not (tmp_path / "out").exists()


def test_images_are_chosen_and_split_and_copied(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    more = ("--format", "coco", "--only", "train/*", "--split", "folder", "--images", "copy", "--category-id", "cat=90")
    assert run(export(project, out, *more)) == 0
    assert answer(capsys)["files"] == ["images/train/a.png", "images/train/b.png", "instances_train.json"]
    document = json.loads((out / "instances_train.json").read_text("utf-8"))
    assert [(c["name"], c["id"]) for c in document["categories"]] == [("car", 3), ("cat", 90)]
    assert run(export(project, out, *more)) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(export(project, out, *more, "--overwrite")) == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--category-id", "dog=4"], "There is no class 'dog'"),
        (["--category-id", "cat=3"], "Two classes would have the category id 3"),
        (["--category-id", "cat=x"], "other whole numbers"),
        (["--option", "image_ids=5"], "a list of their ids"),
        (["--option", "category_ids=no"], "as JSON"),
        (["--option", "colour"], "--option NAME=VALUE"),
        (["--split", "half"], "not 'half'"),
        (["--shares", "train"], "train=0.8,val=0.2"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    split = ["--split", "seed"] if "--shares" in more else []
    assert run(export(project, tmp_path / "out", "--format", "coco", *split, *more)) == 2
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_classes_are_mapped_and_skipped(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    square = [[15, 10, 25, 10, 25, 18, 15, 18]]
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 30, "height": 20}],
        "categories": [{"id": n, "name": name} for n, name in enumerate(("auto", "dog", "tree"), 1)],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": n, "segmentation": square, "bbox": [15, 10, 10, 8]}
            for n in (1, 2, 3)
        ],
    }
    source = tmp_path / "x.json"
    source.write_text(json.dumps(document), "utf-8")
    arguments = ["import", str(project), str(source), "--map", "auto=car", "--map", "dog=", "--dry-run", "--json"]
    assert run(arguments) == 1
    found = answer(capsys)
    assert [(c["name"], c["id"], c["action"]) for c in found["classes"]] == [
        ("auto", 3, "use"),
        ("dog", 0, "skip"),
        ("tree", 6, "create"),
    ]
    assert found["notes"] == [{"file": "", "text": "2 ids are taken in the project; new ones are given."}]
    with Project.open(project, read_only=True) as opened:
        assert len(opened.categories()) == 2
