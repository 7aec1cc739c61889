"""The sliding windows of TCL's evaluation: probabilities of overlapping windows are averaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHORT_SIDE, LONGEST = 448, 2048
WINDOW, STEP = 448, 224
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""ImageNet's, for both branches: TCL does not use CLIP's."""


def resized_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of an image at the resolution of the evaluation; the proportions stay."""
    scale = min(SHORT_SIDE / min(height, width), LONGEST / max(height, width))
    return int(height * scale + 0.5), int(width * scale + 0.5)


def normalised_pixels(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 (H, W, 3) RGB to the model's input: float (1, 3, h, w) at the resolution of the evaluation."""
    height, width = resized_size(*pixels.shape[:2])
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
    mean, deviation = (np.array(each, np.float32) for each in (MEAN, DEVIATION))
    normalised = (small.astype(np.float32) / 255 - mean) / deviation
    return torch.from_numpy(normalised).permute(2, 0, 1)[None].contiguous()


def corners(length: int, window: int = WINDOW, step: int = STEP) -> list[int]:
    """Where windows start along a side of this length; the last one ends at the border."""
    count = max(length - window + step - 1, 0) // step + 1
    return [max(min(number * step, length - window), 0) for number in range(count)]


def windows(height: int, width: int, window: int = WINDOW, step: int = STEP) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of each window, row by row; where an image is smaller than a window, so is the window."""
    for top in corners(height, window, step):
        for left in corners(width, window, step):
            yield slice(top, min(top + window, height)), slice(left, min(left + window, width))


def averaged(found: Iterable[tuple[slice, slice, Tensor]], height: int, width: int) -> Tensor:
    """Probabilities (N, height, width) of an image from those of its windows: rows, columns and (N, h, w) of each."""
    total: Tensor | None = None
    counts = torch.zeros(height, width)
    for rows, columns, part in found:
        if total is None:
            total = part.new_zeros(part.shape[0], height, width)
            counts = counts.to(part.device)
        total[:, rows, columns] += part
        counts[rows, columns] += 1
    assert total is not None
    return total / counts
