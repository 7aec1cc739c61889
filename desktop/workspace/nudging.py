"""Nudging with the arrow keys: a row of key presses is one move (ux.md §7, §10)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from desktop.dataset.changes import ReplaceInstances
from desktop.dataset.history import Step
from desktop.dataset.model import Instance
from desktop.workspace.objects import Objects
from desktop.workspace.undo import stamped, timestamp

PAUSE = 1.0
"""Seconds without a key after which the next press begins a move of its own."""


@dataclass(frozen=True, slots=True)
class _Move:
    """A row of presses so far: the instances as they were, how far they went, and the step that it is."""

    before: tuple[Instance, ...]
    dx: int
    dy: int
    step: Step
    at: float


class Nudging(Objects):
    """See :class:`desktop.workspace.Workspace`."""

    _move: _Move | None = None

    def nudge_instances(self, instance_ids: Iterable[int], dx: int, dy: int) -> None:
        """Move by a key press. Presses that follow each other are one undo step, and what leaves the image on the way
        comes back with them: every press moves the masks as they were before the first."""
        present = [self._instances[i] for i in instance_ids if i in self._instances]
        present = [i for i in present if not self.is_locked(i)]
        last, self._move = self._move, None
        if last is not None and self._goes_on(last, present):
            self._go_on(last, dx, dy)
        elif present:
            self.move_instances([i.id for i in present], dx, dy)
            done = self._history.last_done
            # what could not move is left as it was; a row begins only where everything could
            if done is not None and all(self._instances[i.id] != i for i in present):
                self._move = _Move(tuple(present), dx, dy, done, time.monotonic())

    def _goes_on(self, move: _Move, present: list[Instance]) -> bool:
        """Whether nothing else happened since the last press, and the same instances are meant."""
        same = [i.id for i in present] == [i.id for i in move.before]
        return same and time.monotonic() - move.at < PAUSE and self._history.last_done is move.step

    def _go_on(self, move: _Move, dx: int, dy: int) -> None:
        x, y = move.dx + dx, move.dy + dy
        masks = [i.mask.translated(x, y) for i in move.before]
        if any(mask.is_empty for mask in masks):
            # moving never deletes: here the row stops
            self._move = replace(move, at=time.monotonic())
            return
        now, who = timestamp(), self.author
        after = tuple(
            stamped(replace(i, mask=mask), i, who, now, by_hand=True)
            for i, mask in zip(move.before, masks, strict=True)
        )
        others = tuple(c for c in move.step.forward if not isinstance(c, ReplaceInstances))
        step = replace(move.step, forward=(ReplaceInstances(after), *others))
        if self._apply(step.forward):
            self._history.amend(step)
            self._move = _Move(move.before, x, y, step, time.monotonic())
            self.history_changed.emit()
