"""``maskwright check``: findings as JSON, exit codes, and fixes that stay."""

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


def block(x0: int, y0: int, x1: int, y1: int) -> Mask:
    pixels = np.zeros((40, 60), np.bool_)
    pixels[y0:y1, x0:x1] = True
    return Mask.from_array(pixels)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    PillowImage.new("RGB", (60, 40)).save(tmp_path / "a.png")
    path = tmp_path / "p.maskwright"
    with Project.create(path) as opened:
        opened.apply(
            AddImages((Image(1, "a.png", 0, 60, 40),)),
            AddCategories((Category(1, "car", "#ff0000"),)),
            AddInstances(
                (
                    Instance(1, 1, block(0, 0, 20, 20).union(block(30, 30, 32, 32)), 1),
                    Instance(2, 1, block(15, 0, 40, 20), 1),
                    Instance(3, 1, block(50, 0, 59, 9)),
                )
            ),
        )
    return path


def checked(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> Any:
    assert run(["check", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_findings_and_fixes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = checked(capsys, 1, str(project))
    assert first["counts"] == {"overlap": 1, "stray parts": 1, "unlabelled": 1}
    assert {f["image"] for f in first["findings"]} == {"a.png"}
    # the overlap is of the instance that the first fix changes, so it waits for the next check
    assert checked(capsys, 1, str(project), "--fix")["fixed"] == 1
    assert checked(capsys, 1, str(project), "--fix")["fixed"] == 1
    left = checked(capsys, 1, str(project))
    assert left["counts"] == {"unlabelled": 1}
    assert checked(capsys, 0, str(project), "--rule", "overlap")["findings"] == []
    with Project.open(project) as opened:
        assert opened.instance(1).mask.overlap(opened.instance(2).mask) == 0


def test_an_unknown_rule_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(project), "--rule", "beauty"]) == 2
    assert "There is no rule 'beauty'" in capsys.readouterr().err
