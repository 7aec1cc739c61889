"""Apply to following images with the built-in neural engine, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.dataset.model import Provenance
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace import JobState, Workspace
from inference.engines import lite
from inference.messages import Event, Request
from inference.server import InProcess

WIDTH, HEIGHT, RADIUS = 160, 120, 24
PLACES = [(60, 60), (100, 55)]


class Link(QObject):
    """The in-process server with its events brought to this thread."""

    event = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.server = InProcess()
        self.server.subscribe(self._tell)

    def _tell(self, event: Event) -> None:
        self.event.emit(event)

    def submit(self, request: Request) -> int:
        return self.server.submit(request)

    def cancel(self, job: int) -> None:
        self.server.cancel(job)

    def close_session(self, session: str) -> None:
        self.server.close_session(session)

    def pin(self, content_hash: str) -> None:
        self.server.pin(content_hash)

    def restart_engine(self, name: str) -> None:
        self.server.restart_engine(name)


def disc(place: tuple[int, int]) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(columns - place[0], rows - place[1]) <= RADIUS


@pytest.fixture
def opened(tmp_path: Path, qtbot: QtBot) -> Iterator[Workspace]:
    """Two images with an orange disc at different places."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, place in enumerate(PLACES):
        pixels = np.full((HEIGHT, WIDTH, 3), (60, 90, 40), np.uint8)
        pixels += np.random.default_rng(number).integers(0, 12, pixels.shape, dtype=np.uint8)
        pixels[disc(place)] = (40, 140, 230)
        (folder / f"frame{number}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    link = Link()
    workspace = Workspace(Settings(tmp_path / "config" / "settings.toml"), link, ImageService())
    workspace.set_engine_specs([lite.SPEC])
    workspace.open_folder(folder)
    qtbot.waitUntil(lambda: workspace.pixels is not None)
    yield workspace
    workspace.shut_down()
    link.server.close(5.0)


@pytest.mark.slow
def test_lite_finds_the_disc_in_the_next_frame(opened: Workspace, qtbot: QtBot) -> None:
    ball = opened.add_category("ball")
    made = opened.new_instance(Mask.from_array(disc(PLACES[0])), Provenance(source="hand"), ball)
    opened._change_instances("Draw", [made])
    opened.select([made.id])
    job = opened.apply_to_following(1)
    qtbot.waitUntil(lambda: not next(j for j in opened.jobs if j.id == job).active, timeout=60_000)
    ended = next(j for j in opened.jobs if j.id == job)
    assert (ended.state, ended.message) == (JobState.DONE, "1 proposal")
    opened.go_next()
    (proposal,) = opened.proposals
    assert (proposal.label, proposal.engine) == ("ball", "lite")
    assert proposal.mask.iou(Mask.from_array(disc(PLACES[1]))) > 0.8
