"""Which instance lies under the pointer, in a rectangle, or near a border: arrays of boxes first, pixels second."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from math import floor

import numpy as np
from numpy.typing import NDArray

from desktop.canvas.host import CanvasInstance
from desktop.dataset.masks import Part

_CROPS_KEPT = 256
_ON_BORDER = 1e-6
_SAME_PLACE = 3.0
"""A click that near (view pixels) to the last one goes on downwards through the pile."""


class HitIndex:
    """The instances of one image, in drawing order, with what is needed to find them by place.

    Locked and hidden instances are never hit (ux.md §3). Masks are decoded where boxes match, then kept a while.
    """

    def __init__(self, instances: Sequence[CanvasInstance] = ()) -> None:
        self._instances: dict[int, CanvasInstance] = {}
        self._crops: OrderedDict[int, tuple[NDArray[np.bool_], int, int]] = OrderedDict()
        self._rings: OrderedDict[int, list[NDArray[np.float64]]] = OrderedDict()
        self._last: tuple[float, float, int] | None = None
        self.reset(instances)

    def __len__(self) -> int:
        return len(self._instances)

    def reset(self, instances: Iterable[CanvasInstance]) -> None:
        """Forget everything and hold these."""
        self._instances = {instance.id: instance for instance in instances}
        self._crops.clear()
        self._rings.clear()
        self._last = None
        self._index()

    def update(self, changed: Iterable[CanvasInstance], removed: Iterable[int]) -> None:
        """Replace or add ``changed`` (new ones on top) and drop ``removed``."""
        for instance_id in removed:
            self._instances.pop(instance_id, None)
            self._forget(instance_id)
        for instance in changed:
            self._instances[instance.id] = instance
            self._forget(instance.id)
        self._index()

    def _forget(self, instance_id: int) -> None:
        self._crops.pop(instance_id, None)
        self._rings.pop(instance_id, None)

    def _index(self) -> None:
        items = self._instances.values()
        self._ids = np.array([item.id for item in items], np.int64)
        self._boxes = np.array([item.mask.bbox for item in items], np.int64).reshape(-1, 4)
        self._areas = np.array([item.mask.area for item in items], np.int64)
        self._free = np.array([not (item.hidden or item.locked) for item in items], np.bool_)
        self._shown = np.array([not item.hidden for item in items], np.bool_)

    def get(self, instance_id: int) -> CanvasInstance | None:
        return self._instances.get(instance_id)

    def instances(self) -> Collection[CanvasInstance]:
        """All instances in drawing order."""
        return self._instances.values()

    def boxes(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """ids (n,), boxes xyxy (n, 4), and whether each is shown (n,), in drawing order."""
        return self._ids, self._boxes, self._shown

    def at(self, x: float, y: float) -> list[int]:
        """The ids of the instances that hold the image point, smallest area first, then the upper one."""
        column, row = floor(x), floor(y)
        boxes = self._boxes
        inside = (
            (boxes[:, 0] <= column) & (column < boxes[:, 2]) & (boxes[:, 1] <= row) & (row < boxes[:, 3]) & self._free
        )
        found = np.flatnonzero(inside)
        found = found[np.lexsort((-found, self._areas[found]))]
        return [int(self._ids[i]) for i in found if self._holds(int(self._ids[i]), column, row)]

    def pick(self, x: float, y: float, scale: float) -> int | None:
        """The instance that a click picks; clicking again at the same place goes one down and round (ux.md §3).

        ``scale`` is view pixels per image pixel: "the same place" is a matter of the screen.
        """
        pile = self.at(x, y)
        if not pile:
            self._last = None
            return None
        chosen = pile[0]
        if self._last is not None:
            last_x, last_y, last_id = self._last
            if max(abs(x - last_x), abs(y - last_y)) * scale <= _SAME_PLACE and last_id in pile:
                chosen = pile[(pile.index(last_id) + 1) % len(pile)]
        self._last = (x, y, chosen)
        return chosen

    def in_box(self, x0: float, y0: float, x1: float, y1: float) -> list[int]:
        """The ids of the instances with a pixel in the rectangle, in drawing order."""
        left, top, right, bottom = floor(x0), floor(y0), max(floor(x1), floor(x0) + 1), max(floor(y1), floor(y0) + 1)
        found = np.flatnonzero(self._touching(left, top, right, bottom) & self._free)
        boxes = self._boxes[found]
        whole = (boxes[:, 0] >= left) & (boxes[:, 1] >= top) & (boxes[:, 2] <= right) & (boxes[:, 3] <= bottom)
        ids = []
        for i, contained in zip(found.tolist(), whole.tolist(), strict=True):
            instance_id = int(self._ids[i])
            if contained or self._window(instance_id, left, top, right, bottom).any():
                ids.append(instance_id)
        return ids

    def occupied(self, x0: int, y0: int, x1: int, y1: int, without: Collection[int] = ()) -> NDArray[np.bool_]:
        """The pixels of the window, bool (y1 - y0, x1 - x0), that belong to a shown instance not in ``without``."""
        taken = np.zeros((y1 - y0, x1 - x0), np.bool_)
        for i in np.flatnonzero(self._touching(x0, y0, x1, y1) & self._shown).tolist():
            instance_id = int(self._ids[i])
            if instance_id in without:
                continue
            crop, left, top = self.crop(instance_id)
            bx0, by0 = max(x0, left), max(y0, top)
            bx1, by1 = min(x1, left + crop.shape[1]), min(y1, top + crop.shape[0])
            taken[by0 - y0 : by1 - y0, bx0 - x0 : bx1 - x0] |= crop[by0 - top : by1 - top, bx0 - left : bx1 - left]
        return taken

    def nearest_border(
        self, x: float, y: float, reach: float, without: Collection[int] = ()
    ) -> tuple[float, float] | None:
        """The border point of a shown instance nearest to (x, y), at most ``reach`` image pixels away."""
        box = (floor(x - reach), floor(y - reach), floor(x + reach) + 1, floor(y + reach) + 1)
        best, place = reach, None
        for i in np.flatnonzero(self._touching(*box) & self._shown).tolist():
            instance_id = int(self._ids[i])
            if instance_id in without:
                continue
            for ring in self.rings(instance_id):
                distance, point = _nearest_on_ring(ring, x, y)
                if distance <= best:
                    best, place = distance, point
        return place

    def border_between(self, a: tuple[float, float], b: tuple[float, float]) -> list[tuple[float, float]]:
        """The corners passed on the shorter way from ``a`` to ``b`` along the border ring of a shown instance that both
        points lie on; empty when there is no such ring, or no corner in between."""
        x, y = a
        for i in np.flatnonzero(self._touching(floor(x) - 1, floor(y) - 1, floor(x) + 2, floor(y) + 2) & self._shown):
            for ring in self.rings(int(self._ids[i])):
                start, end = (_edge_at(ring, *point) for point in (a, b))
                if start is not None and end is not None:
                    return _way(ring, a, b, start, end)
        return []

    def crop(self, instance_id: int) -> tuple[NDArray[np.bool_], int, int]:
        """The decoded crop of an instance (bool array, x0, y0), from a small cache."""
        crop = self._crops.get(instance_id)
        if crop is None:
            crop = self._instances[instance_id].mask.crop()
            self._crops[instance_id] = crop
            if len(self._crops) > _CROPS_KEPT:
                self._crops.popitem(last=False)
        else:
            self._crops.move_to_end(instance_id)
        return crop

    def rings(self, instance_id: int) -> list[NDArray[np.float64]]:
        """The exact border rings (n, 2) of an instance, holes included, from a small cache."""
        rings = self._rings.get(instance_id)
        if rings is None:
            rings = rings_of(self._instances[instance_id].mask.parts())
            self._rings[instance_id] = rings
            if len(self._rings) > _CROPS_KEPT:
                self._rings.popitem(last=False)
        return rings

    def _touching(self, x0: int, y0: int, x1: int, y1: int) -> NDArray[np.bool_]:
        boxes = self._boxes
        return (boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)

    def _holds(self, instance_id: int, column: int, row: int) -> bool:
        crop, left, top = self.crop(instance_id)
        return bool(crop[row - top, column - left])

    def _window(self, instance_id: int, x0: int, y0: int, x1: int, y1: int) -> NDArray[np.bool_]:
        crop, left, top = self.crop(instance_id)
        return crop[max(y0 - top, 0) : max(y1 - top, 0), max(x0 - left, 0) : max(x1 - left, 0)]


def rings_of(parts: Iterable[Part]) -> list[NDArray[np.float64]]:
    """All rings of the parts, outer ones and holes, as arrays (n, 2)."""
    return [np.asarray(ring, np.float64) for part in parts for ring in (part.outer, *part.holes)]


def feet_on(ring: NDArray[np.float64], x: float, y: float) -> NDArray[np.float64]:
    """The point of each edge of a ring (n, 2) nearest to (x, y), as (n, 2); edge i starts at vertex i."""
    along = np.roll(ring, -1, axis=0) - ring
    length2 = (along**2).sum(axis=1)
    t = ((np.array((x, y)) - ring) * along).sum(axis=1) / np.where(length2 > 0, length2, 1)
    feet: NDArray[np.float64] = ring + np.clip(t, 0, 1)[:, None] * along
    return feet


def _nearest_on_ring(ring: NDArray[np.float64], x: float, y: float) -> tuple[float, tuple[float, float]]:
    points = feet_on(ring, x, y)
    distances = np.hypot(points[:, 0] - x, points[:, 1] - y)
    i = int(np.argmin(distances))
    return float(distances[i]), (float(points[i, 0]), float(points[i, 1]))


def _edge_at(ring: NDArray[np.float64], x: float, y: float) -> int | None:
    """The edge of a ring that the point lies on."""
    off = feet_on(ring, x, y) - (x, y)
    distances = np.hypot(off[:, 0], off[:, 1])
    i = int(np.argmin(distances))
    return i if distances[i] <= _ON_BORDER else None


def _way(
    ring: NDArray[np.float64], a: tuple[float, float], b: tuple[float, float], start: int, end: int
) -> list[tuple[float, float]]:
    """The corners between two points on the edges ``start`` and ``end`` of a ring, the shorter way round."""
    count = len(ring)
    forth = [(start + 1 + i) % count for i in range((end - start) % count)]
    back = [(start - i) % count for i in range((start - end) % count)]
    if start == end:
        return []
    ways = [[(float(x), float(y)) for x, y in ring[way]] for way in (forth, back)]
    return min(ways, key=lambda way: float(np.hypot(*np.diff(np.array([a, *way, b]), axis=0).T).sum()))
