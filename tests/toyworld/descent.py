"""One step of gradient descent, as every training here takes it, and the loss's weights over diffusion times."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from tests.toyworld import models

KEEP = 0.997
"""Of the running average of weights, per step."""


def descend(loss: Tensor, optimiser: torch.optim.Optimizer, parameters: Iterator[nn.Parameter]) -> None:
    """Follow the gradient of a loss, cut to length 1."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(list(parameters), 1.0)
    optimiser.step()


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    """Bring a running average of weights nearer to those of ``model``."""
    for ours, theirs in zip(average.parameters(), model.parameters(), strict=True):
        ours.lerp_(theirs, 1 - keep)


def noise_weights(alphas_cumprod: Tensor) -> Tensor:
    """Of the loss on the noise, by time: as if it were on the latent, but no more than 1 (fine edges weigh little)."""
    noise_to_signal = (1 - alphas_cumprod) / alphas_cumprod / models.LATENT_DEVIATION**2
    return (noise_to_signal / 4).clamp(max=1)
