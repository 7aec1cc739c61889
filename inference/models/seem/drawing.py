"""Prompts of a person to the bool masks in the model's frame that the visual sampler reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from inference.prompts import Box, MaskArray, MaskPrompt, Point, Polygon, Prompt, Scribble, Vertices

REACH = 1
"""A click covers the pixels this far round its own: 3 by 3, as in training."""


@dataclass(frozen=True, slots=True)
class ModelFrame:
    """An image of ``height`` by ``width`` pixels, resized to ``rows`` by ``columns`` and padded to ``padded``."""

    height: int
    width: int
    rows: int
    columns: int
    padded: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Model pixels per image pixel, (x, y)."""
        return self.columns / self.width, self.rows / self.height

    @property
    def region(self) -> tuple[float, float, float, float]:
        """Where the padded frame lies in the image, xyxy; it may end beyond it."""
        across, down = self.scale
        return 0.0, 0.0, self.padded[1] / across, self.padded[0] / down


def drawn(prompts: Iterable[Prompt], frame: ModelFrame, *, fill_boxes: bool = False) -> tuple[MaskArray, MaskArray]:
    """What the prompts mark as the object and as not the object, bool (padded), clipped to the image.

    A positive box becomes a click at its centre, as in the official evaluation, or with ``fill_boxes`` its inside; a
    negative one its inside. Points and strokes later in the history win where signs overlap. Text and references draw
    nothing.
    """
    positive = np.zeros(frame.padded, bool)
    negative = np.zeros(frame.padded, bool)
    for prompt in prompts:
        mark = _mark(prompt, frame, fill_boxes)
        if mark is None:
            continue
        mark[frame.rows :], mark[:, frame.columns :] = 0, 0
        inside = mark > 0
        (positive if prompt.positive else negative)[inside] = True
        (negative if prompt.positive else positive)[inside] = False
    return positive, negative


def box_limits(prompts: Iterable[Prompt], frame: ModelFrame) -> MaskArray | None:
    """Where the object may be, bool (rows, columns): in any positive box and in no negative one. None: anywhere."""
    boxes = [prompt for prompt in prompts if isinstance(prompt, Box)]
    if not boxes:
        return None
    allowed = np.full((frame.rows, frame.columns), not any(box.positive for box in boxes))
    for box in sorted(boxes, key=lambda box: not box.positive):
        x0, y0, x1, y1 = _scaled_box(box, frame)
        allowed[y0:y1, x0:x1] = box.positive
    return allowed


def prior(prompts: Iterable[Prompt], frame: ModelFrame) -> MaskArray | None:
    """The last positive mask prompt in the padded frame, or None."""
    masks = [prompt for prompt in prompts if isinstance(prompt, MaskPrompt) and prompt.positive]
    if not masks:
        return None
    mark = _mark(masks[-1], frame)
    assert mark is not None
    return mark > 0


def _mark(
    prompt: Prompt, frame: ModelFrame, fill_boxes: bool = False
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]] | None:
    mark = np.zeros(frame.padded, np.uint8)
    across, down = frame.scale
    match prompt:
        case Point(x=x, y=y):
            _click(mark, x * across, y * down, frame)
        case Box(positive=True) if not fill_boxes:
            _click(mark, (prompt.x0 + prompt.x1) / 2 * across, (prompt.y0 + prompt.y1) / 2 * down, frame)
        case Box():
            x0, y0, x1, y1 = _scaled_box(prompt, frame)
            mark[y0:y1, x0:x1] = 1
        case Scribble(line=line, width=width):
            thickness = max(1, round(width * (across + down) / 2))
            cv2.polylines(mark, [_scaled(line, frame)], False, 1, thickness)
        case Polygon(vertices=vertices):
            cv2.fillPoly(mark, [_scaled(vertices, frame)], 1)
        case MaskPrompt(mask=mask):
            size = (frame.columns, frame.rows)
            small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            mark[: frame.rows, : frame.columns] = small > 0.5
        case _:
            return None
    return mark


def _click(mark: np.ndarray[tuple[int, int], np.dtype[np.uint8]], x: float, y: float, frame: ModelFrame) -> None:
    column = min(max(int(x), 0), frame.columns - 1)
    row = min(max(int(y), 0), frame.rows - 1)
    mark[max(0, row - REACH) : row + REACH + 1, max(0, column - REACH) : column + REACH + 1] = 1


def _scaled(vertices: Vertices, frame: ModelFrame) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """Vertices as pixel indices of the model frame."""
    return np.floor(np.array(vertices, np.float64) * frame.scale).astype(np.int32)


def _scaled_box(box: Box, frame: ModelFrame) -> tuple[int, int, int, int]:
    across, down = frame.scale
    x0, y0 = max(0, int(np.floor(box.x0 * across))), max(0, int(np.floor(box.y0 * down)))
    return x0, y0, max(x0 + 1, int(np.ceil(box.x1 * across))), max(y0 + 1, int(np.ceil(box.y1 * down)))
