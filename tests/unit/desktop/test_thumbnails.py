"""Thumbnails: the newest question first, bounded memory, unreadable files asked for once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from desktop import thumbnails
from desktop.dataset.images import Preview, decode_scaled
from desktop.thumbnails import MAX_WAITING, SIDE, Thumbnails


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(cv2.imencode(".jpg", np.full((240, 320, 3), 90, np.uint8))[1].tobytes())
    return path


@pytest.fixture
def service(qtbot: QtBot) -> Iterator[Thumbnails]:
    made = Thumbnails()
    yield made
    made.stop()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The thread waits for this before it reads a file."""
    opened = threading.Event()

    def waiting(file: Path, side: int, page: int = 0) -> Preview:
        opened.wait(10)
        return decode_scaled(file, side, page)

    monkeypatch.setattr(thumbnails, "decode_scaled", waiting)
    return opened


def test_a_picture_is_made_once_and_kept(service: Thumbnails, file: Path, qtbot: QtBot) -> None:
    assert service.picture(1, file) is None
    qtbot.waitUntil(lambda: not service.in_work)
    picture = service.picture(1, file)
    assert picture is not None
    assert (picture.width(), picture.height()) == (SIDE, SIDE * 3 // 4)
    assert service.in_work == 0


def test_what_is_asked_last_comes_first_and_the_oldest_are_forgotten(
    service: Thumbnails, file: Path, gate: threading.Event, qtbot: QtBot
) -> None:
    heard: list[int] = []
    service.ready.connect(heard.append)
    for image_id in range(1000):
        service.picture(image_id, file)
    gate.set()
    qtbot.waitUntil(lambda: not service.in_work)
    assert heard == [0, *range(999, 999 - MAX_WAITING, -1)]
    assert service.picture(500, file) is None
    qtbot.waitUntil(lambda: heard[-1] == 500)


def test_memory_is_bounded_and_the_least_recently_seen_go(
    service: Thumbnails, file: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = QImage(SIDE, SIDE * 3 // 4, QImage.Format.Format_RGB888).sizeInBytes()
    monkeypatch.setattr(thumbnails, "BUDGET_BYTES", 3 * one)
    for image_id in (1, 2, 3):
        service.picture(image_id, file)
        qtbot.waitUntil(lambda: not service.in_work)
    assert service.picture(1, file) is not None
    service.picture(4, file)
    qtbot.waitUntil(lambda: not service.in_work)
    assert service.used_bytes == 3 * one
    assert service.picture(1, file) is not None
    assert service.picture(2, file) is None


def test_an_unreadable_file_gives_a_null_picture_once(service: Thumbnails, tmp_path: Path, qtbot: QtBot) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("no image")
    service.picture(1, broken)
    qtbot.waitUntil(lambda: not service.in_work)
    picture = service.picture(1, broken)
    assert picture is not None
    assert picture.isNull()
    assert service.in_work == 0


def test_nothing_of_the_project_that_was_left_arrives(
    service: Thumbnails, file: Path, gate: threading.Event, qtbot: QtBot
) -> None:
    heard: list[int] = []
    service.ready.connect(heard.append)
    service.picture(1, file)
    service.forget()
    service.picture(2, file)
    gate.set()
    qtbot.waitUntil(lambda: not service.in_work)
    assert heard == [2]
    assert service.picture(1, file) is None
