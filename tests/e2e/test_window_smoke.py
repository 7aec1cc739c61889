"""The real window with the real worker: torch stays out of it, and the main job works by keyboard and mouse."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from importlib.resources import as_file
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.app import create_application, create_window
from desktop.dataset.masks import Mask
from desktop.main_window import MainWindow
from desktop.workspace import SavedState
from resources import resource

HEAVY = {"torch", "transformers", "diffusers", "segment_anything"}
"""What the process of the window never imports."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "photos"
    target.mkdir()
    with as_file(resource("sample")) as sample:
        for name in ("coffee.jpg", "coins.jpg"):
            shutil.copy(Path(sample) / "images" / name, target)
    return target


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setenv("MASKWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MASKWRIGHT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    create_application(["maskwright"])
    window = create_window([])
    window.resize(1440, 900)
    window.show()
    # keys go to the active window only, and a window of the test before may still be going away
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield window
    window.finish()
    window.close()
    window.deleteLater()


def click(window: MainWindow, x: float, y: float, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    place = QPointF(window.canvas.image_to_widget(x, y)).toPoint()
    QTest.mouseClick(window.canvas, button, Qt.KeyboardModifier.NoModifier, place)


def opened(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    window.workspace.open_folder(folder)
    qtbot.waitUntil(lambda: window.workspace.pixels is not None, timeout=20_000)
    window.canvas.setFocus()
    qtbot.waitUntil(window.canvas.hasFocus)


def answered(window: MainWindow) -> bool:
    session = window.workspace.session
    return session is not None and not session.busy and session.candidate is not None


def test_click_correct_accept_undo_redo_and_save(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    ws = window.workspace
    before = set(sys.modules)
    opened(window, folder, qtbot)
    QTest.keyClick(window.canvas, Qt.Key.Key_Q)
    assert window.canvas.tool == "point"
    click(window, 300, 200)
    qtbot.waitUntil(lambda: answered(window), timeout=60_000)
    click(window, 20, 20, Qt.MouseButton.RightButton)
    qtbot.waitUntil(lambda: len(ws.prompts) == 2 and answered(window), timeout=60_000)
    assert not ws.prompts.prompts[1].positive
    qtbot.waitUntil(lambda: not ws.can_accept(), timeout=20_000)
    assert window.session_bar.isVisible()
    QTest.keyClick(window.canvas, Qt.Key.Key_F)
    assert len(ws.instances) == 1
    assert ws.session is None
    assert not window.session_bar.isVisible()
    mask = next(iter(ws.instances.values())).mask
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not ws.instances
    assert len(ws.prompts) == 2
    QTest.keyClick(window, Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert [i.mask for i in ws.instances.values()] == [mask]
    qtbot.waitUntil(lambda: ws.saved.state is SavedState.SAVED, timeout=20_000)
    assert (folder / "photos.maskwright").exists()
    # tests of models, collected in the same process, may have imported torch already: only what came since counts
    assert not HEAVY & (set(sys.modules) - before)


def test_enter_runs_what_was_not_asked_and_then_accepts(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    ws = window.workspace
    opened(window, folder, qtbot)
    # collected prompts wait like those of an engine that runs only when asked to
    ws.hold_requests(True)
    click(window, 300, 200)
    assert ws.session is not None
    assert not ws.session.busy
    window.registry.refresh()
    QTest.keyClick(window.canvas, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: answered(window), timeout=60_000)
    assert not ws.instances
    window.registry.refresh()
    QTest.keyClick(window.canvas, Qt.Key.Key_Return)
    assert len(ws.instances) == 1


def test_what_was_drawn_first_is_named_later(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    ws = window.workspace
    opened(window, folder, qtbot)
    mask = Mask.from_polygons([[(40, 40), (140, 40), (140, 160)]], *ws.image_size)
    ws.create_instance(mask, "Polygon")
    notice = window.notices.notice
    assert notice is not None
    assert "no class yet" in notice.text
    (name,) = notice.actions
    name.run()
    assert window.chooser.isVisible()
    QTest.keyClicks(window.chooser.text, "cup")
    QTest.keyClick(window.chooser.text, Qt.Key.Key_Return)
    (instance,) = ws.instances.values()
    assert ws.class_name(instance.category_id) == "cup"
    window.notices.dismiss()
    ws.set_category([instance.id], None)
    ws.create_instance(mask, "Polygon")
    assert not window.notices.isVisible(), "it is offered once, and not where there are classes"


def test_a_class_that_was_not_chosen_accepts_nothing_later(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    ws = window.workspace
    opened(window, folder, qtbot)
    ws.add_category("cup")
    ws.hold_requests(True)
    click(window, 300, 200)
    window.accept_with_class()
    window.chooser.close()
    window.session_bar.class_wanted.emit(window.canvas.mapToGlobal(QPoint(10, 10)))
    QTest.keyClick(window.chooser.text, Qt.Key.Key_Return)
    assert ws.session is not None
    assert window.notices.notice is None


def test_keys_go_where_they_belong(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    opened(window, folder, qtbot)
    QTest.keyClick(window.canvas, Qt.Key.Key_T)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is window.prompts_panel.text)
    QTest.keyClicks(window.prompts_panel.text, "bad cup")
    assert window.prompts_panel.text.toPlainText() == "bad cup"
    current = window.workspace.current_image
    assert current is not None
    assert current.id == 1, "letters in the text box do not go to the next image"
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_D)
    assert window.workspace.current_image is not None
    assert window.workspace.current_image.id == 2
    for number in (1, 2, 3):
        window.workspace.add_category(f"class {number}")
    window.registry.refresh()
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_2)
    assert window.workspace.current_category is not None
    assert window.workspace.current_category.name == "class 2"


def test_every_key_belongs_to_one_action_in_every_preset(window: MainWindow) -> None:
    settings = window.workspace.settings
    for preset in ("Default", "labelme-like", "CVAT-like"):
        settings.set("shortcuts.preset", preset)
        assert window.registry.conflicts() == [], preset
    for command in window.registry.commands:
        for key in command.keys:
            assert not QKeySequence(key).isEmpty(), command.id


def test_disabled_commands_say_why(window: MainWindow) -> None:
    window.registry.refresh()
    silent = [
        command.id
        for command in window.registry.commands
        if not window.registry.action(command.id).isEnabled() and not window.registry.action(command.id).statusTip()
    ]
    assert silent == []
    assert window.registry.action("session.accept").statusTip()


def test_layout_small_f11_focus_and_reset(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    opened(window, folder, qtbot)
    for width, height, compact in ((1024, 700, True), (1440, 900, False)):
        window.resize(width, height)
        assert window.sections.is_compact is compact
    window.registry.trigger("view.hide_panels")
    assert not window.panel_dock.isVisible()
    assert not window.strip_dock.isVisible()
    window.registry.trigger("view.hide_panels")
    assert window.panel_dock.isVisible()
    seen = set()
    for _ in range(4):
        window.move_focus(1)
        focus = QApplication.focusWidget()
        assert focus is not None
        seen.add(focus)
    assert len(seen) == 4
    window.registry.trigger("view.strip_left")
    assert window.strip_is_left()
    window.registry.trigger("view.reset")
    assert not window.strip_is_left()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_dialog_opens(window: MainWindow, folder: Path, qtbot: QtBot, theme: str) -> None:
    opened(window, folder, qtbot)
    window.set_theme(theme)
    window.workspace.add_category("cup")
    for command in (
        "file.settings", "help.shortcuts", "help.keys", "help.messages", "file.export", "file.import", "edit.palette",
    ):  # fmt: skip
        window.registry.trigger(command)
        qtbot.waitUntil(lambda: bool(QApplication.activePopupWidget() or QApplication.activeModalWidget()))
        dialog = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        assert dialog is not None, command
        assert not dialog.grab().isNull()
        dialog.close()
    window.set_theme("light")


def test_an_exception_becomes_a_notice(window: MainWindow, qtbot: QtBot, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise RuntimeError("the wheel came off")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    assert "the wheel came off" in window.notices.text
    assert window.notices.notice is not None
    assert "Traceback" in window.notices.notice.details
    assert "the wheel came off" in capsys.readouterr().err


def test_closing_ends_every_thread_quickly(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    opened(window, folder, qtbot)
    click(window, 300, 200)
    begun = time.perf_counter()
    window.close()
    assert time.perf_counter() - begun < 4
    names = [t.name for t in threading.enumerate() if t.name.startswith("project")]
    assert names == []
