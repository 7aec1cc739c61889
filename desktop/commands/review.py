"""The menu *Review*."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from desktop.actions import Command, Scope
from desktop.commands.titles import tr
from desktop.dataset.model import ReviewState

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


def commands(w: MainWindow) -> list[Command]:
    """The commands of this menu for the window ``w``."""
    ws = w.workspace
    review = Scope.REVIEW

    def proposals() -> str:
        return "" if ws.proposals else tr("There are no proposals: run an engine on the whole image first.")

    return [
        Command("review.accept_all", tr("Accept all checked proposals"), ws.accept_all_proposals,
                ("Ctrl+Shift+Return",), menu="Review", icon="check", reason=proposals),
        Command("review.reject_all", tr("Reject all proposals"), ws.reject_all_proposals, menu="Review", icon="close",
                reason=proposals),
        Command("review.next_proposals", tr("Next image with proposals"), ws.go_to_next_proposals, ("Alt+D",),
                menu="Review", icon="next",
                reason=lambda: "" if ws.images_with_proposals else tr("No image has proposals.")),
        Command("review.mode", tr("Review…"), w.review.toggle, ("Shift+F9",), menu="Review", group=2, icon="review",
                reason=w.review.can_start, checked=lambda: ws.reviewing,
                title=lambda: tr("Leave the review") if ws.reviewing else tr("Review…")),
        Command("review.quality", tr("Quality…"), w.show_quality, ("F8",), menu="Review", group=2, icon="warning",
                reason=w.needs_image),
        Command("review.statistics", tr("Statistics…"), w.review.show_statistics, menu="Review", group=2,
                icon="statistics", reason=w.review.needs_project),
        Command("review.approve", tr("Approve and go on"), ws.approve, ("Return", "Enter"), review, menu="Review",
                group=3, icon="check", reason=lambda: w.review.needs_review() or ws.can_decide()),
        Command("review.send_back", tr("Send back with a comment…"), w.review.bar.ask_comment, ("Backspace",), review,
                menu="Review", group=3, icon="back", reason=lambda: w.review.needs_review() or ws.can_decide()),
        Command("review.next", tr("Next item without deciding"), lambda: ws.review_step(1), ("D", "PgDown"), review,
                menu="Review", group=3, icon="next", reason=w.review.needs_review),
        Command("review.previous", tr("Previous item"), lambda: ws.review_step(-1), ("A", "PgUp"), review,
                menu="Review", group=3, icon="previous", reason=w.review.needs_review),
        Command("review.show", tr("Show the item"), ws.show_review_item, ("Home",), review, menu="Review", group=3,
                reason=w.review.needs_review),
        Command("review.leave", tr("Leave the review without deciding"), ws.leave_review, ("Esc",), review,
                reason=w.review.needs_review),
        Command("review.difference", tr("Show what the review changed"), w.review.toggle_difference, ("Ctrl+Shift+D",),
                menu="Review", group=3, icon="compare", reason=w.review.can_show_difference,
                checked=lambda: ws.difference_shown),
        *(
            Command(f"review.instance_{state.name.lower()}", title, partial(w.mark_selected, state),
                    menu="Review/Mark selected instances", group=1,
                    reason=lambda: ("" if ws.selection else tr("Select an instance first.")) or ws.editable())
            for state, title in (
                (ReviewState.DRAFT, tr("Draft")), (ReviewState.DONE, tr("Done")),
                (ReviewState.REVIEWED, tr("Reviewed")), (ReviewState.NEEDS_WORK, tr("Needs work")),
            )
        ),
        *(
            Command(f"review.image_{state}", title, partial(w.mark_image, state), menu="Review", group=1,
                    reason=lambda: w.needs_image() or ws.read_only)
            for state, title in (
                ("draft", tr("Mark image as draft")),
                ("done", tr("Mark image as done")),
                ("reviewed", tr("Mark image as reviewed")),
                ("rejected", tr("Send image back")),
            )
        ),
    ]  # fmt: skip
