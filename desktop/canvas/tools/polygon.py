"""Polygon: clicks add vertices, dragging draws freehand; Shift locks to 45°, Ctrl snaps to borders and follows them."""

from __future__ import annotations

from math import atan2, cos, hypot, pi, sin

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import Key, Line, Mods, Pointer, Shape, Surface, Tool, Vertices, tr
from desktop.canvas.tools.snapping import snapped_to_border
from desktop.dataset.masks import Mask
from inference.prompts import Polygon

CLOSE_REACH = 9.0
"""View pixels round the first vertex within which a click closes the polygon."""

_FREEHAND_SPACING = 4.0


class PolygonTool(Tool):
    name = "polygon"

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._vertices: list[tuple[float, float]] = []
        self._pointer: tuple[float, float] | None = None
        self._last: Pointer | None = None
        self._pressed: Pointer | None = None
        self._freehand = False
        self._borders: list[tuple[int, int]] = []

    def press(self, at: Pointer) -> None:
        self._pressed = at
        self._freehand = False
        if self._closes(at):
            return
        place = self._placed(at)
        border = self._border_to(place, at)
        if border:
            self._borders.append((len(self._vertices), len(self._vertices) + len(border) + 1))
        self._vertices += [*border, place]
        self._track(at)

    def move(self, at: Pointer) -> None:
        if self._pressed is None or not self._vertices:
            return
        self._freehand = self._freehand or at.far_from(self._pressed)
        last = self._vertices[-1]
        point = self.clipped(at.x, at.y)
        if self._freehand and hypot(point[0] - last[0], point[1] - last[1]) * at.scale >= _FREEHAND_SPACING:
            self._vertices.append(point)
        self._track(at)

    def release(self, at: Pointer) -> None:
        pressed, self._pressed = self._pressed, None
        if pressed is not None and self._closes(at) and (self._freehand or self._closes(pressed)):
            self._vertices += self._border_to(self._vertices[0], at)
            self.finish()

    def hover(self, at: Pointer) -> None:
        self._track(at)

    def double_click(self, at: Pointer) -> None:
        """The first press of the pair has set the last vertex already."""
        self._pressed = None
        self.finish()

    def modifiers(self, mods: Mods) -> None:
        if self._last is not None and self._vertices:
            last = self._last
            self._track(Pointer(last.x, last.y, last.secondary, mods, last.scale))

    def key(self, key: Key, mods: Mods) -> bool:
        if key is Key.BACKSPACE and self._vertices:
            self._take_back()
            self.surface.changed()
            return True
        return super().key(key, mods)

    def finish(self) -> bool:
        if len(self._vertices) < 3:
            return False
        mask = Mask.from_polygons([self._vertices], *self.host.image_size)
        if mask.is_empty:
            return False
        vertices = tuple(self._vertices)
        self.cancel()
        if self.may_edit() and self.host.options.outline_prompts:
            self.host.add_prompt(Polygon(vertices, self.host.options.positive))
        elif self.may_edit():
            self.host.create_instance(mask, tr("Polygon"))
        return True

    def cancel(self) -> bool:
        drawing = self.busy()
        self._vertices, self._borders = [], []
        self._pressed = None
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return bool(self._vertices)

    def draft(self) -> object | None:
        return tuple(self._vertices) or None

    def restore(self, draft: object | None) -> None:
        self._vertices, self._borders = list(draft) if isinstance(draft, tuple) else [], []

    def shapes(self) -> tuple[Shape, ...]:
        if not self._vertices:
            return ()
        drawn: Vertices = tuple(self._vertices)
        if self._pointer is None:
            return (Line(drawn, handles=True),)
        border = () if self._last is None else self._border_to(self._pointer, self._last)
        back = Line((drawn[-1], *border, self._pointer, drawn[0]), faint=True)
        return (back, Line(drawn, handles=True))

    def _track(self, at: Pointer) -> None:
        self._last = at
        self._pointer = self._placed(at) if self._vertices else None
        self.surface.changed()

    def _border_to(self, place: tuple[float, float], at: Pointer) -> tuple[tuple[float, float], ...]:
        """With Ctrl, between two points of one border: the corners of that border, so that neighbours share it."""
        if not at.mods & Mods.CTRL or not self._vertices:
            return ()
        return tuple(self.surface.index.border_between(self._vertices[-1], place))

    def _take_back(self) -> None:
        """Drop the last vertex, with the border that it followed."""
        followed = bool(self._borders) and self._borders[-1][1] == len(self._vertices)
        start = self._borders.pop()[0] if followed else len(self._vertices) - 1
        del self._vertices[start:]

    def _closes(self, at: Pointer) -> bool:
        if len(self._vertices) < 3:
            return False
        x, y = self._vertices[0]
        return hypot(at.x - x, at.y - y) * at.scale <= CLOSE_REACH

    def _placed(self, at: Pointer) -> tuple[float, float]:
        """Where a vertex goes: on a border (Ctrl), at a multiple of 45° (Shift), else at the pointer."""
        point = (at.x, at.y)
        if at.mods & Mods.CTRL:
            point = snapped_to_border(self.surface.index, self.host.image_size, at.x, at.y, at.scale) or point
        elif at.mods & Mods.SHIFT and self._vertices:
            x, y = self._vertices[-1]
            angle = round(atan2(at.y - y, at.x - x) / (pi / 4)) * (pi / 4)
            length = (at.x - x) * cos(angle) + (at.y - y) * sin(angle)
            point = (x + length * cos(angle), y + length * sin(angle))
        return self.clipped(*point)
