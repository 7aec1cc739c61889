"""Region of interest (Ctrl+Shift+B): the engine sees that crop at full resolution (ux.md §4)."""

from __future__ import annotations

from math import ceil, floor

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import BoxShape, Pointer, Shape, Surface, Tool

_SMALLEST = 8
"""Pixels: a smaller region is a slip of the hand and clears the region instead."""


class RegionOfInterestTool(Tool):
    name = "region_of_interest"

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._start: Pointer | None = None
        self._end: Pointer | None = None

    def press(self, at: Pointer) -> None:
        self._start = self._end = at

    def move(self, at: Pointer) -> None:
        if self._start is not None:
            self._end = at
            self.surface.changed()

    def release(self, at: Pointer) -> None:
        start = self._start
        if start is None:
            return
        x0, y0 = self.clipped(min(start.x, at.x), min(start.y, at.y))
        x1, y1 = self.clipped(max(start.x, at.x), max(start.y, at.y))
        self.cancel()
        box = (floor(x0), floor(y0), ceil(x1), ceil(y1))
        large = box[2] - box[0] >= _SMALLEST and box[3] - box[1] >= _SMALLEST
        self.host.set_region_of_interest(box if large else None)

    def cancel(self) -> bool:
        drawing = self.busy()
        self._start = self._end = None
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return self._start is not None

    def shapes(self) -> tuple[Shape, ...]:
        if self._start is None or self._end is None:
            return ()
        return (BoxShape((self._start.x, self._start.y, self._end.x, self._end.y)),)
