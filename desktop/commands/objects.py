"""The menu *Object*: what is done to selected instances."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from desktop.actions import Command, Scope
from desktop.commands.titles import tr
from desktop.panels.relabel_dialog import relabel
from desktop.workspace.operations import Operation

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def commands(w: MainWindow) -> list[Command]:
    """The commands of this menu for the window ``w``."""
    ws = w.workspace
    canvas = Scope.CANVAS

    def one() -> str:
        return ("" if ws.selection else tr("Select an instance first.")) or ws.editable()

    def two() -> str:
        return ("" if len(ws.selection) > 1 else tr("Select two or more instances first.")) or ws.editable()

    return [
        Command("object.refine", tr("Refine"), ws.refine_selected, ("R",), canvas, menu="Object", icon="refine",
                reason=ws.can_refine),
        Command("object.edit", tr("Class and attributes…"), w.edit_selection, ("F2",), menu="Object", icon="edit",
                reason=one),
        Command("object.union", tr("Union"), ws.union_selected, ("Ctrl+Alt+U",), menu="Object", group=1, icon="union",
                reason=two),
        Command("object.subtract", tr("Subtract"), ws.subtract_selected, ("Ctrl+Alt+S",), menu="Object", group=1,
                icon="subtract", reason=two, mouse=tr("The first selected minus the others.")),
        Command("object.intersect", tr("Intersect"), ws.intersect_selected, ("Ctrl+Alt+I",), menu="Object", group=1,
                icon="intersect", reason=two),
        Command("object.exclude", tr("Exclude"), ws.exclude_selected, ("Ctrl+Alt+X",), menu="Object", group=1,
                icon="exclude", reason=two),
        Command("object.merge", tr("Merge into one instance"), ws.merge_selected, ("Ctrl+G",), menu="Object", group=1,
                icon="merge", reason=two),
        Command("object.split", tr("Split parts"), ws.split_parts, ("Ctrl+Shift+G",), menu="Object", group=1,
                icon="split", reason=one),
        Command("object.fill_all_holes", tr("Fill all holes"), ws.fill_holes, menu="Object", group=2, icon="fill-holes",
                reason=one),
        *(
            Command(f"object.{operation.value.replace(' ', '_')}", title, partial(w.shape, operation), menu="Object",
                    group=2, icon=icon, reason=one)
            for operation, title, icon in (
                (Operation.FILL_HOLES, tr("Fill small holes…"), ""),
                (Operation.REMOVE_SMALL, tr("Remove small parts…"), ""),
                (Operation.GROW, tr("Grow or shrink…"), "grow"),
                (Operation.SMOOTH, tr("Smooth…"), "smooth"),
                (Operation.SIMPLIFY, tr("Simplify…"), "simplify"),
            )
        ),
        Command("object.relabel", tr("Relabel by model…"), lambda: relabel(ws, w), menu="Object", group=2, icon="label",
                reason=ws.can_relabel),
        Command("object.forward", tr("Forward"), ws.raise_selected, ("Ctrl+]",), menu="Object", group=3, icon="up",
                reason=one),
        Command("object.backward", tr("Backward"), ws.lower_selected, ("Ctrl+[",), menu="Object", group=3, icon="down",
                reason=one),
        Command("object.front", tr("To the front"), lambda: ws.raise_selected(to_front=True), ("Ctrl+Shift+]",),
                menu="Object", group=3, icon="front", reason=one),
        Command("object.back", tr("To the back"), lambda: ws.lower_selected(to_back=True), ("Ctrl+Shift+[",),
                menu="Object", group=3, icon="back", reason=one),
        Command("object.hide", tr("Hide or show"), ws.toggle_hide_selected, ("H",), canvas, menu="Object", group=4,
                icon="eye-off", reason=lambda: "" if ws.selection else tr("Select an instance first.")),
        Command("object.solo", tr("Show only these"), ws.toggle_solo_selected, ("Alt+H",), canvas, menu="Object",
                group=4, icon="solo"),
        Command("object.lock", tr("Lock or unlock"), ws.toggle_lock_selected, ("Ctrl+L",), menu="Object", group=4,
                icon="lock", reason=lambda: "" if ws.selection else tr("Select an instance first.")),
    ]  # fmt: skip
