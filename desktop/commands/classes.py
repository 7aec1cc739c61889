"""The digits, which choose and assign classes."""

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

    def choose(number: int) -> None:
        ws.apply_category(ws.categories[number].id)

    def missing(number: int) -> str:
        return "" if number < len(ws.categories) else tr("There is no class {n}.").format(n=number + 1)

    found = [
        Command("class.filter", tr("Filter classes"), w.focus_class_filter, ("/",), Scope.CANVAS, icon="filter"),
        Command("class.add", tr("Add class…"), w.add_class, reason=lambda: ws.read_only or w.needs_image()),
    ]
    for number in range(20):
        digit = str((number + 1) % 10)
        key = digit if number < 10 else f"Alt+{digit}"
        found.append(
            Command(
                f"class.{number + 1}",
                tr("Class {n}").format(n=number + 1),
                partial(choose, number),
                (key,),
                Scope.CANVAS,
                reason=partial(missing, number),
            )
        )
    return found
