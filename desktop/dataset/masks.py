"""Mask: the pixels of one object, immutable, image-sized, kept as COCO compressed RLE (design.md §2).

Coordinates follow the corner convention of ``inference.prompts``: pixel (x, y) covers [x, x+1) × [y, y+1), boxes and
contours lie on pixel corners. Operations work on run lengths or on the crop of the bounding box, so their cost follows
the object, not the image. Parts are 8-connected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from desktop.dataset import runs
from desktop.dataset.contours import Part, Ring, flat_outlines, trace
from desktop.dataset.errors import MaskError
from desktop.dataset.rasterise import fill_all
from desktop.dataset.runs import Bounds, Edges
from desktop.dataset.simplify import simplify_part

__all__ = ["Mask", "MaskError", "Part", "Ring"]

BoolArray: TypeAlias = NDArray[np.bool_]


class Mask:
    """An immutable set of pixels of an image of ``width`` × ``height``; equal and hashed by content, picklable.

    Operations with another mask need the same image size and raise :class:`MaskError` otherwise.
    """

    __slots__ = ("_area", "_bbox", "_counts", "_height", "_width")

    _width: int
    _height: int
    _counts: bytes
    _area: int
    _bbox: Bounds

    def __init__(self) -> None:
        raise TypeError("Use one of the Mask.from_… methods.")

    # making

    @classmethod
    def _of(cls, edges: Edges, width: int, height: int) -> Mask:
        counts = runs.compress(edges, width, height)
        return cls._restore(counts, width, height, runs.area(edges), runs.bounds(edges, height))

    @classmethod
    def _restore(cls, counts: bytes, width: int, height: int, area: int, bbox: Bounds) -> Mask:
        mask = object.__new__(cls)
        mask._counts, mask._width, mask._height, mask._area, mask._bbox = counts, width, height, area, bbox
        return mask

    @classmethod
    def from_array(cls, pixels: ArrayLike) -> Mask:
        """From an array of shape (height, width): true (non-zero) pixels are in."""
        array = np.asarray(pixels)
        if array.ndim != 2:
            raise MaskError(f"A mask needs an array of two dimensions, not {array.ndim}.")
        return cls.from_crop(array, 0, 0, array.shape[1], array.shape[0])

    @classmethod
    def from_crop(cls, pixels: ArrayLike, x0: int, y0: int, width: int, height: int) -> Mask:
        """From an array whose top-left pixel is (x0, y0) of the image; what lies outside the image is cut off."""
        array = np.asarray(pixels)
        if array.dtype != np.bool_:
            array = array != 0
        top, left = max(0, -y0), max(0, -x0)
        inside = array[top : max(top, height - y0), left : max(left, width - x0)]
        return cls._of(runs.from_crop(inside, x0 + left, y0 + top, height), width, height)

    @classmethod
    def from_polygons(cls, polygons: Sequence[Sequence[tuple[float, float]]], width: int, height: int) -> Mask:
        """The union of polygons with float vertices (x, y); a pixel is in when its centre is inside.

        Each polygon is filled by the even-odd rule (where it crosses itself an odd number of turns is inside), as
        COCO tools do; different polygons add up. Raises :class:`MaskError` for coordinates that are not finite.
        """
        return cls._of(fill_all([[polygon] for polygon in polygons], width, height), width, height)

    @classmethod
    def from_parts(cls, parts: Sequence[Part], width: int, height: int) -> Mask:
        """The union of parts, each its outer ring less its holes; ``from_parts(mask.parts(), …)`` is exact."""
        return cls._of(fill_all([[part.outer, *part.holes] for part in parts], width, height), width, height)

    @classmethod
    def from_rle(cls, rle: Mapping[str, Any]) -> Mask:
        """From COCO RLE: ``{"size": [height, width], "counts": str | bytes | list of run lengths}``.

        Raises :class:`MaskError` when the run lengths do not describe exactly that many pixels.
        """
        try:
            height, width = (int(side) for side in rle["size"])
            counts = rle["counts"]
        except (KeyError, TypeError, ValueError):
            raise MaskError("A mask in RLE form needs a size of two numbers and counts.") from None
        if width < 0 or height < 0:
            raise MaskError("A mask in RLE form has a negative size.")
        if isinstance(counts, str | bytes):
            try:
                packed = counts.encode("ascii") if isinstance(counts, str) else counts
            except UnicodeEncodeError:
                raise MaskError("The run lengths of a mask are damaged.") from None
            return cls._of(runs.expand(packed, width, height), width, height)
        try:
            plain = np.asarray(counts, np.int64).ravel()
        except (TypeError, ValueError, OverflowError):
            raise MaskError("The run lengths of a mask are damaged.") from None
        return cls._of(runs.edges_of_counts(plain, width, height), width, height)

    @classmethod
    def stored(cls, counts: bytes, width: int, height: int, area: int, bbox: Bounds) -> Mask:
        """From values that this class wrote before (the project file); they are trusted, so reading is instant."""
        return cls._restore(counts, width, height, area, bbox)

    @classmethod
    def empty(cls, width: int, height: int) -> Mask:
        return cls._of(runs.NO_EDGES, width, height)

    # looking

    @property
    def width(self) -> int:
        return self._width

    @property
    def height(self) -> int:
        return self._height

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self._area

    @property
    def bbox(self) -> Bounds:
        """The tight box (x0, y0, x1, y1), right and bottom exclusive; (0, 0, 0, 0) when empty."""
        return self._bbox

    @property
    def is_empty(self) -> bool:
        return self._area == 0

    @property
    def nbytes(self) -> int:
        """Memory this mask holds, about, in bytes."""
        return len(self._counts) + 160

    @property
    def counts(self) -> bytes:
        """The COCO compressed run lengths."""
        return self._counts

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return self._counts == other._counts and (self._width, self._height) == (other._width, other._height)

    def __hash__(self) -> int:
        return hash((self._counts, self._width, self._height))

    def __repr__(self) -> str:
        return f"Mask({self._width} × {self._height}, area={self._area}, bbox={self._bbox})"

    def __reduce__(self) -> tuple[Callable[..., Mask], tuple[object, ...]]:
        return Mask._restore, (self._counts, self._width, self._height, self._area, self._bbox)

    def _edges(self) -> Edges:
        return runs.expand(self._counts, self._width, self._height)

    def to_array(self) -> BoolArray:
        """A new boolean array of shape (height, width)."""
        pixels = np.zeros((self._height, self._width), np.bool_)
        crop, x0, y0 = self.crop()
        pixels[y0 : y0 + crop.shape[0], x0 : x0 + crop.shape[1]] = crop
        return pixels

    def crop(self) -> tuple[BoolArray, int, int]:
        """The pixels of the bounding box as a new boolean array, with the x and y of its top-left pixel."""
        return runs.to_crop(self._edges(), self._height, self._bbox), self._bbox[0], self._bbox[1]

    def rle(self) -> dict[str, Any]:
        """COCO compressed RLE, ready for JSON: ``{"size": [height, width], "counts": str}``."""
        return {"size": [self._height, self._width], "counts": self._counts.decode("ascii")}

    def contains(self, x: float, y: float) -> bool:
        """Whether the image point (x, y) lies on a pixel of the mask."""
        x0, y0, x1, y1 = self._bbox
        if not (x0 <= x < x1 and y0 <= y < y1):
            return False
        position = int(x) * self._height + int(y)
        return bool(np.searchsorted(self._edges(), position, side="right") % 2)

    def iou(self, other: Mask) -> float:
        """Intersection over union, in [0, 1]; two empty masks agree (1.0)."""
        self._check(other)
        if self.is_empty and other.is_empty:
            return 1.0
        both = self.overlap(other)
        return both / (self._area + other._area - both)

    def overlap(self, other: Mask) -> int:
        """Number of pixels in both masks."""
        self._check(other)
        return 0 if self._apart(other) else runs.overlap(self._edges(), other._edges())

    def touches(self, other: Mask) -> bool:
        """Whether the bounding boxes meet; masks that do not touch share no pixel."""
        self._check(other)
        return not self._apart(other)

    # contours

    def parts(self) -> list[Part]:
        """The 8-connected pieces with their holes, as exact rings on pixel corners (only corners that turn)."""
        return trace(self._edges(), self._width, self._height)

    def flat_outlines(self) -> list[NDArray[np.int64]] | None:
        """The outer rings of :meth:`parts` as flat arrays x, y, x, y …; None when a part has a hole."""
        return flat_outlines(self._edges(), self._width, self._height)

    def simplified(self, tolerance: float) -> list[Part]:
        """The parts with fewer vertices: no vertex of the exact contour is further than ``tolerance`` px away."""
        return [simplify_part(part, tolerance) for part in self.parts()]

    def components(self) -> list[Mask]:
        """One mask per part, in the order of :meth:`parts`."""
        parts = self.parts()
        return [self] if len(parts) == 1 else [Mask.from_parts([part], self._width, self._height) for part in parts]

    # set operations

    def union(self, other: Mask) -> Mask:
        return self._combined(other, runs.UNION)

    def intersect(self, other: Mask) -> Mask:
        return self._combined(other, runs.INTERSECTION)

    def subtract(self, other: Mask) -> Mask:
        """The pixels of this mask that are not in the other."""
        return self._combined(other, runs.DIFFERENCE)

    def exclude(self, other: Mask) -> Mask:
        """The pixels that are in exactly one of the two (exclusive or)."""
        return self._combined(other, runs.EXCLUSION)

    def _combined(self, other: Mask, table: tuple[bool, bool, bool, bool]) -> Mask:
        self._check(other)
        return Mask._of(runs.combine(self._edges(), other._edges(), table), self._width, self._height)

    def _check(self, other: Mask) -> None:
        if (self._width, self._height) != (other._width, other._height):
            raise MaskError(
                f"Masks of {self._width} × {self._height} and {other._width} × {other._height} pixels do not fit."
            )

    def _apart(self, other: Mask) -> bool:
        a, b = self._bbox, other._bbox
        return a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]

    # shape operations

    def translated(self, dx: int, dy: int) -> Mask:
        """Moved by whole pixels; what leaves the image is cut off."""
        crop, x0, y0 = self.crop()
        return Mask.from_crop(crop, x0 + dx, y0 + dy, self._width, self._height)

    def fill_holes(self, max_area: float | None = None) -> Mask:
        """Without holes, or without those of at most ``max_area`` pixels."""
        filled = []
        for part in self.parts():
            kept = () if max_area is None else tuple(hole for hole in part.holes if _hole_area(hole) > max_area)
            filled.append(Part(part.outer, kept))
        # A hole is filled with all that lies in it: what the other parts hold there is in the union already.
        return Mask.from_parts(filled, self._width, self._height)

    def remove_small(self, n: int) -> Mask:
        """Without the parts of fewer than ``n`` pixels."""
        parts = self.parts()
        kept = [part for part in parts if part.area >= n]
        return self if len(kept) == len(parts) else Mask.from_parts(kept, self._width, self._height)

    def grown(self, n: float) -> Mask:
        """Grown by ``n`` pixels in all directions (Euclidean distance between pixel centres); negative shrinks.

        The image border is no background: an object that is cut off by it does not shrink away from it.
        """
        if n == 0 or self.is_empty:
            return self
        pad = int(np.ceil(n)) if n > 0 else 1
        pixels, x0, y0 = self._padded(pad)
        if n > 0:
            distance = cv2.distanceTransform((~pixels).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            return Mask.from_crop(distance <= n, x0, y0, self._width, self._height)
        if pixels.all():
            return self
        distance = cv2.distanceTransform(pixels.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return Mask.from_crop(distance > -n, x0, y0, self._width, self._height)

    def smoothed(self, r: float) -> Mask:
        """The outline smoothed with a Gaussian of ``r`` pixels; features thinner than about ``r`` disappear."""
        if r <= 0 or self.is_empty:
            return self
        pixels, x0, y0 = self._padded(int(np.ceil(3 * r)))
        blurred = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), r, borderType=cv2.BORDER_REPLICATE)
        return Mask.from_crop(blurred >= 0.5, x0, y0, self._width, self._height)

    def _padded(self, pad: int) -> tuple[BoolArray, int, int]:
        """The crop with ``pad`` more pixels on each side, as far as the image goes."""
        crop, x0, y0 = self.crop()
        h, w = crop.shape
        left, top = min(pad, x0), min(pad, y0)
        right, bottom = min(pad, self._width - x0 - w), min(pad, self._height - y0 - h)
        return np.pad(crop, ((top, bottom), (left, right))), x0 - left, y0 - top


def _hole_area(hole: Ring) -> float:
    return Part(hole).area
