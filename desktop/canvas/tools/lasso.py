"""Lasso: a freehand region, closed on release; the right button subtracts from the selection (ux.md §5)."""

from __future__ import annotations

from math import hypot

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import Line, Pointer, Shape, Surface, Tool, tr
from desktop.dataset.masks import Mask
from inference.prompts import Polygon

_SPACING = 1.5
"""View pixels between recorded vertices."""


class LassoTool(Tool):
    name = "lasso"
    secondary = True

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._vertices: list[tuple[float, float]] = []
        self._subtract = False

    def press(self, at: Pointer) -> None:
        self._vertices = [self.clipped(at.x, at.y)]
        self._subtract = at.secondary

    def move(self, at: Pointer) -> None:
        if not self._vertices:
            return
        last, point = self._vertices[-1], self.clipped(at.x, at.y)
        if hypot(point[0] - last[0], point[1] - last[1]) * at.scale >= _SPACING:
            self._vertices.append(point)
            self.surface.changed()

    def release(self, at: Pointer) -> None:
        if not self.finish():
            self.cancel()

    def finish(self) -> bool:
        if len(self._vertices) < 3:
            return False
        region = Mask.from_polygons([self._vertices], *self.host.image_size)
        vertices = tuple(self._vertices)
        self.cancel()
        if region.is_empty:
            return False
        if self.may_edit() and self.host.options.outline_prompts:
            self.host.add_prompt(Polygon(vertices, self.host.options.positive != self._subtract))
        elif self.may_edit():
            if self._subtract:
                self.cut_from_selection(region, tr("Cut with the lasso"))
            else:
                self.host.create_instance(region, tr("Lasso"))
        return True

    def cancel(self) -> bool:
        drawing = self.busy()
        self._vertices = []
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return bool(self._vertices)

    def shapes(self) -> tuple[Shape, ...]:
        if not self._vertices:
            return ()
        return (Line(tuple(self._vertices), closed=True, negative=self._subtract),)
