"""The real window with the real worker process, on a fresh profile, driven by a scripted person."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from importlib.resources import as_file
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.app import create_window
from desktop.scripted_person import ScriptedPerson
from resources import resource

SAMPLE = ("val2017_000000000285.jpg", "val2017_000000006012.jpg", "coins.jpg")
"""A bear that fills the image, two bananas, and coins: one object, few, many."""

OpenPerson = Callable[..., ScriptedPerson]


@pytest.fixture(autouse=True)
def fresh_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings, no recent projects, no recovery journals of the machine's user."""
    profile = tmp_path / "profile"
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(profile / name.lower()))
    monkeypatch.delenv("MASKWRIGHT_ENGINES", raising=False)
    return profile


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three sample photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with as_file(resource("sample")) as sample:
        for name in SAMPLE:
            shutil.copy(sample / "images" / name, folder)
    return folder


@pytest.fixture
def open_person(qtbot: QtBot) -> Iterator[OpenPerson]:
    """Opens windows: ``open_person(paths, engine="classic")``; they are closed, and their threads ended, afterwards."""
    opened: list[ScriptedPerson] = []

    def open_(paths: list[Path], engine: str = "classic", wait_for_images: bool = True) -> ScriptedPerson:
        window = create_window([str(path) for path in paths])
        qtbot.addWidget(window)
        window.resize(1280, 820)
        window.show()
        person = ScriptedPerson(window)
        opened.append(person)
        if wait_for_images:
            person.wait(lambda: len(person.workspace.images) > 0, "the images are listed")
            person.wait(lambda: person.workspace.pixels is not None, "the first image is decoded")
        person.workspace.set_find_with(engine)
        person.workspace.set_refine_with(engine)
        return person

    yield open_
    for person in opened:
        person.window.close()
        person.settle()
