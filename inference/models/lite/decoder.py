"""The decoder: from prompts and a view's context to masks.

The prompts are fused early, at stride 4, and travel with the image features through a small U-Net, because fusing
them late loses boundaries (Sofiiuk et al. 2021, "Reviving iterative training", make the same observation).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from inference.models.lite.layers import ConvNorm, Residual, upsampled
from inference.models.lite.neck import EDGE_CHANNELS, WIDTHS, Context

CANDIDATES = 3
"""The first mask is the answer; the others are what else an ambiguous prompt could mean."""

MAP_CHANNELS = 7
"""Channels of :func:`inference.models.lite.prompt_maps.prompt_maps`."""

SIMILARITY_CHANNELS = 4


class Prompting(NamedTuple):
    """The prompts of a batch as tensors.

    ``maps`` float (B, MAP_CHANNELS, H/4, W/4); ``seeds`` float (B, K, 3): row and column at stride 4 and the sign
    (+1 object, -1 not, 0 padding) of clicked places.
    """

    maps: Tensor
    seeds: Tensor


class Prediction(NamedTuple):
    """Mask logits (B, CANDIDATES, H/2, W/2) and the expected IoU of each as a logit (B, CANDIDATES)."""

    masks: Tensor
    quality: Tensor


def similarities(embedding: Tensor, seeds: Tensor, stride: int) -> Tensor:
    """How like the nearest-looking positive and negative seed each pixel is: (B, 2, h, w), cosine in [-1, 1].

    ``embedding`` (B, C, h, w) has unit length over C; ``stride`` is its stride over that of the seeds' grid. Without a
    seed of a sign its map is -1.
    """
    batch, channels, height, width = embedding.shape
    rows = (seeds[..., 0] / stride).long().clamp(0, height - 1)
    columns = (seeds[..., 1] / stride).long().clamp(0, width - 1)
    flat = embedding.flatten(2)
    picked = flat.gather(2, (rows * width + columns)[:, None].expand(-1, channels, -1))
    cosine = picked.transpose(1, 2).to(flat.dtype) @ flat
    signs = seeds[..., 2:]
    maps = [cosine.masked_fill(signs * sign <= 0, -1.0).amax(1) for sign in (1.0, -1.0)]
    return torch.stack(maps, 1).view(batch, 2, height, width)


class Decoder(nn.Module):
    """(Context, Prompting) -> :class:`Prediction`."""

    def __init__(self) -> None:
        super().__init__()
        w4, w8, w16, w32 = WIDTHS
        inner = w4 + 8
        self.enter = ConvNorm(w4 + MAP_CHANNELS + SIMILARITY_CHANNELS, inner)
        self.level4 = ConvNorm(inner, inner)
        self.to8 = ConvNorm(inner, w8, stride=2, activate=False)
        self.level8 = Residual(w8)
        self.to16 = ConvNorm(w8, w16, stride=2, activate=False)
        self.level16 = Residual(w16)
        self.to32 = ConvNorm(w16, w32, stride=2, activate=False)
        self.level32 = nn.Sequential(Residual(w32), Residual(w32))
        self.globally = nn.Linear(w32, w32)
        self.up16 = nn.Conv2d(w32, w16, 1)
        self.join16 = Residual(w16)
        self.up8 = nn.Conv2d(w16, w8, 1)
        self.join8 = Residual(w8)
        self.up4 = nn.Conv2d(w8, inner, 1)
        self.join4 = ConvNorm(inner, inner)
        self.coarse_masks = nn.Conv2d(inner, CANDIDATES, 3, padding=1)
        self.up2 = nn.Conv2d(inner, EDGE_CHANNELS, 1)
        self.join2 = ConvNorm(2 * EDGE_CHANNELS, EDGE_CHANNELS)
        self.fine_masks = nn.Conv2d(EDGE_CHANNELS, CANDIDATES, 3, padding=1)
        self.quality = nn.Sequential(nn.Linear(w32 + w8, 64), nn.ReLU(inplace=True), nn.Linear(64, CANDIDATES))

    def forward(self, context: Context, prompting: Prompting) -> Prediction:
        fine = similarities(context.fine, prompting.seeds, 1)
        coarse = upsampled(similarities(context.coarse, prompting.seeds, 2), fine)
        d4 = self.level4(self.enter(torch.cat([context.s4, prompting.maps, fine, coarse], 1)))
        d8 = self.level8(self.to8(d4) + context.s8)
        d16 = self.level16(self.to16(d8) + context.s16)
        d32 = self.level32(self.to32(d16) + context.s32)
        d32 = d32 + self.globally(d32.mean((2, 3)))[:, :, None, None]
        u16 = self.join16(d16 + upsampled(self.up16(d32), d16))
        u8 = self.join8(d8 + upsampled(self.up8(u16), d8))
        u4 = self.join4(d4 + upsampled(self.up4(u8), d4))
        u2 = self.join2(torch.cat([upsampled(self.up2(u4), context.edges), context.edges], 1))
        masks = upsampled(self.coarse_masks(u4), u2) + self.fine_masks(u2)
        quality = self.quality(torch.cat([d32.mean((2, 3)), u8.mean((2, 3))], 1))
        return Prediction(masks, quality)
