"""Copies land at the same place, in the class of the same name; what is clipped or unknown is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.workspace import Workspace
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH


def block(x0: int, y0: int, x1: int, y1: int) -> Mask:
    return Mask.from_crop(np.ones((y1 - y0, x1 - x0), bool), x0, y0, WIDTH, HEIGHT)


@pytest.fixture
def other(make: Callable[[], Workspace], tmp_path: Path, qtbot: QtBot) -> Workspace:
    """A second project with one image of half the size and classes in another order."""
    folder = tmp_path / "others"
    folder.mkdir()
    pixels = np.zeros((HEIGHT // 2, WIDTH // 2, 3), np.uint8)
    (folder / "half.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    workspace = make()
    workspace.open_folder(folder)
    qtbot.waitUntil(lambda: workspace.pixels is not None)
    for name in ("tree", "car"):
        workspace.add_category(name)
    return workspace


def test_another_project_is_entered_by_the_name_of_the_class(browsing: Workspace, other: Workspace) -> None:
    car, dog = browsing.add_category("car"), browsing.add_category("dog")
    browsing.create_instance(block(2, 2, 8, 8), "Rectangle")
    browsing.create_instance(block(3, 3, WIDTH, 9), "Rectangle")
    browsing.create_instance(block(WIDTH - 4, 3, WIDTH, 9), "Rectangle")
    one, two, three = browsing.instances
    browsing.set_properties([one], category=(car,))
    browsing.set_properties([two, three], category=(dog,))
    browsing.select([one, two, three])
    browsing.copy_selected()
    steps = len(other.history())
    other.paste()
    assert len(other.history()) == steps + 1
    first, second = other.instances.values()
    assert other.class_name(first.category_id) == "car"
    assert first.mask.bbox == (2, 2, 8, 8)
    assert second.category_id is None
    assert second.mask.bbox == (3, 3, WIDTH // 2, 9)
    said = other.messages()[-1][1]
    assert "1 reach beyond this image and were clipped." in said
    assert "1 lie outside and were left out." in said
    assert "no such class here: dog." in said


def test_locked_instances_are_copied_and_not_cut(browsing: Workspace) -> None:
    browsing.create_instance(block(2, 2, 8, 8), "Rectangle")
    (one,) = browsing.instances
    browsing.lock_instances([one], True)
    browsing.select([one])
    browsing.copy_selected()
    browsing.paste()
    assert len(browsing.instances) == 2
    browsing.select([one])
    browsing.cut_selected()
    assert len(browsing.instances) == 2
    browsing.paste()
    assert len(browsing.instances) == 3


def test_what_a_locked_class_holds_is_left_alone(browsing: Workspace) -> None:
    browsing.set_current_category(browsing.add_category("road"))
    browsing.create_instance(block(2, 2, 8, 8), "Rectangle")
    (one,) = browsing.instances
    browsing.lock_category(browsing.current_category.id, True)
    browsing.select([one])
    assert browsing.selected() == []
    browsing.delete_selected()
    browsing.move_instances([one], 5, 5)
    browsing.edit_instances({one: block(0, 0, 1, 1)}, "Brush stroke")
    assert browsing.instances[one].mask == block(2, 2, 8, 8)
