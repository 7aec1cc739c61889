"""What the commands for tools and the open session do in the window (ux.md §4, §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QInputDialog, QMenu

from desktop.dataset.model import ImageState, ReviewState
from desktop.shape_dialog import ShapeDialog
from desktop.window_parts import WindowParts
from desktop.workspace import EngineStatus, Notice, NoticeAction, Severity
from desktop.workspace.operations import Operation


class WindowSession(WindowParts):
    """Choosing tools, accepting, leaving in layers, comparing engines, the context menu."""

    _resume_tool = "select"
    _after_choice: Callable[[int], object] | None = None
    _offered: Path | None = None

    def choose_tool(self, name: str) -> None:
        if name == "reference":
            self.toggle_reference()
            return
        self.canvas.set_tool(name)
        if name == "text":
            self.focus_text()
        else:
            self.canvas.setFocus()

    def toggle_reference(self) -> None:
        """Open the reference pane beside the canvas, or close it."""
        if self.reference_pane.isVisible():
            self.reference_pane.leave()
        else:
            self.canvas.finish_drawing()
            self.reference_pane.open()
            share = self._side_by_side.width() // 5
            self._side_by_side.setSizes([3 * share, 2 * share])
        self._refresh.start(0)

    def _reference_chosen(self) -> None:
        self.canvas.setFocus()
        self._refresh.start(0)

    def focus_text(self) -> None:
        if self.sections.is_compact:
            self.sections.set_compact(False)
        self.sections.sections["prompts"].set_folded(False)
        self.panel_dock.show()
        self.prompts_panel.focus_text()

    def toggle_region(self) -> None:
        """Mark a region of interest, or leave the one that is marked."""
        if self.workspace.region_of_interest is not None:
            self.workspace.set_region_of_interest(None)
        else:
            self._resume_tool = self.canvas.tool
            self.canvas.set_tool("region_of_interest")

    def accept(self) -> None:
        """Enter: finish the drawing on the canvas, else run what was not asked yet, else accept the session."""
        if self.canvas.finish_drawing():
            return
        if self.workspace.can_accept() and not self.cannot_ask():
            self.workspace.run()
        else:
            self.workspace.accept()

    def cannot_ask(self) -> str:
        """Empty when Enter can run the session, which has no mask yet; else why not."""
        session = self.workspace.session
        if session is None or session.busy or session.candidate is not None:
            return self.workspace.can_accept()
        return self.workspace.can_run()

    def accept_next(self) -> None:
        if not self.canvas.finish_drawing():
            self.workspace.accept(start_next=True)

    def accept_with_class(self) -> None:
        """Shift+Enter: choose the class from a type-ahead at the cursor, then accept."""
        self.choose_class(self.cursor().pos(), self.workspace.accept)

    def choose_class(self, at: QPoint, then: Callable[[int], object] | None = None) -> None:
        """Open the type-ahead of classes at a place on the screen; the choice becomes current, then ``then`` has it."""
        self._after_choice = then
        self.chooser.open_at(at)

    def _class_chosen(self, category_id: int) -> None:
        self.workspace.set_current_category(category_id)
        if self._after_choice is not None:
            self._after_choice(category_id)
        self.canvas.setFocus()

    def _offer_names(self) -> None:
        """Draw first, name later: once per project without classes, offer to name what was drawn (ux.md §14)."""
        ws = self.workspace
        unnamed = [i.id for i in ws.instances.values() if i.category_id is None]
        if not unnamed or ws.categories or ws.project is None or self._offered == ws.project.path:
            return
        self._offered = ws.project.path
        name = NoticeAction(self.tr("Name…"), self._name_unlabelled)
        text = self.tr("The new instance has no class yet. Name it now, or draw first and name later.")
        ws.raise_notice(Notice(text, Severity.INFO, (name,)))

    def _name_unlabelled(self) -> None:
        """Choose a class for the selected instances, or for all that have none."""
        ws = self.workspace
        chosen = list(ws.selection) or [i.id for i in ws.instances.values() if i.category_id is None]
        corner = self.canvas.mapToGlobal(QPoint(16, 16))
        self.choose_class(corner, lambda category_id: ws.set_category(chosen, category_id))

    def escape(self) -> None:
        """Esc in layers: the drawing, the request, the session, the region, the selection."""
        if self.canvas.cancel_drawing() or self.workspace.cancel():
            return
        if self.canvas.tool == "region_of_interest":
            self.canvas.set_tool(self._resume_tool)
        elif self.workspace.region_of_interest is not None:
            self.workspace.set_region_of_interest(None)
        else:
            self.workspace.select([])

    def swap_polarity(self) -> None:
        options = self.workspace.options
        self.workspace.change_options(replace(options, positive=not options.positive))

    def compare(self) -> None:
        """Ask which other engine shall answer the same prompts."""
        titles = {s.spec.title: s.spec.name for s in self._comparable()}
        title, chosen = QInputDialog.getItem(
            self, self.tr("Compare"), self.tr("Run the same prompts on"), list(titles), 0, False
        )
        if chosen:
            self.workspace.compare(titles[title])

    def _comparable(self) -> list[EngineStatus]:
        session = self.workspace.session
        here = session.engine if session is not None else ""
        return [s for s in self.workspace.engines if s.usable and s.spec.name != here]

    def can_compare(self) -> str:
        if self.workspace.session is None:
            return self.tr("There is no open session: prompt something first.")
        return "" if self._comparable() else self.tr("No other engine is installed.")

    def shape(self, operation: Operation) -> None:
        """Choose the number of an operation on the selected masks, with the result on the canvas."""
        for dialog in self.findChildren(ShapeDialog):
            dialog.reject()
        ShapeDialog(self.workspace, self.canvas, operation, self).open_over(self.canvas)

    def select_next(self, step: int) -> None:
        """The next visible instance, moved into view when it is out of it."""
        self.workspace.select_next(step)
        self.canvas.reveal_selection()

    def mark_image(self, state: str) -> None:
        image = self.workspace.current_image
        if image is not None:
            self.workspace.set_image_state([image.id], ImageState(state))

    def mark_selected(self, state: ReviewState) -> None:
        self.workspace.mark_instances(self.workspace.selection, state)

    def needs_image(self) -> str:
        return "" if self.workspace.current_image is not None else self.tr("No image is open.")

    def needs_instances(self) -> str:
        return "" if self.workspace.instances else self.tr("There are no instances in this image.")

    def _context_menu(self, x: int, y: int) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        self.registry.refresh()
        names = (
            "object.refine", "object.edit", "", "edit.copy", "edit.paste", "edit.duplicate", "edit.delete", "",
            "object.union", "object.subtract", "object.split", "object.fill_all_holes", "", "object.front",
            "object.back", "object.hide", "object.lock", "", "view.fit", "view.fit_selection",
        )  # fmt: skip
        for name in names:
            if name:
                menu.addAction(self.registry.action(name))
            else:
                menu.addSeparator()
        menu.popup(QPoint(x, y))
