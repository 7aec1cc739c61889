"""Masks as COCO segmentations. The mask is the truth; a polygon is written only as faithfully as the mode allows.

``auto`` is exact: a polygon is written when the mask has no holes and pycocotools decodes that polygon to the very same
pixels, otherwise compressed RLE. (ux.md §18 allows 0.5 px of error here; no error at all is a stricter reading of it,
see docs/decisions.) ``polygons`` never writes RLE except for crowds: holes are kept by cutting the object through them
into pieces. ``rle`` always writes compressed RLE.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from desktop.dataset.formats.file_values import is_number
from desktop.dataset.masks import Mask, MaskError

MODES = ("auto", "polygons", "rle")

MAX_PERIMETER = 5_000_000
"""Pixels. pycocotools makes some 5 points of each pixel of a border: more of them would fill the memory."""


def segmentation(mask: Mask, mode: str, *, crowd: bool = False, tolerance: float = 0.0) -> Any:
    """The ``segmentation`` value: a list of flat polygons (lists or arrays), or ``{"size": [h, w], "counts": str}``.

    ``tolerance`` (pixels) simplifies the polygons of mode ``polygons``; 0 writes exact contours.
    """
    return next(
        value
        for value in offers(mask, mode, crowd=crowd, tolerance=tolerance)
        if mode != "auto" or decodes_to(value, mask)
    )


def offers(mask: Mask, mode: str, *, crowd: bool = False, tolerance: float = 0.0) -> Iterator[Any]:
    """The values that :func:`segmentation` chooses from, in turn: of mode ``auto`` the first that is exact."""
    if crowd or mode == "rle":
        yield mask.rle()
    elif mode == "auto":
        polygons = mask.flat_outlines()
        # the border of a mask has at most four sides of each of its pixels
        if polygons and (4 * mask.area <= MAX_PERIMETER or max(map(_perimeter, polygons)) <= MAX_PERIMETER):
            yield polygons
        yield mask.rle()
    else:
        yield [polygon for piece in without_holes(mask) for polygon in _outlines(piece, tolerance)]


def decoded(value: Any, width: int, height: int) -> Mask:
    """What pycocotools makes of a ``segmentation`` value: polygons, RLE with plain or with compressed counts."""
    return Mask.from_rle(_rle(value, width, height))


def decodes_to(value: Any, mask: Mask) -> bool:
    """Whether pycocotools makes exactly this mask of a ``segmentation`` value."""
    rle = _rle(value, mask.width, mask.height)
    # the same run lengths are written in the same way, unless some of them are empty
    return bool(rle["counts"] in (mask.counts, mask.counts.decode("ascii"))) or Mask.from_rle(rle) == mask


def _rle(value: Any, width: int, height: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(coco.frPyObjects(value, height, width)) if isinstance(value["counts"], list) else value
    return dict(coco.merge(coco.frPyObjects(value, height, width)))


def read(value: Any, width: int, height: int) -> Mask:
    """The mask of a ``segmentation`` value from anywhere. Raises :class:`MaskError` when it cannot be one.

    Polygons are cut at the borders of the image.
    """
    if isinstance(value, dict):
        if list(value.get("size", ())) != [height, width]:
            raise MaskError(f"its RLE is for {value.get('size')!s:.80} but the image has [{height}, {width}]")
        return Mask.from_rle(value)
    if not isinstance(value, list) or not value:
        raise MaskError("it has no segmentation")
    for polygon in value:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise MaskError("a polygon needs at least three points as a flat list of numbers")
        if not all(map(is_number, polygon)):
            raise MaskError("a polygon has a coordinate that is not a finite number")
        if not all(-10 * (width + height) <= v <= 11 * (width + height) for v in polygon):
            raise MaskError("a polygon lies far outside its image")
        if _perimeter(polygon) > MAX_PERIMETER:
            raise MaskError("a polygon runs to and fro without end")
    return decoded(value, width, height)


def reaches_outside(value: Any, width: int, height: int) -> bool:
    """Whether polygons, if they are any, have points outside the image."""
    if not isinstance(value, list):
        return False
    for polygon in value:
        if isinstance(polygon, list) and all(map(is_number, polygon)):
            across, down = polygon[::2], polygon[1::2]
            if min(across, default=0) < 0 or min(down, default=0) < 0:
                return True
            if max(across, default=0) > width or max(down, default=0) > height:
                return True
    return False


def _perimeter(polygon: Sequence[float] | NDArray[np.int64]) -> float:
    points = np.array(polygon, np.float64).reshape(-1, 2)
    return float(np.abs(points - np.roll(points, 1, 0)).max(1).sum())


def without_holes(mask: Mask) -> list[Mask]:
    """The mask in pieces that have no holes: each part with one is cut through it from top to bottom."""
    pieces: list[Mask] = []
    waiting = mask.components()
    while waiting:
        piece = waiting.pop()
        holes = [hole for part in piece.parts() for hole in part.holes]
        if not holes:
            pieces.append(piece)
            continue
        columns = [x for x, _ in holes[0]]
        cut = int((min(columns) + max(columns) + 1) // 2)
        crop, x0, y0 = piece.crop()
        left, right = crop.copy(), crop.copy()
        left[:, cut - x0 :] = False
        right[:, : cut - x0] = False
        for half in (left, right):
            waiting.extend(Mask.from_crop(half, x0, y0, mask.width, mask.height).components())
    return sorted(pieces, key=lambda m: (m.bbox[1], m.bbox[0], m.counts))


def _outlines(piece: Mask, tolerance: float) -> list[list[float]]:
    parts = piece.simplified(tolerance) if tolerance > 0 else piece.parts()
    # A simplified piece can collapse to less than a triangle; then its exact contour is kept.
    return [_flat(p.outer if len(p.outer) >= 3 else exact.outer) for p, exact in zip(parts, piece.parts(), strict=True)]


def _flat(ring: tuple[tuple[float, float], ...]) -> list[float]:
    return [int(v) if v == int(v) else round(v, 3) for point in ring for v in point]
