"""The Models page: nothing is downloaded unasked; a download is paused, resumed, cancelled, and its engine appears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from desktop.app import create_application
from desktop.image_service import ImageService
from desktop.main_window import MainWindow
from desktop.model_jobs import service_of
from desktop.model_service import Doing, ModelService
from desktop.panels.models_page import ModelsPage
from desktop.scripted_person import ScriptedPerson
from desktop.settings import Settings
from desktop.workspace import JobState, Workspace
from inference.messages import EngineState
from inference.weights import entries, places, transfer
from tests.unit.inference.weights_server import Behaviour, Server, catalogue_text, write_tensors

SLOW = 0.4
"""Seconds between blocks of 4 kB: the toy file takes two seconds."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(transfer, "PAUSE", 0.001)
    started = Server()
    data = write_tensors(tmp_path / "made" / "toy.pth").read_bytes()
    started.paths["/toy.pth"] = Behaviour(data)
    text = catalogue_text(started.address, data).replace('companions = ["toy-hub"]\n', "")
    point = SimpleNamespace(name="toys", value="toys:w", load=lambda: text)
    monkeypatch.setattr(entries, "entry_points", lambda group: [point])
    entries.catalogue.cache_clear()
    yield started
    entries.catalogue.cache_clear()
    started.stop()


@pytest.fixture
def offline() -> list[bool]:
    return []


@pytest.fixture
def page(server: Server, offline: list[bool], qtbot: QtBot, tmp_path: Path) -> Iterator[ModelsPage]:
    create_application(["maskwright"], Settings(tmp_path / "settings.toml"))
    service = ModelService(lambda: bool(offline))
    shown = ModelsPage(service, None, "toy-one")
    qtbot.addWidget(shown)
    shown.show()
    qtbot.waitUntil(lambda: current(shown) == "toy-one", timeout=20_000)
    yield shown
    service.close()


def current(page: ModelsPage) -> str:
    item = page.list.currentItem()
    return str(item.data(0, Qt.ItemDataRole.UserRole)) if item is not None else ""


def click(button: QPushButton) -> None:
    assert button.isVisible()
    assert button.isEnabled(), button.toolTip()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def ended(page: ModelsPage, words: str) -> Callable[[], bool]:
    return lambda: words in page.details.words.text()


def labels(page: ModelsPage) -> str:
    from PySide6.QtWidgets import QLabel

    return "\n".join(label.text() for label in page.details.findChildren(QLabel) if label.isVisible())


def test_opening_the_page_asks_no_server_and_shows_the_terms(page: ModelsPage, server: Server, tmp_path: Path) -> None:
    text = labels(page)
    for words in ("Toy one", "kB", "MIT", "May be played with.", str(tmp_path / "weights" / "toy-one"), "Not here"):
        assert words in text
    assert server.asked == []
    assert page.details.download.text() == "Download"
    assert not page.details.remove.isVisible()


def test_download_check_remove(page: ModelsPage, server: Server, qtbot: QtBot, tmp_path: Path) -> None:
    click(page.details.download)
    qtbot.waitUntil(ended(page, "Downloaded and checked"), timeout=20_000)
    qtbot.waitUntil(page.details.verify.isVisible, timeout=20_000)
    assert (tmp_path / "weights" / "toy-one" / "toy.pth").exists()
    click(page.details.verify)
    qtbot.waitUntil(ended(page, "As published."), timeout=20_000)
    click(page.details.remove)
    box = page.findChild(QMessageBox) or page.details.findChild(QMessageBox)
    assert box is not None
    assert "Delete Toy one" in box.text()
    delete = next(button for button in box.buttons() if button.text() == "Delete")
    delete.click()
    qtbot.waitUntil(page.details.download.isVisible, timeout=20_000)
    assert not (tmp_path / "weights" / "toy-one").exists()


def test_pause_resume_cancel(page: ModelsPage, server: Server, qtbot: QtBot, tmp_path: Path) -> None:
    server.paths["/toy.pth"].block_pause = SLOW
    staging = tmp_path / "weights" / places.PARTIAL / "toy-one"
    click(page.details.download)
    qtbot.waitUntil(lambda: page.details._service.activities["toy-one"].done > 0, timeout=20_000)
    assert " of 18 kB" in page.details.progress_text.text()
    click(page.details.pause)
    qtbot.waitUntil(ended(page, "Paused"), timeout=20_000)
    qtbot.waitUntil(
        lambda: page.details.download.isVisible() and page.details.download.text() == "Resume", timeout=20_000
    )
    assert (staging / "toy.pth.part").stat().st_size > 0
    click(page.details.download)
    qtbot.waitUntil(lambda: server.asked[-1][2].startswith("bytes="), timeout=20_000)
    click(page.details.cancel)
    qtbot.waitUntil(ended(page, "Cancelled"), timeout=20_000)
    qtbot.waitUntil(
        lambda: page.details.download.isVisible() and page.details.download.text() == "Download", timeout=20_000
    )
    assert not staging.exists()


