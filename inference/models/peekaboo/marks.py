"""What a person drew, brought to the square of alpha: where to look, what is certain, and where to start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.prompts import Box, MaskArray, MaskPrompt, Point, Polygon, Prompt, Scribble

MARGIN = 0.15
"""Of the longer side of a box: what is shown round it."""

CLICK = 0.02
"""The radius of a click, as a share of the square's side."""

Region = tuple[float, float, float, float]
Alpha = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """``region`` of the image (xyxy) that the square covers; in the square bool (side, side): pixels that are
    certainly ``inside`` or ``outside``; ``start`` float32 (side, side) in [0, 1], or None."""

    region: Region
    inside: MaskArray
    outside: MaskArray
    start: Alpha | None

    @property
    def any_certain(self) -> bool:
        return bool(self.inside.any() or self.outside.any())


def marks_of(prompts: Sequence[Prompt], height: int, width: int, side: int) -> Marks:
    """Positive boxes choose the region and bound the object; masks and outlines are where it starts; strokes and
    clicks are certain, as is what negative boxes, outlines and masks cover. Later prompts win."""
    boxes = [each for each in prompts if isinstance(each, Box) and each.positive]
    region = _region(boxes, height, width)
    inside, outside = np.zeros((side, side), bool), np.zeros((side, side), bool)
    start: Alpha | None = None
    if boxes:
        outside[:] = True
        for box in boxes:
            outside[_drawn(box, region, side)] = False
    for each in prompts:
        covered = _drawn(each, region, side)
        if covered is None or each in boxes:
            continue
        if isinstance(each, MaskPrompt | Polygon) and each.positive:
            start = covered.astype(np.float32) if start is None else np.maximum(start, covered)
        else:
            (inside if each.positive else outside)[covered] = True
            (outside if each.positive else inside)[covered] = False
    return Marks(region, inside, outside, start)


def seen_in(pixels: NDArray[np.uint8], region: Region, side: int) -> NDArray[np.float32]:
    """The region of the image float32 (3, side, side) in [0, 1], stretched to the square."""
    x0, y0, x1, y1 = (int(each) for each in region)
    cut = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    method = cv2.INTER_AREA if max(cut.shape[:2]) > side else cv2.INTER_LINEAR
    squared = cv2.resize(cut, (side, side), interpolation=method)
    shown: NDArray[np.float32] = np.ascontiguousarray(squared.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
    return shown


def _region(boxes: Sequence[Box], height: int, width: int) -> Region:
    """The image, or whole pixels round all boxes."""
    if not boxes:
        return 0.0, 0.0, float(width), float(height)
    xs = [x for each in boxes for x in (each.x0, each.x1)]
    ys = [y for each in boxes for y in (each.y0, each.y1)]
    margin = MARGIN * max(max(xs) - min(xs), max(ys) - min(ys))
    x0, x1 = _within(min(xs) - margin, max(xs) + margin, width)
    y0, y1 = _within(min(ys) - margin, max(ys) + margin, height)
    return x0, y0, x1, y1


def _within(low: float, high: float, limit: int) -> tuple[float, float]:
    """Whole pixels from ``low`` to ``high`` within 0 … limit, at least one."""
    first = min(max(int(np.floor(low)), 0), limit - 1)
    return float(first), float(max(min(int(np.ceil(high)), limit), first + 1))


def _drawn(prompt: Prompt, region: Region, side: int) -> MaskArray | None:
    x0, y0, x1, y1 = region
    scale = np.array([side / (x1 - x0), side / (y1 - y0)])
    canvas = np.zeros((side, side), np.uint8)
    if isinstance(prompt, MaskPrompt):
        cut = prompt.mask[int(y0) : int(y1), int(x0) : int(x1)].astype(np.float32)
        return np.asarray(cv2.resize(cut, (side, side), interpolation=cv2.INTER_LINEAR) >= 0.5)
    if isinstance(prompt, Point):
        x, y = _placed([(prompt.x, prompt.y)], region, scale)[0]
        cv2.circle(canvas, (int(x), int(y)), max(1, round(CLICK * side)), 1, -1)
    elif isinstance(prompt, Scribble):
        thick = max(1, round(prompt.width * float(scale.mean())))
        cv2.polylines(canvas, [_placed(prompt.line, region, scale)], False, 1, thick)
    elif isinstance(prompt, Polygon):
        cv2.fillPoly(canvas, [_placed(prompt.vertices, region, scale)], 1)
    elif isinstance(prompt, Box):
        corners = _placed([(prompt.x0, prompt.y0), (prompt.x1, prompt.y1)], region, scale, 0.0)
        (left, top), (right, bottom) = corners.min(0).clip(0), corners.max(0).clip(0)
        canvas[top : max(bottom, top + 1), left : max(right, left + 1)] = 1
    else:
        return None
    return canvas.astype(bool)


def _placed(
    points: Sequence[tuple[float, float]], region: Region, scale: NDArray[np.float64], shift: float = -0.5
) -> NDArray[np.int32]:
    """Points of the image as pixel indices of the square; corners with shift 0."""
    placed: NDArray[np.int32] = np.round((np.array(points) - region[:2]) * scale + shift).astype(np.int32)
    return placed
