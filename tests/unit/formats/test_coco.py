"""COCO instances: what is written is what is stored, other tools read it, and reading it back gives the same file."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from pycocotools.coco import COCO

from desktop.dataset.changes import AddInstances
from desktop.dataset.formats.coco import CocoExport
from desktop.dataset.formats.coco_import import CocoImport
from desktop.dataset.formats.coco_segmentation import decoded, segmentation, without_holes
from desktop.dataset.formats.contract import FormatError, ImportPlan
from desktop.dataset.formats.json_pieces import encoded
from desktop.dataset.formats.registry import EXPORTS, import_format
from desktop.dataset.masks import Mask
from desktop.dataset.model import Image, Instance
from desktop.dataset.store import Project
from tests.unit.formats.conftest import block
from tests.unit.formats.mask_strategy import masks
from tests.unit.formats.project_strategy import Drawn, MemoryProject

DATE = {"date": "2026-01-01T00:00:00+00:00"}


@given(masks(), st.sampled_from(["auto", "polygons", "rle"]), st.booleans())
@settings(deadline=None)
def test_every_exact_mode_decodes_to_the_same_pixels(mask: Mask, mode: str, crowd: bool) -> None:
    if mask.is_empty:
        return
    value = json.loads(encoded(segmentation(mask, mode, crowd=crowd)))
    assert decoded(value, mask.width, mask.height) == mask
    assert not crowd or isinstance(value, dict)


@given(masks())
@settings(deadline=None)
def test_cutting_through_holes_keeps_all_pixels_once(mask: Mask) -> None:
    pieces = without_holes(mask)
    assert sum(piece.area for piece in pieces) == mask.area
    assert not any(part.holes for piece in pieces for part in piece.parts())


def test_export_holds_what_the_project_holds(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = CocoExport().preflight(project, out, {})
    assert (before.images, before.instances, before.classes) == (3, 4, 3)
    assert "1 unlabelled instance will be skipped." in [p.text for p in before.problems]
    assert not out.exists()
    report = CocoExport().write(project, out, DATE)
    assert report.files == before.files == ("instances.json",)
    loaded = COCO(str(out / "instances.json"))
    assert sorted(loaded.anns) == [1, 2, 5, 8]
    assert sorted(loaded.cats) == [3, 7, 90]
    for number, annotation in loaded.anns.items():
        stored = project.instance(number).mask
        assert np.array_equal(loaded.annToMask(annotation).astype(bool), stored.to_array())
        x0, y0, x1, y1 = stored.bbox
        assert annotation["bbox"] == [x0, y0, x1 - x0, y1 - y0]
        assert annotation["area"] == stored.area
    assert isinstance(loaded.anns[1]["segmentation"], list)
    assert isinstance(loaded.anns[2]["segmentation"], dict)  # it has holes
    assert len(loaded.anns[5]["segmentation"]) == 2
    assert isinstance(loaded.anns[8]["segmentation"], dict)
    assert loaded.anns[1]["score"] == 0.75
    assert loaded.anns[1]["attributes"] == {"colour": "red"}
    assert [i["file_name"] for i in loaded.imgs.values()] == ["photos/a.jpg", "photos/사진 (1) ü.jpg", "b.png"]


def test_export_import_export_is_byte_stable(project: Project, tmp_path: Path) -> None:
    first = tmp_path / "first"
    CocoExport().write(project, first, DATE)
    with Project.create(project.folder / "again.maskwright") as again:
        plan = CocoImport().plan(again, first / "instances.json", {})
        assert plan.rejected == ()
        again.apply(*plan.changes)
        CocoExport().write(again, tmp_path / "second", DATE)
        assert [c.id for c in again.categories()] == [3, 7, 90]
        assert again.category(7) == project.category(7)
        repeated = CocoImport().plan(again, first / "instances.json", {})
        assert repeated.changes == ()
        assert len(repeated.rejected) == 4
    assert (first / "instances.json").read_bytes() == (tmp_path / "second" / "instances.json").read_bytes()


def test_torchvision_and_supervision_load_it(project: Project, tmp_path: Path) -> None:
    import supervision
    from torchvision.datasets import CocoDetection

    out = tmp_path / "out"
    CocoExport().write(project, out, {"images": "copy"})
    pairs = CocoDetection(str(out / "images"), str(out / "instances.json"))
    assert [len(targets) for _, targets in (pairs[n] for n in range(len(pairs)))] == [2, 2, 0]
    # supervision fills polygons together with their border pixels (cv2.fillPoly); RLE it reads exactly
    CocoExport().write(project, out, {"segmentation": "rle", "overwrite": True})
    loaded = supervision.DetectionDataset.from_coco(str(out / "images"), str(out / "instances.json"), force_masks=True)
    found = next(detections for path, _, detections in loaded if path.endswith("a.jpg"))
    assert found.mask is not None
    assert sorted(int(m.sum()) for m in found.mask) == sorted(i.mask.area for i in project.instances(1))


@pytest.mark.parametrize(("scope", "images"), [("all", 3), ("done", 2), ("reviewed", 1)])
def test_scope(project: Project, tmp_path: Path, scope: str, images: int) -> None:
    assert CocoExport().preflight(project, tmp_path, {"scope": scope}).images == images


def test_a_split_by_folder_finds_the_parts_by_name(tmp_path: Path) -> None:
    paths = ["train/a.png", "images/val/b.png", "photos/c.png", "d.png", "data/photos/Test/e.png"]
    drawn = Drawn(tuple(Image(n, path, 0, 4, 4) for n, path in enumerate(paths, 1)), (), ())
    before = CocoExport().preflight(MemoryProject(tmp_path, drawn), tmp_path, {"split": "folder"})
    parts = ("Test", "images", "photos", "train", "val")
    assert before.files == tuple(f"instances_{part}.json" for part in parts)


def split_of(paths: list[str], folder: Path, options: dict[str, object]) -> dict[str, str]:
    drawn = Drawn(tuple(Image(n, path, 0, 4, 4) for n, path in enumerate(paths, 1)), (), ())
    report = CocoExport().write(MemoryProject(folder, drawn), folder / "out", {"split": "seed", **options})
    found = {}
    for file in report.files:
        for entry in json.loads((folder / "out" / file).read_text("utf-8"))["images"]:
            found[entry["file_name"]] = file.removeprefix("instances_").removesuffix(".json")
    return found


def test_a_drawn_split_stays_when_images_come_and_go(tmp_path: Path) -> None:
    paths = [f"photos/{n}.jpg" for n in range(300)]
    shares = {"split_shares": "train=0.7,val=0.2,test=0.1", "overwrite": True}
    all_of_them = split_of(paths, tmp_path, shares)
    counts = Counter(all_of_them.values())
    for part, share in (("train", 0.7), ("val", 0.2), ("test", 0.1)):
        assert abs(counts[part] / 300 - share) < 0.07
    assert split_of(paths[::3], tmp_path, shares) == {path: all_of_them[path] for path in paths[::3]}
    assert split_of(paths, tmp_path, {**shares, "split_seed": 1}) != all_of_them


def test_a_part_that_got_no_image_is_said(project: Project, tmp_path: Path) -> None:
    before = CocoExport().preflight(project, tmp_path, {"split": "seed", "split_shares": "train=1,val=0.000001"})
    assert "No image fell into the part 'val'" in " ".join(p.text for p in before.problems)


def test_nothing_is_overwritten_or_left_behind(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    CocoExport().write(project, out, DATE)
    kept = (out / "instances.json").read_bytes()
    with pytest.raises(FormatError, match=r"instances\.json exists already"):
        CocoExport().write(project, out, {})
    assert CocoExport().preflight(project, out, {}).existing == ("instances.json",)

    class Stopped(Exception):
        pass

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.3:
            raise Stopped

    with pytest.raises(Stopped):
        CocoExport().write(project, out, {"overwrite": True}, stop)
    with pytest.raises(Stopped):
        CocoExport().write(project, tmp_path / "new" / "deep", {}, stop)
    assert [p.name for p in out.iterdir()] == ["instances.json"]
    assert (out / "instances.json").read_bytes() == kept
    assert not (tmp_path / "new").exists()


def test_options_that_make_no_sense_are_named(project: Project, tmp_path: Path) -> None:
    for options, words in (
        ({"category_ids": {3: 7}}, "Two classes would have the category id 7"),
        ({"segmentation": "svg"}, "not 'svg'"),
        ({"colour": 1}, "no option 'colour'"),
        ({"split": "seed", "split_shares": "train"}, "A split is written as"),
        ({"split": "seed", "split_shares": "../x=1"}, "plain names"),
    ):
        with pytest.raises(FormatError, match=words):
            CocoExport().preflight(project, tmp_path, options)


def annotation(**changed: object) -> dict[str, object]:
    square = [[1, 1, 5, 1, 5, 5, 1, 5]]
    return {"id": 1, "image_id": 1, "category_id": 4, "segmentation": square, "bbox": [1, 1, 4, 4], **changed}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"image_id": 99}, "its image 99 is missing"),
        ({"category_id": 99}, "its class 99 is missing"),
        ({"id": [1]}, "not a whole number"),
        ({"bbox": [float("nan"), 0, 1, 1]}, "not four finite numbers"),
        ({"segmentation": [[0, 0, 1]]}, "at least three points"),
        ({"segmentation": [[0, 0, float("inf"), 1, 1, 1]]}, "not a finite number"),
        ({"segmentation": {"size": [40, 60], "counts": [5]}}, "cover 5 pixels"),
        ({"segmentation": {"size": [1, 1], "counts": [1]}}, "its RLE is for"),
        ({"segmentation": {"size": [40, 60], "counts": "!!"}}, "damaged"),
        ({"segmentation": []}, "a box is no mask"),
        ({"segmentation": [], "bbox": None}, "no segmentation"),
        ({"segmentation": [[1, 2, 3, 4, 10**400, 5]]}, "not a finite number"),
        ({"bbox": [0, 0, 10**400, 1]}, "not four finite numbers"),
        ({"segmentation": [[600, 1, -500, 2, 599, 3] * 5000]}, "without end"),
    ],
)
def test_what_cannot_be_right_is_rejected_with_its_reason(
    project: Project, tmp_path: Path, changed: dict[str, object], reason: str
) -> None:
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
        "categories": [{"id": 4, "name": "dog"}],
        "annotations": [annotation(**changed), annotation(id=2)],
    }
    file = tmp_path / "x.json"
    file.write_text(json.dumps(document), "utf-8")
    plan = CocoImport().plan(project, file, {})
    assert [r.reason for r in plan.rejected if reason in r.reason], plan.rejected
    assert len(plan.rejected) == 1
    assert plan.instances == 1
    assert plan.images[0].new is False


def test_images_that_are_missing_escape_or_differ_are_rejected(project: Project, tmp_path: Path) -> None:
    names = ["../../etc/passwd", "/etc/passwd", "C:\\x.jpg", "gone.jpg", "b.png"]
    images = [{"id": n, "file_name": f, "width": 61, "height": 40} for n, f in enumerate(names)]
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"images": images, "categories": [], "annotations": []}), "utf-8")
    plan = CocoImport().plan(project, file, {})
    reasons = {r.what: r.reason for r in plan.rejected}
    assert all("leads out of the folder" in reasons[name] for name in names[:3])
    assert "neither in the project nor beside" in reasons["gone.jpg"]
    assert "61 × 40" in reasons["b.png"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"images": [\n1,', "line 2, column 3"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"[]", "no JSON object"),
        (b"{}", "no list 'images'"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_files_that_are_no_coco_are_named(project: Project, tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(FormatError, match=words) as caught:
        CocoImport().plan(project, file, {})
    assert "bad.json" in str(caught.value)


def test_classes_can_be_mapped_or_skipped(project: Project, tmp_path: Path) -> None:
    document = {
        "images": [{"id": 1, "file_name": "photos/a.jpg", "width": 60, "height": 40}],
        "categories": [{"id": 4, "name": "auto"}, {"id": 5, "name": "dog", "supercategory": "dog"}],
        "annotations": [annotation(), annotation(id=2, category_id=5)],
    }
    file = tmp_path / "x.json"
    file.write_text(json.dumps(document), "utf-8")
    plan = CocoImport().plan(project, file, {"classes": {"auto": "car"}, "unknown_classes": "skip"})
    assert [(r.name, r.action, r.target, r.instances) for r in plan.classes] == [
        ("auto", "use", 3, 1),
        ("dog", "skip", 0, 0),
    ]
    created = CocoImport().plan(project, file, {})
    assert [r.action for r in created.classes] == ["create", "create"]
    project.apply(*created.changes)
    assert {c.name for c in project.categories()} == {"car", "sky", "cat", "auto", "dog"}
    assert project.categories()[-1].parent is None  # its own parent in the file


def coco_file(folder: Path, annotations: list[object], **image: object) -> Path:
    entry = {"id": 1, "file_name": "a.jpg", "width": 60, "height": 40, **image}
    document = {"images": [entry], "categories": [{"id": 4, "name": "dog"}], "annotations": annotations}
    (folder / "x.json").write_text(json.dumps(document), "utf-8")
    return folder / "x.json"


def masks_of(plan: ImportPlan) -> list[Mask]:
    return [i.mask for change in plan.changes if isinstance(change, AddInstances) for i in change.instances]


def test_crowds_in_both_kinds_of_rle(project: Project, tmp_path: Path) -> None:
    mask = block(3, 4, 20, 30, (5, 6, 9, 9))
    plain = {"size": [40, 60], "counts": mask_counts(mask)}
    found = [annotation(segmentation=s, iscrowd=1, id=n) for n, s in enumerate((plain, mask.rle()), 1)]
    plan = CocoImport().plan(project, coco_file(tmp_path, found), {})
    assert masks_of(plan) == [mask, mask]
    assert plan.rejected == ()


def mask_counts(mask: Mask) -> list[int]:
    flat = mask.to_array().ravel(order="F")
    edges = np.flatnonzero(np.diff(flat.astype(np.int8), prepend=0, append=0))
    return [int(v) for v in np.diff([0, *edges, flat.size])]


def test_ids_as_texts_and_fractions_are_understood(project: Project, tmp_path: Path) -> None:
    document = {
        "images": [
            {"id": "img-a", "file_name": "a.jpg", "width": 60, "height": 40},
            {"id": "17", "file_name": "b.png", "width": 60, "height": 40},
        ],
        "categories": [{"id": 4.0, "name": "dog"}, {"id": "900", "name": "cat"}],
        "annotations": [
            annotation(id="uuid-1", image_id="img-a", category_id="4"),
            annotation(id="3", image_id=17, category_id=900.0),
        ],
    }
    file = tmp_path / "x.json"
    file.write_text(json.dumps(document), "utf-8")
    plan = CocoImport().plan(project, file, {})
    assert plan.rejected == ()
    assert [(row.name, row.instances) for row in plan.images] == [("a.jpg", 1), ("b.png", 1)]
    assert [row.instances for row in plan.classes] == [1, 1]


@pytest.mark.parametrize(
    "name", ["photos\\a.jpg", "/somewhere/else/a.jpg", "D:\\data\\a.jpg", "../../old/a.jpg", "./photos/a.jpg"]
)
def test_an_image_of_the_project_is_known_by_its_bare_name(project: Project, tmp_path: Path, name: str) -> None:
    plan = CocoImport().plan(project, coco_file(tmp_path, [annotation()], file_name=name), {})
    assert [(row.image_id, row.new) for row in plan.images] == [(1, False)]
    assert plan.instances == 1


def test_boxes_alone_are_refused_or_filled(project: Project, tmp_path: Path) -> None:
    found = annotation(segmentation=[], bbox=[2, 3, 10, 5])
    file = coco_file(tmp_path, [found])
    refused = CocoImport().plan(project, file, {})
    assert [r.reason for r in refused.rejected] == ["it holds a box only, and a box is no mask"]
    filled = CocoImport().plan(project, file, {"boxes": "fill"})
    assert masks_of(filled) == [block(2, 3, 12, 8)]
    assert (filled.notes[0].file, filled.notes[0].text) == ("annotation 1", "It holds a box only; the box was filled.")


def test_what_reaches_out_of_the_image_is_cut_and_said(project: Project, tmp_path: Path) -> None:
    found = annotation(segmentation=[[50, 30, 90, 30, 90, 70, 50, 70]])
    plan = CocoImport().plan(project, coco_file(tmp_path, [found]), {})
    assert masks_of(plan) == [block(50, 30, 60, 40)]
    assert plan.notes[0].text == "It reaches out of its image and was cut there."


def test_ids_that_are_taken_and_attributes_that_are_lost_are_said(project: Project, tmp_path: Path) -> None:
    plan = CocoImport().plan(project, coco_file(tmp_path, [annotation(attributes={"a": [1], "b": 2})]), {})
    assert [note.text for note in plan.notes] == [
        "Its attribute 'a' is neither text nor a number and is left out.",
        "1 id is taken in the project; a new one is given.",
    ]


def test_one_class_can_be_left_out(project: Project, tmp_path: Path) -> None:
    plan = CocoImport().plan(project, coco_file(tmp_path, [annotation()]), {"classes": {"dog": None}})
    assert [(row.name, row.action) for row in plan.classes] == [("dog", "skip")]
    assert plan.changes == ()


def test_pages_of_a_file_are_found_again(project: Project, tmp_path: Path) -> None:
    pages = [PillowImage.new("L", (60, 40)) for _ in range(3)]
    pages[0].save(project.folder / "scan.tif", save_all=True, append_images=pages[1:])
    images = tuple(Image(50 + n, "scan.tif", n, 60, 40) for n in range(3))
    made = tuple(Instance(90 + n, 50 + n, block(0, 0, 9, 9 + n), 3) for n in range(3))
    for known in EXPORTS:
        source = MemoryProject(project.folder, Drawn(images, project.categories(), made))
        known.write(source, tmp_path / known.name, {})
        again = MemoryProject(project.folder, Drawn(images, project.categories(), ()))
        path = tmp_path / known.name / {"coco": "instances.json", "coco-panoptic": "panoptic.json"}.get(known.name, "")
        again.apply(*import_format(known.name).plan(again, path, {}).changes)
        assert [i.mask for n in range(3) for i in again.instances(50 + n)] == [i.mask for i in made], known.name
