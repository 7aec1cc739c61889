"""The neck: what the decoder reads of an image, computed once per view and independent of the prompts.

A feature pyramid (Lin et al. 2017) over the backbone, colours at stride 2 for sharp edges, and two unit-length
embeddings in which pixels of one object lie close together (they make the similarity maps of the prompts).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.models.lite.backbone import FEATURE_CHANNELS, Pyramid
from inference.models.lite.layers import ConvNorm, upsampled

WIDTHS = (32, 64, 96, 128)
"""Channels of the neck (and of the decoder) at strides 4, 8, 16 and 32."""

EDGE_CHANNELS = 16
EMBEDDING_CHANNELS = 24


class Context(NamedTuple):
    """What the neck makes of one view: maps at strides 2, 4, 8, 16, 32 and embeddings at strides 4 and 8."""

    edges: Tensor
    s4: Tensor
    s8: Tensor
    s16: Tensor
    s32: Tensor
    fine: Tensor
    coarse: Tensor

    def expanded(self, count: int) -> Context:
        """The same view for ``count`` prompt sets at once; only for a view of batch size 1."""
        return Context(*(t.expand(count, -1, -1, -1) for t in self))


class Neck(nn.Module):
    """(pixels, Pyramid) -> :class:`Context`."""

    def __init__(self) -> None:
        super().__init__()
        w4, w8, w16, w32 = WIDTHS
        c4, c8, c16, c32 = FEATURE_CHANNELS
        self.edges = ConvNorm(3, EDGE_CHANNELS, 3, stride=2)
        self.lateral32 = ConvNorm(c32, w32, 1)
        self.lateral16 = ConvNorm(c16, w16, 1)
        self.lateral8 = ConvNorm(c8, w8, 1)
        self.lateral4 = ConvNorm(c4 + EDGE_CHANNELS, w4, 1)
        self.down32 = nn.Conv2d(w32, w16, 1)
        self.down16 = nn.Conv2d(w16, w8, 1)
        self.down8 = nn.Conv2d(w8, w4, 1)
        self.smooth16 = ConvNorm(w16, w16)
        self.smooth8 = ConvNorm(w8, w8)
        self.smooth4 = ConvNorm(w4, w4)
        self.embed8 = nn.Conv2d(w8, EMBEDDING_CHANNELS, 1)
        self.embed4 = nn.Conv2d(w4, EMBEDDING_CHANNELS, 1)

    def forward(self, pixels: Tensor, pyramid: Pyramid) -> Context:
        edges = self.edges(pixels)
        s32 = self.lateral32(pyramid.s32)
        s16 = self.lateral16(pyramid.s16)
        s16 = self.smooth16(s16 + upsampled(self.down32(s32), s16))
        s8 = self.lateral8(pyramid.s8)
        s8 = self.smooth8(s8 + upsampled(self.down16(s16), s8))
        s4 = self.lateral4(torch.cat([pyramid.s4, F.avg_pool2d(edges, 2)], 1))
        s4 = self.smooth4(s4 + upsampled(self.down8(s8), s4))
        fine, coarse = F.normalize(self.embed4(s4), dim=1), F.normalize(self.embed8(s8), dim=1)
        return Context(edges, s4, s8, s16, s32, fine, coarse)
