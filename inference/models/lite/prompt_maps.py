"""Prompts drawn as maps at stride 4 of a view: the form in which the decoder reads them."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.lite.decoder import MAP_CHANNELS

STRIDE = 4
MAX_SEEDS = 24
"""At most so many clicked places enter the similarity maps; the newest win."""

NEAR, FAR = 1.2, 8.0
"""Fall-off of the maps round a prompt, in cells of the stride-4 grid: a disk and a wide slope."""


@dataclass(slots=True)
class Canvas:
    """The prompts of one object drawn on a view's stride-4 grid of ``height`` x ``width`` cells.

    ``region``: float (h, w): +1 inside a box or rough outline, -1 outside, 0 when there is none. ``prior``: float
    (h, w), the probability that the mask so far gives, or None. ``seeds``: (row, column, sign), oldest first.
    """

    height: int
    width: int
    positive: NDArray[np.uint8] = field(init=False)
    negative: NDArray[np.uint8] = field(init=False)
    region: NDArray[np.float32] = field(init=False)
    prior: NDArray[np.float32] | None = None
    seeds: list[tuple[float, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        shape = (self.height, self.width)
        self.positive, self.negative = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        self.region = np.zeros(shape, np.float32)

    def click(self, x: float, y: float, positive: bool) -> None:
        """A click at (x, y) in the view's pixels; clicks outside the view land on its border."""
        row = min(max(int(y // STRIDE), 0), self.height - 1)
        column = min(max(int(x // STRIDE), 0), self.width - 1)
        (self.positive if positive else self.negative)[row, column] = 1
        self.seeds.append((float(row), float(column), 1.0 if positive else -1.0))

    def stroke(self, vertices: NDArray[np.float64], width: float, positive: bool) -> None:
        """A polyline (n, 2) of x, y in the view's pixels."""
        cells = np.round(vertices / STRIDE - 0.5).astype(np.int32)
        thickness = max(1, round(width / STRIDE))
        drawn = np.zeros((self.height, self.width), np.uint8)
        cv2.polylines(drawn, [cells.reshape(-1, 1, 2)], False, 1, thickness)
        target = self.positive if positive else self.negative
        target |= drawn
        rows, columns = np.nonzero(drawn)
        for index in np.unique(np.linspace(0, len(rows) - 1, 6).astype(int)) if len(rows) else ():
            self.seeds.append((float(rows[index]), float(columns[index]), 1.0 if positive else -1.0))

    def outline(self, inside: NDArray[np.bool_], positive: bool) -> None:
        """A box or a rough outline, bool (h, w) on the grid: the object lies inside; negative ones exclude it."""
        if not positive:
            self.region[inside] = -1.0
        elif (self.region > 0).any():
            self.region[inside] = 1.0
        else:
            self.region = np.where(inside, 1.0, -1.0).astype(np.float32)

    def maps(self) -> NDArray[np.float32]:
        """float32 (MAP_CHANNELS, h, w): near and far of each sign, the region, the prior in [-1, 1], the last click."""
        out = np.zeros((MAP_CHANNELS, self.height, self.width), np.float32)
        for channel, drawn in ((0, self.positive), (2, self.negative)):
            if drawn.any():
                distance = cv2.distanceTransform(1 - drawn, cv2.DIST_L2, cv2.DIST_MASK_5)
                out[channel] = np.exp(-((distance / NEAR) ** 2) / 2)
                out[channel + 1] = np.exp(-distance / FAR)
        out[4] = self.region
        if self.prior is not None:
            out[5] = 2 * self.prior - 1
        if self.seeds:
            row, column, sign = self.seeds[-1]
            squared = (np.arange(self.height)[:, None] - row) ** 2 + (np.arange(self.width)[None] - column) ** 2
            out[6] = sign * np.exp(-squared / (2 * (3 * NEAR) ** 2))
        return out

    def seed_array(self) -> NDArray[np.float32]:
        """float32 (MAX_SEEDS, 3): the newest seeds, padded with zeros."""
        out = np.zeros((MAX_SEEDS, 3), np.float32)
        kept = self.seeds[-MAX_SEEDS:]
        if kept:
            out[: len(kept)] = kept
        return out
