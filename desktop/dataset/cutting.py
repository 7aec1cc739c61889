"""Cutting a mask along a line of no width: every pixel goes to exactly one piece (ux.md §5, Split).

Pixels are joined to their eight neighbours by the straight way between their centres. The cut takes away the ways that
it crosses; what still hangs together is a piece. So the union of the pieces is the mask and no two of them share a
pixel, whatever the line looks like. Only pixels beside the cut are looked at one by one: the cost follows the length of
the cut and the box of the mask, not the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from desktop.dataset.masks import Mask

Line: TypeAlias = Sequence[tuple[float, float]]

_NUDGE = np.array((2.3e-7, 3.1e-7))
"""Pixels by which a cut is moved, so that it never runs through a pixel's centre exactly: such a pixel goes to the
side at its right or below."""

_SLIVER = 16
_SLIVER_SHARE = 50
"""A piece of at most 16 pixels that is less than a fiftieth of its part is an accident of the hand (the cut grazes a
ragged border): it joins the piece that it touches most."""

_STEPS = ((1, 0), (0, 1), (1, 1), (-1, 1))
"""From a pixel to the neighbours after it: right, below, below right, below left."""

_Crop: TypeAlias = NDArray[np.bool_]
_Labels: TypeAlias = NDArray[np.int32]


def cut(mask: Mask, line: Line, *, closed: bool = False) -> list[Mask]:
    """The pieces of a mask divided by a polyline of image points, the largest first; [mask] when it divides nothing.

    ``closed`` joins the last vertex to the first. Connected parts of the mask that the cut does not divide stay with
    the largest piece. The pieces are disjoint and their union is the mask.
    """
    points = np.asarray(line, np.float64).reshape(-1, 2)
    if closed and len(points):
        points = np.concatenate((points, points[:1]))
    if mask.is_empty or len(points) < 2:
        return [mask]
    pixels, x0, y0 = mask.crop()
    barred = _crossed(points - (x0, y0) + _NUDGE, pixels.shape)
    if not any((way & pixels).any() for way in barred):
        return [mask]
    count, parts = cv2.connectedComponents(pixels.view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    pieces = _pieces(pixels, barred)
    part_of = np.zeros(int(pieces.max()) + 1, np.int64)
    part_of[pieces] = parts
    part_areas = np.bincount(parts.ravel(), minlength=count)
    areas = np.bincount(pieces.ravel())
    small = (areas > 0) & (areas <= np.minimum(_SLIVER, part_areas[part_of] // _SLIVER_SHARE)) & (part_of > 0)
    for number in np.flatnonzero(small).tolist():
        pieces[pieces == number] = _neighbour(pieces, number)
    numbers = np.flatnonzero((np.bincount(pieces.ravel(), minlength=len(part_of)) > 0) & (part_of > 0))
    whole = np.bincount(part_of[numbers], minlength=count)[part_of[numbers]] < 2
    if whole.all():
        return [mask]
    areas = np.bincount(pieces.ravel(), minlength=len(part_of))
    divided = sorted(numbers[~whole].tolist(), key=lambda number: -int(areas[number]))
    stays = np.zeros(len(part_of), np.bool_)
    stays[[divided[0], *numbers[whole].tolist()]] = True
    found = [stays[pieces], *(pieces == number for number in divided[1:])]
    return [Mask.from_crop(piece, x0, y0, mask.width, mask.height) for piece in found]


def parted(pieces: Sequence[Mask]) -> Mask:
    """One mask with the pieces as separate parts: each loses the pixels that touch an earlier piece, a gap of one."""
    whole = pieces[0]
    for piece in pieces[1:]:
        crop, x0, y0 = whole.crop()
        near = cv2.dilate(np.pad(crop, 1).view(np.uint8), np.ones((3, 3), np.uint8))
        reach = Mask.from_crop(near, x0 - 1, y0 - 1, whole.width, whole.height)
        whole = whole.union(piece.subtract(reach))
    return whole


def _crossed(points: NDArray[np.float64], shape: tuple[int, ...]) -> list[_Crop]:
    """For each of ``_STEPS`` the pixels whose way in that direction the polyline (n, 2) crosses."""
    x, y = points[:, 0], points[:, 1]
    barred = [np.zeros(shape, np.bool_) for _ in _STEPS]
    # A row of centres is y = j + 1/2; where the line meets it lies between the centres i and i + 1.
    row, at = _meetings(y - 0.5, x - 0.5)
    _mark(barred[0], np.floor(at), row)
    column, at = _meetings(x - 0.5, y - 0.5)
    _mark(barred[1], column, np.floor(at))
    # Falling diagonals: i - j is whole; i + j grows by two from centre to centre. Rising ones the other way round.
    level, at = _meetings(x - y, x + y - 1)
    j = np.floor((at - level) / 2)
    _mark(barred[2], level + j, j)
    level, at = _meetings(x + y - 1, x - y)
    j = np.floor((level - at) / 2)
    _mark(barred[3], level - j, j)
    return barred


def _meetings(
    along: NDArray[np.float64], across: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where a polyline passes whole numbers of its first coordinate: those numbers, and the second coordinate there."""
    low, high = np.minimum(along[:-1], along[1:]), np.maximum(along[:-1], along[1:])
    first = np.ceil(low).astype(np.int64)
    counts = np.maximum(np.ceil(high).astype(np.int64) - first, 0)
    side = np.repeat(np.arange(len(counts)), counts)
    level = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts - first, counts)
    rise = along[1:] - along[:-1]
    share = (level - along[:-1][side]) / rise[side]
    return level.astype(np.float64), across[:-1][side] + share * (across[1:] - across[:-1])[side]


