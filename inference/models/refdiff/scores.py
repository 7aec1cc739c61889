"""Scores of proposals, and which of them count (refdiff.md §3 to §5). Masks are bool (n, H, W)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.prompts import MaskArray

Scores = NDArray[np.float32]
"""Float32 (n,), one per proposal."""

LEVELS = tuple(round(0.05 * step, 2) for step in range(1, 20))
OVERLAP = 0.8
"""Proposals with a larger IoU than this are offered once."""

CLOSE = 0.01
"""A first and a second total closer than this are called ambiguous."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How the three parts are added."""

    hard: float = 0.7
    soft: float = 0.3
    attention: float = 0.05


RELEASED = Weights()
PAPER = Weights(hard=0.9 * 0.7, soft=0.9 * 0.3, attention=0.1)
"""The paper's alpha 0.1 and beta 0.3."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of the scores of n proposals: they can be weighed anew without a model.

    ``place`` in [0, 1] says how far a proposal lies to the side that the words name; None where it does not count.
    """

    hard: Scores
    soft: Scores
    attention: Scores
    place: Scores | None = None

    def total(self, weights: Weights) -> Scores:
        total: Scores = weights.hard * self.hard + weights.soft * self.soft + weights.attention * self.attention
        return total if self.place is None else total * self.place


def attention_scores(heat: NDArray[np.floating], masks: MaskArray) -> Scores:
    """Mean of the map (H, W) inside each mask less the mean outside."""
    values = heat.astype(np.float64)
    # one by one: as numbers, all masks of a large picture take a gigabyte
    inside = np.array([values[mask].sum() for mask in masks])
    sizes = masks.sum((1, 2))
    outside = values.sum() - inside
    found: Scores = (inside / (sizes + 1e-6) - outside / (values.size - sizes + 1e-6)).astype(np.float32)
    return found


def level_masks(heat: NDArray[np.floating]) -> MaskArray:
    """The weight-free proposals: where the map reaches 5 %, 10 %, … 95 %."""
    return np.stack([heat.astype(np.float64) >= level for level in LEVELS])


def large_ones(areas: NDArray[np.integer], count: int = 10, smallest: float = 0.0) -> NDArray[np.bool_]:
    """Which proposals count: the ``count`` largest, if larger than ``smallest`` pixels."""
    kept = np.zeros(len(areas), bool)
    kept[np.argsort(-areas, kind="stable")[:count]] = True
    return kept & (areas > smallest)


def distinct(order: NDArray[np.integer], masks: MaskArray, count: int) -> list[int]:
    """The first ``count`` of ``order`` without those that nearly repeat an earlier one."""
    chosen: list[int] = []
    for index in (int(each) for each in order):
        if len(chosen) == count:
            break
        if all(_iou(masks[index], masks[other]) <= OVERLAP for other in chosen):
            chosen.append(index)
    return chosen


def _iou(a: MaskArray, b: MaskArray) -> float:
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 1.0
