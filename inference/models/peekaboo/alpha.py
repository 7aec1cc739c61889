"""The two learnable forms of alpha: a Fourier-feature network and a raster, each with or without the filter."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from inference.models.peekaboo.bilateral import BilateralFilter


def coordinate_grid(height: int, width: int) -> Tensor:
    """Float32 (2, H, W): columns, then rows, both in [0, 1) without the end."""
    rows = torch.arange(height, dtype=torch.float32) / height
    columns = torch.arange(width, dtype=torch.float32) / width
    return torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)])


class FourierAlpha(nn.Module):
    """Alpha (labels, H, W) in (0, 1) as a network of the pixel's place.

    It stays in training mode: batch statistics are part of the function, also when alpha is read at the end.
    """

    features: Tensor

    def __init__(
        self,
        labels: int,
        height: int,
        width: int,
        smooth: BilateralFilter | None = None,
        frequencies: Tensor | None = None,
        hidden: int = 256,
    ) -> None:
        """``frequencies`` float (2, hidden / 2); drawn from N(0, 10²) with the global generator when None."""
        super().__init__()
        chosen = torch.randn(2, hidden // 2) * 10 if frequencies is None else frequencies
        self.register_buffer("features", fourier_features(coordinate_grid(height, width), chosen))
        self.frequencies = chosen
        self.smooth = smooth
        inner = 2 * chosen.shape[1]
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Conv2d(inner, hidden, 1), nn.ReLU(), nn.BatchNorm2d(hidden)]
            inner = hidden
        self.network = nn.Sequential(*layers, nn.Conv2d(hidden, labels, 1))

    def forward(self) -> Tensor:
        logits: Tensor = self.network(self.features[None])[0]
        return torch.sigmoid(logits if self.smooth is None else self.smooth(logits))


class RasterAlpha(nn.Module):
    """Alpha (labels, H, W) in (0, 1) with one logit per pixel."""

    def __init__(self, logits: Tensor, smooth: BilateralFilter | None = None) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.clone())
        self.smooth = smooth

    def forward(self) -> Tensor:
        return torch.sigmoid(self.logits if self.smooth is None else self.smooth(self.logits))


def fourier_features(grid: Tensor, frequencies: Tensor) -> Tensor:
    """Sines, then cosines, of 2 pi (grid . frequencies): (2, H, W) and (2, F) to (2F, H, W)."""
    phase = 2 * math.pi * torch.einsum("chw,cf->fhw", grid, frequencies)
    return torch.cat([phase.sin(), phase.cos()])