def test_a_failure_is_said_on_the_page(page: ModelsPage, server: Server, qtbot: QtBot) -> None:
    server.paths["/toy.pth"].status = 404
    click(page.details.download)
    qtbot.waitUntil(ended(page, "does not have this file any more"), timeout=20_000)
    assert page.details.words.text().startswith("⚠")
    assert page.details.download.isVisible()


def test_the_offline_setting_disables_downloads_with_the_reason(page: ModelsPage, offline: list[bool]) -> None:
    offline.append(True)
    page.details.refresh()
    assert not page.details.download.isEnabled()
    assert "Never use the network" in page.details.download.toolTip()


def test_a_file_elsewhere_is_located_by_its_tensors(page: ModelsPage, qtbot: QtBot, tmp_path: Path) -> None:
    service = page.details._service
    service.add(write_tensors(tmp_path / "anywhere" / "x.bin"))
    qtbot.waitUntil(page.details.verify.isVisible, timeout=20_000)
    assert str(tmp_path / "anywhere" / "x.bin") in labels(page)
    (tmp_path / "text.pth").write_text("no weights")
    service.add(tmp_path / "text.pth")
    assert "text.pth cannot be read as a weights file" in page.general.text()


def test_closing_pauses_and_keeps_what_arrived(page: ModelsPage, server: Server, qtbot: QtBot, tmp_path: Path) -> None:
    server.paths["/toy.pth"].block_pause = SLOW
    service = page.details._service
    click(page.details.download)
    qtbot.waitUntil(
        lambda: service.activities["toy-one"].doing is Doing.DOWNLOADING and service.activities["toy-one"].done > 0,
        timeout=20_000,
    )
    page.reject()
    assert "toy-one" in service.activities, "closing the page is not the end of the download"
    service.close()
    assert (tmp_path / "weights" / places.PARTIAL / "toy-one" / "toy.pth.part").stat().st_size > 0


def test_downloads_are_jobs_of_the_window(server: Server, qtbot: QtBot, tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path / "settings.toml"), None, ImageService())
    service = service_of(workspace, workspace)
    server.paths["/toy.pth"].block_pause = SLOW
    service.download("toy-one")
    qtbot.waitUntil(lambda: any(job.fraction for job in workspace.jobs), timeout=20_000)
    (job,) = workspace.jobs
    assert (job.title, job.state, job.lossy) == ("Download Toy one", JobState.RUNNING, False)
    workspace.cancel_job(job.id)
    qtbot.waitUntil(lambda: not workspace.jobs[0].active, timeout=20_000)
    assert workspace.jobs[0].state is JobState.CANCELLED
    server.paths["/toy.pth"].block_pause = 0
    service.download("toy-one")
    qtbot.waitUntil(lambda: len(workspace.jobs) == 2 and not workspace.jobs[1].active, timeout=20_000)
    assert workspace.jobs[1].state is JobState.DONE
    service.close()
    workspace.shut_down()


def test_the_window_opens_it_for_the_engine_that_lacks_weights(
    server: Server, open_person: Callable[..., ScriptedPerson], photos: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    person = open_person([photos])
    window = person.window
    assert isinstance(window, MainWindow)
    status = window.workspace.engine_status("seem")
    assert status is not None
    assert status.state is EngineState.NOT_INSTALLED
    window.tell_weights("seem")
    shown = window.findChild(ModelsPage)
    assert shown is not None
    qtbot.waitUntil(lambda: current(shown).startswith("seem-"), timeout=20_000)
    shapes = {
        "backbone.patch_embed.proj.weight": (96, 3, 7, 7),
        "sem_seg_head.predictor.mask_sptial_embed.0": (512, 512),
    }
    shown.details._service.add(write_tensors(tmp_path / "elsewhere" / "seem.pt", shapes))
    qtbot.waitUntil(
        lambda: window.workspace.engine_status("seem").state is EngineState.AVAILABLE,  # type: ignore[union-attr]
        timeout=20_000,
    )
    shown.reject()
    window.registry.trigger("engine.models")
