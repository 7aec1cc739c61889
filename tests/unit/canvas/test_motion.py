"""What moves by itself: little is repainted, and nothing when nobody looks or acts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QRegion
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.canvas.host import SessionView
from desktop.canvas.motion import DASH_MS, RING_MS, Motion
from desktop.canvas.transform import ViewTransform
from desktop.canvas.view import CanvasView
from inference.prompts import Point, PromptSet
from inference.results import Candidate, Frame


def share(region: QRegion, view: CanvasView) -> float:
    """The share of the view that a region covers."""
    points = [QPoint(x, y) for x in range(0, view.width(), 5) for y in range(0, view.height(), 5)]
    return sum(region.contains(point) for point in points) / len(points)


def candidate() -> Candidate:
    """A block of 60 × 40 image pixels."""
    logits = np.full((80, 100), -8.0, np.float32)
    logits[20:60, 20:80] = 8.0
    return Candidate(logits, Frame.whole(80, 100), 0.9, "test")


@pytest.fixture
def view(qtbot: QtBot, bench: Any) -> Iterator[CanvasView]:
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    canvas.set_host(bench.host)
    canvas.resize(1000, 800)
    canvas.set_minimap(False)
    canvas.show()
    canvas.set_image([np.zeros((80, 100, 3), np.uint8)])
    canvas.activateWindow()
    qtbot.waitUntil(canvas.isActiveWindow)
    yield canvas
    canvas.close()


def test_the_ring_turns_while_an_engine_works(view: CanvasView, qtbot: QtBot) -> None:
    view.set_session(SessionView(PromptSet((Point(50, 40),)), busy=True))
    assert view.motion.running
    qtbot.waitUntil(lambda: view.session_layer.turn > 0)
    assert view.session_layer.march == 0
    view.set_session(None)
    assert not view.motion.running


def test_reduced_motion_is_none(view: CanvasView) -> None:
    view.set_session(SessionView(busy=True))
    view.motion.reduce(True)
    assert not view.motion.running
    view.motion.reduce(False)
    assert view.motion.running


def test_dashes_take_few_frames(view: CanvasView, qtbot: QtBot) -> None:
    view.set_session(SessionView(candidate=candidate()))
    assert view.motion.running
    before = view.session_layer.march
    qtbot.waitUntil(lambda: view.session_layer.march != before)
    assert DASH_MS >= 2 * RING_MS


def test_dashes_rest_when_nobody_acts_and_go_on_with_the_pointer(view: CanvasView, qtbot: QtBot) -> None:
    view.motion._rest.setInterval(80)
    view.set_session(SessionView(candidate=candidate()))
    qtbot.waitUntil(lambda: not view.motion.running)
    QTest.mouseMove(view, view.rect().center())
    qtbot.waitUntil(lambda: view.motion.running)


def test_dashes_rest_while_another_window_is_in_front(view: CanvasView, qtbot: QtBot) -> None:
    view.set_session(SessionView(candidate=candidate()))
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(lambda: not view.motion.running)
    other.close()
    view.activateWindow()
    qtbot.waitUntil(lambda: view.motion.running)


def test_only_the_line_is_repainted(view: CanvasView) -> None:
    view.set_session(SessionView(candidate=candidate()))
    look = ViewTransform(8.0, 100.0, 80.0)
    dashes = view.session_layer.dash_area(look, view.rect())
    for x, y in ((20, 20), (80, 60), (50, 20), (20, 40)):
        left, top = map(round, look.to_view(x, y))
        assert QRegion(left - 2, top - 2, 4, 4).subtracted(dashes).isEmpty(), "the line with its smoothing is repainted"
    assert share(dashes, view) < 0.25
    ring = view.session_layer.ring_area(look, (100, 80))
    assert ring.width() <= 40


def test_an_outline_out_of_sight_costs_nothing(view: CanvasView) -> None:
    view.set_session(SessionView(candidate=candidate()))
    assert view.session_layer.dash_area(ViewTransform(8.0, 5000.0, 0.0), view.rect()).isEmpty()


def test_a_frame_changes_nothing_but_what_is_repainted(view: CanvasView) -> None:
    view.set_session(SessionView(PromptSet((Point(50, 40),)), candidate()))
    view.settling.settle()
    before = view.grab().toImage()
    view.motion.reduce(True)
    view.session_layer.march = 0.25
    after = view.grab().toImage()
    changed = view.session_layer.dash_area(view.transform_now, view.rect())
    step = 7
    outside = [
        (x, y)
        for x in range(0, view.width(), step)
        for y in range(0, view.height(), step)
        if not changed.contains(QPoint(x, y))
    ]
    assert before != after
    assert all(before.pixel(x, y) == after.pixel(x, y) for x, y in outside)


def test_motion_starts_with_nothing_to_move(view: CanvasView) -> None:
    motion = Motion(view)
    motion.touched()
    assert not motion.running
