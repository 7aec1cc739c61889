"""Order and filter of the image list: kept while images are worked on, dates asked off the window's thread."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pytestqt.qtbot import QtBot

from desktop.dataset.changes import AddImages, AddInstances
from desktop.dataset.masks import Mask
from desktop.dataset.model import Image, ImageState, Instance, Provenance
from desktop.workspace import ImageFilter, Workspace
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH


def shown(workspace: Workspace) -> list[str]:
    return [image.path for image in workspace.visible_images]


def test_images_by_time_are_by_name_until_the_disk_has_answered(
    browsing: Workspace, photos: Path, qtbot: QtBot
) -> None:
    for number, age in ((1, 300), (2, 100), (3, 200)):
        os.utime(photos / f"img{number}.png", (1_000_000 - age, 1_000_000 - age))
    browsing.set_image_filter(ImageFilter(order="time"))
    assert shown(browsing) == ["img1.png", "img2.png", "img3.png"]
    qtbot.waitUntil(lambda: not browsing.ordering)
    assert shown(browsing) == ["img1.png", "img3.png", "img2.png"]
    browsing.set_image_filter(ImageFilter(order="time", name="IMG"))
    assert shown(browsing) == ["img1.png", "img3.png", "img2.png"]
    browsing.set_image_filter(ImageFilter())
    assert shown(browsing) == ["img1.png", "img2.png", "img3.png"]


def test_the_most_doubtful_image_comes_first_and_stays_where_it_is(browsing: Workspace) -> None:
    browsing.add_category("cat")
    project = browsing.project
    assert project is not None
    mask = Mask.from_polygons([[(2, 2), (10, 2), (10, 10)]], WIDTH, HEIGHT)
    for image_id, score in ((1, 0.9), (3, 0.2)):
        made = Provenance(source="lite", score=score)
        project.apply(AddInstances((Instance(project.reserve_instance_id(), image_id, mask, provenance=made),)))
    browsing.set_image_filter(ImageFilter(order="uncertainty"))
    assert shown(browsing) == ["img3.png", "img1.png", "img2.png"]
    browsing.set_image_state([3], ImageState.DONE)
    assert shown(browsing) == ["img3.png", "img1.png", "img2.png"]
    assert browsing.visible_images[0].state is ImageState.DONE


def test_images_that_come_are_listed_in_their_place(browsing: Workspace) -> None:
    browsing.add_category("cat")
    first = browsing.image(1)
    assert first is not None
    assert shown(browsing) == ["img1.png", "img2.png", "img3.png"]
    project = browsing.project
    assert project is not None
    new: Image = replace(first, id=project.reserve_image_id(), path="img0.png")
    browsing.storage.apply((AddImages((new,)),))
    browsing.images_changed.emit()
    assert shown(browsing) == ["img0.png", "img1.png", "img2.png", "img3.png"]
    assert browsing.image(99) is None
