"""The menu *File*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.actions import Command
from desktop.commands.titles import tr

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def commands(w: MainWindow) -> list[Command]:
    """The commands of this menu for the window ``w``."""
    ws = w.workspace

    def opened() -> str:
        return "" if ws.images else tr("Open images or a project first.")

    def writable() -> str:
        return opened() or ws.read_only

    return [
        Command("file.open_folder", tr("Open folder…"), w.ask_folder, ("Ctrl+O",), menu="File", icon="folder"),
        Command("file.open_images", tr("Open images…"), w.ask_images, ("Ctrl+Shift+O",), menu="File", icon="images"),
        Command("file.open_project", tr("Open project…"), w.ask_project, ("Ctrl+P",), menu="File", icon="project"),
        Command("file.new_project", tr("New project…"), w.ask_new_project, ("Ctrl+N",), menu="File", icon="plus"),
        Command("file.sample", tr("Try the sample"), ws.open_sample, menu="File", icon="point"),
        Command("file.import", tr("Import…"), w.show_import, menu="File", group=1, icon="import", reason=writable),
        Command("file.export", tr("Export…"), w.show_export, ("Ctrl+E",), menu="File", group=1, icon="export",
                reason=lambda: opened() or ("" if ws.project is not None else tr("There is nothing to export yet."))),
        Command("file.save", tr("Save now"), ws.save_now, ("Ctrl+S",), menu="File", group=1, icon="save",
                reason=opened),
        Command("file.close", tr("Close project"), ws.close_project, ("Ctrl+W",), menu="File", group=2,
                reason=opened),
        Command("file.settings", tr("Settings…"), w.show_settings, ("Ctrl+,",), menu="File", group=3, icon="settings"),
        Command("file.quit", tr("Quit"), w.close, ("Ctrl+Q",), menu="File", group=4),
    ]  # fmt: skip
