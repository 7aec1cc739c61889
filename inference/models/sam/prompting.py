"""Prompts of a person as questions that a SAM can be asked: one box at most, and points, for each mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.sam.frame import InputFrame
from inference.prompts import Box, MaskArray, MaskPrompt, Point, Polygon, Prompt, Scribble, Vertices

SPACING = 0.08
"""A stroke is sampled this often, in parts of the image's longer side …"""

MOST_SAMPLES = 8
"""… but not more often than SAM saw points of one object in training (Kirillov et al. 2023, appendix A)."""

RASTER = 128
"""Side of the raster on which the middle of an outline is found."""

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One decoding: what shows a part of the object (``inside``), what is not the object (``outside``), and a box.

    All in image coordinates. ``part`` is that of the prompts.
    """

    part: int
    inside: tuple[tuple[float, float], ...] = ()
    outside: tuple[tuple[float, float], ...] = ()
    box: Corners | None = None

    @property
    def ambiguous(self) -> bool:
        """A single click: the only question to which SAM's three readings are the better answer."""
        return self.box is None and len(self.inside) == 1 and not self.outside

    def points(self, frame: InputFrame) -> NDArray[np.float64] | None:
        """All points (1, n, 2) in the model's coordinates, or None."""
        every = (*self.inside, *self.outside)
        return frame.to_input(np.array(every, np.float64))[None] if every else None

    def labels(self) -> NDArray[np.int64] | None:
        """For each point 1 on the object, 0 beside it: (1, n)."""
        labels = [1] * len(self.inside) + [0] * len(self.outside)
        return np.array([labels], np.int64) if labels else None

    def boxes(self, frame: InputFrame) -> NDArray[np.float64] | None:
        """The box (1, 4) in the model's coordinates, or None."""
        if self.box is None:
            return None
        return frame.to_input(np.array(self.box, np.float64).reshape(2, 2)).reshape(1, 4)


@dataclass(slots=True, eq=False)
class _Part:
    inside: list[tuple[float, float]] = field(default_factory=list)
    boxes: list[Corners] = field(default_factory=list)


def questions(prompts: Sequence[Prompt], longer_side: int) -> list[Question]:
    """One question for each part of the object, and for each box of a part; empty when nothing is positive.

    A polygon is its bounding box and the point deepest inside it. Positive points go with the box that holds them,
    else with the nearest; negative ones with every question.
    """
    parts: dict[int, _Part] = {}
    outside: list[tuple[float, float]] = []
    for prompt in prompts:
        match prompt:
            case Point(positive=True):
                parts.setdefault(prompt.part, _Part()).inside.append((prompt.x, prompt.y))
            case Box(positive=True):
                corners = (prompt.x0, prompt.y0, prompt.x1, prompt.y1)
                parts.setdefault(prompt.part, _Part()).boxes.append(corners)
            case Scribble(positive=True):
                parts.setdefault(0, _Part()).inside.extend(samples(prompt.vertices, longer_side))
            case Polygon(positive=True):
                part = parts.setdefault(0, _Part())
                part.boxes.append(bounds(prompt.vertices))
                part.inside.append(deepest(prompt.vertices))
            case Point():
                outside.append((prompt.x, prompt.y))
            case Scribble():
                outside.extend(samples(prompt.vertices, longer_side))
            case _:
                continue
    return [each for number, part in parts.items() for each in _of_part(number, part, tuple(outside))]


def negative_points(prompts: Sequence[Prompt], longer_side: int) -> tuple[tuple[float, float], ...]:
    """The clicks and samples of strokes that are beside the object."""
    found: list[tuple[float, float]] = []
    for prompt in prompts:
        if isinstance(prompt, Point) and not prompt.positive:
            found.append((prompt.x, prompt.y))
        elif isinstance(prompt, Scribble) and not prompt.positive:
            found.extend(samples(prompt.vertices, longer_side))
    return tuple(found)


def samples(vertices: Vertices, longer_side: int) -> list[tuple[float, float]]:
    """Points along a stroke, in the middles of pieces of equal length, at least one."""
    line = np.array(vertices, np.float64)
    lengths = np.hypot(*np.diff(line, axis=0).T) if len(line) > 1 else np.zeros(0)
    total = float(lengths.sum())
    if total == 0:
        return [(float(line[0, 0]), float(line[0, 1]))]
    count = int(np.clip(round(total / (SPACING * longer_side)), 1, MOST_SAMPLES))
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = (np.arange(count) + 0.5) * total / count
    xs, ys = np.interp(wanted, along, line[:, 0]), np.interp(wanted, along, line[:, 1])
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


def bounds(vertices: Vertices) -> Corners:
    """Bounding box of an outline, xyxy."""
    xs, ys = [x for x, _ in vertices], [y for _, y in vertices]
    return min(xs), min(ys), max(xs), max(ys)


def deepest(vertices: Vertices) -> tuple[float, float]:
    """The point of an outline's inside that is farthest from its border, to 1/100 of its longer side."""
    x0, y0, x1, y1 = bounds(vertices)
    scale = RASTER / max(x1 - x0, y1 - y0, 1e-6)
    drawn = np.zeros((RASTER + 3, RASTER + 3), np.uint8)
    corners = (np.array(vertices, np.float64) - (x0, y0)) * scale + 1
    cv2.fillPoly(drawn, [np.round(corners).astype(np.int32)], 1)
    distance = cv2.distanceTransform(drawn, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    return x0 + (float(column) - 1) / scale, y0 + (float(row) - 1) / scale


def excluded(prompts: Sequence[Prompt], frame: InputFrame, rows: int, columns: int) -> MaskArray | None:
    """Where the object must not be, on a grid of ``rows`` by ``columns`` over the image; None without such prompts.

    Negative boxes, polygons and masks, of which SAM knows nothing: they are cut out of what it finds.
    """
    cut = [each for each in prompts if isinstance(each, Box | Polygon | MaskPrompt) and not each.positive]
    if not cut:
        return None
    out = np.zeros((rows, columns), np.uint8)
    scale = np.array([columns / frame.width, rows / frame.height])
    for prompt in cut:
        if isinstance(prompt, Box):
            corners = np.array([[prompt.x0, prompt.y0], [prompt.x1, prompt.y1]]) * scale
            (left, top), (right, bottom) = np.maximum(np.round(corners), 0).astype(int)
            out[top:bottom, left:right] = 1
        elif isinstance(prompt, Polygon):
            indices = np.array(prompt.vertices, np.float64) * scale - 0.5
            cv2.fillPoly(out, [np.round(indices).astype(np.int32)], 1)
        else:
            out[cv2.resize(prompt.mask.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST) > 0] = 1
    return out > 0


def _of_part(number: int, part: _Part, outside: tuple[tuple[float, float], ...]) -> list[Question]:
    if len(part.boxes) <= 1:
        return [Question(number, tuple(part.inside), outside, part.boxes[0] if part.boxes else None)]
    points: list[list[tuple[float, float]]] = [[] for _ in part.boxes]
    for point in part.inside:
        points[min(range(len(part.boxes)), key=lambda index: _distance(point, part.boxes[index]))].append(point)
    return [Question(number, tuple(own), outside, box) for own, box in zip(points, part.boxes, strict=True)]


def _distance(point: tuple[float, float], box: Corners) -> tuple[float, float]:
    """Distance to a box, 0 inside; of boxes that hold the point the smallest counts."""
    (x, y), (x0, y0, x1, y1) = point, box
    away = max(x0 - x, 0.0, x - x1), max(y0 - y, 0.0, y - y1)
    return float(np.hypot(*away)), (x1 - x0) * (y1 - y0)
