"""A simulated annotator: first prompts of every kind, then clicks where the mask is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.lite.prompt_maps import STRIDE, Canvas
from inference.training.views import TARGET, VIEW, View

GRID = VIEW // STRIDE
CELL = VIEW // TARGET
"""View pixels per pixel of the target."""

OPENINGS = ("click", "box", "scribble", "prior", "outline")
OPENING_SHARES = (0.45, 0.15, 0.14, 0.21, 0.05)

CENTRED_SHARE = 0.6
"""How often a simulated click is in the very middle of the region, as the evaluation does it; people are less exact."""


def interior(region: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each pixel of ``region`` to its outside, where the image border counts as outside."""
    padded = np.pad(region.astype(np.uint8), 1)
    return cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1].astype(np.float32)


def place_in(region: NDArray[np.bool_], random: np.random.Generator, centred: float = CENTRED_SHARE) -> tuple[int, int]:
    """Row and column of a click in ``region``: its innermost pixel, or any pixel of its inner half."""
    depth = interior(region)
    if random.random() < centred:
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        return int(row), int(column)
    rows, columns = np.nonzero(depth >= min(float(depth.max()), max(1.0, 0.4 * float(depth.max()))))
    index = int(random.integers(len(rows)))
    return int(rows[index]), int(columns[index])


def next_click(
    truth: NDArray[np.bool_], known: NDArray[np.bool_], mask: NDArray[np.bool_], random: np.random.Generator
) -> tuple[int, int, bool] | None:
    """A click in the deeper of the missed and the surplus region: row, column, positive; None when all is right."""
    missed, surplus = truth & ~mask & known, mask & ~truth & known
    depth_missed, depth_surplus = float(interior(missed).max()), float(interior(surplus).max())
    if max(depth_missed, depth_surplus) <= 0:
        return None
    positive = depth_missed >= depth_surplus
    row, column = place_in(missed if positive else surplus, random)
    return row, column, positive


def rough_mask(truth: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.bool_]:
    """The truth as another engine or a hasty hand would have it: grown or shrunk, moved, bitten, spilled, blocky."""
    mask = truth.astype(np.uint8)
    extent = max(4.0, float(np.sqrt(mask.sum())))
    radius = int(extent * random.uniform(0.02, 0.16)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    choice = random.random()
    if choice < 0.35:
        mask = cv2.dilate(mask, kernel).astype(np.uint8)
    elif choice < 0.6:
        mask = cv2.erode(mask, kernel).astype(np.uint8)
    elif choice < 0.8:
        factor = int(random.integers(4, 9))
        small = cv2.resize(mask.astype(np.float32), (TARGET // factor, TARGET // factor), interpolation=cv2.INTER_AREA)
        mask = (cv2.resize(small, (TARGET, TARGET), interpolation=cv2.INTER_LINEAR) > 0.5).astype(np.uint8)
    for value in (0, 1):
        rows, columns = np.nonzero(truth)
        if random.random() < 0.5 and len(rows):
            index = int(random.integers(len(rows)))
            offset = random.normal(0, extent * 0.3, 2) * value
            centre = (int(columns[index] + offset[0]), int(rows[index] + offset[1]))
            axes = (int(extent * random.uniform(0.08, 0.4)) + 1, int(extent * random.uniform(0.08, 0.4)) + 1)
            cv2.ellipse(mask, centre, axes, float(random.uniform(0, 180)), 0, 360, value, -1)
    if random.random() < 0.3:
        shift = random.normal(0, extent * 0.05, 2)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        mask = cv2.warpAffine(mask, matrix, (TARGET, TARGET), flags=cv2.INTER_NEAREST).astype(np.uint8)
    return mask > 0


@dataclass(slots=True)
class Lesson:
    """One object in one view, with the prompts given so far."""

    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    random: np.random.Generator
    canvas: Canvas = field(default_factory=lambda: Canvas(GRID, GRID))
    opening: str = "click"

    @staticmethod
    def of(view: View, random: np.random.Generator, opening: str | None = None) -> Lesson:
        """A lesson with its first prompt. Parts of objects open with a rough mask: nobody clicks on a part first."""
        truth = view.target > 0.5
        if not truth.any():
            truth = view.target >= view.target.max()
        lesson = Lesson(truth, view.known > 0, random)
        usual = "prior" if view.is_part else str(random.choice(OPENINGS, p=OPENING_SHARES))
        lesson.opening = opening or usual
        getattr(lesson, f"_open_{lesson.opening}")()
        return lesson

    def correct(self, probability: NDArray[np.float32]) -> None:
        """Take the mask so far, float (TARGET, TARGET) in [0, 1], as the prior and click where it is wrong."""
        self.canvas.prior = np.asarray(cv2.resize(probability, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32)
        click = next_click(self.truth, self.known, probability > 0.5, self.random)
        if click is not None:
            self._click(*click)

    def _click(self, row: int, column: int, positive: bool) -> None:
        self.canvas.click((column + 0.5) * CELL, (row + 0.5) * CELL, positive)

    def _open_click(self) -> None:
        self._click(*place_in(self.truth, self.random), True)

    def _open_box(self) -> None:
        rows, columns = np.flatnonzero(self.truth.any(1)), np.flatnonzero(self.truth.any(0))
        corners = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
        extent = np.array([corners[2] - corners[0], corners[3] - corners[1]] * 2)
        corners += self.random.normal(0, 0.03, 4) * extent
        x0, y0, x1, y1 = np.round(corners * CELL / STRIDE).astype(int)
        inside = np.zeros((GRID, GRID), bool)
        inside[max(y0, 0) : max(y1, y0 + 1, 1), max(x0, 0) : max(x1, x0 + 1, 1)] = True
        self.canvas.outline(inside, True)

    def _open_scribble(self) -> None:
        depth = interior(self.truth)
        rows, columns = np.nonzero(depth >= min(2.0, float(depth.max())))
        picked = self.random.integers(len(rows), size=int(self.random.integers(2, 5)))
        order = picked[np.argsort(rows[picked] + columns[picked])]
        ends = np.stack([columns[order], rows[order]], 1).astype(float) + 0.5
        steps = np.concatenate([np.linspace(a, b, 16) for a, b in pairwise(ends)])
        inside = self.truth[steps[:, 1].astype(int), steps[:, 0].astype(int)]
        # a person's stroke stays on the object: keep the longest run that does
        runs = np.split(np.arange(len(steps)), np.flatnonzero(np.diff(inside.astype(int))) + 1)
        longest = max((run for run in runs if inside[run[0]]), key=len)
        line = steps[longest] if len(longest) > 1 else np.repeat(steps[longest], 2, axis=0)
        self.canvas.stroke(line * CELL, float(self.random.uniform(3, 9)), True)

    def _open_prior(self) -> None:
        mask = rough_mask(self.truth, self.random)
        self.correct(mask.astype(np.float32))
        if self.random.random() < 0.5:
            # the zoomed second look: the object was clicked before, and the prior came from those clicks
            self._click(*place_in(self.truth, self.random), True)

    def _open_outline(self) -> None:
        rough = rough_mask(self.truth, self.random).astype(np.uint8)
        radius = int(self.random.integers(1, 6))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        grown = cv2.dilate(rough | self.truth.astype(np.uint8), kernel)
        inside = cv2.resize(grown, (GRID, GRID), interpolation=cv2.INTER_NEAREST) > 0
        self.canvas.outline(inside, True)
