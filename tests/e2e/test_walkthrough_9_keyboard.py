"""Walk-through 9 of ux.md §22: the main job without a mouse."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import OpenPerson
from tests.e2e.test_walkthrough_1_main_job import export


def test_the_main_job_by_keyboard(photos: Path, tmp_path: Path, open_person: OpenPerson) -> None:
    person = open_person([photos])
    workspace = person.workspace
    workspace.set_current_category(workspace.add_category("coin"))
    first = workspace.current_image
    person.key("D")
    person.wait(lambda: workspace.current_image is not first and workspace.pixels is not None, "the next image is open")
    person.key("A")
    person.wait(lambda: workspace.current_image == first and workspace.pixels is not None, "the first image is back")
    person.go_to("coins.jpg")

    person.key("Q")
    assert person.canvas.tool == "point"
    person.key("Right")
    place = person.canvas.crosshair
    assert place is not None
    person.key("Shift+Right")
    moved = person.canvas.crosshair
    assert moved is not None
    assert moved[0] == place[0] + 10
    person.key("Return")
    shown = person.answer()
    assert shown[int(moved[1]), int(moved[0])]
    person.key("F")
    person.wait(lambda: len(workspace.instances) == 1, "the mask is accepted")
    person.key("Ctrl+Z")
    assert not workspace.instances
    person.key("Ctrl+Y")
    assert len(workspace.instances) == 1
    person.key("V")
    person.key("Tab")
    assert len(workspace.selection) == 1
    person.key("Ctrl+D")
    assert len(workspace.instances) == 2
    person.key("Del")
    assert len(workspace.instances) == 1
    export(person, "coco", tmp_path / "coco")
