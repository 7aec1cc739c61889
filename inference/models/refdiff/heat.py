"""From an image to Stable Diffusion's square, and from recorded attention back to a map of the image (refdiff.md §2).

Arrays of pixels are uint8 (H, W, 3) RGB; maps are float (H, W) in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import Tensor
from torch.nn import functional

TINY = 1e-8
"""Keeps a constant map from becoming not-a-number, which it does in the released code."""


@dataclass(frozen=True, slots=True)
class Square:
    """Where the image of that size lies in the square of its longer side: centred, rounded to the top left."""

    height: int
    width: int

    @property
    def side(self) -> int:
        return max(self.height, self.width)

    @property
    def rows(self) -> slice:
        top = (self.side - self.height) // 2
        return slice(top, top + self.height)

    @property
    def columns(self) -> slice:
        left = (self.side - self.width) // 2
        return slice(left, left + self.width)

    def padded(self, pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """The image on black, resized to uint8 (size, size, 3)."""
        canvas = np.zeros((self.side, self.side, 3), np.uint8)
        canvas[self.rows, self.columns] = pixels
        return np.array(Pillow.fromarray(canvas).resize((size, size), Pillow.Resampling.LANCZOS))


def normalised(maps: Tensor) -> Tensor:
    """Each of (n, …) stretched to [0, 1]; a constant map becomes 0."""
    flat = maps.flatten(1)
    low, high = flat.min(1).values, flat.max(1).values
    shape = (-1, *[1] * (maps.dim() - 1))
    return (maps - low.reshape(shape)) / (high - low + TINY).reshape(shape)


def column(recorded: Tensor, token: int) -> Tensor:
    """The maps of one token, each normalised: (n, side², 77) to (n, side, side)."""
    side = round(recorded.shape[1] ** 0.5)
    return normalised(recorded[:, :, token].reshape(-1, side, side))


def as_levels(maps: Tensor) -> NDArray[np.uint8]:
    """The mean of normalised maps (n, side, side), cut to whole levels of 255."""
    return (maps.mean(0).cpu().numpy() * 255).astype(np.uint8)


def released_map(levels: NDArray[np.uint8], square: Square) -> NDArray[np.float64]:
    """The map of the image as the released code makes it: levels, Lanczos, cropped, normalised once more."""
    grown = Pillow.fromarray(levels).resize((square.side, square.side), Pillow.Resampling.LANCZOS)
    cut = np.asarray(grown)[square.rows, square.columns].astype(np.float64) / 255
    found: NDArray[np.float64] = (cut - cut.min()) / (cut.max() - cut.min() + TINY)
    return found


def paper_map(shares: Tensor, token: int, square: Square) -> NDArray[np.float32]:
    """The map as the paper says: shares (n, side², 77) averaged, resized bilinearly, normalised over the image."""
    side = round(shares.shape[1] ** 0.5)
    mean = shares[:, :, token].mean(0).reshape(1, 1, side, side)
    grown = functional.interpolate(mean, (square.side, square.side), mode="bilinear", align_corners=False)
    cut: NDArray[np.float32] = normalised(grown[0, :, square.rows, square.columns])[0].float().cpu().numpy()
    return cut


def as_input(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 (H, W, 3) to float32 (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
