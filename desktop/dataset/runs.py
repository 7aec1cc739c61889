"""Run algebra: masks as the positions where they begin and end, counted down the columns as COCO does.

The canonical form is ``edges``: int64, strictly increasing, even length, ``[start0, end0, start1, end1, …]`` with ends
exclusive; pixel (x, y) of a mask of height ``h`` has the position ``x * h + y``. Every operation here costs time in the
number of runs, not of pixels, and equal masks have equal edges.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from desktop.dataset.errors import MaskError

Edges: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Bounds: TypeAlias = tuple[int, int, int, int]
"""x0, y0, x1, y1; right and bottom exclusive."""

NO_EDGES: Edges = np.empty(0, np.int64)


def compress(edges: Edges, width: int, height: int) -> bytes:
    """The COCO compressed counts of the edges."""
    if len(edges) == 0:
        counts = [width * height]
    else:
        counts = np.diff(edges, prepend=0).tolist()
        if edges[-1] < width * height:
            counts.append(width * height - int(edges[-1]))
    packed = coco.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return bytes(packed["counts"])


def expand(counts: bytes, width: int, height: int) -> Edges:
    """The edges of COCO compressed counts. Raises :class:`MaskError` when they do not describe width × height pixels.

    The format (pycocotools ``maskApi.c``): each count is written in groups of five bits, least significant first, as
    the character ``48 + group + 32 * more``; the last group's bit 16 is the sign; from the fourth count on, the
    difference to the count two before is written.
    """
    characters = np.frombuffer(counts, np.uint8) - np.uint8(48)  # what is below 48 becomes large
    if len(characters) == 0 or characters.max() > 63 or characters[-1] & 32:
        raise MaskError("The run lengths of a mask are damaged.")
    last = (characters < 32).nonzero()[0]
    groups = characters.astype(np.int64)
    ends = groups[last]
    if len(last) == len(groups):
        values = groups
        lengths = np.ones_like(last)
    else:
        first = np.empty_like(last)
        first[0] = 0
        first[1:] = last[:-1] + 1
        lengths = last - first + 1
        if lengths.max() > 8:
            raise MaskError("The run lengths of a mask are damaged.")
        shifts = 5 * (np.arange(len(groups)) - first.repeat(lengths))
        values = np.add.reduceat((groups & 31) << shifts, first)
    values -= (ends & 16) << (5 * lengths - 4)
    for parity in (1, 2):
        values[parity::2].cumsum(out=values[parity::2])
    return edges_of_counts(values, width, height)


def edges_of_counts(counts: NDArray[np.int64], width: int, height: int) -> Edges:
    """The edges of plain run lengths (background first). Raises :class:`MaskError` when they do not add up."""
    least = int(counts[1:].min()) if len(counts) > 1 else 1
    if least < 0 or (len(counts) and counts[0] < 0):
        raise MaskError("The run lengths of a mask are damaged.")
    ends: Edges = counts.cumsum()
    total = int(ends[-1]) if len(ends) else 0
    if total != width * height:
        raise MaskError(f"The run lengths of a mask cover {total} pixels, but its image has {width} × {height}.")
    if len(counts) % 2:
        ends = ends[:-1]
    return ends if least > 0 else without_empty_runs(ends)


def without_empty_runs(edges: Edges) -> Edges:
    """Sorted edges that may repeat: positions that occur an even number of times cancel, others stay once."""
    if len(edges) == 0:
        return NO_EDGES
    first = np.flatnonzero(np.diff(edges, prepend=edges[0] - 1))
    times = np.diff(first, append=len(edges))
    kept: Edges = edges[first[times % 2 == 1]]
    return kept


def area(edges: Edges) -> int:
    """Number of pixels."""
    return int(edges[1::2].sum() - edges[::2].sum())


def bounds(edges: Edges, height: int) -> Bounds:
    """The tight box of the runs; (0, 0, 0, 0) without any."""
    if len(edges) == 0:
        return (0, 0, 0, 0)
    starts, ends = edges[::2], edges[1::2] - 1
    x0, x1 = int(starts[0]) // height, int(ends[-1]) // height
    if (starts // height != ends // height).any():
        return (x0, 0, x1 + 1, height)
    return (x0, int((starts % height).min()), x1 + 1, int((ends % height).max()) + 1)


def split_columns(edges: Edges, height: int) -> Edges:
    """The same pixels as runs that never cross from one column into the next (so starts may equal ends before)."""
    if len(edges) == 0:
        return edges
    starts, ends = edges[::2], edges[1::2]
    first, last = starts // height, (ends - 1) // height
    if np.array_equal(first, last):
        return edges
    pieces = last - first + 1
    offsets = np.cumsum(pieces) - pieces
    columns = np.arange(int(pieces.sum())) - np.repeat(offsets - first, pieces)
    split = np.empty(2 * len(columns), np.int64)
    split[::2] = np.maximum(columns * height, np.repeat(starts, pieces))
    split[1::2] = np.minimum((columns + 1) * height, np.repeat(ends, pieces))
    return split


def to_crop(edges: Edges, height: int, box: Bounds) -> BoolArray:
    """The pixels inside ``box``, which must contain all runs: bool (y1 - y0, x1 - x0)."""
    x0, y0, x1, y1 = box
    h, w = y1 - y0, x1 - x0
    if len(edges) == 0:
        return np.zeros((h, w), np.bool_)
    if h == height:
        local = edges - x0 * height
    else:
        rows = split_columns(edges, height)
        columns = np.repeat(rows[::2] // height, 2)
        local = without_empty_runs(rows - columns * height - y0 + (columns - x0) * h)
    counts = np.diff(local, prepend=0, append=w * h)
    column_major = np.repeat(np.arange(len(counts), dtype=np.uint8) & 1, counts).reshape(w, h)
    return cv2.transpose(column_major).view(np.bool_)


def from_crop(pixels: BoolArray, x0: int, y0: int, height: int) -> Edges:
    """The edges of a crop whose top-left pixel is (x0, y0), in an image of that height. The crop must lie inside."""
    rows = np.flatnonzero(pixels.any(axis=1))
    if len(rows) == 0:
        return NO_EDGES
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(pixels[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    tight = np.ascontiguousarray(pixels[top:bottom, left:right]).view(np.uint8)
    h, w = tight.shape
    # one empty row below each column keeps runs inside their column; cv2.transpose is several times faster than numpy
    padded = np.zeros((w, h + 1), np.uint8)
    padded[:, :h] = cv2.transpose(tight).reshape(w, h)
    flat = padded.ravel()
    found = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        found = np.concatenate(([0], found))
    column = found // (h + 1)
    return without_empty_runs(found - column * (h + 1) + (column + x0 + left) * height + y0 + top)


def combine(a: Edges, b: Edges, table: tuple[bool, bool, bool, bool]) -> Edges:
    """A boolean operation. ``table`` gives the result for (neither, only a, only b, both); the first must be False."""
    positions = np.concatenate((a, b))
    if len(positions) == 0:
        return NO_EDGES
    order = np.argsort(positions, kind="stable")
    positions = positions[order]
    of_b = order >= len(a)
    seen_b = np.cumsum(of_b)
    seen_a = np.arange(1, len(order) + 1) - seen_b
    state = np.array(table)[(seen_a & 1) + 2 * (seen_b & 1)]
    last = np.append(positions[1:] != positions[:-1], True)
    positions, state = positions[last], state[last]
    changed = state.copy()
    changed[1:] = state[1:] != state[:-1]
    result: Edges = positions[changed]
    return result


UNION = (False, True, True, True)
INTERSECTION = (False, False, False, True)
DIFFERENCE = (False, True, False, False)
EXCLUSION = (False, True, True, False)


def overlap(a: Edges, b: Edges) -> int:
    """Number of pixels in both."""
    return area(combine(a, b, INTERSECTION)) if len(a) and len(b) else 0


def union_of(groups: list[Edges]) -> Edges:
    """The union of any number of masks in one pass."""
    filled = [edges for edges in groups if len(edges)]
    if len(filled) < 2:
        return filled[0] if filled else NO_EDGES
    positions = np.concatenate(filled)
    steps = np.concatenate([np.resize(np.array([1, -1]), len(edges)) for edges in filled])
    order = np.argsort(positions, kind="stable")
    positions, depth = positions[order], np.cumsum(steps[order])
    last = np.append(positions[1:] != positions[:-1], True)
    positions, inside = positions[last], depth[last] > 0
    changed = inside.copy()
    changed[1:] = inside[1:] != inside[:-1]
    result: Edges = positions[changed]
    return result
