"""``maskwright demo`` beside a person's own settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop import demo
from desktop.settings import Settings, user_config_folder
from inference.registry import UnknownEngine


def test_the_demo_changes_no_setting_of_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MASKWRIGHT_CONFIG_DIR", "MASKWRIGHT_STATE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "own"))
    own = user_config_folder()
    Settings().set("engines.find_with", "sam")
    before = (own / "settings.toml").read_bytes()
    seen: list[str] = []

    class Script:
        def __init__(self, sample: Path, out: Path, engine: str) -> None: ...

        def run(self) -> list[demo.Row]:
            settings = Settings()
            seen.append(settings.text("engines.find_with"))
            settings.set("engines.find_with", "classic")
            return [demo.Row("photo.jpg", "cup", "point", "classic", 1.0)]

    monkeypatch.setattr(demo, "_Script", Script)
    assert demo.run_demo(tmp_path / "out") == 0
    assert seen != ["sam"]
    assert (own / "settings.toml").read_bytes() == before


def test_an_unknown_engine_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownEngine, match="no engine 'nonsense'"):
        demo.run_demo(tmp_path / "out", engine="nonsense")
    assert not (tmp_path / "out").exists()
