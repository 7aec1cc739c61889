"""Every text that the interface hands to ``tr`` or ``translate``: literals in the source, and tables of such texts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import desktop
from desktop.actions import PRESETS, Scope
from desktop.canvas.overlay import Style
from desktop.commands.titles import TOOLS
from desktop.dataset.formats import registry as formats
from desktop.dataset.formats.traits import Trait
from desktop.dataset.model import ImageState, ReviewState
from desktop.dataset.quality import Sentence
from desktop.panels import option_fields
from desktop.settings import SETTINGS
from desktop.window_parts import MENUS
from inference import registry
from inference.messages import EngineState

_CALLS = frozenset({"tr", "_tr", "translate"})


def texts() -> dict[str, str]:
    """Each text with a place where it is used."""
    found: dict[str, str] = {}
    for place, text in (*_literals(), *_tables()):
        if text.strip() and any(letter.isalpha() for letter in text):
            found.setdefault(text, place)
    return found


def _literals() -> Iterator[tuple[str, str]]:
    root = Path(desktop.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg == "menu" and isinstance(keyword.value, ast.Constant):
                    yield f"{path.relative_to(root)}:{node.lineno}", str(keyword.value.value).partition("/")[2]
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _CALLS and node.args:
                for part in ast.walk(node.args[-1]):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield f"{path.relative_to(root)}:{node.lineno}", part.value


def _tables() -> Iterator[tuple[str, str]]:
    for setting in SETTINGS:
        yield "settings", setting.title
        yield "settings", setting.help
        yield "settings", setting.group
        for choice in setting.choices if setting.name != "appearance.language" else ():
            yield "settings", choice[:1].upper() + choice[1:]
    for _, title, _, help_text in TOOLS:
        yield "tools", title
        yield "tools", help_text
    for name in MENUS:
        yield "menus", name
    for kind in (Scope, Style, EngineState, ImageState, ReviewState, Trait, Sentence):
        for value in kind:
            yield "values", value.value
    for preset in PRESETS:
        yield "shortcuts", preset
    yield from _options()


def _options() -> Iterator[tuple[str, str]]:
    for heading, _ in option_fields._HEADINGS:
        yield "formats", heading
    for word in (*option_fields._WORDS.values(), *option_fields._TITLES.values()):
        yield "formats", word
    for fields in (*(each.fields for each in formats.EXPORTS), *(each.fields for each in formats.IMPORTS)):
        for field in fields:
            yield "formats", field.title
            for choice in field.choices or ():
                if (field.name, str(choice)) not in option_fields._WORDS:
                    yield "formats", str(choice)[:1].upper() + str(choice)[1:]
    for spec in registry.engine_specs():
        for option in spec.options:
            yield "engines", option.title
            yield "engines", option.help
            for choice in option.choices or ():
                yield "engines", choice[:1].upper() + choice[1:]
