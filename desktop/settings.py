"""Settings as data: every setting once, with type, default, range and text. Stored as readable text of differences.

The file is a flat TOML table. Keys that this version does not know are kept when it is written; a broken file is set
aside as ``settings.broken.toml`` and never stops the start. Qt-free; the dialog is :mod:`desktop.settings_dialog`.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import platformdirs

Value: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``low`` and ``high`` bound numbers; ``choices`` are the allowed words of a text."""

    name: str
    group: str
    title: str
    default: Value
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    """A text that is kept in a file of its own, which nobody else may read, and shown as dots."""

    def checked(self, value: object) -> Value:
        """``value`` as this setting's type and within its range. Raises ValueError with one sentence otherwise."""
        kind = type(self.default)
        if isinstance(value, str) and kind is not str:
            value = _parsed(value, kind)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind:
            raise ValueError(f"{self.name} must be {_KIND_NAMES[kind]}, not {value!r}.")
        assert isinstance(value, bool | int | float | str)
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}.")
        if isinstance(value, int | float) and not isinstance(value, bool):
            low = self.low if self.low is not None else value
            high = self.high if self.high is not None else value
            if not low <= value <= high:
                raise ValueError(f"{self.name} must lie between {self.low:g} and {self.high:g}, not {value!r}.")
        return value


