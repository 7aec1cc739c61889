"""Polygons to masks: a pixel is in when its centre is inside, exactly, for float vertices on the corner convention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.errors import MaskError
from desktop.dataset.runs import NO_EDGES, Edges, union_of, without_empty_runs

Vertices = Sequence[tuple[float, float]] | NDArray[np.float64]


def fill(rings: Sequence[Vertices], width: int, height: int) -> Edges:
    """The pixels whose centre is inside an odd number of turns of the rings (even-odd rule), clipped to the image.

    A centre exactly on a boundary belongs to the region on its right or below it, so neighbours that share a boundary
    neither overlap nor leave a gap. Rings of fewer than three vertices are empty. Raises :class:`MaskError` when a
    coordinate is not a finite number.
    """
    starts, ends = _sides(rings)
    if len(starts) == 0 or width == 0 or height == 0:
        return NO_EDGES
    # Columns whose centre x = i + 0.5 lies in [left, right) of the side.
    left = np.minimum(starts[:, 0], ends[:, 0])
    right = np.maximum(starts[:, 0], ends[:, 0])
    first = np.ceil(np.clip(left, 0, width) - 0.5).astype(np.int64)
    stop = np.minimum(np.ceil(np.clip(right, 0, width) - 0.5), width).astype(np.int64)
    crossed = np.maximum(stop - first, 0)
    used = crossed > 0
    starts, ends, first, crossed = starts[used], ends[used], first[used], crossed[used]
    if len(first) == 0:
        return NO_EDGES
    offsets = np.cumsum(crossed) - crossed
    column = np.arange(int(crossed.sum())) - np.repeat(offsets - first, crossed)
    slope = (ends[:, 1] - starts[:, 1]) / (ends[:, 0] - starts[:, 0])
    y = np.repeat(starts[:, 1], crossed) + (column + 0.5 - np.repeat(starts[:, 0], crossed)) * np.repeat(slope, crossed)
    # Below the last centre the row is `height`, the start of the next column, where what is left open is closed.
    row = np.ceil(np.clip(y, 0, height) - 0.5).astype(np.int64)
    positions = column * height + row
    positions.sort()
    return without_empty_runs(positions)


def fill_all(groups: Sequence[Sequence[Vertices]], width: int, height: int) -> Edges:
    """The union of several groups of rings, each filled by the even-odd rule."""
    return union_of([fill(group, width, height) for group in groups])


def _sides(rings: Sequence[Vertices]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The start and end points (n, 2) of all sides, each directed to the right so that shared sides agree exactly."""
    starts: list[NDArray[np.float64]] = []
    ends: list[NDArray[np.float64]] = []
    for ring in rings:
        points = np.asarray(ring, np.float64).reshape(-1, 2)
        if not np.isfinite(points).all():
            raise MaskError("A polygon has a coordinate that is not a finite number.")
        if len(points) >= 3:
            starts.append(points)
            ends.append(np.concatenate((points[1:], points[:1])))
    if not starts:
        return np.empty((0, 2)), np.empty((0, 2))
    a, b = np.concatenate(starts), np.concatenate(ends)
    swap = (a[:, 0] > b[:, 0])[:, None]
    return np.where(swap, b, a), np.where(swap, a, b)
