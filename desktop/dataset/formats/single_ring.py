"""A whole mask as one closed ring, for formats that have a single outline for an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.masks import Mask, Part

Ring: TypeAlias = Sequence[tuple[float, float]]
_Points: TypeAlias = NDArray[np.float64]


def single_ring(mask: Mask, tolerance: float = 0.0) -> list[tuple[float, float]]:
    """One ring (x, y in image coordinates) that encloses the mask.

    Holes and further parts hang on bridges of no width: the ring goes there and comes back on the same line, so every
    fill rule gives the mask again (renderers that also draw the outline paint the bridge as a thin line).
    ``tolerance`` (pixels) simplifies the rings first.
    """
    parts = mask.simplified(tolerance) if tolerance > 0 else mask.parts()
    rings = [ring for part, exact in zip(parts, mask.parts(), strict=True) for ring in _rings(part, exact)]
    joined, waiting = rings[0], rings[1:]
    while waiting:
        nearest, at, other = min(
            ((index, *_nearest(joined, ring)) for index, ring in enumerate(waiting)),
            key=lambda found: _distance(joined, found[1], waiting[found[0]], found[2]),
        )
        ring = waiting.pop(nearest)
        detour = [*np.roll(ring, -other, axis=0), ring[other], joined[at]]
        joined = np.concatenate([joined[: at + 1], np.array(detour), joined[at + 1 :]])
    return [(float(x), float(y)) for x, y in joined]


def _rings(part: Part, exact: Part) -> list[_Points]:
    """The rings of a part; where simplifying left less than a triangle, the exact one."""
    outer = part.outer if len(part.outer) >= 3 else exact.outer
    return [np.array(ring, np.float64) for ring in (outer, *(hole for hole in part.holes if len(hole) >= 3))]


def _nearest(ring: _Points, other: _Points) -> tuple[int, int]:
    squared = ((ring[:, None] - other[None]) ** 2).sum(2)
    at, beside = np.unravel_index(int(squared.argmin()), squared.shape)
    return int(at), int(beside)


def _distance(ring: _Points, at: int, other: _Points, beside: int) -> float:
    return float(((ring[at] - other[beside]) ** 2).sum())
