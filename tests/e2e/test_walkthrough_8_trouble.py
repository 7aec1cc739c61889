"""Walk-through 8 of ux.md §22: no space, a read-only project, damaged files: clear sentences, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.dataset.masks import Mask
from desktop.dataset.store import Project
from desktop.scripted_person import ScriptedPerson
from desktop.workspace.values import SavedState
from tests.e2e.conftest import OpenPerson


def draw(person: ScriptedPerson) -> int:
    workspace = person.workspace
    width, height = workspace.image_size
    before = set(workspace.instances)
    mask = Mask.from_polygons([[(5, 5), (40, 5), (40, 40), (5, 40)]], width, height)
    workspace.create_instance(mask, "Rectangle")
    (made,) = set(workspace.instances) - before
    return made


def messages(person: ScriptedPerson) -> str:
    return "\n".join(text for _, text in person.workspace.messages())


def test_a_full_disk_is_said_and_the_change_is_kept(
    photos: Path, open_person: OpenPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    from desktop.dataset import writer

    person = open_person([photos])
    first = draw(person)
    person.workspace.save_now()
    person.wait(lambda: person.workspace.saved.state is SavedState.SAVED, "the first change is saved")

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(writer, "write", full)
        second = draw(person)
        person.wait(lambda: person.workspace.saved.state is SavedState.UNSAVED, "the failure is shown")
        assert "no space left" in person.workspace.saved.reason
        assert set(person.workspace.instances) == {first, second}
    person.workspace.save_now()
    person.wait(lambda: person.workspace.saved.state is SavedState.SAVED, "the retry saves")
    project = next(photos.glob("*.maskwright"))
    person.window.close()
    with Project.open(project, read_only=True) as opened:
        assert {instance.id for instance in opened.all_instances()} == {first, second}


def test_a_second_window_is_read_only_and_says_why(photos: Path, open_person: OpenPerson) -> None:
    first = open_person([photos])
    draw(first)
    first.workspace.save_now()
    first.wait(lambda: first.workspace.saved.state is SavedState.SAVED, "saved")
    second = open_person([next(photos.glob("*.maskwright"))])
    assert second.workspace.read_only
    assert second.workspace.editable() == second.workspace.read_only
    assert not first.workspace.read_only


def test_a_damaged_project_is_named_and_left_alone(tmp_path: Path, photos: Path, open_person: OpenPerson) -> None:
    broken = photos / "broken.maskwright"
    broken.write_bytes(b"SQLite format 3\x00" + b"\x07" * 5000)
    before = broken.read_bytes()
    person = open_person([broken], wait_for_images=False)
    person.wait(lambda: "broken.maskwright" in messages(person), "the file is named")
    assert broken.read_bytes() == before


def test_a_damaged_image_is_named_and_the_others_open(photos: Path, open_person: OpenPerson) -> None:
    (photos / "aaa-broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    person = open_person([photos], wait_for_images=False)
    person.wait(lambda: len(person.workspace.images) == 4, "the images are listed")
    broken = next(image for image in person.workspace.images if image.path.endswith("aaa-broken.jpg"))
    person.workspace.go_to_image(broken.id)
    person.wait(lambda: "aaa-broken.jpg" in messages(person), "the file is named")
    person.go_to("coins.jpg")
    assert draw(person)
