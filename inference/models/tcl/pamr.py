"""PAMR: refinement of masks by the colours around each pixel (Araslanov and Roth, CVPR 2020), as TCL uses it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

ITERATIONS = 10
DILATIONS = (1, 2, 4, 8, 12, 24)
LABELS_AT_ONCE = 8
"""Neighbours take 48 times the memory of a mask, so labels, which are independent, are refined in portions."""

_AROUND = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))


def affinity(guide: Tensor, dilations: Sequence[int] = DILATIONS) -> Tensor:
    """How much each pixel listens to each neighbour: float (B, P, h, w), sums to 1 over the P = 8 * dilations.

    ``guide`` float (B, 3, h, w), any range. Depends on the image alone: work it out once per image.
    """
    around = _neighbours(guide, dilations)
    # The centre counts once per dilation, and the deviation is the unbiased one: so the official code has it.
    windows = torch.cat([around, guide.unsqueeze(2).expand(-1, -1, len(dilations), -1, -1)], dim=2)
    spread = windows.std(dim=2, keepdim=True)
    distance = (around - guide.unsqueeze(2)).abs() / (1e-8 + 0.1 * spread)
    return (-distance).mean(dim=1).softmax(dim=1)


def refine(
    masks: Tensor, weights: Tensor, iterations: int = ITERATIONS, dilations: Sequence[int] = DILATIONS
) -> Tensor:
    """Masks float (B, N, h', w') at the size of the guide, (B, N, h, w), refined with its :func:`affinity`."""
    size = weights.shape[-2:]
    if masks.shape[-2:] != size:
        masks = functional.interpolate(masks, size=size, mode="bilinear", align_corners=True)
    portions = []
    for portion in torch.split(masks, LABELS_AT_ONCE, dim=1):
        refined = portion
        for _ in range(iterations):
            refined = (_neighbours(refined, dilations) * weights.unsqueeze(1)).sum(dim=2)
        portions.append(refined)
    return torch.cat(portions, dim=1)


def _neighbours(x: Tensor, dilations: Sequence[int]) -> Tensor:
    """The 8 neighbours at each distance: (B, C, h, w) to (B, C, 8 * dilations, h, w); edges repeat."""
    height, width = x.shape[-2:]
    reach = max(dilations)
    padded = functional.pad(x, (reach, reach, reach, reach), mode="replicate")
    shifted = [
        padded[..., reach + dy * far : reach + dy * far + height, reach + dx * far : reach + dx * far + width]
        for far in dilations
        for dy, dx in _AROUND
    ]
    return torch.stack(shifted, dim=2)
