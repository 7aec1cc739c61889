"""Split: a cut right across the selected instances, or round a piece of them (ux.md §5).

A drag draws the cut freehand and cuts on release; clicks set the corners of a straight one, which Enter, a double click
or the right button ends. A cut that comes back to its start is closed.
"""

from __future__ import annotations

from math import hypot

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import Key, Line, Mods, Pointer, Shape, Surface, Tool, tr
from desktop.canvas.tools.polygon import CLOSE_REACH

_SPACING = 2.0
"""View pixels between the recorded points of a freehand cut."""


class SplitTool(Tool):
    name = "split"
    secondary = True

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._line: list[tuple[float, float]] = []
        self._pointer: tuple[float, float] | None = None
        self._pressed: Pointer | None = None
        self._freehand = False
        self._closed = False

    def press(self, at: Pointer) -> None:
        if at.secondary:
            self.finish()
            return
        if not self._line and not self._may_split():
            return
        self._pressed = at
        self._freehand = False
        if not self._closes(at):
            self._line.append((at.x, at.y))
        self._track(at)

    def move(self, at: Pointer) -> None:
        if self._pressed is None:
            return
        self._freehand = self._freehand or at.far_from(self._pressed)
        last = self._line[-1]
        if self._freehand and hypot(at.x - last[0], at.y - last[1]) * at.scale >= _SPACING:
            self._line.append((at.x, at.y))
        self._track(at)

    def release(self, at: Pointer) -> None:
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            return
        closes = self._closes(at)
        if self._freehand:
            self._line.append((at.x, at.y))
            self._closed = closes
            self.finish()
        elif closes and self._closes(pressed):
            self._closed = True
            self.finish()

    def hover(self, at: Pointer) -> None:
        self._track(at)

    def leave(self) -> None:
        self._pointer = None
        self.surface.changed()

    def double_click(self, at: Pointer) -> None:
        """The first press of the pair has set the last corner already."""
        self._pressed = None
        self.finish()

    def key(self, key: Key, mods: Mods) -> bool:
        if key is Key.BACKSPACE and self._line:
            self._line.pop()
            self.surface.changed()
            return True
        return super().key(key, mods)

    def finish(self) -> bool:
        if len(self._line) < 2:
            return False
        line, closed = tuple(self._line), self._closed
        self.cancel()
        if self.may_edit():
            self.host.split_selected(line, closed=closed)
        return True

    def cancel(self) -> bool:
        drawing = self.busy()
        self._line = []
        self._pressed = None
        self._closed = self._freehand = False
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return bool(self._line)

    def draft(self) -> object | None:
        return tuple(self._line) or None

    def restore(self, draft: object | None) -> None:
        self._line = list(draft) if isinstance(draft, tuple) else []

    def shapes(self) -> tuple[Shape, ...]:
        if not self._line:
            return ()
        drawn = tuple(self._line)
        shapes: list[Shape] = []
        if self._pointer is not None and not self._freehand:
            shapes.append(Line((drawn[-1], self._pointer), faint=True))
        shapes.append(Line(drawn, negative=True, handles=not self._freehand))
        return tuple(shapes)

    def _may_split(self) -> bool:
        if not self.may_edit():
            return False
        if not self.host.selection:
            self.host.notice(tr("Select the instance to split first: press V and click it, or Tab."))
            return False
        return True

    def _closes(self, at: Pointer) -> bool:
        if len(self._line) < 3:
            return False
        x, y = self._line[0]
        return hypot(at.x - x, at.y - y) * at.scale <= CLOSE_REACH

    def _track(self, at: Pointer) -> None:
        self._pointer = (at.x, at.y)
        self.surface.changed()
