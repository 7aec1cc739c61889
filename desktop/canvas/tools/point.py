"""Point: a click is a positive point, a right click a negative one, a drag makes a box (ux.md §4, §5)."""

from __future__ import annotations

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import BoxShape, Pointer, Shape, Surface
from desktop.canvas.tools.prompting import PromptTool
from inference.prompts import Point


class PointTool(PromptTool):
    name = "point"

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._end: Pointer | None = None

    def move(self, at: Pointer) -> None:
        super().move(at)
        if self._grabbed is None and self._dragging:
            self._end = at
            self.surface.changed()

    def release(self, at: Pointer) -> None:
        self._end = None
        super().release(at)
        self.surface.changed()

    def clicked(self, at: Pointer) -> None:
        width, height = self.host.image_size
        if 0 <= at.x < width and 0 <= at.y < height and self.may_edit():
            self.host.add_prompt(Point(at.x, at.y, self.positive(at), self.part(at)))

    def dragged(self, start: Pointer, end: Pointer) -> None:
        self.add_box(start, end)

    def cancel(self) -> bool:
        if self._end is None:
            return False
        self._end = self._pressed = None
        self.surface.changed()
        return True

    def busy(self) -> bool:
        return self._end is not None

    def shapes(self) -> tuple[Shape, ...]:
        if self._pressed is None or self._end is None:
            return ()
        start, end = self._pressed, self._end
        return (BoxShape((start.x, start.y, end.x, end.y), negative=not self.positive(start)),)
