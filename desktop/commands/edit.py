"""The menu *Edit*."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from desktop.actions import Command, Scope
from desktop.commands.titles import tr

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def commands(w: MainWindow) -> list[Command]:
    """The commands of this menu for the window ``w``."""
    ws = w.workspace
    canvas = Scope.CANVAS

    def selected() -> str:
        return "" if ws.selection else tr("Select an instance first.")

    def changeable() -> str:
        return selected() or ws.editable()

    return [
        Command("edit.undo", tr("Undo"), ws.undo, ("Ctrl+Z",), menu="Edit", icon="undo",
                title=lambda: ws.undo_name or tr("Undo"),
                reason=lambda: "" if ws.undo_name else tr("There is nothing to undo.")),
        Command("edit.redo", tr("Redo"), ws.redo, ("Ctrl+Shift+Z", "Ctrl+Y"), menu="Edit", icon="redo",
                title=lambda: ws.redo_name or tr("Redo"),
                reason=lambda: "" if ws.redo_name else tr("There is nothing to redo.")),
        Command("edit.cut", tr("Cut"), ws.cut_selected, ("Ctrl+X",), menu="Edit", group=1, icon="cut",
                reason=changeable),
        Command("edit.copy", tr("Copy"), ws.copy_selected, ("Ctrl+C",), menu="Edit", group=1, icon="copy",
                reason=selected),
        Command("edit.paste", tr("Paste"), ws.paste, ("Ctrl+V",), menu="Edit", group=1, icon="paste",
                reason=lambda: ws.editable() or ("" if ws.has_clipboard() else tr("Nothing was copied yet."))),
        Command("edit.duplicate", tr("Duplicate"), ws.duplicate_selected, ("Ctrl+D",), menu="Edit", group=1,
                icon="duplicate", reason=changeable),
        Command("edit.copy_previous", tr("Copy all from previous image"), ws.copy_all_from_previous, ("Ctrl+Shift+V",),
                menu="Edit", group=1, reason=ws.can_copy_from_previous),
        Command("edit.delete", tr("Delete"), ws.delete_selected, ("Del",), canvas, menu="Edit", group=1, icon="trash",
                reason=changeable),
        Command("edit.select_all", tr("Select all"), ws.select_all, ("Ctrl+A",), menu="Edit", group=2,
                reason=w.needs_instances),
        Command("edit.invert", tr("Invert selection"), ws.invert_selection, ("Ctrl+I",), menu="Edit", group=2,
                reason=w.needs_instances),
        Command("edit.next", tr("Next instance"), partial(w.select_next, 1), ("Tab",), canvas, menu="Edit", group=2,
                reason=w.needs_instances),
        Command("edit.previous", tr("Previous instance"), partial(w.select_next, -1), ("Shift+Tab",), canvas,
                menu="Edit", group=2, reason=w.needs_instances),
        Command("edit.menu", tr("Context menu"), w.canvas.open_menu_by_key, ("Shift+F10",), canvas, menu="Edit",
                group=3, reason=w.needs_image),
        Command("edit.palette", tr("Command palette…"), w.show_palette, ("Ctrl+K",), menu="Edit", group=3,
                icon="command"),
    ]  # fmt: skip
