"""Operations on a mask that take a number: what they do, and which numbers make sense (ux.md §5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from desktop.dataset.masks import Mask


class Operation(StrEnum):
    GROW = "grow"
    SMOOTH = "smooth"
    SIMPLIFY = "simplify"
    REMOVE_SMALL = "remove small"
    FILL_HOLES = "fill holes"


@dataclass(frozen=True, slots=True)
class Amount:
    """The numbers of an operation: lowest, highest, the first offer, and how many decimals they have."""

    low: float
    high: float
    first: float
    decimals: int = 0


AMOUNTS: dict[Operation, Amount] = {
    Operation.GROW: Amount(-200, 200, 2),
    Operation.SMOOTH: Amount(0.5, 100, 3, 1),
    Operation.SIMPLIFY: Amount(0.2, 100, 1, 1),
    Operation.REMOVE_SMALL: Amount(1, 1_000_000, 50),
    Operation.FILL_HOLES: Amount(1, 1_000_000, 50),
}


def kept_off(mask: Mask, before: Mask | None, others: Iterable[Mask]) -> Mask:
    """The mask without the pixels of ``others`` that it would newly take; those of ``before`` stay."""
    taken = mask if before is None else mask.subtract(before)
    kept = taken
    for other in others:
        if kept.touches(other):
            kept = kept.subtract(other)
    return mask if kept == taken else mask.subtract(taken).union(kept)


def shaped(operation: Operation, mask: Mask, value: float) -> Mask:
    """The mask after an operation; it may be empty.

    GROW by ``value`` pixels (negative shrinks), SMOOTH with that radius, SIMPLIFY the outline to polygons with an error
    of at most ``value`` pixels, REMOVE_SMALL parts of fewer pixels, FILL_HOLES of at most as many.
    """
    match operation:
        case Operation.GROW:
            return mask.grown(value)
        case Operation.SMOOTH:
            return mask.smoothed(value)
        case Operation.SIMPLIFY:
            return Mask.from_parts(mask.simplified(value), mask.width, mask.height)
        case Operation.REMOVE_SMALL:
            return mask.remove_small(round(value))
        case Operation.FILL_HOLES:
            return mask.fill_holes(value)
