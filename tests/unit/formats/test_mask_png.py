"""Mask PNGs: indices as the legend says, the overlap rule, 8 and 16 bits, nothing all black."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from desktop.dataset.changes import AddCategories
from desktop.dataset.formats.contract import FormatError
from desktop.dataset.formats.mask_png import MaskPngExport
from desktop.dataset.model import Category
from desktop.dataset.store import Project


def pixels(path: Path) -> NDArray[np.generic]:
    return np.array(PillowImage.open(path))


def test_semantic_and_instance_follow_the_legends(project: Project, tmp_path: Path) -> None:
    before = MaskPngExport().preflight(project, tmp_path / "out", {})
    report = MaskPngExport().write(project, tmp_path / "out", {})
    assert set(report.files) == set(before.files)
    out = tmp_path / "out"
    with (out / "classes.csv").open(encoding="utf-8") as stream:
        legend = {row["name"]: row for row in csv.DictReader(stream)}
    assert (legend["sky"]["index"], legend["sky"]["id"], legend["sky"]["colour"]) == ("2", "7", "#0000ff")
    opened = PillowImage.open(out / "semantic/photos/a.png")
    assert opened.mode == "P"
    assert opened.convert("RGB").getpixel((3, 3)) == (255, 0, 0)
    car, sky = (project.instance(n).mask.to_array() for n in (1, 2))
    assert np.array_equal(pixels(out / "semantic/photos/a.png"), np.where(sky, 2, np.where(car, 1, 0)))
    numbers = pixels(out / "instance/photos/a.png")
    assert numbers.dtype == np.uint16
    assert np.array_equal(numbers, np.where(sky, 2, np.where(car, 1, 0)))
    with (out / "instances.csv").open(encoding="utf-8") as stream:
        rows = [(r["image"], r["value"], r["id"]) for r in csv.DictReader(stream)]
    assert ("photos/사진 (1) ü.jpg", "2", "8") in rows
    assert pixels(out / "preview/photos/a.png").any()


def test_class_priority_turns_the_overlap_round(project: Project, tmp_path: Path) -> None:
    MaskPngExport().write(project, tmp_path, {"overlap": "class priority", "kinds": "semantic"})
    assert pixels(tmp_path / "semantic/photos/a.png")[12, 12] == 1


def test_objects_colour_and_ignore(project: Project, tmp_path: Path) -> None:
    MaskPngExport().write(project, tmp_path, {"kinds": "semantic,objects,colour", "ignore": True})
    assert np.array_equal(pixels(tmp_path / "objects/photos/a/2.png") > 0, project.instance(2).mask.to_array())
    assert not (tmp_path / "objects/photos/사진 (1) ü/8.png").exists()
    assert pixels(tmp_path / "semantic/b.png")[0, 0] == 255  # unlabelled
    assert pixels(tmp_path / "semantic/photos/사진 (1) ü.png")[0, 50] == 255  # crowd
    assert tuple(pixels(tmp_path / "colour/photos/a.png")[3, 3]) == (255, 0, 0)


def test_more_classes_than_8_bits_hold(project: Project, tmp_path: Path) -> None:
    project.apply(AddCategories(tuple(Category(100 + n, f"c{n}", "#123456", position=n - 500) for n in range(300))))
    MaskPngExport().write(project, tmp_path, {})
    semantic = pixels(tmp_path / "semantic/photos/a.png")
    assert semantic.dtype == np.uint16
    assert semantic[3, 3] == 301


def test_unknown_kind_is_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not 'fancy'"):
        MaskPngExport().preflight(project, tmp_path, {"kinds": "fancy"})
