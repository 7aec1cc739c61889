"""Undo and redo as values (ux.md §10): a step holds the changes that do it and those that take it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from desktop.dataset.changes import AddInstances, Change, DeleteInstances, ReplaceInstances
from desktop.dataset.model import Instance

MAX_STEPS = 500
MAX_BYTES = 256 << 20
_STEP_BYTES = 400


@dataclass(frozen=True, slots=True)
class Step:
    """One named change. ``payload`` is anything the window wants back on undo, such as the session that made it;
    ``payload_bytes`` is what it counts for."""

    name: str
    forward: tuple[Change, ...]
    backward: tuple[Change, ...]
    payload: Any = None
    payload_bytes: int = 0

    @staticmethod
    def of_instances(
        name: str, before: Iterable[Instance], after: Iterable[Instance], payload: Any = None, payload_bytes: int = 0
    ) -> Step:
        """A step from the touched instances as they were and as they are; unchanged ones are left out."""
        old = {instance.id: instance for instance in before}
        new = {instance.id: instance for instance in after}
        return Step(name, _between(old, new), _between(new, old), payload, payload_bytes)

    @property
    def nbytes(self) -> int:
        """Memory the step holds, about, in bytes."""
        return _STEP_BYTES + self.payload_bytes + sum(map(_change_bytes, (*self.forward, *self.backward)))


def _between(old: dict[int, Instance], new: dict[int, Instance]) -> tuple[Change, ...]:
    added = tuple(value for key, value in new.items() if key not in old)
    replaced = tuple(value for key, value in new.items() if key in old and old[key] != value)
    deleted = tuple(key for key in old if key not in new)
    changes: list[Change] = []
    if deleted:
        changes.append(DeleteInstances(deleted))
    if added:
        changes.append(AddInstances(added))
    if replaced:
        changes.append(ReplaceInstances(replaced))
    return tuple(changes)


def _change_bytes(change: Change) -> int:
    if isinstance(change, AddInstances | ReplaceInstances):
        return sum(instance.mask.nbytes + 2 * len(instance.provenance.prompts) + 600 for instance in change.instances)
    return 200


class History:
    """The steps of one image. ``position`` steps are done, the rest can be done again."""

    def __init__(self, max_steps: int = MAX_STEPS, max_bytes: int = MAX_BYTES) -> None:
        self._max_steps = max_steps
        self._max_bytes = max_bytes
        self._steps: list[Step] = []
        self._bytes = 0
        self.position = 0

    def push(self, step: Step) -> None:
        """Remember a step that was just done; steps that were undone are forgotten, the oldest when it gets too much.

        The newest step stays even when it is larger than the limit by itself.
        """
        for undone in self._steps[self.position :]:
            self._bytes -= undone.nbytes
        del self._steps[self.position :]
        self._steps.append(step)
        self._bytes += step.nbytes
        while len(self._steps) > 1 and (len(self._steps) > self._max_steps or self._bytes > self._max_bytes):
            self._bytes -= self._steps.pop(0).nbytes
        self.position = len(self._steps)

    def amend(self, step: Step) -> None:
        """Put ``step``, which goes further, in the place of the step that was done last. IndexError without one."""
        if not self.position:
            raise IndexError("No step was done that could be amended.")
        self._bytes += step.nbytes - self._steps[self.position - 1].nbytes
        self._steps[self.position - 1] = step

    @property
    def last_done(self) -> Step | None:
        """The newest step, None when there is none or when it was taken back."""
        return self._steps[-1] if self._steps and self.position == len(self._steps) else None

    @property
    def nbytes(self) -> int:
        return self._bytes

    @property
    def steps(self) -> Sequence[Step]:
        """All steps, oldest first: those before ``position`` are done."""
        return tuple(self._steps)

    @property
    def undo_name(self) -> str:
        """The name of the step that undo takes back; empty when there is none."""
        return self._steps[self.position - 1].name if self.position else ""

    @property
    def redo_name(self) -> str:
        return self._steps[self.position].name if self.position < len(self._steps) else ""

    def undo(self) -> Step | None:
        """The step to take back now: the caller applies its ``backward`` changes."""
        if not self.position:
            return None
        self.position -= 1
        return self._steps[self.position]

    def redo(self) -> Step | None:
        """The step to do again now: the caller applies its ``forward`` changes."""
        if self.position == len(self._steps):
            return None
        self.position += 1
        return self._steps[self.position - 1]

    def jump(self, position: int) -> tuple[Change, ...]:
        """Go to where ``position`` steps are done; returns the changes to apply, in order.

        Raises IndexError outside 0 … number of steps.
        """
        if not 0 <= position <= len(self._steps):
            raise IndexError(f"The history has {len(self._steps)} steps, not {position}.")
        if position < self.position:
            passed = reversed(self._steps[position : self.position])
            changes = tuple(change for step in passed for change in step.backward)
        else:
            changes = tuple(change for step in self._steps[self.position : position] for change in step.forward)
        self.position = position
        return changes

    def clear(self) -> None:
        self._steps.clear()
        self._bytes = self.position = 0


class Histories:
    """One history per image, kept while the program runs."""

    def __init__(self, max_steps: int = MAX_STEPS, max_bytes: int = MAX_BYTES) -> None:
        self._limits = (max_steps, max_bytes)
        self._of_image: dict[int, History] = {}

    def of_image(self, image_id: int) -> History:
        return self._of_image.setdefault(image_id, History(*self._limits))

    def forget(self, image_id: int) -> None:
        """Drop the history of an image that left the project."""
        self._of_image.pop(image_id, None)
