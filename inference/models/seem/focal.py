"""Focal modulation networks (Yang et al. 2022) as SEEM uses them: Focal-T and Focal-L.

The two classes differ in three places. Focal-T (``focal_dw``): stem padding 3, a depthwise convolution before each
half of a block, and a norm on the sum of the residual branch. Focal-L (``focal``): stem padding 2, no such
convolutions, and a norm on the branch alone.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.models.seem.shape import FocalShape


class PatchEmbed(nn.Module):
    """A strided convolution (NCHW in) followed by a LayerNorm (NHWC out)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inputs, outputs, kernel, stride, padding)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        projected = self.proj(x).permute(0, 2, 3, 1)
        normed: Tensor = self.norm(projected)
        return normed


class FocalModulation(nn.Module):
    """Queries modulated by context gathered at growing kernel sizes and, last, over the whole map."""

    def __init__(self, channels: int, levels: int, window: int) -> None:
        super().__init__()
        self.channels, self.levels = channels, levels
        self.f = nn.Linear(channels, 2 * channels + levels + 1)
        self.h = nn.Conv2d(channels, channels, 1)
        self.proj = nn.Linear(channels, channels)
        kernels = [window + 2 * level for level in range(levels)]
        # each in its own Sequential because the official tensors are named focal_layers.N.0.weight
        self.focal_layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, channels, k, padding=k // 2, groups=channels, bias=False), nn.GELU())
            for k in kernels
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) to the same shape."""
        split = [self.channels, self.channels, self.levels + 1]
        query, context, gates = self.f(x).permute(0, 3, 1, 2).split(split, 1)
        gathered = torch.zeros_like(context)
        for level, layer in enumerate(self.focal_layers):
            context = layer(context)
            gathered = gathered + context * gates[:, level : level + 1]
        everywhere = F.gelu(context.mean((2, 3), keepdim=True))
        gathered = (gathered + everywhere * gates[:, self.levels :]) / (self.levels + 1)
        modulated: Tensor = self.proj((query * self.h(gathered)).permute(0, 2, 3, 1))
        return modulated


class Mlp(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return y


class FocalBlock(nn.Module):
    """One block of Focal-L: the norm lies on the branch, inside the layer scale."""

    def __init__(self, channels: int, levels: int, window: int, mlp_ratio: float) -> None:
        super().__init__()
        self.gamma_1 = nn.Parameter(torch.ones(channels))
        self.gamma_2 = nn.Parameter(torch.ones(channels))
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.modulation = FocalModulation(channels, levels, window)
        self.mlp = Mlp(channels, int(channels * mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.gamma_1 * self.norm1(self.modulation(x))
        y: Tensor = x + self.gamma_2 * self.norm2(self.mlp(x))
        return y


class DepthwiseFocalBlock(FocalBlock):
    """One block of Focal-T: depthwise convolutions for position, and the norm on the sum."""

    def __init__(self, channels: int, levels: int, window: int, mlp_ratio: float) -> None:
        super().__init__(channels, levels, window, mlp_ratio)
        self.dw1 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.dw2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + _nhwc(self.dw1, x)
        x = self.norm1(x + self.gamma_1 * self.modulation(x))
        x = x + _nhwc(self.dw2, x)
        y: Tensor = self.norm2(x + self.gamma_2 * self.mlp(x))
        return y


class FocalStage(nn.Module):
    """The blocks of one resolution and, but for the last stage, the step to the next."""

    downsample: PatchEmbed | None

    def __init__(self, shape: FocalShape, stage: int) -> None:
        super().__init__()
        channels = shape.channels[stage]
        block = DepthwiseFocalBlock if shape.depthwise else FocalBlock
        self.blocks = nn.ModuleList(
            block(channels, shape.levels[stage], shape.windows[stage], shape.mlp_ratio)
            for _ in range(shape.depths[stage])
        )
        last = stage == len(shape.depths) - 1
        self.downsample = None if last else PatchEmbed(channels, 2 * channels, 3, 2, 1)


class FocalNet(nn.Module):
    """Image encoder: maps at strides 4, 8, 16 and 32, each taken before the step down and normed."""

    def __init__(self, shape: FocalShape) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(3, shape.width, 7, 4, 3 if shape.depthwise else 2)
        self.layers = nn.ModuleList(FocalStage(shape, stage) for stage in range(len(shape.depths)))
        for stage, channels in enumerate(shape.channels):
            self.add_module(f"norm{stage}", nn.LayerNorm(channels))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Normalised images (B, 3, H, W), sides multiples of 32, to maps (B, C, H / s, W / s), finest first."""
        x = self.patch_embed(images)
        maps = []
        for stage, layer in enumerate(self.layers):
            assert isinstance(layer, FocalStage)
            for block in layer.blocks:
                x = block(x)
            maps.append(self.get_submodule(f"norm{stage}")(x).permute(0, 3, 1, 2).contiguous())
            if layer.downsample is not None:
                x = layer.downsample(x.permute(0, 3, 1, 2))
        return maps


def _nhwc(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    y: Tensor = convolution(x.permute(0, 3, 1, 2))
    return y.permute(0, 2, 3, 1)
