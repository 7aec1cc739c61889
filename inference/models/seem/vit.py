"""SAM's image encoder (Kirillov et al. 2023, a plain ViT) with a simple feature pyramid instead of its neck."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.models.seem.shape import VitShape


class _Attention(nn.Module):
    """Self-attention over a (B, h, w) grid with decomposed relative positions (MViTv2)."""

    def __init__(self, width: int, heads: int, side: int) -> None:
        super().__init__()
        self.heads, self.side = heads, side
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, width // heads))

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        qkv = self.qkv(x).reshape(batch, height * width, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind()
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=self._bias(q, height, width))
        out: Tensor = self.proj(y.transpose(1, 2).reshape(batch, height, width, channels))
        return out

    def _bias(self, q: Tensor, height: int, width: int) -> Tensor:
        """Offsets (B, heads, h w, h w): the query times the embedding of its distance, along rows and columns."""
        place = torch.arange(self.side, device=q.device)
        distance = place[:, None] - place[None] + self.side - 1
        grid = q.reshape(*q.shape[:2], height, width, q.shape[3])
        along_h = torch.einsum("bnhwc,hkc->bnhwk", grid, self.rel_pos_h[distance])
        along_w = torch.einsum("bnhwc,wkc->bnhwk", grid, self.rel_pos_w[distance])
        return (along_h[..., :, None] + along_w[..., None, :]).flatten(4).flatten(2, 3)


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, 4 * width)
        self.lin2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.lin2(F.gelu(self.lin1(x)))
        return y


class _Block(nn.Module):
    """A pre-norm block; ``window`` 0: attention over the whole grid."""

    def __init__(self, shape: VitShape, window: int) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(shape.width, eps=1e-6)
        self.attn = _Attention(shape.width, shape.heads, window or shape.grid)
        self.norm2 = nn.LayerNorm(shape.width, eps=1e-6)
        self.mlp = _Mlp(shape.width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + (self._windowed(y) if self.window else self.attn(y))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out

    def _windowed(self, x: Tensor) -> Tensor:
        """Attention inside windows; the grid is padded with zeros to a multiple of the window, and padding takes part
        as in SAM."""
        batch, height, width, channels = x.shape
        side = self.window
        x = F.pad(x, (0, 0, 0, -width % side, 0, -height % side))
        rows, columns = x.shape[1] // side, x.shape[2] // side
        windows = x.reshape(batch, rows, side, columns, side, channels).transpose(2, 3).flatten(0, 2)
        y = self.attn(windows).reshape(batch, rows, columns, side, side, channels).transpose(2, 3)
        merged: Tensor = y.reshape(batch, rows * side, columns * side, channels)[:, :height, :width]
        return merged


class _PatchEmbed(nn.Module):
    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, shape.width, shape.patch, shape.patch)


class SimplePyramid(nn.Module):
    """One map at 1/16 to maps at 1/4, 1/8, 1/16 and 1/32 (Li et al. 2022, "ViTDet"), all norms over one group."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        width = shape.width
        res2, res3, res4, res5 = shape.channels
        to_4, to_8, to_32 = shape.middle

        def norm(channels: int) -> nn.Module:
            return nn.GroupNorm(1, channels)

        self.down_4 = nn.Sequential(
            nn.ConvTranspose2d(width, to_4, 2, 2), norm(to_4), nn.GELU(),
            nn.ConvTranspose2d(to_4, to_4 // 2, 2, 2), norm(to_4 // 2),
            nn.Conv2d(to_4 // 2, res2, 1), norm(res2), nn.GELU(),
        )  # fmt: skip
        self.down_8 = nn.Sequential(
            nn.ConvTranspose2d(width, to_8, 2, 2), norm(to_8), nn.Conv2d(to_8, res3, 1), norm(res3), nn.GELU()
        )
        self.down_16 = nn.Sequential(nn.Conv2d(width, res4, 1), norm(res4), nn.GELU())
        self.down_32 = nn.Sequential(
            nn.Conv2d(width, to_32, 2, 2), norm(to_32), nn.Conv2d(to_32, res5, 1), norm(res5), nn.GELU()
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.down_4(x), self.down_8(x), self.down_16(x), self.down_32(x)]


class SamVit(nn.Module):
    """Image encoder of the SAM-ViT checkpoints; takes images of exactly ``shape.image_side`` squared."""

    def __init__(self, shape: VitShape) -> None:
        super().__init__()
        self.patch_embed = _PatchEmbed(shape)
        self.pos_embed = nn.Parameter(torch.zeros(1, shape.grid, shape.grid, shape.width))
        self.blocks = nn.ModuleList(
            _Block(shape, 0 if index in shape.global_blocks else shape.window) for index in range(shape.depth)
        )
        self.neck = SimplePyramid(shape)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Normalised images (B, 3, side, side) to maps (B, C, side / s, side / s), finest first."""
        x = self.patch_embed.proj(images).permute(0, 2, 3, 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        maps: list[Tensor] = self.neck(x.permute(0, 3, 1, 2))
        return maps
