"""Exact contours of masks on pixel corners, traced from runs.

The boundary of a set of pixels is made of unit steps between corners. Only the corners where it turns matter: in each
row of corners they pair up into the horizontal pieces, in each column into the vertical ones, and following the two
pairings in turn walks round every ring. Foreground is 8-connected (as in ``cv2.findContours``), so holes are
4-connected: two pixels that touch at a corner belong to one part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.runs import Edges, split_columns

Ring: TypeAlias = tuple[tuple[float, float], ...]
"""A closed ring of (x, y) vertices in image coordinates; the last vertex is joined to the first."""


@dataclass(frozen=True, slots=True)
class Part:
    """One connected piece of a mask: its outer ring and the rings of its holes."""

    outer: Ring
    holes: tuple[Ring, ...] = ()

    @property
    def area(self) -> float:
        """Pixels inside the outer ring and outside the holes (exact for traced parts)."""
        return ring_area(self.outer) - sum(ring_area(hole) for hole in self.holes)


def ring_area(ring: Ring) -> float:
    """The absolute shoelace area of a ring, in square pixels."""
    points = np.asarray(ring, np.float64).reshape(-1, 2)
    x, y = points[:, 0], points[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def trace(edges: Edges, width: int, height: int) -> list[Part]:
    """The parts of a mask, top to bottom by their first row, each with its holes; exact.

    Rings start at their topmost-leftmost corner, go right first, and have no three corners in a line.
    """
    if len(edges) == 0:
        return []
    corners = _turning_corners(split_columns(edges, height), width, height)
    points = list(zip(corners.x.astype(np.float64).tolist(), corners.y.astype(np.float64).tolist(), strict=True))
    paths = _paths(corners)
    rings: list[Ring] = [tuple([points[at] for at in path.tolist()]) for path in paths]
    if len(rings) == 1:
        return [Part(rings[0])]
    return _group(rings, paths, corners, edges, width, height)


def flat_outlines(edges: Edges, width: int, height: int) -> list[NDArray[np.int64]] | None:
    """The outer rings of :func:`trace` as flat arrays x, y, x, y …, or None when a part has a hole.

    For thousands of masks a second: no point becomes an object of its own.
    """
    if len(edges) == 0:
        return []
    corners = _turning_corners(split_columns(edges, height), width, height)
    paths = _paths(corners)
    if not all(corners.foreground_below[path[0]] for path in paths):
        return None
    points = np.empty((len(corners.x), 2), np.int64)
    points[:, 0] = corners.x
    points[:, 1] = corners.y
    return [points.take(path, axis=0).ravel() for path in paths]


def _paths(corners: _Corners) -> list[NDArray[np.int64]]:
    """The corners of every ring in turn; rings by their first corner.

    One step goes along a horizontal piece and then a vertical one: two one-to-one maps, so a ring ends where it began.
    """
    pieces = len(corners.vertical_partner) // 2
    step = corners.vertical_partner.reshape(pieces, 2)[:, ::-1].ravel().tolist()
    seen = bytearray(pieces)
    paths = []
    for piece in range(pieces):
        if seen[piece]:
            continue
        first = 2 * piece
        starts = [first]
        at = step[first]
        while at != first:
            starts.append(at)
            at = step[at]
        path = np.empty((len(starts), 2), np.int64)
        path[:, 0] = starts
        path[:, 1] = path[:, 0] ^ 1
        paths.append(path.ravel())
        if len(starts) == pieces:
            break
        for at in starts:
            seen[at >> 1] = 1
    return paths


@dataclass(frozen=True, slots=True)
class _Corners:
    """Corners in (y, x) order: 2k and 2k + 1 are the ends of a horizontal piece; ``foreground_below`` per corner."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    keys: NDArray[np.int64]
    foreground_below: NDArray[np.bool_]
    vertical_partner: NDArray[np.int64]


def _turning_corners(runs: Edges, width: int, height: int) -> _Corners:
    """Where the boundary turns. ``runs`` lie within their columns.

    Each run end is a unit piece of horizontal boundary from (x, y) to (x + 1, y). Where two such pieces meet with the
    same side filled, the boundary goes straight on; where they meet with opposite sides filled, four pieces meet
    (pixels touch at a corner) and the corner counts twice.
    """
    column = (runs[::2] // height).repeat(2)
    left = runs * (width + 1) - column * (height * (width + 1) - 1)  # the row times the width and one, and the column
    sides = np.zeros(2 * len(runs), np.bool_)
    sides[::2] = True
    keys = np.concatenate((left + 1, left))  # a stable sort keeps the end of the left piece before the next one's start
    order = keys.argsort(kind="stable")
    keys = keys[order]
    below = sides[order]
    twin = keys[1:] == keys[:-1]
    straight = twin & (below[1:] == below[:-1])
    if straight.any():
        keep = np.ones(len(keys), np.bool_)
        keep[1:] ^= straight
        keep[:-1] ^= straight
        keys, below = keys[keep], below[keep]
        twin = keys[1:] == keys[:-1]
    y = keys // (width + 1)
    x = keys - y * (width + 1)
    by_column = 2 * (x * (height + 1) + y)
    if twin.any():
        # Two corners in one place: the first ends the piece on the left, the second starts the one on the right.
        # The vertical piece above goes to the corner that keeps the two foreground pixels in one ring.
        second = np.flatnonzero(twin) + 1
        falling = below[second]  # foreground at the top left and the bottom right
        by_column[second] += ~falling
        by_column[second - 1] += falling
    order = by_column.argsort(kind="stable")
    partner = np.empty(len(keys), np.int64)
    partner[order[::2]] = order[1::2]
    partner[order[1::2]] = order[::2]
    return _Corners(x, y, keys, below, partner)


def _group(
    rings: list[Ring], paths: list[NDArray[np.int64]], corners: _Corners, edges: Edges, width: int, height: int
) -> list[Part]:
    """Give every hole to the part it lies in.

    The pixel above a hole's topmost-leftmost corner is foreground; the run it belongs to starts at a horizontal piece
    of the part's outer ring, or of another hole of the same part that was met before.
    """
    part_of: list[int] = []
    outers: list[Ring] = []
    holes: list[list[Ring]] = []
    ring_of = np.empty(len(corners.keys), np.int64)
    for number, path in enumerate(paths):
        ring_of[path] = number
    for ring, path in zip(rings, paths, strict=True):
        first = path[0]
        if corners.foreground_below[first]:
            part_of.append(len(outers))
            outers.append(ring)
            holes.append([])
            continue
        x, y = int(corners.x[first]), int(corners.y[first])
        run = int(np.searchsorted(edges, x * height + y - 1, side="right")) - 1
        top = max(int(edges[run]) - x * height, 0)
        piece = int(np.searchsorted(corners.keys, top * (width + 1) + x, side="right")) - 1
        part = part_of[ring_of[piece]]
        part_of.append(part)
        holes[part].append(ring)
    return [Part(outer, tuple(inner)) for outer, inner in zip(outers, holes, strict=True)]
