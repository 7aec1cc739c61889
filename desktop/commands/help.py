"""The menu *Help*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.actions import Command, Scope
from desktop.commands.titles import tr

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def commands(w: MainWindow) -> list[Command]:
    """The commands of this menu for the window ``w``."""
    return [
        Command("help.keys", tr("Keys"), w.show_cheat_sheet, ("F1",), menu="Help", icon="keyboard"),
        Command("help.keys_canvas", tr("Keys of the canvas"), w.show_cheat_sheet, ("?",), Scope.CANVAS),
        Command("help.shortcuts", tr("Edit shortcuts…"), w.show_shortcuts, menu="Help", icon="keyboard"),
        Command("help.messages", tr("Message log"), w.show_messages, menu="Help", icon="info"),
        Command("help.about", tr("About Maskwright"), w.show_about, menu="Help", group=1, icon="help"),
    ]
