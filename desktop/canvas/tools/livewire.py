"""Live-wire: the contour follows edges between anchors; Backspace removes the last one (ux.md §5)."""

from __future__ import annotations

from math import hypot

import numpy as np
from numpy.typing import NDArray

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import Key, Line, Mods, Pointer, Shape, Surface, Tool, Vertices, tr
from desktop.canvas.tools.polygon import CLOSE_REACH
from desktop.dataset.masks import Mask
from inference.contours.livewire import LiveWire


class LivewireTool(Tool):
    name = "livewire"

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._anchors: list[tuple[float, float]] = []
        self._paths: list[Vertices] = []
        self._preview: Vertices = ()
        self._wire: LiveWire | None = None
        self._wire_pixels: NDArray[np.uint8] | None = None

    def press(self, at: Pointer) -> None:
        if self.host.pixels is None:
            self.host.notice(tr("The image is still being decoded."))
            return
        if self._closes(at):
            self.finish()
            return
        point = self.clipped(at.x, at.y)
        if self._anchors:
            self._paths.append(self._path(point))
        self._anchors.append(point)
        self._preview = ()
        self._start_at(point)
        self.surface.changed()

    def hover(self, at: Pointer) -> None:
        if self._anchors and self.host.pixels is not None:
            first = self._anchors[0]
            self._preview = self._path(first if self._closes(at) else self.clipped(at.x, at.y))
            self.surface.changed()

    def double_click(self, at: Pointer) -> None:
        self.finish()

    def key(self, key: Key, mods: Mods) -> bool:
        if key is Key.BACKSPACE and self._anchors:
            self._anchors.pop()
            if self._paths:
                self._paths.pop()
            self._preview = ()
            if self._anchors:
                self._start_at(self._anchors[-1])
            self.surface.changed()
            return True
        return super().key(key, mods)

    def finish(self) -> bool:
        if len(self._anchors) < 2 or self.host.pixels is None:
            return False
        outline = [*self._drawn(), *self._path(self._anchors[0])]
        mask = Mask.from_polygons([outline], *self.host.image_size)
        if mask.is_empty:
            return False
        self.cancel()
        if self.may_edit():
            self.host.create_instance(mask, tr("Live-wire"))
        return True

    def cancel(self) -> bool:
        drawing = self.busy()
        self._anchors, self._paths, self._preview = [], [], ()
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return bool(self._anchors)

    def draft(self) -> object | None:
        return (tuple(self._anchors), tuple(self._paths)) if self._anchors else None

    def restore(self, draft: object | None) -> None:
        anchors, paths = draft if isinstance(draft, tuple) else ((), ())
        self._anchors, self._paths, self._preview = list(anchors), list(paths), ()
        self._wire_pixels = None

    def shapes(self) -> tuple[Shape, ...]:
        if not self._anchors:
            return ()
        shapes: list[Shape] = [Line(tuple(self._drawn()))] if self._paths else []
        if self._preview:
            shapes.append(Line(self._preview, faint=True))
        # no edge of its own: only the anchors' handles
        shapes.extend(Line((anchor,), handles=True) for anchor in self._anchors)
        return tuple(shapes)

    def _drawn(self) -> list[tuple[float, float]]:
        return [point for path in self._paths for point in path]

    def _closes(self, at: Pointer) -> bool:
        if len(self._anchors) < 2:
            return False
        x, y = self._anchors[0]
        return hypot(at.x - x, at.y - y) * at.scale <= CLOSE_REACH

    def _start_at(self, point: tuple[float, float]) -> None:
        pixels = self.host.pixels
        if pixels is None:
            return
        if self._wire is None or self._wire_pixels is not pixels:
            self._wire, self._wire_pixels = LiveWire(pixels), pixels
        self._wire.set_anchor(*point)

    def _path(self, point: tuple[float, float]) -> Vertices:
        if self._wire is None or self._wire_pixels is not self.host.pixels:
            self._start_at(self._anchors[-1])
        return () if self._wire is None else self._wire.path_to(*point)
