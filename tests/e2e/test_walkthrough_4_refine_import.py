"""Walk-through 4 of ux.md §22: import COCO with holes, crowd and odd ids; refine one instance; export; compare."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from tests.e2e.conftest import OpenPerson
from tests.e2e.test_walkthrough_1_main_job import export


def made_up_coco(folder: Path) -> Path:
    ring = np.zeros((303, 384), np.uint8)
    ring[40:140, 50:150] = 1
    ring[70:110, 80:120] = 0
    crowd = np.zeros((303, 384), np.uint8)
    crowd[200:260, 20:300] = 1

    def rle(mask: np.ndarray) -> dict[str, object]:
        encoded = coco_mask.encode(np.asfortranarray(mask))
        return {"size": encoded["size"], "counts": encoded["counts"].decode()}

    square = [200.0, 40.0, 280.0, 40.0, 280.0, 120.0, 200.0, 120.0]
    annotations = [
        {"id": 11, "image_id": 5, "category_id": 90, "segmentation": rle(ring), "iscrowd": 0},
        {"id": 12, "image_id": 5, "category_id": 7, "segmentation": rle(crowd), "iscrowd": 1},
        {"id": 40, "image_id": 5, "category_id": 3, "segmentation": [square], "iscrowd": 0},
    ]
    for annotation in annotations:
        annotation |= {"area": 1.0, "bbox": [0, 0, 1, 1]}
    path = folder / "given.json"
    names = {3: "coin", 7: "heap", 90: "ring"}
    document = {
        "images": [{"id": 5, "file_name": "coins.jpg", "width": 384, "height": 303}],
        "categories": [{"id": number, "name": name} for number, name in names.items()],
        "annotations": annotations,
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_refining_one_instance_leaves_the_others_as_imported(
    photos: Path, tmp_path: Path, open_person: OpenPerson
) -> None:
    given = made_up_coco(tmp_path)
    person = open_person([photos])
    workspace = person.workspace
    person.go_to("coins.jpg")
    job = workspace.import_from("coco", given, {})
    person.wait(lambda: not next(j for j in workspace.jobs if j.id == job).active, "the import ends")
    person.wait(lambda: len(workspace.instances) == 3, "the instances are shown")
    square = next(i for i in workspace.instances.values() if workspace.category(i.category_id).name == "coin")  # type: ignore[union-attr]

    workspace.select([square.id])
    person.key("R")
    assert workspace.session is not None
    person.canvas.set_tool("scribble")
    person.drag([(270, 50), (272, 80), (270, 110)], right=True)
    refined = person.answer()
    assert not refined[80, 272]
    person.key("Return")
    person.wait(lambda: workspace.session is None, "the refinement is accepted")
    changed = workspace.instances[square.id]
    assert np.array_equal(changed.mask.to_array(), refined)
    assert changed.category_id == square.category_id

    export(person, "coco", tmp_path / "out")
    (written,) = (tmp_path / "out").rglob("*.json")
    before, after = COCO(str(given)), COCO(str(written))
    assert {c["id"]: c["name"] for c in after.dataset["categories"]} == {3: "coin", 7: "heap", 90: "ring"}
    by_category = {a["category_id"]: a for a in after.dataset["annotations"]}
    for annotation in before.dataset["annotations"]:
        found = by_category[annotation["category_id"]]
        same = np.array_equal(before.annToMask(annotation), after.annToMask(found))
        assert same is (annotation["category_id"] != 3)
        assert found["iscrowd"] == annotation["iscrowd"]
