"""Box: a drag or two clicks make a box prompt; the right button makes a negative one (ux.md §5)."""

from __future__ import annotations

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import BoxShape, Pointer, Shape, Surface
from desktop.canvas.tools.prompting import PromptTool


class BoxTool(PromptTool):
    name = "box"

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._corner: Pointer | None = None
        self._end: Pointer | None = None

    def press(self, at: Pointer) -> None:
        super().press(at)
        if self._corner is not None:
            self._grabbed = None

    def move(self, at: Pointer) -> None:
        super().move(at)
        if self._grabbed is None and self._dragging:
            self._show_to(at)

    def hover(self, at: Pointer) -> None:
        if self._corner is not None:
            self._show_to(at)

    def clicked(self, at: Pointer) -> None:
        if self._corner is None:
            self._corner = self._end = at
        else:
            corner, self._corner, self._end = self._corner, None, None
            self.add_box(corner, at)
        self.surface.changed()

    def dragged(self, start: Pointer, end: Pointer) -> None:
        corner = self._corner or start
        self._corner = self._end = None
        self.add_box(corner, end)
        self.surface.changed()

    def cancel(self) -> bool:
        drawing = self.busy()
        self._corner = self._end = self._pressed = None
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return self._end is not None

    def draft(self) -> object | None:
        return self._corner

    def restore(self, draft: object | None) -> None:
        self._corner = self._end = draft if isinstance(draft, Pointer) else None

    def shapes(self) -> tuple[Shape, ...]:
        start = self._corner or self._pressed
        if start is None or self._end is None:
            return ()
        box = (start.x, start.y, self._end.x, self._end.y)
        return (BoxShape(box, negative=not self.positive(start)),)

    def _show_to(self, at: Pointer) -> None:
        self._end = at
        self.surface.changed()
