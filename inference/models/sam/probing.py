"""A promptable model as what automatic masks ask: many single clicks at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inference.device import torch_device
from inference.models.sam.promptable import Asked, Promptable
from inference.models.sam.sight import Sight

CLICKS, CLICKS_ON_CPU = 64, 16
"""Clicks in a batch: as officially, and few enough that the CPU reports about twice a second."""


@dataclass(frozen=True, slots=True, eq=False)
class GridProbe:
    """A :class:`inference.proposals.Probe`."""

    model: Promptable

    @property
    def at_once(self) -> int:
        return CLICKS_ON_CPU if torch_device().type == "cpu" else CLICKS

    def look(self, pixels: NDArray[np.uint8]) -> Sight:
        return Sight(self.model.frame(*pixels.shape[:2]), self.model.look(pixels))

    def size(self, seen: Sight) -> tuple[int, int]:
        return seen.frame.height, seen.frame.width

    def click(self, seen: Sight, points: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        asked = Asked(seen.frame.to_input(points)[:, None], np.ones((len(points), 1), np.int64))
        decoded = self.model.decode(seen.maps, asked)
        # the first mask is for prompts that leave no doubt
        return decoded.low[:, 1:], decoded.scores[:, 1:]

    def enlarged(self, seen: Sight, low: Tensor) -> Tensor:
        grid = self.model.enlarged(low, seen.frame)
        return F.interpolate(grid[None], self.size(seen), mode="bilinear", align_corners=False)[0]
