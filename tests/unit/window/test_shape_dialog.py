"""Operations with a number: the canvas shows what would be, nothing changes before Apply, then one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.canvas.view import CanvasView
from desktop.canvas_link import CanvasLink
from desktop.dataset.masks import Mask
from desktop.settings import Settings
from desktop.shape_dialog import ShapeDialog
from desktop.workspace import Workspace
from desktop.workspace.operations import Operation

SIZE = 80


def block(x0: int, y0: int, x1: int, y1: int) -> Mask:
    return Mask.from_crop(np.ones((y1 - y0, x1 - x0), bool), x0, y0, SIZE, SIZE)


@pytest.fixture
def workspace(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("MASKWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MASKWRIGHT_STATE_DIR", str(tmp_path / "state"))
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(cv2.imencode(".png", np.zeros((SIZE, SIZE, 3), np.uint8))[1].tobytes())
    workspace = Workspace(Settings(tmp_path / "config" / "settings.toml"))
    workspace.open_folder(photos)
    qtbot.waitUntil(lambda: workspace.pixels is not None)
    workspace.create_instance(block(20, 20, 40, 40), "Rectangle")
    yield workspace
    workspace.shut_down()


@pytest.fixture
def canvas(qtbot: QtBot, workspace: Workspace) -> CanvasView:
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    CanvasLink(workspace, canvas)
    canvas.resize(300, 300)
    canvas.show()
    workspace.image_changed.emit()
    workspace.pixels_changed.emit()
    return canvas


@pytest.fixture
def ask(qtbot: QtBot, workspace: Workspace, canvas: CanvasView) -> Callable[[Operation, float], ShapeDialog]:
    def ask(operation: Operation, value: float) -> ShapeDialog:
        dialog = ShapeDialog(workspace, canvas, operation)
        dialog.open_over(canvas)
        dialog.number.setValue(value)
        qtbot.waitUntil(lambda: dialog._found is not None and dialog._found[0] == value)
        return dialog

    return ask


def test_the_canvas_shows_the_result_before_anything_changes(workspace, canvas, ask):
    dialog = ask(Operation.GROW, 5)
    (shown,) = canvas.previewed
    assert shown.mask == block(20, 20, 40, 40).grown(5)
    assert workspace.instances[1].mask == block(20, 20, 40, 40)
    assert "400" in dialog.summary.text()
    steps = len(workspace.history())
    dialog.accept()
    assert workspace.instances[1].mask == shown.mask
    assert len(workspace.history()) == steps + 1
    assert workspace.undo_name == "Undo Grow 5 px on unlabelled #1"
    assert canvas.previewed == ()


def test_cancel_leaves_everything(workspace, canvas, ask):
    dialog = ask(Operation.GROW, -3)
    dialog.reject()
    assert canvas.previewed == ()
    assert workspace.instances[1].mask == block(20, 20, 40, 40)


def test_what_would_vanish_is_said_and_stays(workspace, ask):
    dialog = ask(Operation.GROW, -50)
    assert "would vanish" in dialog.summary.text()
    dialog.accept()
    assert workspace.instances[1].mask == block(20, 20, 40, 40)


def test_another_selection_ends_it(workspace, canvas, ask, qtbot):
    dialog = ask(Operation.SMOOTH, 4)
    with qtbot.waitSignal(dialog.finished):
        workspace.select([])
    assert canvas.previewed == ()


@pytest.mark.parametrize("operation", list(Operation))
def test_slider_and_number_agree(operation, ask):
    dialog = ask(operation, 7)
    place = dialog.slider.value()
    dialog.slider.setValue(place + 40)
    assert dialog.number.value() > 7
    assert abs(dialog.slider.value() - place - 40) <= 1


def test_enter_applies(workspace, ask, qtbot):
    dialog = ask(Operation.REMOVE_SMALL, 10)
    assert not dialog._apply.isEnabled()
    dialog.reject()
    dialog = ask(Operation.GROW, 1)
    with qtbot.waitSignal(dialog.finished):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert workspace.instances[1].mask.area > 400
