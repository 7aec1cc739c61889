"""Walk-through 5 of ux.md §22: 1,000 × 50 polygons; rubber band, delete, undo. The §11 rows are in tests/perf."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from desktop.bench_project import shapes
from desktop.dataset.changes import AddCategories, AddImages, AddInstances
from desktop.dataset.model import Category, Image, Instance
from desktop.dataset.store import Project
from tests.e2e.conftest import OpenPerson

SIZE = (1600, 1200)
COUNT = 1000


def test_rubber_band_delete_and_undo_with_a_thousand_polygons(tmp_path: Path, open_person: OpenPerson) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.jpg"), np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
    masks = shapes(COUNT, SIZE)
    with Project.create(folder / "many") as made:
        image = Image(made.reserve_image_id(), "a.jpg", width=SIZE[0], height=SIZE[1])
        category = Category(made.reserve_category_id(), "blob", "#e05a4f")
        instances = tuple(
            Instance(made.reserve_instance_id(), image.id, mask, category.id, z_order=number)
            for number, mask in enumerate(masks)
        )
        made.apply(AddImages((image,)), AddCategories((category,)), AddInstances(instances))
    person = open_person([folder])
    workspace = person.workspace
    assert len(workspace.instances) == COUNT
    before = {i: instance.mask for i, instance in workspace.instances.items()}

    box = (3.0, 3.0, 700.0, 500.0)  # begins where there is nothing
    touched = {
        i
        for i, mask in before.items()
        if mask.bbox[0] < box[2] and mask.bbox[2] > box[0] and mask.bbox[1] < box[3] and mask.bbox[3] > box[1]
    }
    inside = {
        i
        for i, mask in before.items()
        if mask.bbox[0] >= box[0] and mask.bbox[2] <= box[2] and mask.bbox[1] >= box[1] and mask.bbox[3] <= box[3]
    }
    person.key("V")
    person.drag([box[:2], (300.0, 200.0), box[2:]])
    chosen = set(workspace.selection)
    assert inside <= chosen <= touched
    assert len(chosen) > 50

    person.key("Delete")
    assert set(workspace.instances) == set(before) - chosen
    person.key("Ctrl+Z")
    assert {i: instance.mask for i, instance in workspace.instances.items()} == before
    person.key("Ctrl+Shift+Z")
    assert set(workspace.instances) == set(before) - chosen
    workspace.undo()
    workspace.save_now()
    project = workspace.project
    assert project is not None
    assert len(project.instances(image.id)) == COUNT
