"""Operations on masks of the selection: booleans, parts, morphology, clipboard. All exact, each one undo step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance
from desktop.workspace.objects import Objects

_clipboard: list[tuple[Instance, str]] = []


class Shaping(Objects):
    """See :class:`desktop.workspace.Workspace`."""

    # -- booleans ------------------------------------------------------------------------------------------------

    def union_selected(self) -> None:
        self._combine(self.tr("Union"), Mask.union)

    def subtract_selected(self) -> None:
        """The first selected minus the rest; the others stay as they are."""
        chosen = self.selected()
        if len(chosen) < 2:
            return
        mask = reduce(Mask.subtract, (i.mask for i in chosen[1:]), chosen[0].mask)
        self.edit_instance(chosen[0].id, mask, self.tr("Subtract"))

    def intersect_selected(self) -> None:
        self._combine(self.tr("Intersect"), Mask.intersect)

    def exclude_selected(self) -> None:
        self._combine(self.tr("Exclude"), Mask.exclude)

    def _combine(self, name: str, rule: Callable[[Mask, Mask], Mask]) -> None:
        chosen = self.selected()
        if len(chosen) < 2:
            return
        mask = reduce(rule, (i.mask for i in chosen[1:]), chosen[0].mask)
        if mask.is_empty:
            self.notice(self.tr("{name}: nothing would be left, so nothing was changed.").format(name=name))
            return
        first = chosen[0]
        text = self.tr("{name} of {n} instances").format(name=name, n=len(chosen))
        if self._change_instances(text, [replace(first, mask=mask)], chosen[1:]):
            self.select([first.id])

    # -- parts and holes -----------------------------------------------------------------------------------------

    def split_parts(self) -> None:
        """Every connected piece becomes an instance; the largest keeps the id."""
        changed: list[Instance] = []
        chosen = self.selected()
        for instance in chosen:
            pieces = sorted(instance.mask.components(), key=lambda mask: -mask.area)
            if len(pieces) < 2:
                continue
            changed.append(replace(instance, mask=pieces[0]))
            changed.extend(replace(instance, id=self.storage.reserve_instance_id(), mask=p) for p in pieces[1:])
        if not changed:
            self.notice(self.tr("The selection has no separate parts."))
            return
        self._change_instances(self.tr("Split parts of {what}").format(what=self._names_of(chosen)), changed)

    def fill_holes(self) -> None:
        self._each(self.tr("Fill holes"), Mask.fill_holes)

    def remove_small_parts(self, pixels: int) -> None:
        """Drop connected pieces of fewer than ``pixels`` pixels; an instance never vanishes by it."""
        self._each(self.tr("Remove parts < {n} px").format(n=pixels), lambda mask: mask.remove_small(pixels))

    def grow_selected(self, pixels: int) -> None:
        """Grow by ``pixels``; negative shrinks."""
        name = self.tr("Grow {n} px") if pixels > 0 else self.tr("Shrink {n} px")
        self._each(name.format(n=abs(pixels)), lambda mask: mask.grown(pixels))

    def smooth_selected(self, radius: float) -> None:
        self._each(self.tr("Smooth {n} px").format(n=f"{radius:g}"), lambda mask: mask.smoothed(radius))

    def simplify_selected(self, tolerance: float) -> None:
        """Replace outlines by polygons with an error of at most ``tolerance`` pixels."""

        def simple(mask: Mask) -> Mask:
            return Mask.from_parts(mask.simplified(tolerance), mask.width, mask.height)

        self._each(self.tr("Simplify to {n} px").format(n=f"{tolerance:g}"), simple)

    def _each(self, name: str, change: Callable[[Mask], Mask]) -> None:
        chosen = self.selected()
        changed = [replace(i, mask=change(i.mask)) for i in chosen]
        left = [i for i in changed if not i.mask.is_empty]
        if len(left) < len(changed):
            self.notice(
                self.tr("{name}: {n} would vanish and were left alone.").format(name=name, n=len(changed) - len(left))
            )
        text = self.tr("{name} on {what}").format(name=name, what=self._names_of(chosen))
        if not self._change_instances(text, left) and left:
            self.notice(self.tr("{name}: nothing to change.").format(name=name))

    # -- clipboard -----------------------------------------------------------------------------------------------

    def copy_selected(self) -> None:
        """Remember the selection; it can be pasted into any image, at the same place."""
        _clipboard[:] = [(i, self.class_name(i.category_id)) for i in self.selected()]
        self.notice(self.tr("{n} copied.").format(n=len(_clipboard)))

    def cut_selected(self) -> None:
        self.copy_selected()
        self.delete_selected()

    def has_clipboard(self) -> bool:
        return bool(_clipboard)

    def paste(self) -> None:
        self._add_copies(self.tr("Paste"), [instance for instance, _ in _clipboard])

    def duplicate_selected(self) -> None:
        self._add_copies(self.tr("Duplicate"), self.selected())

    def _add_copies(self, name: str, originals: list[Instance]) -> None:
        reason = self.editable()
        if reason or self._image is None:
            self.notice(reason)
            return
        if not originals or not self._ready_to_change():
            return
        width, height = self.image_size
        front = max((i.z_order for i in self._instances.values()), default=-1) + 1
        copies: list[Instance] = []
        for original in originals:
            mask = original.mask
            if (mask.width, mask.height) != (width, height):
                crop, x0, y0 = mask.crop()
                crop = crop[: max(height - y0, 0), : max(width - x0, 0)]
                mask = Mask.from_crop(crop, x0, y0, width, height) if crop.size else Mask.empty(width, height)
            if mask.is_empty:
                continue
            known = self.category(original.category_id) is not None
            number = len(copies)
            copies.append(
                replace(
                    original,
                    id=self.storage.reserve_instance_id(),
                    image_id=self._image.id,
                    mask=mask,
                    category_id=original.category_id if known else None,
                    z_order=front + number,
                    locked=False,
                )
            )
        if not copies:
            self.notice(self.tr("{name}: nothing lies inside this image.").format(name=name))
            return
        if self._change_instances(self.tr("{name} {n} instances").format(name=name, n=len(copies)), copies):
            self.select([i.id for i in copies])
