"""Select: pick, rubber band, move, and edit the outline of the one selected instance (ux.md §3, §5)."""

from __future__ import annotations

from desktop.canvas.host import CanvasInstance, SelectMode, ToolHost
from desktop.canvas.tools.base import BoxShape, Ghost, Key, Line, Mods, Pointer, Shape, Spot, Surface, Tool, tr
from desktop.canvas.tools.outline import Outline, OutlineEdit, has_outline, outline_of
from desktop.canvas.tools.snapping import snapped_to_border


class SelectTool(Tool):
    """What a press hits, in this order: a vertex of the selected outline, its edge, the smallest instance there."""

    name = "select"
    picks = True

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._pressed: Pointer | None = None
        self._end: Pointer | None = None
        self._picked: int | None = None
        self._on_edge = False
        self._moving: tuple[int, ...] = ()
        self._dragging = False
        self._edit: OutlineEdit | None = None
        self._adds = False
        self._spot: tuple[float, float] | None = None

    @property
    def outline(self) -> Outline | None:
        """The editable outline of the selected instance, when exactly one free instance with one is selected."""
        selection = self.host.selection
        instance = self.host.instance(selection[0]) if len(selection) == 1 else None
        if instance is None or instance.locked or instance.hidden or not has_outline(instance.mask):
            return None
        return outline_of(instance.mask, self.host.options.polygon_detail)

    def press(self, at: Pointer) -> None:
        self._pressed = self._end = at
        self._dragging = self._on_edge = False
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
            self._edit.drag(*self._placed(at))
            self.surface.lift(self.host.selection)
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
            self._commit_outline(tr("Add vertex") if self._adds else tr("Move vertex"))
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

    def hover(self, at: Pointer) -> None:
        """Show the vertex that a press would take, or the place where a double click would add one."""
        spot = None
        outline = self._outline_at(at)
        if outline is not None:
            vertex = outline.vertex_at(at.x, at.y, at.scale)
            edge = outline.edge_at(at.x, at.y, at.scale) if vertex is None else None
            if vertex is not None:
                spot = tuple(outline.rings[vertex[0]][vertex[1]].tolist())
            elif edge is not None:
                spot = outline.nearest_on(edge, at.x, at.y)
        if spot != self._spot:
            self._spot = spot
            self.surface.changed()

    def leave(self) -> None:
        self._spot = None

    def before_menu(self, at: Pointer) -> None:
        """The menu is about what lies under the pointer: it is selected, unless it is already."""
        pile = self.surface.index.at(at.x, at.y)
        if pile and not any(i in pile for i in self.host.selection):
            self.host.select((pile[0],), SelectMode.REPLACE)

    def double_click(self, at: Pointer) -> None:
        """On an edge of the selected outline: a new vertex; on an instance: refine it."""
        outline = self._outline_at(at)
        edge = outline.edge_at(at.x, at.y, at.scale) if outline is not None else None
        if outline is not None and edge is not None:
            if self.may_edit():
                self._edit, self._adds = outline.with_vertex(edge, *outline.nearest_on(edge, at.x, at.y)), True
                self._pressed = at
            return
        pile = self.surface.index.at(at.x, at.y)
        if pile:
            chosen = next((i for i in self.host.selection if i in pile), pile[0])
            self.host.refine(chosen)

    def modifiers(self, mods: Mods) -> None:
        """Ctrl takes effect on a held vertex at once."""
        if self._edit is not None and self._end is not None:
            end = self._end
            self.move(Pointer(end.x, end.y, end.secondary, mods, end.scale))

    def key(self, key: Key, mods: Mods) -> bool:
        dx, dy = key.step
        if (dx or dy) and self.host.selection:
            ids = self._free(self.host.selection)
            if ids and self.may_edit():
                step = 10 if mods & Mods.SHIFT else 1
                self.host.nudge_instances(ids, dx * step, dy * step)
            return True
        return super().key(key, mods)

    def cancel(self) -> bool:
        drawing = self.busy()
        self._pressed = None
        self._edit = self._spot = None
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
        return () if self._spot is None or self.outline is None else (Spot(*self._spot),)

    def _outline_at(self, at: Pointer) -> Outline | None:
        """The outline, when its vertices are shown and its box is near."""
        outline = self.outline
        shown = outline is not None and outline.near(at.x, at.y, at.scale) and outline.vertices_shown(at.scale)
        return outline if shown else None

    def _click(self, at: Pointer) -> None:
        if self._on_edge:
            return
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
        outline = self._outline_at(at)
        if outline is None or at.mods & Mods.SHIFT:
            return False
        vertex = outline.vertex_at(at.x, at.y, at.scale)
        if vertex is None:
            # an edge belongs to the selected instance, also where a smaller one lies under it
            if outline.edge_at(at.x, at.y, at.scale) is not None:
                self._picked, self._on_edge = self.host.selection[0], True
            return self._on_edge
        if not self.may_edit():
            return False
        if at.mods & Mods.ALT:
            edit = outline.without_vertex(vertex)
            self._pressed = None
            if edit is not None:
                self._edit = edit
                self._commit_outline(tr("Remove vertex"))
            return True
        self._edit, self._adds = outline.moving(vertex), False
        return True

    def _placed(self, at: Pointer) -> tuple[float, float]:
        """Where a held vertex goes: with Ctrl onto the border of a neighbour or of the image."""
        if not at.mods & Mods.CTRL:
            return at.x, at.y
        index, own = self.surface.index, self.host.selection
        return snapped_to_border(index, self.host.image_size, at.x, at.y, at.scale, own) or (at.x, at.y)

    def _commit_outline(self, name: str) -> None:
        edit, self._edit = self._edit, None
        self.surface.lift(())
        selection = self.host.selection
        if edit is None or not selection or not self.may_edit():
            return
        mask = edit.mask()
        if mask.is_empty:
            self.host.notice(tr("The outline would have no pixel left; nothing was changed."))
        elif mask != edit.outline.mask:
            self.host.edit_instances({selection[0]: mask}, name)
