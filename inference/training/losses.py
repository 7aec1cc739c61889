"""The losses: normalised focal loss and dice for masks, cross-entropy for the expected IoU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

FOCUS = 2.0
CANDIDATE_WEIGHT = 0.3
QUALITY_WEIGHT = 0.15


def normalised_focal(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Focal cross-entropy whose pixel weights sum to the number of known pixels (Sofiiuk et al. 2019, eq. 5).

    ``logits`` (B, M, h, w); ``target`` (B, 1, h, w) in [0, 1]; ``known`` (B, 1, h, w) in {0, 1}. Returns (B, M).
    """
    target, known = target.expand_as(logits), known.expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    with torch.no_grad():
        weight = (logits.sigmoid() - target).abs() ** FOCUS * known
        weight = weight * known.sum((2, 3), keepdim=True) / (weight.sum((2, 3), keepdim=True) + 1e-6)
        # when almost every pixel is right the few hard ones must not grow without bound
        weight = weight.clamp(max=30.0)
    return (entropy * weight).sum((2, 3)) / known.sum((2, 3)).clamp(min=1)


def dice(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """One minus the soft Dice coefficient over the known pixels; shapes as above. Returns (B, M)."""
    probability = logits.sigmoid() * known
    truth = target.expand_as(logits) * known
    overlap = (probability * truth).sum((2, 3))
    return 1 - (2 * overlap + 1) / (probability.sum((2, 3)) + truth.sum((2, 3)) + 1)


def hard_iou(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """IoU of the masks (logits > 0) with the truth (target > 0.5) over the known pixels. Returns (B, M)."""
    mask = (logits > 0) & (known > 0)
    truth = (target.expand_as(logits) > 0.5) & (known > 0)
    return (mask & truth).sum((2, 3)) / (mask | truth).sum((2, 3)).clamp(min=1)


def total_loss(masks: Tensor, quality: Tensor, target: Tensor, known: Tensor, ambiguous: bool) -> Tensor:
    """The training loss of one round, a scalar.

    The first candidate always learns. In the ``ambiguous`` first round the best of all learns too (min over the
    candidates, Guzman-Rivera et al. 2012), so that the others become the other readings of one click.
    """
    masks, quality = masks.float(), quality.float()
    mask_loss = 0.5 * normalised_focal(masks, target, known) + dice(masks, target, known)
    loss = mask_loss[:, 0].mean()
    if ambiguous:
        loss = loss + CANDIDATE_WEIGHT * mask_loss.min(1).values.mean()
    achieved = hard_iou(masks.detach(), target, known)
    return loss + QUALITY_WEIGHT * F.binary_cross_entropy_with_logits(quality, achieved)
