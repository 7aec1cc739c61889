"""The pixel decoder of the SAM-ViT models: deformable attention over three levels (Zhu et al. 2021, Mask2Former)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.models.seem.pixel_decoder import GROUPS, NormedConv, Pyramid
from inference.models.seem.positions import sine_positions
from inference.models.seem.shape import SeemShape
from inference.models.seem.sight import resized

LEVELS = 3
POINTS = 4
FEEDFORWARD = 1024

Sizes = list[tuple[int, int]]


class DeformableAttention(nn.Module):
    """Each query reads a few learned places round its own, on every level."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.sampling_offsets = nn.Linear(channels, heads * LEVELS * POINTS * 2)
        self.attention_weights = nn.Linear(channels, heads * LEVELS * POINTS)
        self.value_proj = nn.Linear(channels, channels)
        self.output_proj = nn.Linear(channels, channels)

    def forward(self, queries: Tensor, places: Tensor, values: Tensor, sizes: Sizes) -> Tensor:
        """Queries and values (B, L, C); ``places`` (L, 2) as (x, y) in [0, 1]; ``sizes`` (h, w) of each level."""
        batch, length, _ = queries.shape
        offsets = self.sampling_offsets(queries).reshape(batch, length, self.heads, LEVELS, POINTS, 2)
        weights = self.attention_weights(queries).reshape(batch, length, self.heads, LEVELS * POINTS).softmax(-1)
        extent = queries.new_tensor([(w, h) for h, w in sizes])
        where = 2 * (places[None, :, None, None, None] + offsets / extent[None, None, None, :, None]) - 1
        projected = self.value_proj(values).unflatten(2, (self.heads, -1))
        read = []
        for level, rows in enumerate(projected.split([h * w for h, w in sizes], 1)):
            grid = rows.permute(0, 2, 3, 1).flatten(0, 1).unflatten(2, sizes[level])
            at = where[:, :, :, level].transpose(1, 2).flatten(0, 1)
            read.append(F.grid_sample(grid, at, align_corners=False))
        both = torch.cat(read, 3) * weights.transpose(1, 2).flatten(0, 1)[:, None]
        out: Tensor = self.output_proj(both.sum(3).unflatten(0, (batch, -1)).permute(0, 3, 1, 2).flatten(2))
        return out


class _Layer(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.self_attn = DeformableAttention(channels, heads)
        self.norm1 = nn.LayerNorm(channels)
        self.linear1 = nn.Linear(channels, FEEDFORWARD)
        self.linear2 = nn.Linear(FEEDFORWARD, channels)
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, x: Tensor, positions: Tensor, places: Tensor, sizes: Sizes) -> Tensor:
        x = self.norm1(x + self.self_attn(x + positions, places, x, sizes))
        y: Tensor = self.norm2(x + self.linear2(F.relu(self.linear1(x))))
        return y


class _Encoder(nn.Module):
    """Holds the layers under the name ``layers``."""

    def __init__(self, shape: SeemShape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(shape.pyramid, shape.heads) for _ in range(shape.encoder_layers))


class _Transformer(nn.Module):
    """Holds the encoder under the name ``encoder`` and the level embedding."""

    def __init__(self, shape: SeemShape) -> None:
        super().__init__()
        self.level_embed = nn.Parameter(torch.empty(LEVELS, shape.pyramid).normal_())
        self.encoder = _Encoder(shape)

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        sizes = [(each.shape[2], each.shape[3]) for each in maps]
        positions = torch.cat(
            [
                (sine_positions(h, w, each.shape[1], each) + self.level_embed[level][:, None, None]).flatten(2)
                for level, ((h, w), each) in enumerate(zip(sizes, maps, strict=True))
            ],
            2,
        ).transpose(1, 2)
        places = torch.cat([_centres(h, w, maps[0]) for h, w in sizes])
        x = torch.cat([each.flatten(2) for each in maps], 2).transpose(1, 2)
        for layer in self.encoder.layers:
            x = layer(x, positions, places, sizes)
        rows = torch.split(x.transpose(1, 2), [h * w for h, w in sizes], 2)
        return [each.reshape(level.shape) for each, level in zip(rows, maps, strict=True)]


class DeformablePixelDecoder(nn.Module):
    """res2 … res5 to a :class:`Pyramid`: the encoder works on res5, res4 and res3, a lateral joins res2."""

    def __init__(self, shape: SeemShape) -> None:
        super().__init__()
        res2, res3, res4, res5 = shape.backbone.channels
        width = shape.pyramid
        self.input_proj = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1), nn.GroupNorm(GROUPS, width)) for channels in (res5, res4, res3)
        )
        self.transformer = _Transformer(shape)
        self.adapter_1 = NormedConv(res2, width, 1, relu=False)
        self.layer_1 = NormedConv(width, width, 3, relu=True)
        self.mask_features = nn.Conv2d(width, shape.mask, 1)

    def forward(self, maps: list[Tensor]) -> Pyramid:
        projected = [layer(each) for layer, each in zip(self.input_proj, maps[:0:-1], strict=True)]
        levels = self.transformer(projected)
        lateral = self.adapter_1(maps[0])
        y = lateral + resized(levels[-1], (lateral.shape[2], lateral.shape[3]))
        return Pyramid(self.mask_features(self.layer_1(y)), tuple(levels))


def _centres(height: int, width: int, like: Tensor) -> Tensor:
    """Pixel centres of a map, row-major, (h w, 2) as (x, y) in [0, 1]."""
    y = (torch.arange(height, device=like.device, dtype=like.dtype) + 0.5) / height
    x = (torch.arange(width, device=like.device, dtype=like.dtype) + 0.5) / width
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width)), 2).flatten(0, 1)
