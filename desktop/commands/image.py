"""The menu *Image*: going from one to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop.actions import Command, Scope
from desktop.commands.titles import tr

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def commands(w: MainWindow) -> list[Command]:
    """The commands of this menu for the window ``w``."""
    ws = w.workspace
    canvas = Scope.CANVAS
    image = w.needs_image
    return [
        Command("image.previous", tr("Previous image"), ws.go_previous, ("A", "PgUp"), canvas, menu="Image",
                icon="previous", reason=image),
        Command("image.next", tr("Next image"), ws.go_next, ("D", "PgDown"), canvas, menu="Image", icon="next",
                reason=image),
        Command("image.previous_unfinished", tr("Previous unfinished image"), ws.go_previous_unfinished, ("Shift+A",),
                canvas, menu="Image", reason=image),
        Command("image.next_unfinished", tr("Next unfinished image"), ws.go_next_unfinished, ("Shift+D",), canvas,
                menu="Image", reason=image),
        Command("image.done", tr("Mark done and go to the next unfinished"), ws.mark_done,
                ("Ctrl+Return", "Ctrl+Enter"), menu="Image", group=1, icon="done",
                reason=lambda: image() or ws.read_only),
        Command("image.filter", tr("Filter images"), w.focus_image_filter, ("Ctrl+F",), menu="Image", group=2,
                icon="filter", reason=image),
    ]  # fmt: skip
