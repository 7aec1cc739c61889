"""Instances painted over each other into one map of numbers, for formats with one value for each pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.formats.selection import Chosen
from desktop.dataset.model import Instance

IndexMap: TypeAlias = NDArray[np.uint32]
"""(height, width) of the oriented image; 0 where nothing is."""


def by_z_order(instance: Instance) -> tuple[int, ...]:
    """What lies behind sorts first: lower in z-order, older at the same height."""
    return instance.z_order, instance.id


def painted(
    item: Chosen,
    value: Callable[[int, Instance], int],
    depth: Callable[[Instance], tuple[int, ...]] = by_z_order,
) -> IndexMap:
    """``value(position, instance)`` where the instance is on top; ``depth`` orders them from back to front."""
    pixels = np.zeros((item.image.height, item.image.width), np.uint32)
    for position, instance in sorted(enumerate(item.instances), key=lambda pair: depth(pair[1])):
        crop, x0, y0 = instance.mask.crop()
        pixels[y0 : y0 + crop.shape[0], x0 : x0 + crop.shape[1]][crop] = value(position, instance)
    return pixels


def visible(item: Chosen, depth: Callable[[Instance], tuple[int, ...]] = by_z_order) -> list[Instance]:
    """The instances of which at least one pixel is on top, in their order."""
    shown = set(np.unique(painted(item, lambda position, _: position + 1, depth)).tolist())
    return [instance for position, instance in enumerate(item.instances, 1) if position in shown]


def hidden_pixels(item: Chosen) -> int:
    """How many pixels of instances lie under others."""
    return sum(instance.mask.area for instance in item.instances) - int(
        np.count_nonzero(painted(item, lambda position, _: position + 1))
    )
