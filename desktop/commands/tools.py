"""The tools and the size of their tips."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from desktop.actions import Command, Scope
from desktop.commands.titles import TOOLS, tr

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def commands(w: MainWindow) -> list[Command]:
    """The commands of this menu for the window ``w``."""

    def is_current(name: str) -> bool:
        return w.reference_pane.isVisible() if name == "reference" else w.canvas.tool == name

    sizes = (
        ("tool.smaller", tr("Smaller brush"), -1, ("[",)),
        ("tool.larger", tr("Larger brush"), 1, ("]",)),
        ("tool.much_smaller", tr("Much smaller brush"), -5, ("Shift+[", "{")),
        ("tool.much_larger", tr("Much larger brush"), 5, ("Shift+]", "}")),
    )
    tools = [
        Command(
            f"tool.{name}",
            tr(title),
            partial(w.choose_tool, name),
            (key,),
            Scope.CANVAS,
            icon=name,
            checked=partial(is_current, name),
            mouse=tr(text),
            menu="Edit/Tools",
            group=4,
        )
        for name, title, key, text in TOOLS
    ]
    return tools + [
        Command(name, title, partial(w.canvas.change_size, steps), keys, Scope.CANVAS, menu="Edit/Tools", group=5)
        for name, title, steps, keys in sizes
    ]
