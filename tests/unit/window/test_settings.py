"""Settings: only differences are written, unknown keys survive, a broken file never stops the start."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.settings import SETTINGS, Settings, _toml


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "settings.toml"


def test_only_differences_are_written(file: Path) -> None:
    settings = Settings(file)
    settings.set("tools.brush_size", 33)
    settings.set("appearance.theme", "dark")
    settings.set("appearance.theme", "system")
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {"tools.brush_size": 33}
    assert Settings(file).number("tools.brush_size") == 33
    assert settings.is_changed("tools.brush_size")
    settings.reset("tools.brush_size")
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {}


def test_unknown_keys_survive(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('future = ["x", 1, {a = true}]\n"x.y" = 3\n[table]\nz = 1.5\n', encoding="utf-8")
    settings = Settings(file)
    settings.set("tools.brush_size", 33)
    stored = tomllib.loads(file.read_text(encoding="utf-8"))
    assert stored["future"] == ["x", 1, {"a": True}]
    assert stored["x.y"] == 3
    assert stored["table"] == {"z": 1.5}


def test_a_broken_file_is_set_aside_and_said(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("this is = = not toml", encoding="utf-8")
    settings = Settings(file)
    assert "settings.toml" in settings.problem
    assert settings.number("tools.brush_size") == 20
    settings.set("tools.brush_size", 5)
    assert file.with_suffix(".broken.toml").read_text(encoding="utf-8") == "this is = = not toml"


def test_wrong_values_fall_back_one_by_one(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('"tools.brush_size" = 5000\n"appearance.theme" = "dark"\n', encoding="utf-8")
    settings = Settings(file)
    assert settings.number("tools.brush_size") == 20
    assert settings.text("appearance.theme") == "dark"
    assert "between 1 and 500" in settings.problem


def test_overrides_count_for_one_run_only(file: Path) -> None:
    settings = Settings(file, {"appearance.theme": "dark", "tools.brush_size": "7", "canvas.minimap": "off"})
    assert settings.text("appearance.theme") == "dark"
    assert settings.number("tools.brush_size") == 7
    assert not settings.flag("canvas.minimap")
    settings.set("general.author", "Kim")
    assert tomllib.loads(file.read_text(encoding="utf-8")) == {"general.author": "Kim"}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("nothing.here", "1", "no setting"),
        ("tools.brush_size", "many", "whole number"),
        ("appearance.theme", "pink", "one of"),
        ("canvas.minimap", "maybe", "true or false"),
    ],
)
def test_bad_overrides_are_one_sentence(file: Path, name: str, value: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Settings(file, {name: value})


def test_listeners_hear_of_changes(file: Path) -> None:
    settings = Settings(file)
    heard: list[str] = []
    settings.listeners.append(heard.append)
    settings.set("canvas.minimap", False)
    assert heard == ["canvas.minimap"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(tmp_path / "file" / "settings.toml")
    settings.set("tools.brush_size", 5)
    assert settings.number("tools.brush_size") == 5
    assert "could not be written" in settings.problem


def test_every_default_fits_its_own_setting() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.checked(setting.default) == setting.default
        assert setting.name.split(".")[0] in setting.name


@given(st.text())
def test_any_text_survives_the_file(text: str) -> None:
    assert tomllib.loads(f"key = {_toml(text)}") == {"key": text}
