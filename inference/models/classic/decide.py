"""Decide: seeds and regions -> the probability of every region, and the masks worth proposing."""

from __future__ import annotations

import numpy as np

from inference.models.classic.evidence import Seeds, gather, region_at
from inference.models.classic.judge import Judge
from inference.models.classic.regions import Regions, Values

_SMOOTHING_PASSES = 6
_SURE = 0.97

_FIRST_SHIFT = 1.0
"""Added to the logits of a first round: what a single click leaves open is open for many regions together, and taking
them all costs less IoU than leaving them all out (chosen on the images for fitting)."""


def decide(regions: Regions, seeds: Seeds, judge: Judge) -> Values:
    """The probability (n,) that each region belongs to the object; seeded regions are as asked."""
    logits = judge.logits(gather(regions, seeds))
    # neighbours without a barrier between them agree
    weights = 0.6 * np.exp(-6.0 * regions.barriers)
    logits = regions.averaged(logits, weights, _SMOOTHING_PASSES)
    if seeds.before is None and seeds.box is None:
        logits = logits + _FIRST_SHIFT
    probability = (1 / (1 + np.exp(-np.clip(logits, -15, 15)))).astype(np.float32)
    if seeds.before is not None and seeds.correcting:
        # a correction goes one way: a positive prompt takes nothing away, a negative one adds nothing
        keep = np.maximum if seeds.newest_positive else np.minimum
        probability = keep(probability, seeds.before).astype(np.float32)
    signs = np.zeros(regions.count)
    for points, sign in ((seeds.positive, 1), (seeds.negative, -1)):
        if len(points):
            np.add.at(signs, region_at(regions, points), sign)
    probability[signs > 0] = np.maximum(probability[signs > 0], _SURE)
    probability[signs < 0] = np.minimum(probability[signs < 0], 1 - _SURE)
    return probability


def expected_iou(probability: Values, sizes: Values, threshold: float) -> float:
    """The IoU to expect of the mask {probability > threshold} when the probabilities are honest, in [0, 1]."""
    chosen = probability > threshold
    inside = float((probability * sizes)[chosen].sum())
    union = float(sizes[chosen].sum()) + float((probability * sizes)[~chosen].sum())
    return inside / union if union > 0 else 0.0


def best_threshold(probability: Values, sizes: Values) -> float:
    """The threshold whose mask has the highest expected IoU."""
    grid = np.arange(0.2, 0.81, 0.05)
    return float(max(grid, key=lambda threshold: expected_iou(probability, sizes, threshold)))
