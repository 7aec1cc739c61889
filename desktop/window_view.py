"""What is shown of the window and how large: panels, strip, focus, narrow windows (ux.md §2)."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QWidget

from desktop.panels.section import SectionColumn
from desktop.window_session import WindowSession
from desktop.workspace import Workspace

STRIP_HEIGHT, STRIP_WIDTH = 148, 176
"""Of the image strip at the bottom, and at the left."""

NARROW = 1180
"""Below this width, px, the right column shrinks to icons."""

PANEL_WIDTH = 312


class WindowView(WindowSession):
    """Opening, closing and moving the parts of the window, and the way of the focus between them."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self._narrow: bool | None = None
        self._hidden_by_f11: list[QWidget] = []

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            self.sections.set_compact(narrow)
            self._panel_width(narrow)
            self.tools.set_text_visible(not narrow and self.workspace.settings.flag("appearance.tool_text"))

    def _panel_width(self, compact: bool) -> None:
        self.resizeDocks(
            [self.panel_dock], [SectionColumn.RAIL_WIDTH if compact else PANEL_WIDTH], Qt.Orientation.Horizontal
        )

    def toggle_panels(self) -> None:
        self.panel_dock.setVisible(not self.panel_dock.isVisible())

    def toggle_strip(self) -> None:
        self.strip_dock.setVisible(not self.strip_dock.isVisible())

    def strip_is_left(self) -> bool:
        return self.dockWidgetArea(self.strip_dock) is Qt.DockWidgetArea.LeftDockWidgetArea

    def toggle_strip_side(self) -> None:
        self.set_strip_left(not self.strip_is_left())

    def set_strip_left(self, left: bool) -> None:
        """Put the image strip in a column at the left, or in a row at the bottom."""
        visible = self.strip_dock.isVisible()
        areas = Qt.DockWidgetArea
        self.addDockWidget(areas.LeftDockWidgetArea if left else areas.BottomDockWidgetArea, self.strip_dock)
        self.strip.set_vertical(left)
        if left:
            self.resizeDocks([self.strip_dock], [STRIP_WIDTH], Qt.Orientation.Horizontal)
        self.strip_dock.setVisible(visible)

    def toggle_tool_text(self) -> None:
        settings = self.workspace.settings
        settings.set("appearance.tool_text", not settings.flag("appearance.tool_text"))

    def toggle_history(self) -> None:
        self._toggle_section("history")

    def toggle_adjustments(self) -> None:
        self._toggle_section("adjustments")

    def _toggle_section(self, name: str) -> None:
        section = self.sections.sections[name]
        if section.is_folded or not section.isVisible():
            self.panel_dock.show()
            self.sections.open_section(name)
        else:
            section.set_folded(True)

    def toggle_all_panels(self) -> None:
        """F11: only image and menus; again brings everything back."""
        if self._hidden_by_f11:
            for widget in self._hidden_by_f11:
                widget.show()
            self._hidden_by_f11 = []
            return
        parts: tuple[QWidget, ...] = (self.panel_dock, self.strip_dock, self.tools, self.context_bar)
        self._hidden_by_f11 = [widget for widget in parts if widget.isVisible()]
        for widget in self._hidden_by_f11:
            widget.hide()

    def reset_layout(self) -> None:
        self.toggle_all_panels() if self._hidden_by_f11 else None
        self.window_layout.reset()

    def move_focus(self, step: int) -> None:
        """F6: canvas, right column, image strip, tools, and round again."""
        stops: list[tuple[QWidget, QWidget]] = [
            (self.canvas, self.canvas),
            (self.panel_dock, self.prompts_panel),
            (self.strip_dock, self.strip),
            (self.tools, self.tools),
        ]
        stops = [(area, target) for area, target in stops if area.isVisible()]
        if not stops:
            return
        focus = QApplication.focusWidget()
        here = next((i for i, (area, _) in enumerate(stops) if focus is not None and area.isAncestorOf(focus)), -1)
        if focus is self.canvas:
            here = 0
        area, target = stops[(here + step) % len(stops)]
        if target.focusPolicy() is Qt.FocusPolicy.NoFocus and target.focusProxy() is None:
            inner = next((w for w in area.findChildren(QWidget) if _takes_focus(w)), None)
            target = inner or target
        target.setFocus(Qt.FocusReason.TabFocusReason)

    def focus_image_filter(self) -> None:
        self.strip_dock.show()
        self.strip.focus_search()

    def focus_class_filter(self) -> None:
        self.panel_dock.show()
        self.sections.open_section("classes")
        self.classes_panel.focus_filter()

    def add_class(self) -> None:
        self.classes_panel.add_class()


def _takes_focus(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
