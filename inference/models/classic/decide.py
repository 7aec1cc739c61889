"""Decide: seeds and evidence -> the probability of every region, and the masks worth proposing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.classic.evidence import Seeds, region_at
from inference.models.classic.judge import Judge
from inference.models.classic.regions import Regions, Values

_SMOOTHING_PASSES = 6
_SURE = 0.97
_TOUCH = 0.5
"""How much of a mask's worth in a box is that it touches the sides."""

_TIGHT = 0.8
"""The share of a box's side that an object spans at least: people draw boxes with room to spare."""

THRESHOLDS = np.arange(0.2, 0.81, 0.05)
"""The thresholds that a mask is chosen from."""

_FIRST_SHIFT = 1.0
"""Added to the logits of a first round: what a single click leaves open is open for many regions together, and taking
them all costs less IoU than leaving them all out (chosen on the images for fitting)."""


def decide(regions: Regions, seeds: Seeds, evidence: Values, judge: Judge) -> Values:
    """The probability (n,) that each region belongs to the object; seeded regions are as asked."""
    logits = judge.logits(evidence)
    # neighbours without a barrier between them agree
    weights = 0.6 * np.exp(-6.0 * regions.barriers)
    logits = regions.averaged(logits, weights, _SMOOTHING_PASSES)
    if seeds.before is None and seeds.box is None:
        logits = logits + _FIRST_SHIFT
    probability = (1 / (1 + np.exp(-np.clip(logits, -15, 15)))).astype(np.float32)
    if seeds.before is not None and seeds.correcting:
        probability = one_way(probability, seeds.before, seeds.newest_positive)
    signs = np.zeros(regions.count)
    for points, sign in ((seeds.positive, 1), (seeds.negative, -1)):
        if len(points):
            np.add.at(signs, region_at(regions, points), sign)
    probability[signs > 0] = np.maximum(probability[signs > 0], _SURE)
    probability[signs < 0] = np.minimum(probability[signs < 0], 1 - _SURE)
    return probability


def one_way(probability: Values, before: Values, positive: bool) -> Values:
    """A correction goes one way: a positive prompt takes nothing away, a negative one adds nothing."""
    return (np.maximum if positive else np.minimum)(probability, before).astype(np.float32)


def expected_iou(probability: Values, sizes: Values, threshold: float) -> float:
    """The IoU to expect of the mask {probability > threshold} when the probabilities are honest, in [0, 1]."""
    chosen = probability > threshold
    inside = float((probability * sizes)[chosen].sum())
    union = float(sizes[chosen].sum()) + float((probability * sizes)[~chosen].sum())
    return inside / union if union > 0 else 0.0


def best_threshold(probability: Values, sizes: Values) -> float:
    """The threshold whose mask has the highest expected IoU."""
    return float(max(THRESHOLDS, key=lambda threshold: expected_iou(probability, sizes, threshold)))


def tallied(probability: Values) -> tuple[Values, Values]:
    """A map of probabilities as the values (k,) that occur, to two decimals, and how often: quick to weigh."""
    counts = np.bincount(np.round(probability.ravel() * 100).astype(np.int64), minlength=101)
    return (np.arange(101) / 100 + 1e-6).astype(np.float32), counts.astype(np.float32)


def boxed_threshold(probability: Values) -> float:
    """The threshold for a map (h, w) of the inside of a box that was drawn round the object.

    A box says that the object touches all four sides, so expected IoU alone does not decide: a mask that leaves room
    between it and the sides, beyond what people leave, is worth less.
    """
    h, w = probability.shape
    # single pixels do not make an object touch a side
    calm = cv2.blur(probability, (3, 3))
    across, down = calm.max(axis=0), calm.max(axis=1)
    values, counts = tallied(probability)

    def worth(threshold: float) -> float:
        filled: float = min(_span(across > threshold) / (_TIGHT * w), 1.0)
        filled *= min(_span(down > threshold) / (_TIGHT * h), 1.0)
        return expected_iou(values, counts, threshold) * (1 - _TOUCH + _TOUCH * filled)

    return float(max(THRESHOLDS, key=worth))


def _span(occupied: NDArray[np.bool_]) -> int:
    """From the first to the last True, both included."""
    found = np.flatnonzero(occupied)
    return int(found[-1] - found[0]) + 1 if len(found) else 0
