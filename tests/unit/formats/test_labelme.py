"""labelme: what is written reads back as the same objects, and follows labelme's own rules for masks and groups."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from desktop.dataset.formats.contract import FormatError
from desktop.dataset.formats.labelme import LabelmeExport
from desktop.dataset.formats.labelme_import import LabelmeImport
from desktop.dataset.masks import Mask
from desktop.dataset.store import Project

FILES = ("photos/a.json", "photos/사진 (1) ü.json", "b.json")


def by_labelme(shape: dict[str, Any], width: int, height: int) -> np.ndarray:
    """The pixels of a mask shape by labelme's rule: the PNG lies between its two points, both included."""
    (x0, y0), (x1, y1) = shape["points"]
    crop = np.asarray(PillowImage.open(io.BytesIO(base64.b64decode(shape["mask"])))).astype(bool)
    full = np.zeros((height, width), bool)
    full[y0 : y1 + 1, x0 : x1 + 1] = crop
    return full


@pytest.mark.parametrize("shapes", ["auto", "polygons", "masks"])
def test_export_import_export_is_byte_stable(project: Project, tmp_path: Path, shapes: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert set(LabelmeExport().write(project, first, {"shapes": shapes}).files) == set(FILES)
    with Project.create(project.folder / "again.maskwright") as again:
        plan = LabelmeImport().plan(again, first, {})
        assert plan.rejected == ()
        again.apply(*plan.changes)
        kept = {i.mask: i for image in again.images() for i in again.instances(image.id)}
        for image in project.images():
            for instance in project.instances(image.id):
                if instance.category_id is not None:
                    assert kept[instance.mask].attributes == instance.attributes
                    assert kept[instance.mask].is_crowd == instance.is_crowd
        LabelmeExport().write(again, second, {"shapes": shapes})
    for file in FILES:
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_masks_follow_labelmes_rule(project: Project, tmp_path: Path) -> None:
    LabelmeExport().write(project, tmp_path, {"images": "copy"})
    document = json.loads((tmp_path / "photos/a.json").read_text("utf-8"))
    assert document["imagePath"] == "../images/photos/a.jpg"
    assert (tmp_path / "photos" / document["imagePath"]).resolve().is_file()
    assert [shape["shape_type"] for shape in document["shapes"]] == ["polygon", "mask"]
    with_holes = by_labelme(document["shapes"][1], 60, 40)
    assert np.array_equal(with_holes, project.instance(2).mask.to_array())


def test_parts_share_a_group(project: Project, tmp_path: Path) -> None:
    LabelmeExport().write(project, tmp_path, {"shapes": "polygons"})
    shapes = json.loads((tmp_path / FILES[1]).read_text("utf-8"))["shapes"]
    assert [shape["group_id"] for shape in shapes] == [1, 1, None]


def written(folder: Path, *shapes: Any, **changes: Any) -> Path:
    document = {"imagePath": "b.png", "imageWidth": 60, "imageHeight": 40, "shapes": list(shapes), **changes}
    path = folder / "made.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_rectangles_and_circles(project: Project, tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {"label": "car", "shape_type": "rectangle", "points": [[30, 30], [10, 20]]},
        {"label": "dot", "shape_type": "circle", "points": [[30, 15], [40, 15]]},
    )
    plan = LabelmeImport().plan(project, path, {})
    square, disk = (i.mask for i in plan.changes[-1].instances)  # type: ignore[union-attr]
    assert square.bbox == (10, 20, 30, 30)
    assert square.area == 200
    assert disk.area == pytest.approx(np.pi * 100, rel=0.02)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"label": "a", "shape_type": "point", "points": [[1, 2]]}, "a point has no area"),
        ({"label": "a", "shape_type": "polygon", "points": [[1, 2], [3, 4]]}, "three points"),
        ({"label": "a", "shape_type": "polygon", "points": [[1, 2], [3]]}, "pairs of numbers"),
        ({"label": "a", "shape_type": "polygon", "points": [[1, 2], [3, "4"], [5, 6]]}, "finite number"),
        ({"shape_type": "polygon", "points": [[1, 2], [3, 4], [9, 9]]}, "no label"),
        ({"label": "a", "shape_type": "mask", "points": [[1, 2], [3, 4]]}, "without pixels"),
        ({"label": "a", "shape_type": "mask", "points": [[1, 2], [3, 4]], "mask": "bm8="}, "not a PNG"),
        ("text", "no label"),
    ],
)
def test_bad_shapes_are_refused_with_their_place(project: Project, tmp_path: Path, shape: Any, reason: str) -> None:
    good = {"label": "car", "points": [[1, 1], [9, 1], [9, 9]]}
    plan = LabelmeImport().plan(project, written(tmp_path, good, shape), {})
    assert plan.instances == 1
    assert [each.what for each in plan.rejected] == ["made.json, shape 2"]
    assert reason in plan.rejected[0].reason


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shapes": 3, "imagePath": "b.png"}'])
def test_a_file_that_is_not_labelme_is_named(project: Project, tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"x\.json"):
        LabelmeImport().plan(project, tmp_path / "x.json", {})
    assert LabelmeImport().plan(project, tmp_path, {}).rejected[0].what == "x.json"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["label", "points", "mask"]), inner),
    max_leaves=12,
)


@given(shapes=st.lists(json_values | st.fixed_dictionaries({"label": st.just("a"), "points": json_values}), max_size=4))
def test_any_shapes_are_read_or_refused(shapes: list[Any]) -> None:
    from desktop.dataset.formats.labelme_import import _Reader

    reader = _Reader(Path(), Path())
    for entry in reader._objects("x", shapes, 30, 20):
        assert isinstance(entry["segmentation"], Mask)
