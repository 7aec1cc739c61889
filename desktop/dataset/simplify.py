"""Fewer vertices for a ring, with a stated largest error (Douglas and Peucker, 1973)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.contours import Part, Ring

_Points = NDArray[np.float64]


def simplify_part(part: Part, tolerance: float) -> Part:
    """The part with every ring simplified; holes are kept."""
    return Part(simplify_ring(part.outer, tolerance), tuple(simplify_ring(hole, tolerance) for hole in part.holes))


def simplify_ring(ring: Ring, tolerance: float) -> Ring:
    """A subset of the ring's vertices, such that no vertex of the ring is further than ``tolerance`` px from it.

    A ring that would shrink to less than a triangle is returned as it is, so thin objects do not vanish.
    """
    return simplify_measured(ring, tolerance)[0]


def simplify_measured(ring: Ring, tolerance: float) -> tuple[Ring, float]:
    """What :func:`simplify_ring` gives, and the largest distance, in px, of a vertex of the ring from it."""
    if tolerance <= 0 or len(ring) <= 4:
        return ring, 0.0
    points = np.asarray(ring, np.float64)
    far = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    kept = np.zeros(len(points), np.bool_)
    kept[[0, far]] = True
    closed = np.concatenate((points, points[:1]))
    error = _keep_corners(closed, kept, tolerance)
    if kept.sum() < 3:
        return ring, 0.0
    return tuple(vertex for vertex, keep in zip(ring, kept.tolist(), strict=True) if keep), error


def _keep_corners(closed: _Points, kept: NDArray[np.bool_], tolerance: float) -> float:
    """Mark the vertices to keep, splitting all open sections of one depth at once (a section costs no Python loop).

    Returns the largest distance that is left.
    """
    count = len(kept)
    while True:
        ends = np.append(np.flatnonzero(kept), count)
        section = np.cumsum(kept) - 1
        a, b = closed[ends[:-1]][section], closed[ends[1:]][section]
        distance = _distance(closed[:-1], a, b)
        worst = np.maximum.reduceat(distance, ends[:-1])
        open_sections = worst > tolerance
        if not open_sections.any():
            return float(worst.max())
        candidates = np.flatnonzero(open_sections[section] & (distance == worst[section]))
        _, first = np.unique(section[candidates], return_index=True)
        kept[candidates[first]] = True


def _distance(points: _Points, a: _Points, b: _Points) -> NDArray[np.float64]:
    """The distance of each point from its segment a–b."""
    along = b - a
    length2 = (along**2).sum(axis=1)
    t = ((points - a) * along).sum(axis=1) / np.where(length2 > 0, length2, 1)
    nearest = a + np.clip(t, 0, 1)[:, None] * along
    off = points - nearest
    distance: NDArray[np.float64] = np.hypot(off[:, 0], off[:, 1])
    return distance
