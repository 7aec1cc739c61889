"""Editing a mask by the vertices of its simplified outline, changing no pixel far from the edited vertex.

The mask is the truth (ux.md §0): its outline is simplified for the hand, so replacing the mask by the edited polygon
would lose detail all round. Instead only the neighbourhood of the two edges that moved is drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, hypot
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.canvas.hit_test import rings_of
from desktop.dataset.masks import Mask, Part

TOLERANCE = 1.0
"""Image pixels between the outline and the exact border."""

VERTEX_GAP = 6.0
"""View pixels between neighbouring vertices from which on they are shown (ux.md §9)."""

HANDLE_REACH = 7.0

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
        pad = ceil(TOLERANCE) + 2
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
    """The simplified rings of a mask, with hit testing. ``rings`` are arrays (n, 2) in image coordinates."""

    def __init__(self, mask: Mask, tolerance: float = TOLERANCE) -> None:
        self.mask = mask
        self._parts = mask.simplified(tolerance)
        self.rings: list[NDArray[np.float64]] = rings_of(self._parts)
        gaps = [np.hypot(*(np.roll(ring, -1, axis=0) - ring).T) for ring in self.rings]
        self._gap = float(np.median(np.concatenate(gaps))) if gaps else 0.0

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
        best, place = HANDLE_REACH / scale, None
        for number, ring in enumerate(self.rings):
            for i, (a, b) in enumerate(zip(ring.tolist(), np.roll(ring, -1, axis=0).tolist(), strict=True)):
                distance = _from_segment((x, y), a, b)
                if distance <= best:
                    best, place = distance, (number, i)
        return place

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
        return [replace(part, outer=next(left), holes=tuple(next(left) for _ in part.holes)) for part in self._parts]

    def _vertices(self, ring: int) -> list[tuple[float, float]]:
        return [(x, y) for x, y in self.rings[ring].tolist()]

    @staticmethod
    def _around(ring: list[tuple[float, float]], vertex: int) -> tuple[tuple[float, float], ...]:
        return ring[vertex - 1], ring[vertex], ring[(vertex + 1) % len(ring)]


def _from_segment(point: tuple[float, float], a: list[float], b: list[float]) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length2 = dx * dx + dy * dy
    t = 0.0 if length2 == 0 else min(max(((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / length2, 0.0), 1.0)
    return hypot(point[0] - a[0] - t * dx, point[1] - a[1] - t * dy)
