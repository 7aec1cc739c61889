"""The evaluation index: what it takes, what it refuses, and which tasks follow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from inference.evaluation.index import BadIndex, evenly_spaced, load_index, load_mask, load_pixels, tasks
from inference.evaluation.referring import text_tasks

IMAGE = {
    "id": "a",
    "image": "a.png",
    "mask": "a_mask.png",
    "domain": "photo",
    "objects": [{"id": 1, "category": "cat"}, {"id": 2, "category": "sky", "isthing": 0}, {"id": 3, "category": None}],
}


def written(folder: Path, document: object) -> Path:
    path = folder / "index.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_without_click_tasks_every_thing_is_a_task(tmp_path: Path) -> None:
    found = tasks(load_index(written(tmp_path, {"images": [IMAGE]})))
    assert [(task.image.id, task.object_id, task.domain) for task in found] == [("a", 1, "photo"), ("a", 3, "photo")]


@pytest.mark.parametrize("listed", [{"image": "a", "object": 2}, {"image_id": "a", "object_id": 2}, ["a", 2]])
def test_click_tasks_are_used_in_their_order(tmp_path: Path, listed: object) -> None:
    index = load_index(written(tmp_path, {"images": [IMAGE], "click_tasks": [listed, ["a", 1]]}))
    assert [task.object_id for task in tasks(index)] == [2, 1]


@pytest.mark.parametrize("listed", [["b", 1], ["a", 9], ["a"], 7, {"image": "a"}])
def test_a_task_without_its_object_is_refused(tmp_path: Path, listed: object) -> None:
    path = written(tmp_path, {"images": [IMAGE], "click_tasks": [listed]})
    with pytest.raises(BadIndex, match=r"index\.json: click_tasks\[0\]"):
        tasks(load_index(path))


@pytest.mark.parametrize(
    "document", [[], {}, {"images": [3]}, {"images": [{"id": "a"}]}, {"images": [{**IMAGE, "objects": [{"id": "x"}]}]}]
)
def test_a_bad_document_is_named(tmp_path: Path, document: object) -> None:
    with pytest.raises(BadIndex, match=r"index\.json"):
        load_index(written(tmp_path, document))


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadIndex, match=r"none\.json cannot be read"):
        load_index(tmp_path / "none.json")
    (tmp_path / "broken.json").write_bytes(b"\xff{")
    with pytest.raises(BadIndex, match=r"broken\.json is not a JSON text"):
        load_index(tmp_path / "broken.json")
    index = load_index(written(tmp_path, {"images": [IMAGE]}))
    with pytest.raises(BadIndex, match=r"a\.png cannot be read"):
        load_pixels(index.images[0])
    PIL.Image.new("RGB", (2, 2)).save(tmp_path / "a_mask.png")
    with pytest.raises(BadIndex, match=r"a_mask\.png is not a palette"):
        load_mask(index.images[0])


def test_masks_keep_their_palette_values(tmp_path: Path) -> None:
    values = np.array([[0, 1], [2, 255]], dtype=np.uint8)
    stored = PIL.Image.fromarray(values, mode=None).convert("P")
    stored.putdata(values.ravel().tolist())
    stored.save(tmp_path / "a_mask.png")
    index = load_index(written(tmp_path, {"images": [IMAGE]}))
    assert load_mask(index.images[0]).tolist() == values.tolist()


@pytest.mark.parametrize(
    ("count", "expected"), [(3, (0, 3, 6)), (None, tuple(range(10))), (99, tuple(range(10))), (0, ())]
)
def test_a_limit_spreads_evenly(count: int | None, expected: tuple[int, ...]) -> None:
    assert evenly_spaced(range(10), count) == expected


def test_a_coco_file_with_masks_is_an_index(tmp_path: Path) -> None:
    document = {
        "images": [{"id": 7, "file_name": "a.png", "mask_file": "a_mask.png"}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "sky", "isthing": 0}],
        "annotations": [
            {"id": 11, "image_id": 7, "category_id": 3, "mask_value": 1},
            {"id": 12, "image_id": 7, "category_id": 4, "mask_value": 2},
        ],
    }
    expression = {"image_id": 7, "annotation_ids": [11], "text": "the cat"}
    (tmp_path / "referring.json").write_text(json.dumps({"expressions": [expression]}))
    index = load_index(written(tmp_path, document))
    assert [task.object_id for task in tasks(index)] == [1]
    (found,) = text_tasks(index)
    assert (found.text, found.objects, found.image.mask) == ("the cat", (1,), tmp_path / "a_mask.png")
    del document["images"][0]["mask_file"]
    with pytest.raises(BadIndex, match="COCO file that cannot be evaluated on: 'mask_file' is missing"):
        load_index(written(tmp_path, document))
