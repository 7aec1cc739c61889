"""What every command does, its key of ux.md §7, and why it may be disabled. Read by :mod:`desktop.actions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.actions import Command
from desktop.commands import classes, edit, engine, file, help, image, objects, review, tools, view

if TYPE_CHECKING:
    from desktop.main_window import MainWindow

_MENUS = (file, edit, view, image, tools, objects, engine, review, classes, help)


def commands(window: MainWindow) -> list[Command]:
    """All commands of a window, menu by menu."""
    return [command for menu in _MENUS for command in menu.commands(window)]
