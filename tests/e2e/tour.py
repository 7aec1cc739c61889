"""A tour of the window and its dialogs in one look: language, theme, scale. Prints the texts that are cut off.

    QT_SCALE_FACTOR=2 QT_QPA_PLATFORM=offscreen python -m tests.e2e.tour PHOTOS --language ko --theme dark --out FOLDER

A process of its own, because the scale factor and the language hold from the start of the application.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtWidgets import QApplication, QWidget

from desktop.app import create_application, create_window
from desktop.main_window import MainWindow
from desktop.panels.class_editor import ClassEditor
from desktop.scripted_person import ScriptedPerson
from desktop.settings import Settings
from tests.e2e.clipped_text import clipped_texts


def dialogs(window: MainWindow) -> Iterator[tuple[str, Callable[[], object]]]:
    """Names of dialogs and what opens them."""
    yield "settings", window.show_settings
    yield "export", window.show_export
    yield "import", window.show_import
    yield "quality", window.show_quality
    yield "shortcuts", window.show_shortcuts
    yield "instance", window.edit_selection
    yield "models", window.show_models
    yield "keys", window.show_cheat_sheet
    yield "messages", window.show_messages
    yield "palette", window.show_palette
    yield "batch", window.show_batch
    yield "review", window.review.toggle
    yield "statistics", window.review.show_statistics
    yield "class", lambda: ClassEditor(window.workspace, window.workspace.categories[0], window).open()


def walk(photos: Path, *, language: str, theme: str, out: Path | None, size: tuple[int, int]) -> list[str]:
    """Open everything once; the cut-off texts, each with where it was seen."""
    settings = Settings(overrides={"appearance.language": language, "appearance.theme": theme})
    create_application(["maskwright"], settings)
    window = create_window([photos], settings)
    window.resize(*size)
    window.show()
    person, workspace = ScriptedPerson(window), window.workspace
    found: list[str] = []

    def look(name: str, widget: QWidget) -> None:
        person.rest(0.3)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            widget.grab().save(str(out / f"{name}.png"))
        clipped = clipped_texts(widget)
        if clipped:  # a text may just have changed, and have its old place until the window is laid out again
            person.rest(0.3)
            clipped = [text for text in clipped_texts(widget) if text in clipped]
        found.extend(f"{name}: {text}" for text in clipped)

    look("start", window)
    person.wait(lambda: workspace.pixels is not None, "the first image is decoded")
    workspace.set_find_with("classic")
    workspace.set_refine_with("classic")
    workspace.set_current_category(workspace.add_category("bear"))
    person.canvas.set_tool("box")
    person.drag([(100, 60), (300, 300), (480, 560)])
    person.answer()
    look("session", window)
    accepted = person.accept()
    person.canvas.set_tool("select")
    workspace.select([accepted])
    look("selected", window)
    for name, show in dialogs(window):
        show()
        person.wait(lambda: bool(_open_windows(window)), f"{name} is open")
        for opened in _open_windows(window):
            look(name, opened)
            opened.close()
        person.settle()
    window.close()
    person.settle()
    return found


def _open_windows(window: MainWindow) -> list[QWidget]:
    """Everything that is on screen beside the window."""
    return [widget for widget in QApplication.topLevelWidgets() if widget.isVisible() and widget is not window]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--theme", default="light")
    parser.add_argument("--size", type=int, nargs=2, default=(1440, 900))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = walk(given.photos, language=given.language, theme=given.theme, out=given.out, size=tuple(given.size))
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
