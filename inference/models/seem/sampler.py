"""The visual sampler: every visual prompt (clicks, strokes, boxes, masks, regions of other images) becomes points.

Features are read bilinearly at the set pixels of a prompt's mask. One sampler serves all kinds, which is what makes
SEEM versatile (paper, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.models.seem.sight import Sight

SIGNS = (1, -1)


class Choose(Protocol):
    """Which of ``count`` points are kept when there are more than ``limit``.

    ``purpose``: "mean" for the matching vector, else "level0" … of the tokens; ``sign`` 1 or -1. Returns indices.
    """

    def __call__(self, count: int, limit: int, purpose: str, sign: int) -> Tensor: ...


def evenly(count: int, limit: int, purpose: str, sign: int) -> Tensor:
    """Every (count / limit)-th point in row-major order: deterministic, where the official code draws at random."""
    return (torch.arange(limit) * count) // limit


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Prompt tokens of a batch of objects: per level (B, n, C), and ``valid`` bool (B, n), False for padding.

    ``objects`` (n,) is the object that each token belongs to, in the multi-object layout only.
    """

    levels: tuple[Tensor, ...]
    valid: Tensor
    objects: Tensor | None = None

    def __len__(self) -> int:
        return self.valid.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What the sampler makes of visual prompts: tokens and the matching vectors (B, mask) of both signs."""

    tokens: Tokens
    positive: Tensor
    negative: Tensor


class TokenSource(Protocol):
    """What turns features at points into tokens: the decoder."""

    def token(self, level: int, features: Tensor, sign: int) -> Tensor:
        """Features (n, C) that were read from the map of a level, to tokens (n, C)."""
        ...


def points_of(mask: Tensor) -> Tensor:
    """Set pixels of a bool mask (H, W) in row-major order as (n, 2) of (x, y) in [0, 1): divided by the sizes."""
    height, width = mask.shape
    where = mask.nonzero().float()
    return torch.stack((where[:, 1] / width, where[:, 0] / height), 1)


def read(features: Tensor, points: Tensor) -> Tensor:
    """Features (1, C, h, w) at points (n, 2) in [0, 1]: (n, C). Zeros outside; 0 and 1 are the corner *samples*."""
    grid = (2 * points - 1)[None, :, None].to(features.dtype)
    return F.grid_sample(features, grid, align_corners=True)[0, :, :, 0].T


def sample(
    sight: Sight, source: TokenSource, positive: Tensor, negative: Tensor, limit: int, choose: Choose = evenly
) -> Sample:
    """Prompts of B objects, bool masks (B, H, W) in the padded frame, on the maps of one image.

    Positive tokens come first, then negative ones; objects with fewer tokens are padded. Without points the matching
    vector is zero.
    """
    maps = sight.maps
    means: dict[int, list[Tensor]] = {sign: [] for sign in SIGNS}
    rows: list[list[Tensor]] = []
    for pair in zip(positive, negative, strict=True):
        row: list[list[Tensor]] = [[] for _ in maps]
        for sign, mask in zip(SIGNS, pair, strict=True):
            points = points_of(mask)
            means[sign].append(_mean(sight.mask_features, _kept(points, limit, choose, "mean", sign)))
            for level, features in enumerate(maps):
                kept = _kept(points, limit, choose, f"level{level}", sign)
                row[level].append(source.token(level, read(features, kept), sign))
        rows.append([torch.cat(parts) for parts in row])
    levels = tuple(
        torch.nn.utils.rnn.pad_sequence([row[level] for row in rows], batch_first=True) for level in range(len(maps))
    )
    lengths = torch.tensor([len(row[0]) for row in rows], device=positive.device)
    valid = torch.arange(levels[0].shape[1], device=positive.device)[None] < lengths[:, None]
    return Sample(Tokens(levels, valid), torch.stack(means[1]), torch.stack(means[-1]))


def _kept(points: Tensor, limit: int, choose: Choose, purpose: str, sign: int) -> Tensor:
    if len(points) <= limit:
        return points
    return points[choose(len(points), limit, purpose, sign).to(points.device)]


def _mean(features: Tensor, points: Tensor) -> Tensor:
    return read(features, points).mean(0) if len(points) else features.new_zeros(features.shape[1])
