"""Outlines as Qt paths: one per instance and level of detail, built in bulk from arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor, log2

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QDataStream
from PySide6.QtGui import QPainterPath

from desktop.canvas.hit_test import rings_of
from desktop.canvas.host import CanvasInstance

_ELEMENT = np.dtype([("type", ">i4"), ("x", ">f8"), ("y", ">f8")])
_SCREEN_ERROR = 0.75
"""View pixels by which a reduced outline may differ; just above half a pixel's diagonal: stairs become lines."""

_EXACT_FROM = 2.0
"""Scale from which on outlines follow every pixel."""

_ROUGH_UP_TO = -2
"""Level of detail (scale 0.7) up to which borders half a pixel off cannot be told from exact ones."""


def path_of(rings: Iterable[NDArray[np.float64]]) -> QPainterPath:
    """Closed rings (n, 2) as one path filled by the even-odd rule.

    The path is read from its stream form: building it vertex by vertex would cost five times as much.
    """
    chunks: list[NDArray[np.void]] = []
    for ring in rings:
        count = len(ring)
        if count < 2:
            continue
        chunk = np.empty(count + 1, _ELEMENT)
        chunk["type"] = 1
        chunk["type"][0] = 0
        chunk["x"][:count], chunk["y"][:count] = ring[:, 0], ring[:, 1]
        chunk["x"][count], chunk["y"][count] = ring[0]
        chunks.append(chunk)
    path = QPainterPath()
    if chunks:
        total = sum(len(chunk) for chunk in chunks)
        last = total - len(chunks[-1])
        body = b"".join(chunk.tobytes() for chunk in chunks)
        data = total.to_bytes(4, "big") + body + last.to_bytes(4, "big") + (0).to_bytes(4, "big")
        stream = QDataStream(QByteArray(data))
        stream >> path
    return path


def detail(scale: float) -> int | None:
    """The level of detail for a scale in device pixels per image pixel: half octaves; None is exact."""
    return None if scale >= _EXACT_FROM else floor(2 * log2(scale))


def reduced(rings: Sequence[NDArray[np.float64]], level: int | None) -> list[NDArray[np.float64]]:
    """The rings with as few vertices as the level of detail needs; a ring that would vanish keeps its corners."""
    if level is None:
        return list(rings)
    error = _SCREEN_ERROR / 2 ** (level / 2)
    result: list[NDArray[np.float64]] = []
    for ring in rings:
        if len(ring) <= 4:
            result.append(ring)
            continue
        simple = cv2.approxPolyDP(ring.astype(np.float32), error, True).reshape(-1, 2).astype(np.float64)
        if len(simple) < 3:
            (x0, y0), (x1, y1) = ring.min(axis=0), ring.max(axis=0)
            simple = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        result.append(simple)
    return result


def rough_rings(crop: NDArray[np.bool_], x0: int, y0: int) -> list[NDArray[np.float64]]:
    """The border of a crop at (x0, y0) through the centres of its border pixels: half a pixel off, but fast.

    Pieces too thin to have an inside get the rectangle of their pixels, so that they are still seen.
    """
    contours, _ = cv2.findContours(crop.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(x0, y0))
    rings: list[NDArray[np.float64]] = []
    for contour in contours:
        ring = contour.reshape(-1, 2).astype(np.float64) + 0.5
        if len(ring) < 3:
            (left, top), (right, bottom) = ring.min(axis=0) - 0.5, ring.max(axis=0) + 0.5
            ring = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        rings.append(ring)
    return rings


class PathCache:
    """Paths by instance id, made when first drawn. ``forget`` those whose mask changed."""

    def __init__(self) -> None:
        self._rings: dict[int, list[NDArray[np.float64]]] = {}
        self._paths: dict[tuple[int, int | None], QPainterPath] = {}
        self._levels: dict[int, set[int | None]] = {}

    def clear(self) -> None:
        self._rings.clear()
        self._paths.clear()
        self._levels.clear()

    def forget(self, instance_id: int) -> None:
        self._rings.pop(instance_id, None)
        for level in self._levels.pop(instance_id, ()):
            self._paths.pop((instance_id, level), None)

    def get(self, instance: CanvasInstance, level: int | None) -> QPainterPath:
        """The outline of the instance at a level of detail, in image coordinates."""
        key = (instance.id, level)
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = path_of(reduced(self._rings_for(instance, level), level))
            self._levels.setdefault(instance.id, set()).add(level)
        return path

    def _rings_for(self, instance: CanvasInstance, level: int | None) -> list[NDArray[np.float64]]:
        if level is not None and level <= _ROUGH_UP_TO:
            return rough_rings(*instance.mask.crop())
        rings = self._rings.get(instance.id)
        if rings is None:
            rings = self._rings[instance.id] = rings_of(instance.mask.parts())
        return rings
