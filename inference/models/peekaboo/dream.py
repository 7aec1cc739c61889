"""The dream loss: how the diffusion model would change a composite, carried back through the VAE encoder only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Dream:
    """One dream step; all (1, 4, h, w) but ``enlarged`` (1, 3, 8h, 8w). ``gradient`` belongs to ``latent``."""

    enlarged: Tensor
    mean: Tensor
    std: Tensor
    latent: Tensor
    noisy: Tensor
    unconditional: Tensor
    conditional: Tensor
    gradient: Tensor

    @property
    def loss(self) -> Tensor:
        """A scalar whose gradient is the wanted one: the UNet is taken as constant."""
        return (self.latent * self.gradient.detach()).sum()


def composite(alpha: Tensor, image: Tensor, background: Tensor) -> Tensor:
    """alpha (H, W) over one colour (3,): image float (3, H, W) in [0, 1] to (1, 3, H, W)."""
    return (alpha * image + (1 - alpha) * background.reshape(3, 1, 1))[None]


def dream(
    vae: Any,
    unet: Any,
    alphas_cumprod: Tensor,
    picture: Tensor,
    embeddings: Tensor,
    step: int,
    noise: Tensor,
    posterior_noise: Tensor,
    guidance: float = 100.0,
) -> Dream:
    """One step for a composite (1, 3, H, W) in [0, 1]; the latent has the size of ``noise`` (1, 4, h, w).

    ``embeddings`` (2, 77, D): unconditional first. ``step`` is the diffusion time step, ``posterior_noise`` the one of
    the VAE's sample.
    """
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    size = (noise.shape[-2] * factor, noise.shape[-1] * factor)
    enlarged = functional.interpolate(picture, size, mode="bilinear", align_corners=False)
    posterior = vae.encode(2 * enlarged - 1).latent_dist
    latent = vae.config.scaling_factor * (posterior.mean + posterior.std * posterior_noise)
    kept = alphas_cumprod[step]
    with torch.no_grad():
        noisy = kept.sqrt() * latent + (1 - kept).sqrt() * noise
        both = unet(torch.cat([noisy, noisy]), step, encoder_hidden_states=embeddings).sample
        unconditional, conditional = both.chunk(2)
        gradient = (1 - kept) * (unconditional + guidance * (conditional - unconditional) - noise)
    return Dream(enlarged, posterior.mean, posterior.std, latent, noisy, unconditional, conditional, gradient)


def gravity(alphas: Tensor, weight: float = 0.05) -> Tensor:
    """What pulls alpha to 0: the weighted SUM over all pixels and labels (at 256 x 256)."""
    return weight * alphas.sum()


def intersection(alphas: Tensor, weight: float = 0.05) -> Tensor:
    """What keeps labels apart: the weighted sum over pairs of labels and pixels of alpha_k alpha_l."""
    total = alphas.sum(0)
    return weight * 0.5 * (total.square() - alphas.square().sum(0)).sum()
