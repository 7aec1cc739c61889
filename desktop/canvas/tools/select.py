"""Select: pick, rubber band, move, and edit the outline of the one selected instance (ux.md §5)."""

from __future__ import annotations

from desktop.canvas.host import CanvasInstance, SelectMode, ToolHost
from desktop.canvas.tools.base import BoxShape, Ghost, Key, Line, Mods, Pointer, Shape, Surface, Tool
from desktop.canvas.tools.outline import Outline, OutlineEdit


class SelectTool(Tool):
    name = "select"
    picks = True

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._pressed: Pointer | None = None
        self._end: Pointer | None = None
        self._picked: int | None = None
        self._moving: tuple[int, ...] = ()
        self._dragging = False
        self._outline: Outline | None = None
        self._edit: OutlineEdit | None = None

    @property
    def outline(self) -> Outline | None:
        """The editable outline of the selected instance, when exactly one free instance is selected."""
        selection = self.host.selection
        instance = self.host.instance(selection[0]) if len(selection) == 1 else None
        if instance is None or instance.locked or instance.hidden or instance.mask.is_empty:
            self._outline = None
        elif self._outline is None or self._outline.mask != instance.mask:
            self._outline = Outline(instance.mask)
        return self._outline

    def press(self, at: Pointer) -> None:
        self._pressed = self._end = at
        self._dragging = False
        self._moving = ()
        self._picked = None
        if self._press_outline(at):
            return
        pile = self.surface.index.at(at.x, at.y)
        kept = [i for i in self.host.selection if i in pile]
        if kept and not at.mods & Mods.SHIFT:
            self._picked = kept[0]

    def move(self, at: Pointer) -> None:
        if self._pressed is None:
            return
        self._end = at
        if self._edit is not None:
            self._edit.drag(at.x, at.y)
            self.surface.changed()
            return
        if not self._dragging and at.far_from(self._pressed):
            self._dragging = True
            self._begin_drag(self._pressed)
        if self._dragging:
            self.surface.changed()

    def release(self, at: Pointer) -> None:
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            return
        self._end = at
        if self._edit is not None:
            self._commit_outline("Move vertex")
        elif not self._dragging:
            self._click(pressed)
        elif self._moving:
            dx, dy = round(at.x - pressed.x), round(at.y - pressed.y)
            ids, self._moving = self._moving, ()
            self.surface.lift(())
            if (dx or dy) and self.may_edit():
                self.host.move_instances(ids, dx, dy)
        else:
            self._band(pressed, at)
        self._dragging = False
        self.surface.changed()

    def double_click(self, at: Pointer) -> None:
        """On an edge of the selected outline: a new vertex; on an instance: refine it."""
        outline = self.outline
        if outline is not None and outline.vertices_shown(at.scale):
            edge = outline.edge_at(at.x, at.y, at.scale)
            if edge is not None:
                self._edit = outline.with_vertex(edge, at.x, at.y)
                self._pressed = at
                return
        pile = self.surface.index.at(at.x, at.y)
        if pile:
            chosen = next((i for i in self.host.selection if i in pile), pile[0])
            self.host.refine(chosen)

    def key(self, key: Key, mods: Mods) -> bool:
        dx, dy = key.step
        if (dx or dy) and self.host.selection:
            ids = self._free(self.host.selection)
            if ids and self.may_edit():
                step = 10 if mods & Mods.SHIFT else 1
                self.host.move_instances(ids, dx * step, dy * step)
            return True
        return super().key(key, mods)

    def cancel(self) -> bool:
        drawing = self.busy()
        self._pressed = None
        self._edit = None
        self._moving = ()
        self._dragging = False
        self.surface.lift(())
        self.surface.changed()
        return drawing

    def deactivate(self) -> None:
        self.cancel()

    def busy(self) -> bool:
        return self._dragging or self._edit is not None

    def shapes(self) -> tuple[Shape, ...]:
        if self._edit is not None:
            return tuple(Line(ring, closed=True, handles=True) for ring in self._edit.rings())
        if self._dragging and self._pressed is not None and self._end is not None:
            start, end = self._pressed, self._end
            if self._moving:
                return (Ghost(self._moving, round(end.x - start.x), round(end.y - start.y)),)
            return (BoxShape((start.x, start.y, end.x, end.y), band=True),)
        return ()

    def _click(self, at: Pointer) -> None:
        picked = self.surface.index.pick(at.x, at.y, at.scale)
        if picked is None:
            if not at.mods & Mods.SHIFT:
                self.host.select((), SelectMode.REPLACE)
        else:
            self.host.select((picked,), SelectMode.TOGGLE if at.mods & Mods.SHIFT else SelectMode.REPLACE)

    def _begin_drag(self, at: Pointer) -> None:
        if at.mods & Mods.SHIFT:
            return
        if self._picked is not None:
            self._moving = self._free(self.host.selection)
        else:
            pile = self.surface.index.at(at.x, at.y)
            if pile:
                self.host.select((pile[0],), SelectMode.REPLACE)
                self._moving = (pile[0],)
        if self._moving:
            self.surface.lift(self._moving)

    def _band(self, start: Pointer, end: Pointer) -> None:
        x0, x1 = sorted((start.x, end.x))
        y0, y1 = sorted((start.y, end.y))
        mode = SelectMode.ADD if start.mods & Mods.SHIFT else SelectMode.REPLACE
        self.host.select(tuple(self.surface.index.in_box(x0, y0, x1, y1)), mode)

    def _free(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        def free(instance: CanvasInstance | None) -> bool:
            return instance is not None and not instance.locked and not instance.hidden

        return tuple(i for i in ids if free(self.host.instance(i)))

    def _press_outline(self, at: Pointer) -> bool:
        outline = self.outline
        if outline is None or not outline.vertices_shown(at.scale):
            return False
        vertex = outline.vertex_at(at.x, at.y, at.scale)
        if vertex is None or not self.may_edit():
            return False
        if at.mods & Mods.ALT or at.secondary:
            edit = outline.without_vertex(vertex)
            self._pressed = None
            if edit is not None:
                self._edit = edit
                self._commit_outline("Remove vertex")
            return True
        self._edit = outline.moving(vertex)
        return True

    def _commit_outline(self, name: str) -> None:
        edit, self._edit = self._edit, None
        selection = self.host.selection
        if edit is None or not selection or not self.may_edit():
            return
        mask = edit.mask()
        if mask.is_empty:
            self.host.notice("The outline would have no pixel left; nothing was changed.")
        elif mask != edit.outline.mask:
            self.host.edit_instance(selection[0], mask, name)
