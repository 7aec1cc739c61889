"""Pascal VOC and mask PNG folders: what is written reads back, VOC's palette and boxes are VOC's."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as PillowImage

from desktop.dataset.changes import AddCategories
from desktop.dataset.formats.contract import FormatError
from desktop.dataset.formats.index_maps_import import MaskPngImport, VocImport
from desktop.dataset.formats.mask_png import MaskPngExport
from desktop.dataset.formats.voc import VocExport, voc_palette
from desktop.dataset.model import Category
from desktop.dataset.store import Project


def test_the_palette_is_vocs() -> None:
    # values of the development kit: person is the 15th class, void the 255th index
    palette = voc_palette()
    assert [tuple(int(v) for v in palette[n]) for n in (0, 1, 15, 20, 255)] == [
        (0, 0, 0),
        (128, 0, 0),
        (192, 128, 128),
        (0, 64, 128),
        (224, 224, 192),
    ]


def test_voc_holds_classes_objects_and_boxes(project: Project, tmp_path: Path) -> None:
    before = VocExport().preflight(project, tmp_path, {})
    report = VocExport().write(project, tmp_path, {})
    assert set(report.files) == set(before.files)
    assert "1 crowds become void (255)." in [problem.text for problem in report.warnings]
    picture = PillowImage.open(tmp_path / "SegmentationClass/photos__a.png")
    assert picture.mode == "P"
    assert picture.getpixel((3, 3)) == 1
    assert picture.convert("RGB").getpixel((3, 3)) == (128, 0, 0)
    crowd = np.array(PillowImage.open(tmp_path / "SegmentationObject/photos__사진 (1) ü.png"))
    assert crowd[0, 59] == 255
    found = ElementTree.parse(tmp_path / "Annotations/photos__a.xml")
    assert [e.text for e in found.findall("object/name")] == ["car", "sky"]
    assert [int(e.text or 0) for e in found.find("object/bndbox") or ()] == [3, 3, 20, 20]
    names = (tmp_path / "ImageSets/Segmentation/train.txt").read_text("utf-8").splitlines()
    assert names == ["b", "photos__a", "photos__사진 (1) ü"]
    assert (tmp_path / "labelmap.txt").read_text("utf-8").splitlines()[1] == "car:128,0,0::"


@pytest.mark.parametrize("kind", ["voc", "mask-png"])
def test_export_import_export_is_byte_stable(project: Project, tmp_path: Path, kind: str) -> None:
    export, read = {"voc": (VocExport(), VocImport()), "mask-png": (MaskPngExport(), MaskPngImport())}[kind]
    report = export.write(project, tmp_path / "first", {})
    with Project.create(project.folder / "again.maskwright") as again:
        plan = read.plan(again, tmp_path / "first", {})
        assert plan.rejected == ()
        again.apply(*plan.changes)
        if kind == "mask-png":
            assert [c.id for c in again.categories()] == [3, 7, 90]
            assert again.instance(5).mask == project.instance(5).mask
        export.write(again, tmp_path / "second", {})
    pngs = [file for file in report.files if file.endswith((".png", ".csv", ".txt"))]
    if kind == "voc":  # a crowd is void, and void is no instance
        pngs = [file for file in pngs if "사진" not in file]
    for file in pngs:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes(), file


def test_without_instance_pngs_pieces_are_instances(project: Project, tmp_path: Path) -> None:
    MaskPngExport().write(project, tmp_path, {"kinds": "semantic", "overlap": "class priority"})
    with Project.create(project.folder / "again.maskwright") as again:
        pieces = MaskPngImport().plan(again, tmp_path, {})
        whole = MaskPngImport().plan(again, tmp_path, {"separate": False})
    assert {r.name: r.instances for r in pieces.images}["photos/사진 (1) ü.jpg"] == 3
    assert {r.name: r.instances for r in whole.images}["photos/사진 (1) ü.jpg"] == 2


def test_a_folder_without_a_label_map_has_vocs_classes(project: Project, tmp_path: Path) -> None:
    (tmp_path / "SegmentationClass").mkdir()
    pixels = np.zeros((40, 60), np.uint8)
    pixels[5:9, 5:9], pixels[20:30, 20:30], pixels[0, 0] = 15, 3, 77
    PillowImage.fromarray(pixels).save(tmp_path / "SegmentationClass" / "b.png")
    plan = VocImport().plan(project, tmp_path, {})
    assert {row.name for row in plan.classes if row.instances} == {"person", "bird"}
    assert [each.reason for each in plan.rejected] == ["the legend has no class 77"]


def test_bad_pngs_are_refused_by_name(project: Project, tmp_path: Path) -> None:
    MaskPngExport().write(project, tmp_path, {"preview": False})
    (tmp_path / "semantic/b.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    PillowImage.new("RGB", (60, 40)).save(tmp_path / "semantic/photos/a.png")
    PillowImage.new("L", (9, 9)).save(tmp_path / "semantic/photos/사진 (1) ü.png")
    PillowImage.new("L", (9, 9)).save(tmp_path / "semantic/stranger.png")
    plan = MaskPngImport().plan(project, tmp_path, {})
    reasons = {each.what: each.reason for each in plan.rejected}
    assert "not a PNG" in reasons["semantic/b.png"]
    assert "in colour (RGB)" in reasons["semantic/photos/a.png"]
    assert "has 9 × 9 pixels, not 60 × 40" in reasons["semantic/photos/사진 (1) ü.png"]
    assert "neither in the project" in reasons["semantic/stranger.png"]
    assert plan.instances == 0


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "index,name,colour,id\nx,car,#ff0000,1\n", "\n\n"])
def test_a_bad_legend_is_named(project: Project, tmp_path: Path, text: str) -> None:
    (tmp_path / "classes.csv").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"classes\.csv"):
        MaskPngImport().plan(project, tmp_path, {})


def test_voc_has_no_room_for_more_classes(project: Project, tmp_path: Path) -> None:
    project.apply(AddCategories(tuple(Category(100 + n, f"c{n}", "#123456", position=n) for n in range(300))))
    with pytest.raises(FormatError, match="254 classes"):
        VocExport().preflight(project, tmp_path, {})
