"""The sliding windows of TCL's evaluation: probabilities of overlapping windows are averaged, then enlarged."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

SHORT_SIDE, LONGEST = 448, 2048
WINDOW, STEP = 448, 224
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""ImageNet's, for both branches: TCL does not use CLIP's."""


def resized_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of an image at the resolution of the evaluation; the proportions stay."""
    scale = min(SHORT_SIDE / min(height, width), LONGEST / max(height, width))
    return int(height * scale + 0.5), int(width * scale + 0.5)


def normalised_pixels(image: Tensor) -> Tensor:
    """uint8 (3, H, W) RGB to the model's input: float (1, 3, h, w) at the resolution of the evaluation."""
    size = resized_size(image.shape[-2], image.shape[-1])
    mean, deviation = (torch.tensor(each, device=image.device).view(1, 3, 1, 1) for each in (MEAN, DEVIATION))
    small = functional.interpolate(image[None].float(), size=size, mode="bilinear", align_corners=False)
    return (small / 255 - mean) / deviation


def corners(length: int, window: int = WINDOW, step: int = STEP) -> list[int]:
    """Where windows start along a side of this length; the last one ends at the border."""
    count = max(length - window + step - 1, 0) // step + 1
    return [max(min(number * step, length - window), 0) for number in range(count)]


def windows(height: int, width: int, window: int = WINDOW, step: int = STEP) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of each window, row by row; where an image is smaller than a window, so is the window."""
    for top in corners(height, window, step):
        for left in corners(width, window, step):
            yield slice(top, min(top + window, height)), slice(left, min(left + window, width))


def averaged(
    image: Tensor,
    masks_of: Callable[[Tensor], Tensor],
    output: tuple[int, int],
    window: int = WINDOW,
    step: int = STEP,
) -> Tensor:
    """Probabilities float (1, N, *output) of a normalised image (1, 3, H, W).

    ``masks_of`` maps a window (1, 3, h, w) to its probabilities (1, N, h, w). ``output`` is (height, width).
    """
    height, width = image.shape[-2:]
    total: Tensor | None = None
    counts = image.new_zeros(1, 1, height, width)
    for rows, columns in windows(height, width, window, step):
        found = masks_of(image[..., rows, columns])
        if total is None:
            total = found.new_zeros(1, found.shape[1], height, width)
        total[..., rows, columns] += found
        counts[..., rows, columns] += 1
    assert total is not None
    return functional.interpolate(total / counts, size=output, mode="bilinear", align_corners=False)
