"""The dream loss: how the diffusion model would change a composite, carried back through the VAE encoder only."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from inference.models.diffusion.stable import StableDiffusion


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
    diffusion: StableDiffusion,
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
    stride = diffusion.latent_stride
    size = (noise.shape[-2] * stride, noise.shape[-1] * stride)
    enlarged = functional.interpolate(picture, size, mode="bilinear", align_corners=False)
    mean, std = diffusion.posterior(2 * enlarged - 1)
    latent = diffusion.vae.config.scaling_factor * (mean + std * posterior_noise)
    kept = diffusion.alphas_cumprod[step].to(latent)
    with torch.no_grad():
        noisy = kept.sqrt() * latent + (1 - kept).sqrt() * noise
        unconditional, conditional = diffusion.predict(torch.cat([noisy, noisy]), step, embeddings).chunk(2)
        gradient = (1 - kept) * (unconditional + guidance * (conditional - unconditional) - noise)
    return Dream(enlarged, mean, std, latent, noisy, unconditional, conditional, gradient)


def gravity(alphas: Tensor, weight: float = 0.05) -> Tensor:
    """What pulls alpha to 0: the weighted SUM over all pixels and labels (at 256 x 256)."""
    return weight * alphas.sum()


def intersection(alphas: Tensor, weight: float = 0.05) -> Tensor:
    """What keeps labels apart: the weighted sum over pairs of labels and pixels of alpha_k alpha_l."""
    total = alphas.sum(0)
    return weight * 0.5 * (total.square() - alphas.square().sum(0)).sum()
