"""COCO panoptic: ids in colours, areas as painted, stuff in one segment, and back again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from desktop.dataset.changes import AddInstances
from desktop.dataset.formats.contract import FormatError
from desktop.dataset.formats.panoptic import PanopticExport
from desktop.dataset.formats.panoptic_import import PanopticImport
from desktop.dataset.model import Instance
from desktop.dataset.store import Project
from tests.unit.formats.conftest import block


def ids_of(path: Path) -> np.ndarray:
    colours = np.array(PillowImage.open(path)).astype(int)
    return colours[..., 0] + 256 * colours[..., 1] + 256**2 * colours[..., 2]


def test_segments_and_pixels_agree(project: Project, tmp_path: Path) -> None:
    project.apply(AddInstances((Instance(70_000, 1, block(50, 0, 60, 9), 7),)))
    before = PanopticExport().preflight(project, tmp_path, {})
    report = PanopticExport().write(project, tmp_path, {})
    assert set(report.files) == set(before.files)
    document = json.loads((tmp_path / "panoptic.json").read_text("utf-8"))
    assert [c["isthing"] for c in document["categories"]] == [1, 0, 1]
    for annotation in document["annotations"]:
        ids = ids_of(tmp_path / "panoptic" / annotation["file_name"])
        infos = annotation["segments_info"]
        assert set(np.unique(ids)) - {0} == {info["id"] for info in infos}
        assert len({info["id"] for info in infos}) == len(infos)
        for info in infos:
            rows, columns = np.nonzero(ids == info["id"])
            assert info["area"] == len(rows)
            assert info["bbox"] == [
                columns.min(),
                rows.min(),
                columns.max() - columns.min() + 1,
                rows.max() - rows.min() + 1,
            ]
    first = document["annotations"][0]["segments_info"]
    # the sky's two pieces are one segment, and it lies above the car
    assert [(info["id"], info["category_id"]) for info in first] == [(1, 3), (2, 7)]
    assert first[1]["area"] == project.instance(2).mask.area + 90


def test_a_thing_keeps_its_large_id(project: Project, tmp_path: Path) -> None:
    project.apply(AddInstances((Instance(70_000, 1, block(50, 0, 60, 9), 3),)))
    PanopticExport().write(project, tmp_path, {})
    assert (ids_of(tmp_path / "panoptic/photos/a.png") == 70_000).sum() == 90


def test_what_is_hidden_is_said(project: Project, tmp_path: Path) -> None:
    project.apply(AddInstances((Instance(11, 1, block(2, 2, 20, 20), 90, z_order=2),)))
    report = PanopticExport().write(project, tmp_path, {})
    assert "Instance 1 is hidden by others and was left out." in [w.text for w in report.warnings]


def test_export_import_export_is_byte_stable(project: Project, tmp_path: Path) -> None:
    PanopticExport().write(project, tmp_path / "first", {})
    with Project.create(project.folder / "again.maskwright") as again:
        plan = PanopticImport().plan(again, tmp_path / "first" / "panoptic.json", {})
        assert plan.rejected == ()
        again.apply(*plan.changes)
        assert again.category(7) == project.category(7)
        assert again.instance(8).is_crowd
        PanopticExport().write(again, tmp_path / "second", {})
    for file in ("panoptic.json", "panoptic/photos/a.png", "panoptic/b.png"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_bad_files_are_named(project: Project, tmp_path: Path) -> None:
    PanopticExport().write(project, tmp_path, {})
    path = tmp_path / "panoptic.json"
    document = json.loads(path.read_text("utf-8"))
    (tmp_path / "panoptic/photos/a.png").write_bytes(b"no png")
    document["annotations"][1]["file_name"] = "../../secret.png"
    document["annotations"][2]["segments_info"] = [{"id": True}, {"id": 4, "category_id": 3}, 5]
    path.write_text(json.dumps(document), encoding="utf-8")
    plan = PanopticImport().plan(project, path, {})
    reasons = [each.reason for each in plan.rejected]
    assert any("a.png is not a PNG that can be read" in reason for reason in reasons)
    assert "its file name leads out of the folder" in reasons
    assert "a segment has the id True, not a whole number above 0" in reasons
    assert "its mask has no pixels" in reasons
    assert plan.instances == 0
    document["annotations"][0] = {"id": 1, "segmentation": []}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(FormatError, match="segments_info"):
        PanopticImport().plan(project, path, {})
