"""PAMR: refinement of masks by the colours around each pixel (Araslanov and Roth, CVPR 2020), as TCL uses it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

ITERATIONS = 10
DILATIONS = (1, 2, 4, 8, 12, 24)
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
    """Masks float (B, N, h', w') at the size of the guide, (B, N, h, w), refined with its :func:`affinity`.

    A weighted mean in every round: nothing ever exceeds the largest value of its mask.
    """
    height, width = weights.shape[-2:]
    if masks.shape[-2:] != weights.shape[-2:]:
        masks = functional.interpolate(masks, size=(height, width), mode="bilinear", align_corners=True)
    reach = max(dilations)
    shifts = [(reach + dy * far, reach + dx * far) for far in dilations for dy, dx in _AROUND]
    for _ in range(iterations):
        padded = functional.pad(masks, (reach, reach, reach, reach), mode="replicate")
        masks = torch.zeros_like(masks)
        for number, (top, left) in enumerate(shifts):
            masks.addcmul_(padded[..., top : top + height, left : left + width], weights[:, number : number + 1])
    return masks


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
