"""Operations on masks of the selection: booleans, splitting, parts, morphology. All exact, each one undo step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from desktop.dataset.cutting import cut, parted
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance
from desktop.workspace.clipboard import Clipboard
from desktop.workspace.operations import Operation, kept_off, shaped


class Shaping(Clipboard):
    """See :class:`desktop.workspace.Workspace`."""

    # -- booleans ------------------------------------------------------------------------------------------------

    def union_selected(self) -> None:
        self._combine(self.tr("Union"), Mask.union)

    def merge_selected(self) -> None:
        """One instance that has the others as parts: the class and the attributes of the first selected."""
        self._combine(self.tr("Merge"), Mask.union)

    def subtract_selected(self) -> None:
        """The first selected minus the rest; the others stay as they are."""
        chosen = self.selected()
        if len(chosen) < 2:
            return
        mask = reduce(Mask.subtract, (i.mask for i in chosen[1:]), chosen[0].mask)
        if mask.is_empty:
            self.notice(
                self.tr("{name}: nothing would be left, so nothing was changed.").format(name=self.tr("Subtract"))
            )
            return
        self.edit_instances({chosen[0].id: mask}, self.tr("Subtract"))

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

    # -- splitting and parts ---------------------------------------------------------------------------------------

    def split_selected(self, line: Sequence[tuple[float, float]], *, closed: bool) -> None:
        """Cut the selected instances along a line, or a closed line, of image points.

        Every piece becomes an instance of the same class, attributes and origin, the largest keeping the id; with the
        option *cut into parts* the pieces stay one instance, a pixel apart.
        """
        reason = self.editable()
        chosen = self.selected()
        if reason or not chosen:
            self.notice(reason or self.cannot_split())
            return
        parts = self._options.cut_into_parts
        changed: list[Instance] = []
        divided: list[Instance] = []
        for instance in chosen:
            pieces = cut(instance.mask, line, closed=closed)
            if len(pieces) < 2:
                continue
            divided.append(instance)
            if parts:
                changed.append(replace(instance, mask=parted(pieces)))
            else:
                changed.extend(self._as_instances(instance, pieces))
        if not divided:
            self.notice(self.tr("The cut divides nothing: draw it right across the object, or round a piece of it."))
            return
        name = self.tr("Cut {what} into parts") if parts else self.tr("Split {what}")
        if self._change_instances(name.format(what=self._names_of(divided)), changed):
            if not parts:
                self.notice(self.tr("{n} pieces.").format(n=len(changed)))
            self.select([i.id for i in changed])

    def cannot_split(self) -> str:
        """Empty, or why the selection cannot be split."""
        if not self._selection:
            return self.tr("Select the instance to split first: press V and click it, or Tab.")
        return "" if self.selected() else self.tr("The selected instance is locked.")

    def _as_instances(self, instance: Instance, pieces: Sequence[Mask]) -> list[Instance]:
        """One instance for each piece, the first keeping the id."""
        others = [replace(instance, id=self.storage.reserve_instance_id(), mask=piece) for piece in pieces[1:]]
        return [replace(instance, mask=pieces[0]), *others]

    def split_parts(self) -> None:
        """Every connected piece becomes an instance; the largest keeps the id."""
        changed: list[Instance] = []
        chosen = self.selected()
        for instance in chosen:
            pieces = sorted(instance.mask.components(), key=lambda mask: -mask.area)
            if len(pieces) > 1:
                changed.extend(self._as_instances(instance, pieces))
        if not changed:
            self.notice(self.tr("The selection has no separate parts."))
            return
        name = self.tr("Split parts of {what}").format(what=self._names_of(chosen))
        if self._change_instances(name, changed):
            self.select([i.id for i in changed])

    # -- morphology ------------------------------------------------------------------------------------------------

    def fill_holes(self) -> None:
        self._put_shapes(self.tr("Fill holes"), {i.id: i.mask.fill_holes() for i in self.selected()})

    def shaper(self, operation: Operation) -> Callable[[float], dict[int, Mask]]:
        """A function of the operation's number that tells what the selected instances would be, by id.

        It holds the masks of now and may run in any thread. Empty masks are those that would vanish.
        """
        chosen = [(i.id, i.mask, self._protected(i)) for i in self.selected()]

        def shapes(value: float) -> dict[int, Mask]:
            return {i: kept_off(shaped(operation, mask, value), mask, others) for i, mask, others in chosen}

        return shapes

    def shape_selected(self, operation: Operation, value: float, masks: Mapping[int, Mask] | None = None) -> None:
        """Do an operation with a number on the selection; ``masks`` is what :meth:`shaper` gave for it before."""
        names = {
            Operation.GROW: self.tr("Grow {n} px") if value > 0 else self.tr("Shrink {n} px"),
            Operation.SMOOTH: self.tr("Smooth {n} px"),
            Operation.SIMPLIFY: self.tr("Simplify to {n} px"),
            Operation.REMOVE_SMALL: self.tr("Remove parts < {n} px"),
            Operation.FILL_HOLES: self.tr("Fill holes ≤ {n} px"),
        }
        name = names[operation].format(n=f"{abs(value):g}")
        self._put_shapes(name, self.shaper(operation)(value) if masks is None else masks)

    def _put_shapes(self, name: str, masks: Mapping[int, Mask]) -> None:
        left = {i: mask for i, mask in masks.items() if not mask.is_empty}
        if len(left) < len(masks):
            self.notice(
                self.tr("{name}: {n} would vanish and were left alone.").format(name=name, n=len(masks) - len(left))
            )
        if not self.edit_instances(left, name) and left:
            self.notice(self.tr("{name}: nothing to change.").format(name=name))
