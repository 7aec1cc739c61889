"""YOLO segmentation: what is written reads back as the same masks, also by the rules of other readers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings

from desktop.dataset.formats.coco_segmentation import decoded
from desktop.dataset.formats.contract import FormatError
from desktop.dataset.formats.single_ring import single_ring
from desktop.dataset.formats.yolo import YoloExport
from desktop.dataset.formats.yolo_import import YoloImport
from desktop.dataset.masks import Mask
from desktop.dataset.store import Project
from tests.unit.formats.mask_strategy import masks


@given(masks())
@settings(deadline=None)
def test_a_single_ring_fills_to_the_same_pixels(mask: Mask) -> None:
    if mask.is_empty:
        return
    flat = [value for point in single_ring(mask) for value in point]
    assert decoded([flat], mask.width, mask.height) == mask


def test_export_import_export_is_byte_stable(project: Project, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    report = YoloExport().write(project, tmp_path / "copied", {"images": "copy"})
    assert {"data.yaml", "labels/photos/a.txt", "labels/b.txt", "images/photos/a.jpg"} <= set(report.files)
    YoloExport().write(project, first, {})
    assert (first / "labels/b.txt").read_text("utf-8") == ""
    texts = [problem.text for problem in report.warnings]
    assert "1 instance is a crowd and becomes a plain object." in texts
    with Project.create(project.folder / "again.maskwright") as again:
        plan = YoloImport().plan(again, first / "data.yaml", {})
        assert plan.rejected == ()
        assert [row.name for row in plan.classes] == ["car", "sky", "cat"]
        again.apply(*plan.changes)
        stored = {(i.id, n.mask) for i in project.images() for n in project.instances(i.id) if n.category_id}
        assert {n.mask for i in again.images() for n in again.instances(i.id)} == {mask for _, mask in stored}
        YoloExport().write(again, second, {})
    for file in ("data.yaml", "labels/photos/a.txt", "labels/photos/사진 (1) ü.txt"):
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_labels_find_the_images_of_the_project(project: Project, tmp_path: Path) -> None:
    YoloExport().write(project, tmp_path, {})
    plan = YoloImport().plan(project, tmp_path, {})
    assert {row.name for row in plan.images} == {image.path for image in project.images()}
    assert not any(row.new for row in plan.images)
    # all but the crowd and the unlabelled one are there already
    assert [each.reason for each in plan.rejected] == ["the project has the same instance already"] * 4


def test_supervision_reads_it(project: Project, tmp_path: Path) -> None:
    import supervision

    YoloExport().write(project, tmp_path, {"images": "copy"})
    loaded = supervision.DetectionDataset.from_yolo(
        str(tmp_path / "images/photos"),
        str(tmp_path / "labels/photos"),
        str(tmp_path / "data.yaml"),
        force_masks=True,
    )
    assert loaded.classes == ["car", "sky", "cat"]
    found = next(detections for path, _, detections in loaded if path.endswith("a.jpg"))
    assert found.mask is not None
    for mask, instance in zip(found.mask, project.instances(1), strict=True):
        # its reader paints outlines, bridges included, one pixel wide
        eroded = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
        assert not (eroded.astype(bool) & ~instance.mask.to_array()).any()
        assert (mask | ~instance.mask.to_array()).all()


def test_a_split_writes_lists(project: Project, tmp_path: Path) -> None:
    YoloExport().write(project, tmp_path, {"split": "seed", "split_shares": "train=2,val=1", "split_seed": 2})
    data = (tmp_path / "data.yaml").read_text("utf-8")
    assert "train: train.txt" in data
    assert "val: val.txt" in data
    listed = [(tmp_path / f"{part}.txt").read_text("utf-8").splitlines() for part in ("train", "val")]
    assert sum(len(lines) for lines in listed) == 3
    assert all(listed)
    assert all(line.startswith("./images/") for lines in listed for line in lines)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("0 0.1 0.1 0.2 0.2", "a box is no mask"),
        ("9 0.1 0.1 0.2 0.2 0.3 0.1", "no class 9"),
        ("0 0.1 0.1 nan 0.2 0.3 0.1", "a part of the image's side"),
        ("0 0.1 7 0.2 0.2 0.3 0.1", "a part of the image's side"),
        ("car 0.1 0.1", "not a class number"),
        ("0 0.1 0.1 0.2 0.2 0.3", "three points"),
        ("0 0.5 0.5 0.5 0.5 0.5 0.5", "no pixels"),
    ],
)
def test_bad_lines_are_refused_with_their_place(project: Project, tmp_path: Path, line: str, reason: str) -> None:
    YoloExport().write(project, tmp_path, {})
    (tmp_path / "labels/b.txt").write_text(f"0 0 0 0.5 0 0.5 0.5\n{line}\n", encoding="utf-8")
    plan = YoloImport().plan(project, tmp_path, {})
    bad = [each for each in plan.rejected if each.what == "b.txt, line 2"]
    assert len(bad) == 1
    assert reason in bad[0].reason
    assert plan.instances == 1


@pytest.mark.parametrize("text", ["names: [a", "just text", "names: {a: b}", "{}", "\ufeffnames: []"])
def test_a_bad_data_file_is_named(project: Project, tmp_path: Path, text: str) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"data\.yaml"):
        YoloImport().plan(project, tmp_path, {})
