"""Attention and feed-forward layers with post-norm, with the tensor names of ``nn.MultiheadAttention``."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    """Multi-head attention whose projected keys and values can be kept (they depend on the image alone)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.channels, self.heads = channels, heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def keys_values(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Project (B, L, C) keys and values into heads: two tensors (B, heads, L, C / heads)."""
        _, wk, wv = self.in_proj_weight.chunk(3)
        _, bk, bv = self.in_proj_bias.chunk(3)
        return self._split(F.linear(keys, wk, bk)), self._split(F.linear(values, wv, bv))

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor, blocked: Tensor | None = None) -> Tensor:
        """Queries (B, Q, C) over projected keys and values (1 or B, …); ``blocked`` bool (B or 1, Q, L).

        A row that may see nothing gets zeros before the output projection, so it comes out as that one's bias.
        """
        width = self.channels
        q = self._split(F.linear(queries, self.in_proj_weight[:width], self.in_proj_bias[:width]))
        batch = q.shape[0]
        keys, values = keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1)
        if blocked is None:
            y = F.scaled_dot_product_attention(q, keys, values)
        else:
            open_ = ~blocked[:, None]
            y = F.scaled_dot_product_attention(q, keys, values, attn_mask=open_)
            y = torch.where(open_.any(-1, keepdim=True), y, torch.zeros((), dtype=y.dtype, device=y.device))
        out: Tensor = self.out_proj(y.transpose(1, 2).flatten(2))
        return out

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, blocked: Tensor | None = None) -> Tensor:
        return self.attend(queries, *self.keys_values(keys, values), blocked)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


class CrossAttentionLayer(nn.Module):
    """x = LN(x + attention over the image)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.multihead_attn = Attention(channels, heads)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, positions: Tensor, keys: Tensor, values: Tensor, blocked: Tensor | None) -> Tensor:
        y: Tensor = self.norm(x + self.multihead_attn.attend(x + positions, keys, values, blocked))
        return y


class SelfAttentionLayer(nn.Module):
    """x = LN(x + attention over ``others``), which may hold more rows than x."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.self_attn = Attention(channels, heads)
        self.norm = nn.LayerNorm(channels)

    def forward(
        self, x: Tensor, positions: Tensor, others: Tensor, other_positions: Tensor, blocked: Tensor | None
    ) -> Tensor:
        y: Tensor = self.norm(x + self.self_attn(x + positions, others + other_positions, others, blocked))
        return y


class FeedForwardLayer(nn.Module):
    """x = LN(x + W2 relu(W1 x))."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, hidden)
        self.linear2 = nn.Linear(hidden, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x + self.linear2(F.relu(self.linear1(x))))
        return y


class EncoderLayer(nn.Module):
    """A post-norm transformer encoder layer; positions are added to queries and keys."""

    def __init__(self, channels: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = Attention(channels, heads)
        self.linear1 = nn.Linear(channels, hidden)
        self.linear2 = nn.Linear(hidden, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        placed = x + positions
        x = self.norm1(x + self.self_attn(placed, placed, x))
        y: Tensor = self.norm2(x + self.linear2(F.relu(self.linear1(x))))
        return y


class Perceptron(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        for index, layer in enumerate(self.layers):
            x = layer(x) if index == len(self.layers) - 1 else F.relu(layer(x))
        return x
