"""The pixel decoder of the Focal models: a transformer encoder at 1/32 and a feature pyramid down to 1/4."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from inference.models.seem.layers import EncoderLayer
from inference.models.seem.positions import sine_positions
from inference.models.seem.shape import SeemShape

GROUPS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Pyramid:
    """``mask_features`` (B, mask, H / 4, W / 4) and ``levels`` (B, pyramid, …) at 1/32, 1/16, 1/8 of the image."""

    mask_features: Tensor
    levels: tuple[Tensor, ...]


class NormedConv(nn.Conv2d):
    """A convolution without bias, GroupNorm and, if asked for, ReLU; its norm is named ``norm``."""

    def __init__(self, inputs: int, outputs: int, kernel: int, relu: bool) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.GroupNorm(GROUPS, outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(super().forward(x))
        return F.relu(y) if self.relu else y


class _Encoder(nn.Module):
    """Holds the layers under the name ``layers``."""

    def __init__(self, shape: SeemShape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(shape.pyramid, shape.heads, shape.feedforward) for _ in range(shape.encoder_layers)
        )


class _Transformer(nn.Module):
    """Holds the encoder under the name ``encoder``; no norm follows its last layer."""

    def __init__(self, shape: SeemShape) -> None:
        super().__init__()
        self.encoder = _Encoder(shape)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        positions = sine_positions(height, width, x.shape[1], x).flatten(2).transpose(1, 2)
        flat = x.flatten(2).transpose(1, 2)
        for layer in self.encoder.layers:
            flat = layer(flat, positions)
        return flat.transpose(1, 2).reshape(x.shape)


class PixelDecoder(nn.Module):
    """res2 … res5 to a :class:`Pyramid`. The upsampling is nearest, and the lateral convolutions have no ReLU."""

    def __init__(self, shape: SeemShape) -> None:
        super().__init__()
        finest, *coarser, coarsest = shape.backbone.channels
        width = shape.pyramid
        self.input_proj = nn.Conv2d(coarsest, width, 1)
        self.transformer = _Transformer(shape)
        laterals = (finest, *coarser)
        for index, channels in enumerate(laterals, 1):
            self.add_module(f"adapter_{index}", NormedConv(channels, width, 1, relu=False))
        for index in range(1, len(laterals) + 2):
            self.add_module(f"layer_{index}", NormedConv(width, width, 3, relu=True))
        self.mask_features = nn.Conv2d(width, shape.mask, 3, padding=1)

    def encoded(self, coarsest: Tensor) -> Tensor:
        """The output of the transformer encoder for res5, (B, pyramid, H / 32, W / 32)."""
        y: Tensor = self.transformer(self.input_proj(coarsest))
        return y

    def forward(self, maps: list[Tensor]) -> Pyramid:
        top = len(maps)
        y = self.get_submodule(f"layer_{top}")(self.encoded(maps[-1]))
        levels = [y]
        for index in range(top - 1, 0, -1):
            lateral = self.get_submodule(f"adapter_{index}")(maps[index - 1])
            y = lateral + F.interpolate(y, size=lateral.shape[2:], mode="nearest")
            y = self.get_submodule(f"layer_{index}")(y)
            levels.append(y)
        return Pyramid(self.mask_features(y), tuple(levels[:-1]))
