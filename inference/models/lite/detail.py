"""A still closer look at what a late click changed: a close-up of the whole object shows small corrections coarsely.

The idea of a local refinement round the newest click is FocalClick's (Chen et al. 2022, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.lite.agreement import NEXT_TO
from inference.models.lite.looks import Answer, Correction, Eyes, VisualPrompt, cells_of, logit, logits_on, look
from inference.models.lite.sight import Region, Sight
from inference.prompts import Point

LEAST_GAIN = 1.15
"""A window that shows things less than so many times larger is not worth the time."""


def detailed(eyes: Eyes, said: Sequence[VisualPrompt], answer: Answer, correction: Correction) -> Answer:
    """``answer``, looked at again in a window round what the correction changed in it, when that shows more."""
    box = _changed(answer, correction)
    window = Sight.window(box, eyes.height, eyes.width) if box is not None else None
    if window is None or min(window.scale) < LEAST_GAIN * min(answer.sight.scale):
        return answer
    # a click elsewhere would be drawn on the window's border
    shown = [p for p in said if not isinstance(p, Point) or window.contains(p.x, p.y)]
    return _pasted(answer, look(eyes, window, shown, answer, correction))


def _changed(answer: Answer, correction: Correction) -> Region | None:
    """The bounding box, in image coordinates, of the click and the regions at it that turned."""
    sight = answer.sight
    cells = cells_of([correction.click], sight)
    if not cells:
        return None
    row, column = cells[0]
    turned = (answer.logits[0] > 0) != (logits_on(sight, correction.before) > 0)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(turned.astype(np.uint8), connectivity=8)
    near = parts[max(row - NEXT_TO, 0) : row + NEXT_TO + 1, max(column - NEXT_TO, 0) : column + NEXT_TO + 1]
    left, top, right, bottom = column, row, column + 1, row + 1
    for part in set(np.unique(near).tolist()) - {0}:
        x, y, width, height = (int(v) for v in stats[part, :4])
        left, top, right, bottom = min(left, x), min(top, y), max(right, x + width), max(bottom, y + height)
    (sx, sy), (x0, y0) = sight.scale, sight.region[:2]
    return x0 + left * 2 / sx, y0 + top * 2 / sy, x0 + right * 2 / sx, y0 + bottom * 2 / sy


def _pasted(answer: Answer, detail: Answer) -> Answer:
    """The first candidate of ``answer`` with the window of ``detail`` in it."""
    sight = answer.sight
    size = answer.logits.shape[1], answer.logits.shape[2]
    share: NDArray[np.float32] = detail.probability()
    seen = sight.resampled(share, detail.sight.region, size)
    covered = sight.resampled(np.ones_like(share), detail.sight.region, size) > 0.99
    logits = answer.logits.copy()
    logits[0] = np.where(covered, logit(seen), logits[0])
    return Answer(sight, logits, answer.quality)
