"""Brush and eraser: exact pixels on the selected instance, or on a new one (ux.md §5)."""

from __future__ import annotations

from desktop.canvas.host import BrushShape, CanvasInstance, ToolHost
from desktop.canvas.tools.base import Cursor, Line, Mods, Pointer, Raster, Shape, Surface, Tool, tr
from desktop.canvas.tools.stroke import Patch, snapped, swept


class BrushTool(Tool):
    """Left paints, right erases. Shift draws a straight line from where the last stroke ended."""

    name = "brush"
    secondary = True
    paints = True

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._at: tuple[float, float] | None = None
        self._last: tuple[float, float] | None = None
        self._patch: Patch | None = None
        self._target: CanvasInstance | None = None
        self._adds = True
        self._straight = False

    def press(self, at: Pointer) -> None:
        if not self.may_edit():
            return
        self._adds = self.paints != at.secondary
        self._target = self._selected()
        if self._target is None and not self._adds:
            self.host.notice(tr("Select the instance to erase from."))
            return
        if self._target is not None and self._target.locked:
            self.host.notice(tr("The selected instance is locked."))
            return
        width, height = self.host.image_size
        self._patch = Patch(width, height, self._target.mask if self._target else None)
        if self._target is not None:
            self.surface.lift([self._target.id])
        place = snapped(at.x, at.y, self.host.options.brush_size)
        straight = bool(at.mods & Mods.SHIFT) and self._last is not None
        self._stamp(self._last if straight and self._last is not None else place, place)
        self._last = place
        self._show(at)

    def move(self, at: Pointer) -> None:
        if self._patch is not None and self._last is not None:
            place = snapped(at.x, at.y, self.host.options.brush_size)
            if not at.mods & Mods.SHIFT:
                self._stamp(self._last, place)
                self._last = place
        self._show(at)

    def release(self, at: Pointer) -> None:
        if self._patch is not None and at.mods & Mods.SHIFT and self._last is not None:
            place = snapped(at.x, at.y, self.host.options.brush_size)
            self._stamp(self._last, place)
            self._last = place
        self.finish()

    def hover(self, at: Pointer) -> None:
        self._show(at)

    def leave(self) -> None:
        self._at = None
        self.surface.changed()

    def finish(self) -> bool:
        patch, target = self._patch, self._target
        if patch is None:
            return False
        mask = patch.mask()
        self._put_down()
        name = tr("Brush stroke") if self._adds else tr("Eraser stroke")
        if target is None:
            if not mask.is_empty:
                self.host.create_instance(mask, name)
        elif mask.is_empty:
            self.host.notice(tr("The stroke would erase the whole instance; press Del to delete it."))
        elif mask != target.mask:
            self.host.edit_instances({target.id: mask}, name)
        return True

    def cancel(self) -> bool:
        drawing = self.busy()
        self._last = None
        self._put_down()
        return drawing

    def _put_down(self) -> None:
        self._patch = self._target = None
        self.surface.lift(())
        self.surface.changed()

    def busy(self) -> bool:
        return self._patch is not None

    def shapes(self) -> tuple[Shape, ...]:
        shapes: list[Shape] = []
        if self._patch is not None:
            colour = self._target.colour if self._target else ""
            shapes.append(Raster(self._patch.pixels, self._patch.x0, self._patch.y0, colour))
        if self._at is not None and self._straight and self._last is not None:
            shapes.append(Line((self._last, snapped(*self._at, self.host.options.brush_size)), faint=True))
        if self._at is not None:
            options = self.host.options
            square = options.brush_shape is BrushShape.SQUARE
            place = snapped(*self._at, options.brush_size)
            shapes.append(Cursor(*place, float(options.brush_size), square))
        return tuple(shapes)

    def _selected(self) -> CanvasInstance | None:
        selection = self.host.selection
        return self.host.instance(selection[-1]) if selection else None

    def _stamp(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        assert self._patch is not None
        options = self.host.options
        pixels, x0, y0 = swept(start, end, options.brush_size, options.brush_shape is BrushShape.SQUARE)
        if self._adds and options.protect_others:
            own = () if self._target is None else (self._target.id,)
            x1, y1 = x0 + pixels.shape[1], y0 + pixels.shape[0]
            pixels &= ~self.surface.index.occupied(x0, y0, x1, y1, own)
        self._patch.paint(pixels, x0, y0, self._adds)

    def modifiers(self, mods: Mods) -> None:
        self._straight = bool(mods & Mods.SHIFT)
        self.surface.changed()

    def _show(self, at: Pointer) -> None:
        self._at = (at.x, at.y)
        self._straight = bool(at.mods & Mods.SHIFT)
        self.surface.changed()


class EraserTool(BrushTool):
    """The brush with the buttons swapped."""

    name = "eraser"
    paints = False
