"""What the decoder needs of one image, computed once; each round of prompts only reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """``mask_features`` (1, mask, H / 4, W / 4); ``maps`` (1, C, h, w) per level with its level embedding.

    ``small``: the mask features resized to each level. ``keys`` and ``values`` (1, heads, h w, C / heads) are those of
    each decoder layer's cross-attention: they depend on the image alone, so rounds need not project them again.
    """

    mask_features: Tensor
    maps: tuple[Tensor, ...]
    small: tuple[Tensor, ...]
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of each level, coarsest first."""
        return tuple((each.shape[2], each.shape[3]) for each in self.maps)

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) of the padded model input."""
        return 4 * self.mask_features.shape[2], 4 * self.mask_features.shape[3]

    @property
    def device(self) -> torch.device:
        return self.mask_features.device

    @property
    def nbytes(self) -> int:
        return sum(each.numel() * each.element_size() for each in self.tensors())

    def tensors(self) -> Iterator[Tensor]:
        yield self.mask_features
        for several in (self.maps, self.small, self.keys, self.values):
            yield from several


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, n, h, w) to ``size``, bilinear with pixel corners on pixel corners (``align_corners=False``)."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
