"""Decoding off the GUI thread: what is asked for arrives, however fast someone pages, and nothing of a left project."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from desktop.dataset.images import Preview, decode_scaled
from desktop.image_service import ImageService

A, B = 1, 2


@pytest.fixture
def files(tmp_path: Path) -> dict[int, Path]:
    found = {}
    for image_id in (A, B):
        found[image_id] = tmp_path / f"{image_id}.png"
        pixels = np.full((20, 30, 3), image_id * 40, np.uint8)
        found[image_id].write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return found


@pytest.fixture
def service(qtbot: QtBot) -> Iterator[ImageService]:
    made = ImageService()
    made._decoders.setMaxThreadCount(1)
    yield made
    made.stop()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The decoder waits for this before it reads a file."""
    opened = threading.Event()

    def waiting(file: Path, side: int, page: int = 0) -> Preview:
        opened.wait(10)
        return decode_scaled(file, side, page)

    monkeypatch.setattr("desktop.image_service.decode_scaled", waiting)
    return opened


def test_back_to_an_image_whose_decode_was_dropped_unheard(
    service: ImageService, files: dict[int, Path], qtbot: QtBot
) -> None:
    heard: list[int] = []
    service.loaded.connect(lambda image_id, _decoded: heard.append(image_id))
    service.show(A, files[A])
    service.show(B, files[B])
    # the decoder drops A, which is no longer wanted; its word waits in the queue of this thread
    service._decoders.waitForDone(10_000)
    assert service.show(A, files[A]) is None
    qtbot.waitUntil(lambda: A in heard, timeout=5_000)


def test_a_prefetch_of_an_image_that_was_paged_past(
    service: ImageService, files: dict[int, Path], qtbot: QtBot
) -> None:
    service.show(A, files[A])
    service.show(B, files[B])
    service._decoders.waitForDone(10_000)
    service.prefetch(A, files[A])
    qtbot.waitUntil(lambda: service.decoded(A) is not None, timeout=5_000)


def test_an_image_that_a_job_waits_for_is_decoded_however_someone_pages(
    service: ImageService, files: dict[int, Path], qtbot: QtBot
) -> None:
    service.show(A, files[A])
    service.show(B, files[B])
    service._decoders.waitForDone(10_000)
    service.prefetch(A, files[A])
    # back and on again before this thread hears that A was dropped
    service.show(A, files[A])
    service.show(B, files[B])
    qtbot.waitUntil(lambda: service.decoded(A) is not None, timeout=5_000)


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_paging_ends_with_the_last_image_and_all_that_was_asked_ahead(
    service: ImageService, files: dict[int, Path], qtbot: QtBot, seed: int
) -> None:
    rng = random.Random(seed)
    service._decoders.setMaxThreadCount(rng.choice((1, 2)))
    heard: set[int] = set()
    service.loaded.connect(lambda image_id, _decoded: heard.add(image_id))
    ahead: set[int] = set()
    last = A
    for _ in range(40):
        image_id = rng.choice((A, B))
        match rng.randrange(4):
            case 0 | 1:
                service.show(image_id, files[image_id])
                last = image_id
            case 2:
                service.prefetch(image_id, files[image_id])
                ahead.add(image_id)
            case _:
                if rng.random() < 0.5:
                    service._decoders.waitForDone(10_000)
                else:
                    QCoreApplication.processEvents()
    service.show(last, files[last])
    qtbot.waitUntil(lambda: heard >= {last} | ahead, timeout=5_000)
    assert not service._running


def test_an_image_asked_for_twice_is_loaded_once(
    service: ImageService, files: dict[int, Path], gate: threading.Event, qtbot: QtBot
) -> None:
    heard: list[int] = []
    service.loaded.connect(lambda image_id, _decoded: heard.append(image_id))
    service.show(A, files[A])
    service.show(A, files[A])
    gate.set()
    qtbot.waitUntil(lambda: bool(heard), timeout=5_000)
    service._decoders.waitForDone(10_000)
    qtbot.wait(50)
    assert heard == [A]


def test_a_failure_of_the_project_that_was_left_is_not_told(
    service: ImageService, files: dict[int, Path], gate: threading.Event, tmp_path: Path, qtbot: QtBot
) -> None:
    told: list[str] = []
    service.failed.connect(lambda _image_id, sentence: told.append(sentence))
    broken = tmp_path / "broken.png"
    broken.write_text("no image")
    service.show(A, broken)
    qtbot.wait(20)
    service.forget()
    gate.set()
    service.show(A, files[A])
    qtbot.waitUntil(lambda: service.decoded(A) is not None, timeout=5_000)
    assert told == []
