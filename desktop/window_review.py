"""Review mode in the window: the bar above the canvas, what changed over it, and keys that work only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QBoxLayout

from desktop.canvas.difference import DifferenceLayer
from desktop.dataset.review import ReviewItem, ReviewPlan
from desktop.panels.review_bar import ReviewBar
from desktop.panels.review_dialog import ReviewDialog
from desktop.panels.statistics_page import StatisticsPage

if TYPE_CHECKING:
    from desktop.main_window import MainWindow


class ReviewMode(QObject):
    """Ties a review round of the workspace to the canvas and the commands of the window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._workspace = window.workspace
        self._last: ReviewPlan | None = None
        self._to_show = False
        self.bar = ReviewBar(window.workspace)
        self.layer = DifferenceLayer(window.canvas)
        column = window.context_bar.parentWidget()
        around = column.layout() if column is not None else None
        assert isinstance(around, QBoxLayout)
        around.insertWidget(around.indexOf(window.canvas), self.bar)
        workspace = window.workspace
        workspace.review_changed.connect(self._changed)
        workspace.review_item_opened.connect(self._item_opened)
        workspace.pixels_changed.connect(self._show_item)
        for signal in (workspace.instances_changed, workspace.selection_changed, workspace.image_changed):
            signal.connect(lambda *_: self._show_difference())
        for signal in (workspace.session_changed, window.canvas.drawing_changed):
            signal.connect(lambda *_: self.update_keys())
        self.bar.left.connect(window.canvas.setFocus)

    # -- commands ------------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """``Shift+F9``: choose what to review, or leave the review."""
        if self._workspace.reviewing:
            self._workspace.leave_review()
            return
        dialog = ReviewDialog(self._workspace, self._last, self._window)
        dialog.chosen.connect(self._start)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setModal(True)
        dialog.show()

    def show_statistics(self) -> None:
        """The figures of the project; the page stays open beside the window."""
        page = next(iter(self._window.findChildren(StatisticsPage)), None)
        if page is None:
            page = StatisticsPage(self._workspace, self._window)
            page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            page.show()
        else:
            page.raise_()
            page.refresh()

    def needs_review(self) -> str:
        """Empty while a review is under way, else what begins one."""
        return "" if self._workspace.reviewing else self.tr("Start a review first (Shift+F9).")

    def can_start(self) -> str:
        """Empty, or why there is nothing to review."""
        if self._workspace.reviewing or self._workspace.project is not None:
            return self._workspace.read_only
        return self.tr("There is no project to review yet.")

    def needs_project(self) -> str:
        return "" if self._workspace.project is not None else self.tr("There is no project yet.")

    def toggle_difference(self) -> None:
        self._workspace.show_difference(not self._workspace.difference_shown)

    def can_show_difference(self) -> str:
        """Empty, or why there is no change to show."""
        if self._workspace.reviewing or self._workspace.difference() is not None:
            return ""
        return self.tr("Select an instance that was changed in or since its review.")

    # -- following the workspace ---------------------------------------------------------------------------------

    def _start(self, items: list[ReviewItem], plan: ReviewPlan) -> None:
        self._last = plan
        problem = self._workspace.start_review(items)
        if problem:
            self._workspace.notice(problem)
        self._window.canvas.setFocus()

    def _changed(self) -> None:
        self.update_keys()
        self._show_difference()

    def _item_opened(self) -> None:
        self._to_show = True
        self._show_item()

    def _show_item(self) -> None:
        """As large as it fits, once its pixels are there."""
        workspace = self._workspace
        if not self._to_show or not workspace.reviewing or not workspace.levels:
            return
        self._to_show = False
        if workspace.selection:
            self._window.canvas.zoom_to_selection()
        else:
            self._window.canvas.zoom_to_fit()

    def _show_difference(self) -> None:
        shown = self._workspace.difference_shown
        self.layer.show_masks(self._workspace.difference() if shown else None)

    def update_keys(self) -> None:
        """Enter and Backspace belong to a drawing or a session while there is one, else to the review."""
        busy = self._workspace.session is not None or self._window.drawing
        self._window.registry.set_deciding(self._workspace.reviewing and not busy)
