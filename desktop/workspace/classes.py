"""Classes: making, changing, merging, hiding them. Every change but visibility is one undo step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from desktop.canvas.host import SelectMode
from desktop.dataset import changes as c
from desktop.dataset.changes import Change
from desktop.dataset.history import Step
from desktop.dataset.model import Category, Instance, Kind
from desktop.dataset.palette import class_colour
from desktop.workspace.undo import Undoing
from desktop.workspace.values import ClassCount

UNLABELLED_COLOUR = "#c8ccd2"


class Classes(Undoing):
    """See :class:`desktop.workspace.Workspace`."""

    def category(self, category_id: int | None) -> Category | None:
        return next((category for category in self.categories if category.id == category_id), None)

    @property
    def current_category(self) -> Category | None:
        return self.category(self._current_category)

    @property
    def hidden_categories(self) -> frozenset[int]:
        return self._hidden_categories

    @property
    def solo_category(self) -> int | None:
        return self._solo_category

    def count(self, category_id: int | None) -> ClassCount:
        """Instances of a class (None: unlabelled ones) in the current image and in the project."""
        here = sum(1 for i in self._instances.values() if i.category_id == category_id)
        return ClassCount(here, self.storage.count(category_id))

    def set_current_category(self, category_id: int | None) -> None:
        """Current class only; never reassigns."""
        if category_id != self._current_category:
            self._current_category = category_id
            self.current_category_changed.emit()
            self.session_changed.emit()

    def apply_category(self, category_id: int) -> None:
        """Digit or click: make current and reassign the selected instances (one step)."""
        self.set_current_category(category_id)
        if self._selection:
            self.set_category(self._selection, category_id)

    def set_category(self, ids: Iterable[int], category_id: int | None) -> None:
        """Give instances of the current image a class."""
        category = self.category(category_id)
        name = category.name if category is not None else self.tr("unlabelled")
        instances = [i for i in (self._instances.get(x) for x in ids) if i is not None and not i.locked]
        changed = [replace(i, category_id=category_id) for i in instances if i.category_id != category_id]
        text = self.tr("Set class {name} on {what}").format(name=name, what=self._names_of(instances))
        self._change_instances(text, changed)

    def add_category(self, name: str, kind: Kind = Kind.THING, colour: str = "") -> int:
        """Make a class and return its id; an existing name returns the present one. ValueError for an empty name."""
        name = name.strip()
        if not name:
            raise ValueError(self.tr("A class needs a name."))
        present = next((known for known in self.categories if known.name == name), None)
        if present is not None:
            return present.id
        if not self._ready_to_change():
            raise ValueError(self.tr("The class cannot be added: the project cannot be changed."))
        new = self._new_category(name, kind, colour, 0)
        self._class_step(
            self.tr("Add class {name}").format(name=name), [c.AddCategories((new,))], [c.DeleteCategory(new.id)]
        )
        if self.current_category is None:
            self.set_current_category(new.id)
        return new.id

    def add_categories(self, names: Iterable[str]) -> None:
        """A pasted list of names: one step; names that exist are left alone."""
        known = {category.name for category in self.categories}
        wanted = [n for n in dict.fromkeys(name.strip() for name in names) if n and n not in known]
        if not wanted or not self._ready_to_change():
            return
        new = tuple(self._new_category(n, Kind.THING, "", offset) for offset, n in enumerate(wanted))
        back = [c.DeleteCategory(category.id) for category in new]
        self._class_step(self.tr("Add {n} classes").format(n=len(new)), [c.AddCategories(new)], back)
        if self.current_category is None:
            self.set_current_category(new[0].id)

    def _new_category(self, name: str, kind: Kind, colour: str, offset: int) -> Category:
        category_id = self.storage.reserve_category_id()
        position = max((category.position for category in self.categories), default=-1) + 1 + offset
        return Category(category_id, name, colour or class_colour(category_id - 1), kind, None, position)

    def change_category(
        self,
        category_id: int,
        *,
        name: str | None = None,
        colour: str | None = None,
        kind: Kind | None = None,
        parent: str | None = None,
    ) -> None:
        """Change what is given. ValueError when the name is empty or taken."""
        before = self.category(category_id)
        if before is None:
            return
        after = replace(
            before,
            name=before.name if name is None else name.strip(),
            colour=before.colour if colour is None else colour,
            kind=before.kind if kind is None else kind,
            parent=before.parent if parent is None else (parent or None),
        )
        if not after.name:
            raise ValueError(self.tr("A class needs a name."))
        if any(other.name == after.name and other.id != category_id for other in self.categories):
            raise ValueError(self.tr("There is a class “{name}” already: merge them instead.").format(name=after.name))
        if after == before:
            return
        text = self.tr("Rename class {old} to {new}") if after.name != before.name else self.tr("Change class {new}")
        self._replace_categories(text.format(old=before.name, new=after.name), [(before, after)])

    def merge_category(self, category_id: int, into: int) -> None:
        """All instances get the other class; this one goes away. One step."""
        self.delete_category(category_id, reassign_to=into)

    def delete_category(
        self, category_id: int, *, reassign_to: int | None = None, delete_instances: bool = False
    ) -> None:
        """Delete a class. Its instances get another class, go with it, or (neither given) become unlabelled."""
        category = self.category(category_id)
        if category is None or category_id == reassign_to:
            return
        into = self.category(reassign_to)
        before = self.storage.instances_of_category(category_id)
        gone = tuple(i.id for i in before)
        forward: list[Change] = [c.DeleteCategory(category_id)]
        back: list[Change] = [c.AddCategories((category,))]
        if before and delete_instances:
            forward.insert(0, c.DeleteInstances(gone))
            back.append(c.AddInstances(before))
        elif before:
            forward.insert(0, c.ReplaceInstances(tuple(replace(i, category_id=reassign_to) for i in before)))
            back.append(c.ReplaceInstances(before))
        if into is not None:
            text = self.tr("Merge class {name} into {into}").format(name=category.name, into=into.name)
        else:
            text = self.tr("Delete class {name}").format(name=category.name)
        self._class_step(text, forward, back)

    def move_category(self, category_id: int, position: int) -> None:
        """Move a class to a place in the list; digits follow, ids stay."""
        order = list(self.categories)
        moved = self.category(category_id)
        if moved is None:
            return
        order.remove(moved)
        order.insert(max(0, min(position, len(order))), moved)
        pairs = [(old, replace(old, position=place)) for place, old in enumerate(order) if old.position != place]
        self._replace_categories(self.tr("Move class {name}").format(name=moved.name), pairs)

    def lock_category(self, category_id: int, locked: bool) -> None:
        """Instances of a locked class cannot be picked or edited."""
        before = self.category(category_id)
        if before is not None and before.locked != locked:
            text = self.tr("Lock class {name}") if locked else self.tr("Unlock class {name}")
            self._replace_categories(text.format(name=before.name), [(before, replace(before, locked=locked))])

    def hide_category(self, category_id: int, hidden: bool) -> None:
        change = {category_id}
        self._hidden_categories = self._hidden_categories | change if hidden else self._hidden_categories - change
        self._visibility_changed()

    def toggle_solo_category(self, category_id: int) -> None:
        self._solo_category = None if self._solo_category == category_id else category_id
        self._visibility_changed()

    def _visibility_changed(self) -> None:
        self.categories_changed.emit()
        self.instances_changed.emit(frozenset(self._instances))

    def _replace_categories(self, name: str, pairs: list[tuple[Category, Category]]) -> None:
        forward = [c.ReplaceCategory(after) for _, after in pairs]
        self._class_step(name, forward, [c.ReplaceCategory(before) for before, _ in pairs])

    def _class_step(self, name: str, forward: Sequence[Change], back: Sequence[Change]) -> None:
        if self._commit(Step(name, tuple(forward), tuple(back))):
            self.current_category_changed.emit()

    # -- naming things -------------------------------------------------------------------------------------------

    def class_name(self, category_id: int | None) -> str:
        category = self.category(category_id)
        return category.name if category is not None else self.tr("unlabelled")

    def class_colour(self, category_id: int | None) -> str:
        category = self.category(category_id)
        return category.colour if category is not None else UNLABELLED_COLOUR

    def title_of(self, instance_id: int) -> str:
        """ "car #12"."""
        instance = self._instances.get(instance_id)
        return f"{self.class_name(instance.category_id)} #{instance_id}" if instance is not None else f"#{instance_id}"

    def _names_of(self, instances: list[Instance]) -> str:
        if len(instances) == 1:
            return self.title_of(instances[0].id)
        return self.tr("{n} instances").format(n=len(instances))

    def select(self, instance_ids: Iterable[int], mode: SelectMode = SelectMode.REPLACE) -> None:
        """Select instances of the current image; the order of selection is kept (subtract needs it)."""
        ids = [i for i in dict.fromkeys(instance_ids) if i in self._instances or i < 0]
        if mode is SelectMode.REPLACE:
            new = tuple(ids)
        elif mode is SelectMode.ADD:
            new = (*self._selection, *(i for i in ids if i not in self._selection))
        else:
            kept = tuple(i for i in self._selection if i not in ids)
            new = (*kept, *(i for i in ids if i not in self._selection))
        if new != self._selection:
            self._selection = new
            self.selection_changed.emit()
