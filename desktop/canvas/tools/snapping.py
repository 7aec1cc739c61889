"""Snapping to borders: of neighbours and of the image, so that things that touch share their border exactly."""

from __future__ import annotations

from collections.abc import Collection
from math import hypot

from desktop.canvas.hit_test import HitIndex

SNAP_REACH = 10.0
"""View pixels within which a border attracts."""


def snapped_to_border(
    index: HitIndex, image_size: tuple[int, int], x: float, y: float, scale: float, without: Collection[int] = ()
) -> tuple[float, float] | None:
    """The nearest point of the border of an instance not in ``without``, or of the image; None when none is near.

    ``scale`` is view pixels per image pixel. A corner of the image within reach wins, as it is hard to hit.
    """
    reach = SNAP_REACH / scale
    width, height = image_size
    near = [index.nearest_border(x, y, reach, without)]
    inside = min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))
    nearest_x = min((0.0, float(width)), key=lambda side: abs(side - x))
    nearest_y = min((0.0, float(height)), key=lambda side: abs(side - y))
    corner = nearest_x, nearest_y
    if hypot(corner[0] - x, corner[1] - y) <= reach:
        return corner
    near += [(nearest_x, inside[1]), (inside[0], nearest_y)]
    found = [(hypot(place[0] - x, place[1] - y), place) for place in near if place is not None]
    distance, place = min(found)
    return place if distance <= reach else None
