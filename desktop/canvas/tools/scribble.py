"""Scribble: a stroke prompt, smoothed, as polyline and width; runs on release (ux.md §5)."""

from __future__ import annotations

from math import hypot

import numpy as np

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import Cursor, Line, Pointer, Shape, Surface, Vertices
from desktop.canvas.tools.prompting import PromptTool
from inference.prompts import Scribble

_SPACING = 2.0
"""View pixels between recorded vertices: nearer ones are noise of the hand."""


class ScribbleTool(PromptTool):
    name = "scribble"

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._stroke: list[tuple[float, float]] = []
        self._at: Pointer | None = None

    def press(self, at: Pointer) -> None:
        super().press(at)
        self._stroke = [] if self._grabbed is not None else [self.clipped(at.x, at.y)]
        self._show(at)

    def move(self, at: Pointer) -> None:
        super().move(at)
        if self._grabbed is None and self._stroke:
            point = self.clipped(at.x, at.y)
            last = self._stroke[-1]
            if hypot(point[0] - last[0], point[1] - last[1]) * at.scale >= _SPACING:
                self._stroke.append(point)
        self._show(at)

    def hover(self, at: Pointer) -> None:
        self._show(at)

    def leave(self) -> None:
        self._at = None
        self.surface.changed()

    def clicked(self, at: Pointer) -> None:
        self._add(at)

    def dragged(self, start: Pointer, end: Pointer) -> None:
        self._stroke.append(self.clipped(end.x, end.y))
        self._add(start)

    def cancel(self) -> bool:
        drawing = self.busy()
        self._stroke = []
        self._pressed = None
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return bool(self._stroke)

    def shapes(self) -> tuple[Shape, ...]:
        shapes: list[Shape] = []
        width = float(self.host.options.scribble_width)
        if self._stroke and self._pressed is not None:
            negative = not self.positive(self._pressed)
            shapes.append(Line(tuple(self._stroke), negative=negative, width=width))
        if self._at is not None:
            shapes.append(Cursor(self._at.x, self._at.y, width))
        return tuple(shapes)

    def _add(self, start: Pointer) -> None:
        stroke, self._stroke = tuple(self._stroke), []
        if stroke and self.may_edit():
            vertices = smoothed(stroke)
            self.host.add_prompt(Scribble(vertices, float(self.host.options.scribble_width), self.positive(start)))
        self.surface.changed()

    def _show(self, at: Pointer) -> None:
        self._at = at
        self.surface.changed()


def smoothed(stroke: Vertices) -> Vertices:
    """The stroke with every inner vertex averaged with its neighbours (weights 1-2-1); both ends stay."""
    if len(stroke) < 3:
        return stroke
    points = np.asarray(stroke, np.float64)
    points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    return tuple((float(x), float(y)) for x, y in points)
