"""From scored proposals to an answer: which ones fit the prompts, candidates, and what to say about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.models.refdiff.root_word import RootWord
from inference.models.refdiff.scores import CLOSE, Parts, Scores, distinct
from inference.models.refdiff.settings import Settings
from inference.prompts import Box, MaskArray, Point
from inference.results import Candidate, Frame, Memory, Segmentation

CANDIDATES = 5
SURE = 8.0
"""The logit of a proposal's pixels, and with the opposite sign of all others."""

INSIDE = 0.8
"""The share of its area that a proposal must have in a positive box."""

HARD, SOFT, ATTENTION, PLACE, OFFERED = "hard", "soft", "attention", "place", "offered"
"""Names of what the memory holds: the parts of all proposals' scores (a place only where words name a side and it
counts), and which were offered, best first."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What one expression found: the map ``heat`` (H, W) of its word, n proposals bool (n, H, W) of the picture with
    the parts of their scores, and which of them count (n,)."""

    text: str
    root: RootWord
    heat: NDArray[np.float64]
    masks: MaskArray
    parts: Parts
    counts: NDArray[np.bool_]


def fitting(found: Found, places: Sequence[Point | Box], image: tuple[int, int]) -> NDArray[np.bool_]:
    """Which proposals agree with points and boxes given in pixels of the image (height, width)."""
    rows, columns = found.masks.shape[1:]
    down, across = rows / image[0], columns / image[1]
    fits = np.ones(len(found.masks), bool)
    for each in places:
        if isinstance(each, Point):
            row = min(max(int(each.y * down), 0), rows - 1)
            column = min(max(int(each.x * across), 0), columns - 1)
            fits &= found.masks[:, row, column] == each.positive
        else:
            top, bottom = sorted((round(each.y0 * down), round(each.y1 * down)))
            left, right = sorted((round(each.x0 * across), round(each.x1 * across)))
            inside = found.masks[:, max(top, 0) : bottom, max(left, 0) : right].sum((1, 2))
            share = inside / np.maximum(found.masks.sum((1, 2)), 1)
            fits &= (share > INSIDE) if each.positive else (share <= INSIDE)
    return fits


def answer(
    found: Found, fits: NDArray[np.bool_], image: tuple[int, int], settings: Settings, engine: str
) -> Segmentation:
    """Up to five candidates that count and fit, best first; when none counts, the best of those that fit.

    A candidate's score is where its total stands among all proposals of the image: 0.5 for an average one.
    """
    total = found.parts.total(settings.weights)
    pool = fits & found.counts
    pool = pool if pool.any() else fits
    order = np.argsort(-np.where(pool, total, -np.inf), kind="stable")[: int(pool.sum())]
    offered = distinct(order, found.masks, CANDIDATES)
    standing = _standing(total)
    frame = Frame.whole(*image)
    candidates = tuple(
        Candidate(
            np.where(found.masks[index], SURE, -SURE).astype(np.float32),
            frame,
            float(standing[index]),
            engine,
            calibrated=False,
        )
        for index in offered
    )
    parts = found.parts
    kept: dict[str, NDArray[np.generic]] = {
        HARD: parts.hard,
        SOFT: parts.soft,
        ATTENTION: parts.attention,
        OFFERED: np.array(offered, np.int64),
    }
    if parts.place is not None:
        kept[PLACE] = parts.place
    return Segmentation(candidates, Memory(engine, kept), notes=_notes(found, total[offered]))


def parts_of(memory: Memory) -> tuple[Parts, NDArray[np.int64]]:
    """Parts of the scores of all proposals, to be weighed anew, and which were offered, best first."""
    arrays = {name: np.asarray(each) for name, each in memory.arrays.items()}
    return Parts(arrays[HARD], arrays[SOFT], arrays[ATTENTION], arrays.get(PLACE)), arrays[OFFERED]


def _standing(total: Scores) -> Scores:
    spread = max(float(total.std()), 1e-6)
    standing: Scores = 1 / (1 + np.exp(-np.clip((total - total.mean()) / spread, -20, 20)))
    return standing


def _notes(found: Found, totals: Scores) -> tuple[str, ...]:
    notes = [f"Looked for “{found.root.word}”."] if found.root.word else []
    if len(totals) > 1 and totals[0] - totals[1] < CLOSE:
        close = int((totals > totals[0] - CLOSE).sum())
        notes.append(f"Ambiguous: {close} regions fit almost equally well.")
    return tuple(notes)
