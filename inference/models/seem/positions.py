"""Sine position encoding of a map (DETR), as the pixel decoder and the decoder use it."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sine_positions(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """(1, channels, height, width) in the dtype and on the device of ``like``; first half for y, second for x.

    Positions run from 1 to the size and are scaled to (0, 2 pi]; computed in float32 whatever the dtype.
    """
    half = channels // 2
    index = torch.arange(half, device=like.device, dtype=torch.float32)
    period = 10000 ** (2 * torch.div(index, 2, rounding_mode="floor") / half)

    def along(size: int) -> Tensor:
        place = torch.arange(1, size + 1, device=like.device, dtype=torch.float32)
        angle = (place / (size + 1e-6) * (2 * math.pi))[:, None] / period
        return torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), 2).flatten(1)

    y = along(height).T[:, :, None].expand(half, height, width)
    x = along(width).T[:, None, :].expand(half, height, width)
    return torch.cat((y, x))[None].to(like.dtype)
