"""One change of the data set as it is undone and redone: what was, and what is. Qt-free."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from desktop.dataset.model import Category, Image, Instance
from desktop.session import Session

InstancePair: TypeAlias = tuple[Instance | None, Instance | None]
CategoryPair: TypeAlias = tuple[Category | None, Category | None]

LIMIT_STEPS = 200
LIMIT_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Pairs of before and after; None stands for "does not exist". ``session`` made the step and is re-opened by undo.

    A step with a session and nothing else is a discarded session.
    """

    name: str
    image_id: int
    instances: tuple[InstancePair, ...] = ()
    categories: tuple[CategoryPair, ...] = ()
    images: tuple[tuple[Image, Image], ...] = ()
    session: Session | None = None

    def reversed(self) -> Step:
        return replace(
            self,
            instances=tuple((after, before) for before, after in self.instances),
            categories=tuple((after, before) for before, after in self.categories),
            images=tuple((after, before) for before, after in self.images),
        )

    @property
    def is_empty(self) -> bool:
        return not (self.instances or self.categories or self.images)

    def size(self) -> int:
        """Bytes that the step keeps alive, roughly: the run-lengths of its masks."""
        masks = (i.mask for pair in self.instances for i in pair if i is not None)
        return 200 + sum(len(mask.rle()["counts"]) + 100 for mask in masks)


class Stack:
    """Undo and redo of one image: at least 200 steps or 256 MB, whichever comes first."""

    def __init__(self) -> None:
        self.done: list[Step] = []
        self.undone: list[Step] = []
        self._bytes = 0

    def push(self, step: Step) -> None:
        self.undone.clear()
        self.done.append(step)
        self._bytes += step.size()
        while len(self.done) > LIMIT_STEPS or (self._bytes > LIMIT_BYTES and len(self.done) > 1):
            self._bytes -= self.done.pop(0).size()
