"""Prompting: a prompt set in the words of this engine: seed points, hard pixels, a box, a rough area."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inference.models.classic.regions import Values
from inference.models.classic.view import Cut
from inference.prompts import Box, MaskArray, MaskPrompt, Point, Polygon, Prompt, Scribble

_SEEDS_OF_A_STROKE = 12

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Seeding:
    """One prompt's seed points (k, 2) in image coordinates, clipped to the image."""

    points: Values
    positive: bool


def usable(prompts: Iterable[Prompt]) -> list[Prompt]:
    """The prompts of the kinds that Classic takes, without those that have no extent."""
    return [
        each for each in prompts if isinstance(each, Point | Box | Scribble | Polygon | MaskPrompt) and _solid(each)
    ]


def seeding(prompt: Prompt, height: int, width: int) -> Seeding:
    """The seed points of a prompt: a click itself, points along a stroke, the middle of an area."""
    points: Sequence[tuple[float, float]] = ()
    if isinstance(prompt, Point):
        points = ((prompt.x, prompt.y),)
    elif isinstance(prompt, Scribble):
        points = _along(prompt.vertices)
    elif isinstance(prompt, Box) and prompt.positive:
        points = (((prompt.x0 + prompt.x1) / 2, (prompt.y0 + prompt.y1) / 2),)
    elif isinstance(prompt, Polygon | MaskPrompt) and prompt.positive:
        points = _deepest(area(prompt, height, width))
    array = np.array(points, dtype=np.float32).reshape(-1, 2)
    inside = np.clip(array, 0.5, (width - 0.5, height - 0.5)).astype(np.float32)
    return Seeding(inside, prompt.positive)


def area(prompt: Prompt, height: int, width: int) -> MaskArray:
    """The pixels that a box, polygon or mask prompt covers, bool (height, width)."""
    if isinstance(prompt, MaskPrompt):
        return prompt.mask
    covered = np.zeros((height, width), dtype=np.uint8)
    if isinstance(prompt, Box):
        x0, y0, x1, y1 = ordered(prompt)
        covered[max(0, round(y0)) : max(0, round(y1)), max(0, round(x0)) : max(0, round(x1))] = 1
    elif isinstance(prompt, Polygon):
        # cv2 fills pixel indices, ours are corners
        cv2.fillPoly(covered, [np.round(np.array(prompt.vertices) - 0.5).astype(np.int32)], 1)
    return covered.astype(np.bool_)


def drawn(prompt: Prompt, cut: Cut) -> MaskArray:
    """The pixels of a cut, bool (h, w), that a point, box, scribble or polygon covers.

    A click covers a disc of the size of what the view can tell apart, a scribble its stroke, the others their inside.
    """
    covered = np.zeros(cut.probability.shape, dtype=np.uint8)
    if isinstance(prompt, Point):
        x, y = np.floor(cut.points(np.array([[prompt.x, prompt.y]])))[0]
        cv2.circle(covered, (int(x), int(y)), round(cut.reach), 1, -1)
    elif isinstance(prompt, Scribble):
        line = np.floor(cut.points(np.array(prompt.line))).astype(np.int32)
        cv2.polylines(covered, [line], False, 1, max(1, round(prompt.width * cut.scale[0])))
    elif isinstance(prompt, Box):
        x0, y0, x1, y1 = ordered(prompt)
        left, top, right, bottom = np.round(cut.points(np.array([[x0, y0], [x1, y1]]))).astype(int).clip(0).ravel()
        covered[top:bottom, left:right] = 1
    elif isinstance(prompt, Polygon):
        cv2.fillPoly(covered, [np.round(cut.points(np.array(prompt.vertices)) - 0.5).astype(np.int32)], 1)
    return covered.astype(np.bool_)


def ordered(box: Box) -> Bounds:
    """xyxy with the smaller value first, whichever corner the drag began at."""
    return min(box.x0, box.x1), min(box.y0, box.y1), max(box.x0, box.x1), max(box.y0, box.y1)


def bounds_of(mask: MaskArray) -> Bounds | None:
    """The bounding box xyxy of a mask, None when it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _solid(prompt: Prompt) -> bool:
    if isinstance(prompt, Box):
        x0, y0, x1, y1 = ordered(prompt)
        return bool(np.isfinite((x0, y0, x1, y1)).all()) and x1 > x0 and y1 > y0
    if isinstance(prompt, Polygon):
        return len(prompt.vertices) >= 3 and bool(np.isfinite(prompt.vertices).all())
    if isinstance(prompt, Scribble):
        return len(prompt.vertices) >= 1 and bool(np.isfinite(prompt.vertices).all())
    if isinstance(prompt, MaskPrompt):
        return bool(prompt.mask.any())
    return isinstance(prompt, Point) and bool(np.isfinite((prompt.x, prompt.y)).all())


def _along(vertices: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Points at equal distances along a stroke, its ends included."""
    line = np.array(vertices, dtype=np.float64)
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0, steps[-1], _SEEDS_OF_A_STROKE if steps[-1] > 0 else 1)
    return list(zip(np.interp(at, steps, line[:, 0]).tolist(), np.interp(at, steps, line[:, 1]).tolist(), strict=True))


def _deepest(mask: MaskArray) -> Sequence[tuple[float, float]]:
    """The middle of the thickest place of a mask."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return ((float(column) + 0.5, float(row) + 0.5),) if depth.max() > 0 else ()