def _mark(barred: _Crop, i: NDArray[np.float64], j: NDArray[np.float64]) -> None:
    height, width = barred.shape
    inside = (i >= 0) & (i < width) & (j >= 0) & (j < height)
    barred[j[inside].astype(np.intp), i[inside].astype(np.intp)] = True


def _pieces(pixels: _Crop, barred: Sequence[_Crop]) -> _Labels:
    """Numbers from 1 for the pieces, 0 outside. Away from the cut parts of the image hang together as ever; pixels
    with a crossed way are joined to their neighbours one by one."""
    beside = np.zeros_like(pixels)
    for (dx, dy), way in zip(_STEPS, barred, strict=True):
        beside |= way
        here, there = _pair(beside.shape, dx, dy)
        beside[there] |= way[here]
    beside &= pixels
    count, rest = cv2.connectedComponents((pixels & ~beside).view(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    labels = rest
    labels[beside] = np.arange(count, count + int(beside.sum()))
    links = []
    for (dx, dy), way in zip(_STEPS, barred, strict=True):
        here, there = _pair(pixels.shape, dx, dy)
        free = (beside[here] | beside[there]) & pixels[here] & pixels[there] & ~way[here]
        links.append(np.stack((labels[here][free], labels[there][free]), axis=1))
    joined: _Labels = _joined(np.unique(np.concatenate(links), axis=0), int(labels.max()) + 1)[labels]
    return joined


def _pair(shape: tuple[int, ...], dx: int, dy: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Two views of an array whose elements are neighbours in the direction (dx, dy); dy is 0 or 1."""
    height, width = shape
    rows_here, rows_there = slice(0, height - dy), slice(dy, height)
    if dx >= 0:
        return (rows_here, slice(0, width - dx)), (rows_there, slice(dx, width))
    return (rows_here, slice(-dx, width)), (rows_there, slice(0, width + dx))


def _joined(links: _Labels, count: int) -> _Labels:
    """For each label the smallest one that it hangs together with over the links (n, 2)."""
    parent = list(range(count))

    def root(label: int) -> int:
        while parent[label] != label:
            parent[label] = parent[parent[label]]
            label = parent[label]
        return label

    for a, b in links.tolist():
        one, two = root(a), root(b)
        if one != two:
            parent[max(one, two)] = min(one, two)
    return np.array([root(label) for label in range(count)], np.int32)


def _neighbour(pieces: _Labels, number: int) -> int:
    """The piece that shares most neighbouring pixels with this one; itself when it touches none."""
    rows, columns = np.nonzero(pieces == number)
    top, left = max(int(rows.min()) - 1, 0), max(int(columns.min()) - 1, 0)
    window = pieces[top : int(rows.max()) + 2, left : int(columns.max()) + 2]
    own = window == number
    around = cv2.dilate(own.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_) & ~own & (window > 0)
    touched, counts = np.unique(window[around], return_counts=True)
    return int(touched[np.argmax(counts)]) if len(touched) else number
