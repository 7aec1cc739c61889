"""Refining with an engine that takes no mask: stand-in prompts, and composing old with new (ux.md §4). Qt-free."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from inference.prompts import Box, MaskArray, MaskPrompt, Point, Polygon, Prompt, Scribble
from inference.results import Candidate, Frame

CERTAIN_LOGIT = 8.0
"""Logit given to pixels of a mask that comes without probabilities."""

REACH = 3
"""How far from a prompt, in pixels, a changed piece may lie and still count as meant by it."""


def candidate_of_mask(mask: MaskArray, engine: str, score: float = 1.0) -> Candidate:
    """A candidate with the pixels of a boolean mask (H, W); its logits are not probabilities."""
    logits = np.where(mask, CERTAIN_LOGIT, -CERTAIN_LOGIT).astype(np.float32)
    return Candidate(logits, Frame.whole(*mask.shape), score, engine, calibrated=False)


def stand_in_prompts(mask: MaskArray) -> tuple[Prompt, ...]:
    """What says "this mask" to an engine without mask input: its box and the deepest point of each large part.

    Parts smaller than a tenth of the largest one are left out. Returns nothing for an empty mask.
    """
    if not mask.any():
        return ()
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    points: list[Prompt] = []
    for index in range(1, count):
        if areas[index - 1] * 10 < areas.max():
            continue
        # a border of zeros makes the edge of the image count as outside
        depth = cv2.distanceTransform(np.pad((labels == index).astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        points.append(Point(float(x) + 0.5, float(y) + 0.5))
    return (box, *points)


def touched(prompts: Iterable[Prompt], height: int, width: int, *, positive: bool) -> MaskArray:
    """The pixels that prompts of one polarity lie on, grown by :data:`REACH`, bool (height, width)."""
    canvas = np.zeros((height, width), np.uint8)
    for prompt in prompts:
        if prompt.positive is not positive:
            continue
        match prompt:
            case Point(x=x, y=y):
                cv2.circle(canvas, (int(x), int(y)), REACH, 1, -1)
            case Box(x0=x0, y0=y0, x1=x1, y1=y1):
                canvas[max(int(y0), 0) : max(int(np.ceil(y1)), 0), max(int(x0), 0) : max(int(np.ceil(x1)), 0)] = 1
            case Scribble(line=line, width=stroke):
                corners = np.array(line, np.float64).astype(np.int32).reshape(-1, 1, 2)
                cv2.polylines(canvas, [corners], False, 1, max(round(stroke), 1) + 2 * REACH)
            case Polygon(vertices=vertices):
                cv2.fillPoly(canvas, [np.array(vertices, np.float64).astype(np.int32).reshape(-1, 1, 2)], 1)
            case MaskPrompt() | _:
                continue
    return canvas.astype(bool)


def compose(old: MaskArray, new: MaskArray, prompts: Iterable[Prompt]) -> MaskArray:
    """The old mask, changed only where the person pointed.

    Of the pieces that the new mask adds, those that a positive prompt touches are taken; of the pieces that it
    removes, those that a negative prompt touches. Everything else stays as it was.
    """
    prompts = tuple(prompts)
    height, width = old.shape
    result = old.copy()
    result |= _pieces_at(new & ~old, touched(prompts, height, width, positive=True))
    result &= ~_pieces_at(old & ~new, touched(prompts, height, width, positive=False))
    return result


def _pieces_at(changed: MaskArray, marks: MaskArray) -> MaskArray:
    """The connected pieces of ``changed`` that share a pixel with ``marks``."""
    count, labels = cv2.connectedComponents(changed.astype(np.uint8), connectivity=8)
    wanted = np.zeros(count, bool)
    wanted[np.unique(labels[marks])] = True
    wanted[0] = False
    return np.asarray(wanted[labels], dtype=np.bool_)
