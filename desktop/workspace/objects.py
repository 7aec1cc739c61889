"""Instances of the current image: visibility, selection, editing. Every edit is one named undo step."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from desktop.canvas.host import CanvasInstance
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance, Provenance, ReviewState
from desktop.workspace.classes import Classes
from desktop.workspace.operations import kept_off
from desktop.workspace.values import ColourBy
from desktop.worktime import WorkTime

_SOURCE_COLOURS = {"hand": "#3cb44b", "imported": "#f58231"}
_REVIEW_COLOURS = {
    ReviewState.DRAFT: "#42d4f4",
    ReviewState.DONE: "#3cb44b",
    ReviewState.REVIEWED: "#ffe119",
    ReviewState.NEEDS_WORK: "#e6194b",
}


class Objects(Classes):
    """See :class:`desktop.workspace.Workspace`."""

    @property
    def instances(self) -> Mapping[int, Instance]:
        """By id, from back to front."""
        return self._instances

    @property
    def selection(self) -> tuple[int, ...]:
        return self._selection

    def instance(self, instance_id: int) -> CanvasInstance | None:
        """One instance as the canvas draws it."""
        instance = self._instances.get(instance_id)
        return self._canvas_instance(instance) if instance is not None else None

    def canvas_instances(self) -> list[CanvasInstance]:
        """All instances of the image as the canvas draws them, back to front."""
        return [self._canvas_instance(instance) for instance in self._instances.values()]

    def _canvas_instance(self, instance: Instance) -> CanvasInstance:
        return CanvasInstance(
            instance.id,
            instance.mask,
            self.colour_of(instance.id),
            self.title_of(instance.id),
            self.is_hidden(instance.id),
            self.is_locked(instance),
        )

    def is_locked(self, instance: Instance) -> bool:
        """Whether the instance, or its class, is locked."""
        category = self.category(instance.category_id)
        return instance.locked or (category is not None and category.locked)

    # -- colour and visibility (no undo steps) -------------------------------------------------------------------

    @property
    def colour_by(self) -> ColourBy:
        return self._colour_by

    def set_colour_by(self, colour_by: ColourBy) -> None:
        self._colour_by = colour_by
        self._visibility_changed()

    def colour_of(self, instance_id: int) -> str:
        """``#rrggbb`` by the present colour rule."""
        instance = self._instances[instance_id]
        match self._colour_by:
            case ColourBy.CLASS:
                return self.class_colour(instance.category_id)
            case ColourBy.INSTANCE:
                # steps of the golden ratio keep neighbours in the list far apart in hue
                red, green, blue = colorsys.hsv_to_rgb(instance_id * 0.618034 % 1.0, 0.7, 0.95)
                return f"#{int(red * 255):02x}{int(green * 255):02x}{int(blue * 255):02x}"
            case ColourBy.SOURCE:
                return _SOURCE_COLOURS.get(instance.provenance.source, "#4363d8")
            case ColourBy.REVIEW:
                return _REVIEW_COLOURS[instance.review]

    def is_hidden(self, instance_id: int) -> bool:
        instance = self._instances[instance_id]
        return (
            self._all_hidden
            or instance_id in self._hidden
            or instance.category_id in self._hidden_categories
            or (bool(self._solo) and instance_id not in self._solo)
            or (self._solo_category is not None and instance.category_id != self._solo_category)
        )

    def hide_instances(self, ids: Iterable[int], hidden: bool) -> None:
        change = frozenset(ids)
        self._hidden = self._hidden | change if hidden else self._hidden - change
        self.instances_changed.emit(change)

    def toggle_hide_selected(self) -> None:
        self.hide_instances(self._selection, not all(i in self._hidden for i in self._selection))

    def toggle_hide_all(self) -> None:
        self._all_hidden = not self._all_hidden
        self._visibility_changed()

    @property
    def all_hidden(self) -> bool:
        return self._all_hidden

    def toggle_solo_selected(self) -> None:
        """Show the selected instances only; again shows all."""
        self._solo = frozenset() if self._solo else frozenset(self._selection)
        self._visibility_changed()

    # -- selection -----------------------------------------------------------------------------------------------

    def select_all(self) -> None:
        self.select([i for i, x in self._instances.items() if not self.is_locked(x) and not self.is_hidden(i)])

    def invert_selection(self) -> None:
        self.select([i for i in self._instances if i not in self._selection and not self.is_hidden(i)])

    def select_next(self, step: int = 1) -> None:
        """Go through the visible instances one by one."""
        ids = [i for i in self._instances if not self.is_hidden(i)]
        if not ids:
            return
        if len(self._selection) == 1 and self._selection[0] in ids:
            self.select([ids[(ids.index(self._selection[0]) + step) % len(ids)]])
        else:
            self.select([ids[0 if step > 0 else -1]])

    def selected(self) -> list[Instance]:
        """The selected instances that may be edited, in the order of selection."""
        found = [self._instances.get(i) for i in self._selection]
        return [i for i in found if i is not None and not self.is_locked(i)]

    # -- editing -------------------------------------------------------------------------------------------------

    _drawing: WorkTime | None = None
    """Time spent on the unfinished drawing on the canvas."""

    def note_drawing(self, drawing: bool) -> None:
        """The person draws on, or nothing is left unfinished: how long an object took is stored with it."""
        if not drawing:
            self._drawing = None
        elif self._drawing is None:
            self._drawing = WorkTime()
        else:
            self._drawing.touch()

    def create_instance(self, mask: Mask, name: str) -> None:
        """Make an instance of the current class; ``name`` is the undo text ("Polygon")."""
        reason = self.editable()
        if reason or self._image is None:
            self.notice(reason)
            return
        if mask.is_empty:
            self.notice(self.tr("Nothing was drawn inside the image."))
            return
        mask = self.kept_off_others(mask)
        if mask.is_empty:
            self.notice(self.tr("Other instances hold all these pixels, and they are not to be overwritten."))
            return
        if not self._ready_to_change():
            return
        worked = round(self._drawing.seconds, 1) if self._drawing is not None else None
        new = self.new_instance(mask, Provenance(source="hand", seconds=worked))
        title = f"{self.class_name(new.category_id)} #{new.id}"
        if self._change_instances(self.tr("{name} {what}").format(name=name, what=title), [new]):
            self.select([new.id])

    def new_instance(self, mask: Mask, provenance: Provenance, category_id: int | None = None) -> Instance:
        """An instance of the current class (or of ``category_id``) in front of all others; not stored yet."""
        assert self._image is not None
        front = max((i.z_order for i in self._instances.values()), default=-1) + 1
        category = category_id if category_id is not None else self._current_category
        return Instance(
            self.storage.reserve_instance_id(), self._image.id, mask, category, z_order=front, provenance=provenance
        )

    def edit_instances(self, masks: Mapping[int, Mask], name: str) -> bool:
        """Replace the masks of several instances in one step; empty ones delete. Locked instances stay as they are.

        False when nothing changed.
        """
        known = [i for i in (self._instances.get(x) for x in masks) if i is not None]
        free = [i for i in known if not self.is_locked(i)]
        locked = [i for i in known if self.is_locked(i)]
        if locked:
            self.notice(self.tr("{what} is locked.").format(what=self._names_of(locked)))
        changed = [replace(i, mask=self.kept_off_others(masks[i.id], i)) for i in free]
        text = self.tr("{name} on {what}").format(name=name, what=self._names_of(free))
        gone = [i for i in free if masks[i.id].is_empty]
        return self._change_instances(text, [i for i in changed if not i.mask.is_empty], gone)

    def kept_off_others(self, mask: Mask, own: Instance | None = None) -> Mask:
        """The mask without the pixels that it would newly take from other shown instances, when that is forbidden.

        What ``own`` held before stays.
        """
        return kept_off(mask, own.mask if own is not None else None, self._protected(own))

    def _protected(self, own: Instance | None) -> list[Mask]:
        """The masks that an instance must not grow into."""
        if not self._options.protect_others:
            return []
        return [i.mask for i in self._instances.values() if i is not own and not self.is_hidden(i.id)]

    def move_instances(self, instance_ids: Iterable[int], dx: int, dy: int) -> None:
        moved = [i for i in (self._instances.get(x) for x in instance_ids) if i is not None and not self.is_locked(i)]
        changed = [replace(i, mask=i.mask.translated(dx, dy)) for i in moved]
        # what is pushed out of the image entirely stays where it was: moving never deletes
        changed = [i for i in changed if not i.mask.is_empty]
        self._change_instances(self.tr("Move {what}").format(what=self._names_of(moved)), changed)

    def delete_selected(self) -> None:
        gone = self.selected()
        self._change_instances(self.tr("Delete {what}").format(what=self._names_of(gone)), [], gone)

    def lock_instances(self, ids: Iterable[int], locked: bool) -> None:
        found = [i for i in (self._instances.get(x) for x in ids) if i is not None]
        text = self.tr("Lock {what}") if locked else self.tr("Unlock {what}")
        self._change_instances(text.format(what=self._names_of(found)), [replace(i, locked=locked) for i in found])

    def toggle_lock_selected(self) -> None:
        found = [self._instances[i] for i in self._selection if i in self._instances]
        self.lock_instances(self._selection, not all(i.locked for i in found))

    def set_properties(
        self,
        ids: Iterable[int],
        *,
        category: tuple[int | None] | None = None,
        attributes: Mapping[str, str] | None = None,
        merge: bool = False,
        is_crowd: bool | None = None,
    ) -> None:
        """Class (in a tuple, as None means unlabelled), attributes and crowd flag in one step; None leaves as it is.

        ``merge`` adds the attributes to those an instance has; otherwise they replace them.
        """
        found = [i for i in (self._instances.get(x) for x in ids) if i is not None]
        changed = []
        for instance in found:
            values: dict[str, object] = {}
            if category is not None:
                values["category_id"] = category[0]
            if attributes is not None:
                values["attributes"] = {**instance.attributes, **attributes} if merge else dict(attributes)
            if is_crowd is not None:
                values["is_crowd"] = is_crowd
            changed.append(replace(instance, **values))  # type: ignore[arg-type]
        self._change_instances(self.tr("Edit {what}").format(what=self._names_of(found)), changed)

    # -- order ---------------------------------------------------------------------------------------------------

    def reorder_instances(self, ids_back_to_front: Sequence[int]) -> None:
        """Give the instances this order (drag in the list); ids that are left out stay behind the others."""
        first = [i for i in self._instances if i not in ids_back_to_front]
        order = [*first, *(i for i in ids_back_to_front if i in self._instances)]
        changed = [replace(self._instances[i], z_order=z) for z, i in enumerate(order)]
        self._change_instances(self.tr("Change order"), changed)

    def raise_selected(self, *, to_front: bool = False) -> None:
        self._restack(1, to_front)

    def lower_selected(self, *, to_back: bool = False) -> None:
        self._restack(-1, to_back)

    def _restack(self, step: int, whole_way: bool) -> None:
        order = list(self._instances)
        chosen = [i for i in order if i in self._selection]
        if whole_way:
            rest = [i for i in order if i not in chosen]
            self.reorder_instances([*rest, *chosen] if step > 0 else [*chosen, *rest])
            return
        for i in reversed(chosen) if step > 0 else chosen:
            place = order.index(i)
            other = place + step
            if 0 <= other < len(order) and order[other] not in chosen:
                order[place], order[other] = order[other], order[place]
        self.reorder_instances(order)
