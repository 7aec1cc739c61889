"""Rectangle: a drag draws one on whole pixels; Shift makes it square, Ctrl draws from the centre (ux.md §5)."""

from __future__ import annotations

from math import ceil

import numpy as np

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import BoxShape, Mods, Pointer, Shape, Surface, Tool, tr
from desktop.dataset.masks import Mask


class RectangleTool(Tool):
    name = "rectangle"

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._start: Pointer | None = None
        self._end: Pointer | None = None
        self._clicked = False
        self._dragged = False

    def press(self, at: Pointer) -> None:
        if self._start is None:
            self._start = self._end = at
            self._clicked = self._dragged = False
        else:
            self._end = at

    def move(self, at: Pointer) -> None:
        if self._start is not None:
            self._dragged = self._dragged or at.far_from(self._start)
            self._end = at
            self.surface.changed()

    def hover(self, at: Pointer) -> None:
        if self._clicked:
            self._end = at
            self.surface.changed()

    def release(self, at: Pointer) -> None:
        if self._start is None:
            return
        self._end = at
        if self._dragged or self._clicked:
            self.finish()
        else:
            self._clicked = True

    def modifiers(self, mods: Mods) -> None:
        if self._end is not None:
            end = self._end
            self._end = Pointer(end.x, end.y, end.secondary, mods, end.scale)
            self.surface.changed()

    def finish(self) -> bool:
        box = self._box()
        if box is None:
            return False
        width, height = self.host.image_size
        # a centre on the border belongs to what lies at its right or below, as in polygons: 40 px are 40 px
        x0, y0 = max(ceil(box[0] - 0.5), 0), max(ceil(box[1] - 0.5), 0)
        x1, y1 = min(ceil(box[2] - 0.5), width), min(ceil(box[3] - 0.5), height)
        if x1 <= x0 or y1 <= y0:
            return False
        self.cancel()
        if self.may_edit():
            mask = Mask.from_crop(np.ones((y1 - y0, x1 - x0), np.bool_), x0, y0, width, height)
            self.host.create_instance(mask, tr("Rectangle"))
        return True

    def cancel(self) -> bool:
        drawing = self.busy()
        self._start = self._end = None
        self._clicked = self._dragged = False
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return self._start is not None

    def draft(self) -> object | None:
        return self._start if self._clicked else None

    def restore(self, draft: object | None) -> None:
        self._start = self._end = draft if isinstance(draft, Pointer) else None
        self._clicked = self._start is not None

    def shapes(self) -> tuple[Shape, ...]:
        box = self._box()
        if box is None:
            return ()
        return (BoxShape(box, text=f"{round(box[2] - box[0])} × {round(box[3] - box[1])}"),)

    def _box(self) -> tuple[float, float, float, float] | None:
        if self._start is None or self._end is None:
            return None
        start, end = self._start, self._end
        dx, dy = end.x - start.x, end.y - start.y
        if end.mods & Mods.SHIFT:
            side = max(abs(dx), abs(dy))
            dx, dy = (side if dx >= 0 else -side), (side if dy >= 0 else -side)
        x0, y0 = (start.x - dx, start.y - dy) if end.mods & Mods.CTRL else (start.x, start.y)
        x1, y1 = start.x + dx, start.y + dy
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
