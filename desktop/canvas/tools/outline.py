"""Editing a mask by the vertices of its simplified outline, changing no pixel far from the edited vertex.

The mask is the truth (ux.md §0): its outline is simplified for the hand, so replacing the mask by the edited polygon
would lose detail all round. Instead only the neighbourhood of the two edges that moved is drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.canvas.hit_test import feet_on, rings_of
from desktop.dataset.contours import Ring
from desktop.dataset.masks import Mask, Part
from desktop.dataset.simplify import simplify_measured

_FINEST, _COARSEST = 0.25, 64.0
"""Image pixels between outline and border at detail 99 and at detail 0; at 75 it is one pixel."""

VERTEX_GAP = 6.0
"""View pixels between neighbouring vertices from which on they are shown (ux.md §9)."""

HANDLE_REACH = 7.0
EDGE_REACH = 5.0
"""View pixels within which a vertex, or an edge, is hit."""

_MOST_RUNS = 60_000
"""Bytes of run lengths up to which a mask's outline is made at once, in about a third of a second at worst. Vertices of
more ragged masks lie too close to be taken anyway; brush and split edit them."""

Place: TypeAlias = tuple[int, int]
"""Ring number and vertex number."""


@dataclass(frozen=True, slots=True)
class OutlineEdit:
    """A change of one vertex under way: the ring before, the ring now, and which vertex is held."""

    outline: Outline
    ring: int
    after: list[tuple[float, float]]
    held: int
    touched: tuple[tuple[float, float], ...]

    def drag(self, x: float, y: float) -> None:
        """Put the held vertex at the image point, inside the image."""
        mask = self.outline.mask
        self.after[self.held] = (min(max(x, 0.0), float(mask.width)), min(max(y, 0.0), float(mask.height)))

    def rings(self) -> list[tuple[tuple[float, float], ...]]:
        """The edited outline for drawing."""
        return [
            tuple(self.after) if i == self.ring else tuple(map(tuple, ring.tolist()))
            for i, ring in enumerate(self.outline.rings)
        ]

    def mask(self) -> Mask:
        """The mask with the neighbourhood of the edit drawn anew; all other pixels as they were."""
        old = self.outline.mask
        rings = self.rings()
        count = len(self.after)
        now = [self.after[(self.held + i) % count] for i in (-1, 0, 1)]
        near = np.array([*self.touched, *now], np.float64)
        pad = ceil(self.outline.error) + 2
        x0, y0 = np.floor(near.min(axis=0)).astype(int) - pad
        x1, y1 = np.ceil(near.max(axis=0)).astype(int) + pad
        region = np.zeros((y1 - y0, x1 - x0), np.uint8)
        shift = np.array((x0, y0))
        for line in (np.array(self.touched, np.float64), np.array(now, np.float64)):
            cv2.polylines(region, [np.round(line - shift).astype(np.int32)], False, 1, 2 * pad - 1)
        ring = np.array([*self.touched, *reversed(now)], np.float64)
        cv2.fillPoly(region, [np.round(ring - shift).astype(np.int32)], 1)
        area = Mask.from_crop(region, int(x0), int(y0), old.width, old.height)
        drawn = Mask.from_parts(self.outline.parts_with(rings), old.width, old.height)
        return old.subtract(area).union(drawn.intersect(area))


class Outline:
    """The simplified rings of a mask, with hit testing. ``rings`` are arrays (n, 2) in image coordinates.

    ``error`` is the largest distance, in image pixels, of the mask's border from the rings.
    """

    def __init__(self, mask: Mask, tolerance: float = 1.0) -> None:
        self.mask = mask
        self.error = 0.0
        self._parts = [
            Part(self._simple(part.outer, tolerance), tuple(self._simple(hole, tolerance) for hole in part.holes))
            for part in mask.parts()
        ]
        self.rings: list[NDArray[np.float64]] = rings_of(self._parts)
        gaps = [np.hypot(*(np.roll(ring, -1, axis=0) - ring).T) for ring in self.rings]
        self._gap = float(np.median(np.concatenate(gaps))) if gaps else 0.0

    def _simple(self, ring: Ring, tolerance: float) -> Ring:
        """The ring simplified as far as it stays one: a smaller tolerance is used where the ring would vanish."""
        simple, error = simplify_measured(ring, tolerance)
        while len(simple) == len(ring) and len(ring) > 4 and tolerance > _FINEST:
            tolerance /= 2
            simple, error = simplify_measured(ring, tolerance)
        self.error = max(self.error, error)
        return simple

    @property
    def vertices(self) -> int:
        """How many vertices all rings have together."""
        return sum(len(ring) for ring in self.rings)

    def simplified_mask(self) -> Mask:
        """The pixels that the simplified rings enclose."""
        return Mask.from_parts(self._parts, self.mask.width, self.mask.height)

    def near(self, x: float, y: float, scale: float) -> bool:
        """Whether the image point is in reach of the box of the mask, where alone vertices and edges can be hit."""
        x0, y0, x1, y1 = self.mask.bbox
        reach = HANDLE_REACH / scale
        return x0 - reach <= x <= x1 + reach and y0 - reach <= y <= y1 + reach

    def vertices_shown(self, scale: float) -> bool:
        """Whether vertices are far enough apart on screen to be shown and taken."""
        return self._gap * scale >= VERTEX_GAP

    def vertex_at(self, x: float, y: float, scale: float) -> Place | None:
        best, place = HANDLE_REACH / scale, None
        for number, ring in enumerate(self.rings):
            distances = np.hypot(ring[:, 0] - x, ring[:, 1] - y)
            i = int(np.argmin(distances))
            if distances[i] <= best:
                best, place = float(distances[i]), (number, i)
        return place

    def edge_at(self, x: float, y: float, scale: float) -> Place | None:
        """The edge near the point, named by the vertex it starts at."""
        best, place = EDGE_REACH / scale, None
        for number, ring in enumerate(self.rings):
            off = feet_on(ring, x, y) - (x, y)
            distances = np.hypot(off[:, 0], off[:, 1])
            i = int(np.argmin(distances))
            if distances[i] <= best:
                best, place = float(distances[i]), (number, i)
        return place

    def nearest_on(self, edge: Place, x: float, y: float) -> tuple[float, float]:
        """The point of an edge nearest to (x, y)."""
        foot = feet_on(self.rings[edge[0]], x, y)[edge[1]]
        return float(foot[0]), float(foot[1])

    def moving(self, place: Place) -> OutlineEdit:
        """An edit that moves a vertex."""
        ring = self._vertices(place[0])
        return OutlineEdit(self, place[0], ring, place[1], self._around(ring, place[1]))

    def with_vertex(self, edge: Place, x: float, y: float) -> OutlineEdit:
        """An edit that adds a vertex on an edge and moves it."""
        ring = self._vertices(edge[0])
        a, b = ring[edge[1]], ring[(edge[1] + 1) % len(ring)]
        ring.insert(edge[1] + 1, (x, y))
        return OutlineEdit(self, edge[0], ring, edge[1] + 1, (a, b))

    def without_vertex(self, place: Place) -> OutlineEdit | None:
        """An edit that removes a vertex; None when the ring would be less than a triangle."""
        ring = self._vertices(place[0])
        if len(ring) <= 3:
            return None
        touched = self._around(ring, place[1])
        del ring[place[1]]
        return OutlineEdit(self, place[0], ring, place[1] % len(ring), touched)

    def parts_with(self, rings: list[tuple[tuple[float, float], ...]]) -> list[Part]:
        """The parts with these rings in place of the outline's own, in the order of ``rings``."""
        left = iter(rings)
        return [Part(next(left), tuple(next(left) for _ in part.holes)) for part in self._parts]

    def _vertices(self, ring: int) -> list[tuple[float, float]]:
        return [(x, y) for x, y in self.rings[ring].tolist()]

    @staticmethod
    def _around(ring: list[tuple[float, float]], vertex: int) -> tuple[tuple[float, float], ...]:
        return ring[vertex - 1], ring[vertex], ring[(vertex + 1) % len(ring)]


def has_outline(mask: Mask) -> bool:
    """Whether the mask can be edited by its vertices: it has pixels, and is not all rags."""
    return not mask.is_empty and len(mask.counts) <= _MOST_RUNS


def tolerance_of(detail: int) -> float:
    """Image pixels by which the outline may differ at a detail of 0–100; 100 follows every pixel."""
    if detail >= 100:
        return 0.0
    return float(_COARSEST * (_FINEST / _COARSEST) ** (max(detail, 0) / 100))


@lru_cache(maxsize=8)
def outline_of(mask: Mask, detail: int) -> Outline:
    """The outline of a mask at a detail of 0–100; kept, as the canvas and the context bar ask for the same one."""
    return Outline(mask, tolerance_of(detail))
