"""The menu *View*."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from desktop.actions import Command, Scope
from desktop.commands.titles import tr
from desktop.workspace import ColourBy

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def commands(w: MainWindow) -> list[Command]:
    """The commands of this menu for the window ``w``."""
    ws, view, link = w.workspace, w.canvas, w.link
    canvas = Scope.CANVAS
    image = w.needs_image

    def coloured_by(rule: ColourBy) -> bool:
        return ws.colour_by is rule

    def theme_is(name: str) -> bool:
        return ws.settings.text("appearance.theme") == name

    return [
        Command("view.fit", tr("Fit image"), view.zoom_to_fit, ("Ctrl+0",), menu="View", icon="zoom-fit", reason=image),
        Command("view.actual", tr("100 %"), view.zoom_to_100, ("Ctrl+1",), menu="View", icon="zoom-100", reason=image),
        Command("view.fit_selection", tr("Fit selection"), view.zoom_to_selection, ("Ctrl+2",), menu="View",
                reason=lambda: "" if ws.selection else tr("Select an instance first.")),
        Command("view.zoom_in", tr("Zoom in"), view.zoom_in, ("Ctrl++", "Ctrl+="), menu="View", icon="zoom-in",
                reason=image),
        Command("view.zoom_out", tr("Zoom out"), view.zoom_out, ("Ctrl+-",), menu="View", icon="zoom-out",
                reason=image),
        Command("view.style", tr("Next overlay style"), link.cycle_style, ("O",), canvas, menu="View", group=1,
                icon="eye"),
        Command("view.labels", tr("All class labels"), link.toggle_labels, ("Shift+O",), canvas, menu="View", group=1),
        Command("view.more_fill", tr("More fill"), lambda: link.change_opacity(5), ("=",), canvas, menu="View",
                group=1),
        Command("view.less_fill", tr("Less fill"), lambda: link.change_opacity(-5), ("-",), canvas, menu="View",
                group=1),
        Command("view.uncertainty", tr("Uncertainty"), link.toggle_uncertainty, ("U",), canvas, menu="View", group=1,
                icon="uncertainty", reason=link.can_show_uncertainty, checked=lambda: link.uncertainty),
        Command("view.doubt", tr("Show doubt"), link.toggle_doubt, ("Shift+U",), canvas, menu="View", group=1,
                checked=lambda: link.doubt, mouse=tr("Hatches where the mask is nearly undecided.")),
        Command("view.adjustments", tr("Image adjustments"), w.toggle_adjustments, ("Shift+I",), canvas, menu="View",
                group=1, icon="adjustments", checked=lambda: w.adjustments.isVisible()),
        Command("view.hide_all", tr("Hide all instances"), ws.toggle_hide_all, ("Shift+H",), canvas, menu="View",
                group=2, icon="eye-off", checked=lambda: ws.all_hidden),
        Command("view.history", tr("History"), w.toggle_history, menu="View", group=3, icon="history",
                checked=lambda: w.history.isVisible()),
        Command("view.panels", tr("Panels"), w.toggle_panels, menu="View", group=3,
                checked=lambda: w.panel_dock.isVisible()),
        Command("view.strip", tr("Image strip"), w.toggle_strip, menu="View", group=3,
                checked=lambda: w.strip_dock.isVisible()),
        Command("view.strip_left", tr("Image strip at the left"), w.toggle_strip_side, menu="View", group=3,
                checked=w.strip_is_left),
        Command("view.tool_text", tr("Text on tool buttons"), w.toggle_tool_text, menu="View", group=3,
                checked=lambda: ws.settings.flag("appearance.tool_text")),
        Command("view.hide_panels", tr("Hide all panels"), w.toggle_all_panels, ("F11",), menu="View", group=3),
        Command("view.next_panel", tr("Next panel"), lambda: w.move_focus(1), ("F6",), menu="View", group=3),
        Command("view.previous_panel", tr("Previous panel"), lambda: w.move_focus(-1), ("Shift+F6",), menu="View",
                group=3),
        Command("view.reset", tr("Reset layout"), w.reset_layout, menu="View", group=3),
        *(
            Command(f"view.colour_by_{rule.value}", title, partial(ws.set_colour_by, rule), menu="View/Colour by",
                    group=1, checked=partial(coloured_by, rule))
            for rule, title in (
                (ColourBy.CLASS, tr("Class")),
                (ColourBy.INSTANCE, tr("Instance")),
                (ColourBy.SOURCE, tr("Source")),
                (ColourBy.REVIEW, tr("Review state")),
            )
        ),
        *(
            Command(f"view.theme_{name}", title, partial(w.set_theme, name), menu="View/Theme", group=4,
                    checked=partial(theme_is, name))
            for name, title in (("system", tr("System")), ("light", tr("Light")), ("dark", tr("Dark")))
        ),
    ]  # fmt: skip
