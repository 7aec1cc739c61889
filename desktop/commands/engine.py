"""The menu *Engine*: the session and its candidates."""

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

    def session() -> str:
        return "" if ws.session is not None else tr("There is no open session: prompt something first.")

    def candidates() -> str:
        found = ws.session
        return "" if found is not None and len(found.candidates) > 1 else tr("There are no other candidates.")

    def acceptable() -> str:
        # a drawing on the canvas is finished by the same key
        return "" if w.drawing else ws.can_accept() and w.cannot_ask()

    return [
        Command("session.accept", tr("Accept"), w.accept, ("Return", "Enter", "F"), canvas, menu="Engine",
                icon="accept", reason=acceptable),
        Command("session.accept_class", tr("Accept with class…"), w.accept_with_class,
                ("Shift+Return", "Shift+Enter"), canvas, menu="Engine", icon="class", reason=ws.can_accept),
        Command("session.accept_next", tr("Accept and start the next"), w.accept_next, ("N",), canvas, menu="Engine",
                icon="accept-next", reason=acceptable),
        Command("session.cancel", tr("Cancel"), w.escape, ("Esc",), canvas, menu="Engine", icon="discard"),
        Command("session.next", tr("Next candidate"), lambda: ws.cycle_candidate(1), ("C",), canvas, menu="Engine",
                group=1, icon="candidates", reason=candidates),
        Command("session.previous", tr("Previous candidate"), lambda: ws.cycle_candidate(-1), ("Shift+C",), canvas,
                menu="Engine", group=1, reason=candidates),
        Command("session.back", tr("Remove last prompt"), ws.undo_prompt, ("Backspace",), canvas, menu="Engine",
                group=1, reason=session),
        Command("session.invert", tr("Invert last prompt"), ws.invert_last_prompt, ("I",), canvas, menu="Engine",
                group=1, icon="swap", reason=session),
        Command("session.polarity", tr("Swap positive and negative"), w.swap_polarity, ("X",), canvas, menu="Engine",
                group=1, checked=lambda: not ws.options.positive),
        Command("session.suggestion", tr("Take the suggested class"), ws.take_suggestion, ("Z",), canvas, menu="Engine",
                group=1, icon="label", reason=ws.can_take_suggestion),
        Command("session.roi", tr("Region of interest"), w.toggle_region, ("Ctrl+Shift+B",), menu="Engine", group=1,
                icon="roi", reason=w.needs_image, checked=lambda: ws.region_of_interest is not None),
        Command("engine.run", tr("Run again"), ws.run, ("Ctrl+R",), menu="Engine", group=2, icon="run",
                reason=ws.can_run),
        Command("engine.everything", tr("Run on the whole image"), ws.run_everything, ("Ctrl+B",), menu="Engine",
                group=2, icon="everything", reason=ws.can_run_everything),
        Command("engine.batch", tr("Batch…"), w.show_batch, ("Ctrl+Alt+B",), menu="Engine", group=2, icon="everything",
                reason=ws.can_batch),
        Command("engine.follow", tr("Apply to following images…"), w.ask_following, ("Ctrl+Shift+F",), menu="Engine",
                group=2, icon="images", reason=ws.can_follow),
        Command("engine.options", tr("Engine options…"), w.show_engine_options, menu="Engine", group=2, icon="settings",
                reason=w.has_engine_options),
        Command("engine.compare", tr("Compare with another engine…"), w.compare, menu="Engine", group=2, icon="compare",
                reason=w.can_compare),
        Command("engine.models", tr("Models…"), w.show_models, menu="Engine", group=3, icon="engine"),
    ]  # fmt: skip
