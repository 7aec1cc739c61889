"""A workspace on real files with a worker that answers when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace import Workspace
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker, specs


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the person's settings and state."""
    monkeypatch.setenv("MASKWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MASKWRIGHT_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(1, 4):
        pixels = np.full((HEIGHT, WIDTH, 3), number * 40, np.uint8)
        (folder / f"img{number}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return folder


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def make(qtbot: QtBot, worker: FakeWorker, tmp_path: Path) -> Iterator[Callable[[], Workspace]]:
    made: list[Workspace] = []

    def build() -> Workspace:
        workspace = Workspace(Settings(tmp_path / "config" / "settings.toml"), worker, ImageService())
        workspace.set_engine_specs(specs())
        made.append(workspace)
        return workspace

    yield build
    for workspace in made:
        workspace.shut_down()


@pytest.fixture
def workspace(make: Callable[[], Workspace]) -> Workspace:
    return make()


@pytest.fixture
def browsing(workspace: Workspace, photos: Path, qtbot: QtBot) -> Workspace:
    """The folder is open and its first image decoded; there is no project file."""
    workspace.open_folder(photos)
    qtbot.waitUntil(lambda: workspace.pixels is not None)
    return workspace