_KIND_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def _parsed(text: str, kind: type) -> object:
    try:
        if kind is bool:
            return {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        return text


SETTINGS: tuple[Setting, ...] = (
    Setting("general.author", "General", "Your name", "", "Stored with every instance that you make."),
    Setting("general.reopen", "General", "Open the last project at start", False),
    Setting("general.offline", "General", "Never use the network", False, "Models cannot be downloaded then."),
    Setting("canvas.fill_opacity", "Canvas", "Fill opacity in percent", 35, low=0, high=100),
    Setting("canvas.wheel_scrolls", "Canvas", "Wheel scrolls, Ctrl+wheel zooms", False),
    Setting("canvas.keep_zoom", "Canvas", "Keep the zoom from image to image", False),
    Setting("canvas.minimap", "Canvas", "Show the minimap", True),
    Setting("tools.brush_size", "Tools", "Brush size in pixels", 20, low=1, high=500),
    Setting("tools.scribble_width", "Tools", "Scribble width in pixels", 8, low=1, high=500),
    Setting("tools.protect_others", "Tools", "Brush does not overwrite other instances", False),
    Setting("tools.never_overwrite", "Tools", "Accepted proposals leave the instances that are there alone", True),
    Setting("engines.find_with", "Engines & devices", "Find with", "lite", "Engine that answers a new session."),
    Setting("engines.refine_with", "Engines & devices", "Refine with", "lite", "Engine that corrects a mask."),
    Setting(
        "engines.compose",
        "Engines & devices",
        "Keep the rest of the mask when refining",
        True,
        "For engines without mask input: only the pieces you point at change.",
    ),
    Setting(
        "engines.label_with",
        "Engines & devices",
        "Suggest a class with",
        "auto",
        "auto, off, or an engine by name: it says which class a mask probably is.",
    ),
    Setting(
        "engines.server",
        "Engines & devices",
        "Server for engines",
        "",
        "The address of a machine that runs maskwright serve, like https://gpu-box:8737. From the next start.",
    ),
    Setting(
        "engines.server_token",
        "Engines & devices",
        "Token of the server",
        "",
        "Kept in a file that only you can read.",
        secret=True,
    ),
    Setting("engines.prefetch", "Engines & devices", "Prepare the next image ahead", True),
    Setting("engines.seed", "Engines & devices", "Random seed", 0, low=0, high=2**31 - 1),
    Setting("memory.images_mb", "Memory & cache", "Decoded images in MB", 256, low=64, high=8192),
    Setting("memory.features_mb", "Memory & cache", "Engine features in MB", 1024, low=64, high=65536),
    Setting(
        "memory.features_disk_mb",
        "Memory & cache",
        "Engine features on disk in MB",
        2048,
        "For engines that take longer to look at an image than to read what they saw. 0: none.",
        low=0,
        high=1 << 20,
    ),
    Setting("saving.backup", "Saving", "Keep a backup copy when a project is opened", True),
    Setting("shortcuts.preset", "Shortcuts", "Preset", "Default", choices=("Default", "labelme-like", "CVAT-like")),
    Setting(
        "appearance.language",
        "Appearance",
        "Language",
        "system",
        "Windows that are open keep theirs until the next start.",
        choices=("system", "en", "ko"),
    ),
    Setting("appearance.theme", "Appearance", "Theme", "system", choices=("system", "light", "dark")),
    Setting("appearance.scale", "Appearance", "Size of the interface in percent", 100, low=80, high=200),
    Setting("appearance.tool_text", "Appearance", "Text on the tool buttons", True),
    Setting("appearance.reduce_motion", "Appearance", "Reduce motion", False),
)


def user_config_folder() -> Path:
    """Where settings are kept; ``MASKWRIGHT_CONFIG_DIR`` moves it (tests, portable use)."""
    return Path(os.environ.get("MASKWRIGHT_CONFIG_DIR") or platformdirs.user_config_path("maskwright", appauthor=False))


def user_state_folder() -> Path:
    """Where logs, window layout and browsing projects are kept; ``MASKWRIGHT_STATE_DIR`` moves it."""
    return Path(os.environ.get("MASKWRIGHT_STATE_DIR") or platformdirs.user_state_path("maskwright", appauthor=False))


class Settings:
    """The values in force: defaults, the file's differences, and overrides of one run (never written).

    ``listeners`` are called with the name after a change.
    """

    def __init__(self, path: Path | None = None, overrides: Mapping[str, str] | None = None) -> None:
        self.path = path if path is not None else user_config_folder() / "settings.toml"
        self.problem = ""
        self.listeners: list[Callable[[str], None]] = []
        self.shortcuts: dict[str, str] = {}
        """Keys that the person changed: action id -> key sequence (empty: none)."""
        self._known = {setting.name: setting for setting in SETTINGS}
        self._changed: dict[str, Value] = {}
        self._unknown: dict[str, Any] = {}
        self._load()
        self._load_secrets()
        self.overrides: dict[str, Value] = {}
        for name, text in (overrides or {}).items():
            if name not in self._known:
                raise ValueError(f"There is no setting {name!r}.")
            self.overrides[name] = self._known[name].checked(text)

    def _load(self) -> None:
        try:
            stored = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self.problem = f"The settings in {self.path.name} could not be read ({error}); the defaults are used."
            self._set_aside()
            return
        for name, value in stored.items():
            setting = self._known.get(name)
            if name.startswith("key:") and isinstance(value, str):
                self.shortcuts[name[4:]] = value
            elif setting is None:
                self._unknown[name] = value
            else:
                try:
                    self._changed[name] = setting.checked(value)
                except ValueError as error:
                    self.problem = f"{self.path.name}: {error} The default is used."

    @property
    def _secrets_path(self) -> Path:
        return self.path.with_name("secrets.toml")

    def _load_secrets(self) -> None:
        try:
            stored = tomllib.loads(self._secrets_path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            return  # they can be entered again
        for name, value in stored.items():
            if name in self._known and self._known[name].secret and isinstance(value, str):
                self._changed[name] = value

    def _set_aside(self) -> None:
        try:
            self.path.replace(self.path.with_suffix(".broken.toml"))
        except OSError:
            return

    def value(self, name: str) -> Value:
        """The value in force. Raises KeyError for a name that is no setting."""
        if name in self.overrides:
            return self.overrides[name]
        return self._changed.get(name, self._known[name].default)

    def number(self, name: str) -> int:
        return int(self.value(name))

    def text(self, name: str) -> str:
        return str(self.value(name))

    def flag(self, name: str) -> bool:
        return bool(self.value(name))

    def is_changed(self, name: str) -> bool:
        return name in self._changed

    def set(self, name: str, value: Value) -> None:
        """Change a setting and write the file. Raises ValueError when the value does not fit."""
        setting = self._known[name]
        value = setting.checked(value)
        self.overrides.pop(name, None)
        if value == setting.default:
            self._changed.pop(name, None)
        else:
            self._changed[name] = value
        self._write()
        for listener in tuple(self.listeners):
            listener(name)

    def reset(self, name: str) -> None:
        self.set(name, self._known[name].default)

    def set_shortcut(self, action: str, keys: str | None) -> None:
        """Remember other keys for an action; None goes back to the preset's."""
        if keys is None:
            self.shortcuts.pop(action, None)
        else:
            self.shortcuts[action] = keys
        self._write()

    def clear_shortcuts(self) -> None:
        self.shortcuts.clear()
        self._write()

    def _write(self) -> None:
        secrets = {name: value for name, value in self._changed.items() if self._known[name].secret}
        open_ones = {name: value for name, value in self._changed.items() if name not in secrets}
        rows = {**self._unknown, **open_ones, **{f"key:{k}": v for k, v in self.shortcuts.items()}}
        plain = {k: v for k, v in rows.items() if not isinstance(v, dict)}
        text = "# Maskwright: only what differs from the defaults\n"
        text += "".join(f"{_toml(name)} = {_toml(value)}\n" for name, value in sorted(plain.items()))
        for name, table in sorted(rows.items()):
            if isinstance(table, dict):
                text += f"{_toml(name)} = {_toml(table)}\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.path.with_suffix(".part")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self.path)
            self._write_secrets(secrets)
            self.problem = ""
        except OSError as error:
            self.problem = f"The settings could not be written to {self.path.name}: {error.strerror}."

    def _write_secrets(self, secrets: Mapping[str, Value]) -> None:
        if not secrets:
            self._secrets_path.unlink(missing_ok=True)
            return
        temporary = self._secrets_path.with_suffix(".part")
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{_toml(name)} = {_toml(value)}\n" for name, value in sorted(secrets.items()))
        temporary.replace(self._secrets_path)


def _toml(value: Any) -> str:
    """A TOML value; strings as JSON strings, which TOML's basic strings contain."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    return str(value)
