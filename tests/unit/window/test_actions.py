"""Actions: every command once, keys in scopes, conflicts refused by name, presets, reasons."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.actions import ActionRegistry, Command, Conflict, Scope
from desktop.command_palette import CommandPalette, rank
from desktop.settings import Settings
from desktop.shortcuts import ShortcutEditor


class Window(QWidget):
    """A canvas and a text field."""

    def __init__(self) -> None:
        super().__init__()
        self.canvas = QWidget()
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.text = QLineEdit()
        column = QVBoxLayout(self)
        column.addWidget(self.canvas)
        column.addWidget(self.text)
        self.ran: list[str] = []
        self.reason = ""
        self.on = False


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    window = Window()
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    return window


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.toml")


@pytest.fixture
def registry(window: Window, settings: Settings) -> ActionRegistry:
    registry = ActionRegistry(settings, lambda _name: QIcon(), window)
    commands = [
        Command("edit.undo", "Undo", lambda: window.ran.append("undo"), ("Ctrl+Z",), reason=lambda: window.reason),
        Command("tool.point", "Point", lambda: window.ran.append("point"), ("Q",), Scope.CANVAS, mouse="Click."),
        Command("tool.box", "Box", lambda: window.ran.append("box"), ("W",), Scope.CANVAS, checked=lambda: window.on),
        Command("file.quit", "Quit", lambda: window.ran.append("quit")),
    ]
    registry.add(commands, window, window.canvas)
    return registry


def test_letters_work_on_the_canvas_only(registry: ActionRegistry, window: Window, qtbot: QtBot) -> None:
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Qt.Key.Key_Q)
    assert window.ran == ["point"]
    window.text.setFocus()
    QTest.keyClick(window.text, Qt.Key.Key_Q)
    assert window.ran == ["point"]
    assert window.text.text() == "q"


def test_a_disabled_command_says_why_and_does_not_run(registry: ActionRegistry, window: Window) -> None:
    window.reason = "There is nothing to undo."
    registry.refresh()
    action = registry.action("edit.undo")
    assert not action.isEnabled()
    assert action.toolTip().splitlines() == ["Undo (Ctrl+Z)", "There is nothing to undo."]
    registry.trigger("edit.undo")
    assert window.ran == []
    window.reason = ""
    registry.trigger("edit.undo")
    assert window.ran == ["undo"]
    assert action.isEnabled()


def test_tooltips_have_name_key_and_mouse_help(registry: ActionRegistry) -> None:
    assert registry.action("tool.point").toolTip() == "Point (Q)\nClick."


def test_conflicts_name_the_owner_and_change_nothing(registry: ActionRegistry, settings: Settings) -> None:
    with pytest.raises(Conflict, match="Q is already used by “Point”"):
        registry.set_keys("tool.box", ("Q",))
    with pytest.raises(Conflict, match="Undo"):
        registry.set_keys("tool.box", ("Ctrl+Z",))
    assert registry.keys("tool.box") == ("W",)
    assert settings.shortcuts == {}


def test_changed_keys_are_remembered_and_reset(registry: ActionRegistry, settings: Settings) -> None:
    registry.set_keys("tool.box", ("Shift+W", "F9"))
    assert Settings(settings.path).shortcuts == {"tool.box": "Shift+W | F9"}
    assert [k.toString() for k in registry.action("tool.box").shortcuts()] == ["Shift+W", "F9"]
    registry.set_keys("tool.box", ())
    assert registry.keys("tool.box") == ()
    registry.reset_keys("tool.box")
    assert registry.keys("tool.box") == ("W",)
    assert settings.shortcuts == {}


def test_toggles_show_their_state(registry: ActionRegistry, window: Window) -> None:
    window.on = True
    registry.refresh()
    assert registry.action("tool.box").isChecked()


def test_the_palette_finds_and_runs(registry: ActionRegistry, window: Window, qtbot: QtBot) -> None:
    window.reason = "No."
    palette = CommandPalette(registry, window)
    palette.open_over(window)
    names = [palette.list.item(row).text() for row in range(palette.list.count())]
    assert names[-1].startswith("Undo — No.")
    palette.text.setText("bo")
    assert palette.list.count() == 1
    QTest.keyClick(palette.text, Qt.Key.Key_Return)
    assert window.ran == ["box"]


def test_ranking_prefers_the_beginning() -> None:
    assert rank("gro", "Grow or shrink…") == 0
    assert rank("shr gr", "Grow or shrink…") == 1
    assert rank("rink", "Grow or shrink…") == 2
    assert rank("zebra", "Grow or shrink…") is None


def test_the_editor_refuses_and_resets(registry: ActionRegistry, settings: Settings, qtbot: QtBot) -> None:
    from PySide6.QtGui import QKeySequence

    editor = ShortcutEditor(registry, settings)
    qtbot.addWidget(editor)
    editor.choose("tool.box")
    editor.assign(QKeySequence("Q"))
    assert editor.problem.text() == "Q is already used by “Point”."
    editor.assign(QKeySequence("F9"))
    assert registry.keys("tool.box") == ("F9",)
    assert editor.current() == "tool.box"
    editor._reset_everything()
    assert registry.keys("tool.box") == ("W",)
