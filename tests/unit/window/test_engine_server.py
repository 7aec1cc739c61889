"""The window and its engine server: what is offered there can be chosen here, and the token stays a secret."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from desktop.engine_server import EngineServer, environment
from desktop.settings import Settings
from desktop.settings_dialog import SettingsDialog
from inference import remote
from tests.unit.remote.serving import TOKEN, serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.toml")


def test_the_token_is_kept_apart_and_for_the_owner_only(settings: Settings, tmp_path: Path) -> None:
    settings.set("engines.server", "https://gpu-box:8737")
    settings.set("engines.server_token", TOKEN)
    assert TOKEN not in (tmp_path / "settings.toml").read_text(encoding="utf-8")
    if sys.platform != "win32":
        assert stat.S_IMODE(os.stat(tmp_path / "secrets.toml").st_mode) == 0o600
    again = Settings(tmp_path / "settings.toml")
    assert again.text("engines.server_token") == TOKEN
    again.reset("engines.server_token")
    assert not (tmp_path / "secrets.toml").exists()
    assert again.text("engines.server") == "https://gpu-box:8737"


def test_the_token_is_shown_as_dots(qtbot: QtBot, settings: Settings) -> None:
    dialog = SettingsDialog(settings)
    qtbot.addWidget(dialog)
    editor = dialog.rows["engines.server_token"].editor
    assert isinstance(editor, QLineEdit)
    assert editor.echoMode() is QLineEdit.EchoMode.Password


def test_without_an_address_or_offline_there_is_no_server(settings: Settings) -> None:
    assert environment(settings) == {}
    settings.set("engines.server", " https://gpu-box ")
    settings.set("engines.server_token", TOKEN)
    assert environment(settings) == {remote.ADDRESS_VARIABLE: "https://gpu-box", remote.TOKEN_VARIABLE: TOKEN}
    settings.set("general.offline", True)
    assert environment(settings) == {}


def test_the_engines_of_the_server_are_told(qtbot: QtBot) -> None:
    with serving() as up:
        asked = EngineServer()
        with qtbot.waitSignal(asked.answered, timeout=30_000) as told:
            asked.ask({remote.ADDRESS_VARIABLE: up.address, remote.TOKEN_VARIABLE: TOKEN})
    assert {"classic", "lite"} <= told.args[0]


def test_a_refusal_is_one_sentence(qtbot: QtBot) -> None:
    asked = EngineServer()
    with qtbot.waitSignal(asked.failed, timeout=30_000) as told:
        asked.ask({remote.ADDRESS_VARIABLE: "http://gpu-box", remote.TOKEN_VARIABLE: TOKEN})
    assert told.args == [
        "gpu-box is another machine: its address must begin with https://, or others can read the token."
    ]
