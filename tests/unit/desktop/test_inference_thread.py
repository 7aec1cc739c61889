"""The QThread in front of the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QObject, QThread, Slot
from pytestqt.qtbot import QtBot

from desktop.inference_thread import InferenceThread
from inference.engine import Image
from inference.messages import Dropped, Finished, Progress, Segment
from inference.prompts import Point, Prompt, PromptSet, Text
from tests.e2e.stub_engines import ENGINES

ROOT = Path(__file__).parents[3]
PATIENCE_MS = 30_000


@pytest.fixture
def thread(qapp: QCoreApplication, monkeypatch: pytest.MonkeyPatch) -> InferenceThread:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", ENGINES)
    monkeypatch.syspath_prepend(str(ROOT))
    return InferenceThread()


def request(pixels: np.ndarray, *prompts: Prompt) -> Segment:
    return Segment("stub-quick", Image(pixels, "a"), PromptSet((Point(5.5, 5.5), *prompts)), "s", 1)


class Bridge(QObject):
    """Lives on the window's thread, so that Qt queues what it hears."""

    def __init__(self, take: Callable[[object], object]) -> None:
        super().__init__()
        self._take = take

    @Slot(object)
    def hear(self, event: object) -> None:
        self._take(event)


SMALL = np.zeros((20, 30, 3), np.uint8)


def test_events_arrive_on_the_window_s_thread_in_order(thread: InferenceThread, qtbot: QtBot) -> None:
    heard: list[tuple[object, bool]] = []
    main = QThread.currentThread()
    bridge = Bridge(lambda event: heard.append((event, QThread.currentThread() is main)))
    thread.event.connect(bridge.hear)
    thread.start()
    job = thread.submit(request(SMALL))
    qtbot.waitUntil(lambda: any(isinstance(event, Finished) for event, _ in heard), timeout=PATIENCE_MS)
    assert all(here for _, here in heard)
    finished = next(event for event, _ in heard if isinstance(event, Finished))
    assert finished.job == job
    assert thread.close(10.0)
    assert thread.isFinished()


def test_submitting_a_large_image_does_not_hold_up_the_window(thread: InferenceThread, qtbot: QtBot) -> None:
    heard: list[object] = []
    bridge = Bridge(heard.append)
    thread.event.connect(bridge.hear)
    thread.start()
    pixels = np.zeros((6000, 8000, 3), np.uint8)
    start = time.thread_time()
    thread.submit(Segment("stub-quick", Image(pixels, "large"), PromptSet((Text("refuse"),)), "s", 1))
    assert time.thread_time() - start < 0.005, "copying these 144 MB takes ten times as long"
    qtbot.waitUntil(lambda: any(hasattr(event, "kind") for event in heard), timeout=PATIENCE_MS)
    assert thread.close(10.0)


def test_closing_in_the_middle_of_a_run_ends_in_time(thread: InferenceThread, qtbot: QtBot, tmp_path: Path) -> None:
    heard: list[object] = []
    bridge = Bridge(heard.append)
    thread.event.connect(bridge.hear)
    thread.start()
    thread.submit(request(SMALL, Text(f"hold {tmp_path / 'never'}")))
    qtbot.waitUntil(
        lambda: any(isinstance(event, Progress) and event.message == "holding" for event in heard), timeout=PATIENCE_MS
    )
    assert thread.close(10.0)
    assert thread.isFinished()


def test_cancel_reaches_the_job(thread: InferenceThread, qtbot: QtBot, tmp_path: Path) -> None:
    heard: list[object] = []
    bridge = Bridge(heard.append)
    thread.event.connect(bridge.hear)
    thread.start()
    job = thread.submit(request(SMALL, Text(f"hold {tmp_path / 'never'}")))
    thread.cancel(job)
    qtbot.waitUntil(lambda: any(isinstance(event, Dropped) for event in heard), timeout=PATIENCE_MS)
    assert thread.close(10.0)


def test_a_thread_that_was_never_started_closes_at_once(thread: InferenceThread) -> None:
    assert thread.close()
