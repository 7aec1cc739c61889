"""What the commands for tools and the open session do in the window (ux.md §4, §5)."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QInputDialog, QMenu

from desktop.dataset.model import ImageState
from desktop.window_parts import WindowParts
from desktop.workspace import EngineStatus


class WindowSession(WindowParts):
    """Choosing tools, accepting, leaving in layers, comparing engines, the context menu."""

    _resume_tool = "select"

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
        self._accept_after_choice = True
        self.chooser.open_at(self.cursor().pos())

    def _class_chosen(self, category_id: int) -> None:
        self.workspace.set_current_category(category_id)
        if getattr(self, "_accept_after_choice", False):
            self.workspace.accept(category_id)
        self._accept_after_choice = False
        self.canvas.setFocus()

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

    def mark_image(self, state: str) -> None:
        image = self.workspace.current_image
        if image is not None:
            self.workspace.set_image_state([image.id], ImageState(state))

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
            "object.union", "object.subtract", "object.split", "object.fill_holes", "", "object.front", "object.back",
            "object.hide", "object.lock", "", "view.fit", "view.fit_selection",
        )  # fmt: skip
        for name in names:
            if name:
                menu.addAction(self.registry.action(name))
            else:
                menu.addSeparator()
        menu.popup(QPoint(x, y))
