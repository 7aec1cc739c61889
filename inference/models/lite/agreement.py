"""A clicked place gets the sign it was given, whatever the network says: refinement never argues with the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.prompts import Box, MaskPrompt, Point, Polygon, Scribble

if TYPE_CHECKING:
    from inference.models.lite.looks import VisualPrompt
    from inference.models.lite.sight import Sight

FIRM = 2.0
"""The logit that a corrected place gets."""

SPREAD = 3
"""Radius in pixels of the stride-2 grid of what a contradicted click changes by itself."""

NEXT_TO = 2
"""A click this many pixels of the stride-2 grid beside a changed region still asks for it."""

NEARER = 1.5
"""A late click has no say over pixels that lie so many times nearer to an earlier click of the other sign."""


def agreeing(sight: Sight, logits: NDArray[np.float32], said: Sequence[VisualPrompt]) -> NDArray[np.float32]:
    """``logits`` (candidates, h, w) at stride 2 of ``sight``, changed where the prompts ``said`` are contradicted.

    Round a contradicted click the sign is set in a small disk: more than that is not known, and a wrong guess over a
    wide one turned late clicks on thin things into blots. Under strokes and in negative boxes, outlines and masks it is
    set as drawn. The newest prompt wins where two contradict each other.
    """
    out = logits.copy()
    height, width = out.shape[1:]
    for prompt in said:
        sign = 1.0 if prompt.positive else -1.0
        if isinstance(prompt, Point):
            if not sight.contains(prompt.x, prompt.y):
                continue
            x, y = sight.point(prompt.x, prompt.y)
            row, column = min(int(y / 2), height - 1), min(int(x / 2), width - 1)
            contradicted = [index for index in range(len(out)) if out[index, row, column] * sign <= 0]
            if contradicted:
                near = _disk(row, column, height, width)
                for index in contradicted:
                    _set(out[index], near, sign)
        elif isinstance(prompt, Scribble):
            _set_all(out, _stroke(prompt, sight, height, width), sign)
        elif isinstance(prompt, Box | Polygon) and not prompt.positive:
            _set_all(out, _inside(prompt, sight, height, width), sign)
        elif isinstance(prompt, MaskPrompt) and not prompt.positive:
            _set_all(out, sight.mask(prompt.mask, (height, width)), sign)
    return out


def kept_elsewhere(
    logits: NDArray[np.float32],
    prior: NDArray[np.float32],
    clicks: Sequence[tuple[int, int]],
    reach: float | None = None,
    others: Sequence[tuple[int, int]] = (),
) -> NDArray[np.float32]:
    """Only the changes that a click asks for: progressive merge (Chen et al. 2022, FocalClick, section 3.3).

    ``logits`` and ``prior`` (logits) are (h, w); ``clicks`` are rows and columns. Where the sign of the two differs in
    a connected region that no click lies in or next to, the prior stays. With a ``reach`` it also stays beyond that
    many times the distance from the click to the prior's border: the middle of an error is as far from one as from
    the other. ``others`` are earlier clicks of the other sign: what is :data:`NEARER` times as far from the click as
    from one of them stays as well, so that two clicks side by side do not turn the same region over and over.
    """
    changed = ((logits > 0) != (prior > 0)).astype(np.uint8)
    _, parts = cv2.connectedComponents(changed, connectivity=8)
    height, width = changed.shape
    asked: set[int] = set()
    for row, column in clicks:
        rows = slice(max(row - NEXT_TO, 0), min(row + NEXT_TO + 1, height))
        columns = slice(max(column - NEXT_TO, 0), min(column + NEXT_TO + 1, width))
        asked |= set(np.unique(parts[rows, columns]).tolist())
    unasked = (changed > 0) & ~np.isin(parts, sorted(asked - {0}))
    if others and clicks:
        unasked |= (changed > 0) & (_distance(clicks, changed.shape) > NEARER * _distance(others, changed.shape))
    if reach is not None:
        unasked |= ~_within_reach(prior > 0, clicks, reach)
    return np.where(unasked, prior, logits).astype(np.float32)


def _distance(places: Sequence[tuple[int, int]], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Of every pixel to the next of the places (rows and columns), in pixels: float32 (h, w)."""
    elsewhere = np.ones(shape, np.uint8)
    for row, column in places:
        elsewhere[row, column] = 0
    return np.asarray(cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _within_reach(prior: NDArray[np.bool_], clicks: Sequence[tuple[int, int]], reach: float) -> NDArray[np.bool_]:
    """Disks round the clicks, ``reach`` times as wide as the clicks are deep in (or far from) the prior."""
    near = np.zeros(prior.shape, np.uint8)
    furthest = max(prior.shape) / 6
    for row, column in clicks:
        same = np.pad((prior == prior[row, column]).astype(np.uint8), 1, constant_values=1)
        depth = float(cv2.distanceTransform(same, cv2.DIST_L2, cv2.DIST_MASK_5)[row + 1, column + 1])
        cv2.circle(near, (column, row), round(reach * min(depth, furthest)) + 3, 1, -1)
    return near > 0


def _set(plane: NDArray[np.float32], where: NDArray[np.bool_], sign: float) -> None:
    plane[where] = np.maximum(plane[where], FIRM) if sign > 0 else np.minimum(plane[where], -FIRM)


def _set_all(out: NDArray[np.float32], where: NDArray[np.bool_], sign: float) -> None:
    for plane in out:
        _set(plane, where, sign)


def _disk(row: int, column: int, height: int, width: int) -> NDArray[np.bool_]:
    drawn = np.zeros((height, width), np.uint8)
    cv2.circle(drawn, (column, row), SPREAD, 1, -1)
    return drawn > 0


def _stroke(prompt: Scribble, sight: Sight, height: int, width: int) -> NDArray[np.bool_]:
    drawn = np.zeros((height, width), np.uint8)
    sx, sy = sight.scale
    corners = np.array([sight.point(x, y) for x, y in prompt.line]) / 2 - 0.5
    thickness = max(1, round(prompt.width * (sx + sy) / 4))
    cv2.polylines(drawn, [np.round(corners).astype(np.int32).reshape(-1, 1, 2)], False, 1, thickness)
    return drawn > 0


def _inside(prompt: Box | Polygon, sight: Sight, height: int, width: int) -> NDArray[np.bool_]:
    if isinstance(prompt, Polygon):
        vertices = prompt.vertices
    else:
        x0, y0, x1, y1 = prompt.x0, prompt.y0, prompt.x1, prompt.y1
        vertices = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    corners = np.array([sight.point(x, y) for x, y in vertices]) / 2 - 0.5
    drawn = np.zeros((height, width), np.uint8)
    cv2.fillPoly(drawn, [np.round(corners).astype(np.int32).reshape(-1, 1, 2)], 1)
    return drawn > 0
