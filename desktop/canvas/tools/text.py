"""Text: choosing the tool moves the focus to the text box; on the canvas it only looks (ux.md §5)."""

from __future__ import annotations

from desktop.canvas.tools.base import Pointer, Tool


class TextTool(Tool):
    name = "text"

    def activate(self) -> None:
        self.surface.ask_for_text()

    def press(self, at: Pointer) -> None:
        self.surface.ask_for_text()
