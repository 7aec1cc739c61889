"""The image-guided smoothing of alpha logits: a linear map whose weights come once from a guide image."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def gaussian_kernel(size: int, sigma: float) -> Tensor:
    """Float32 (size, size), proportional to exp(-(a² + b²) / 2 sigma²), sum 1; ``size`` is odd."""
    offsets = torch.arange(size, dtype=torch.float64) - size // 2
    line = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = line[:, None] * line[None, :]
    return (kernel / kernel.sum()).float()


class BilateralFilter:
    """Weights of every pixel's neighbours by distance and colour difference, applied ``iterations`` times."""

    def __init__(
        self, guide: Tensor, kernel: int = 3, tolerance: float = 0.08, sigma: float = 5.0, iterations: int = 40
    ) -> None:
        """``guide`` float (C, H, W), range [0, 1]: the image, or any map of the same use, such as depth."""
        channels, height, width = guide.shape
        self.kernel, self.iterations = kernel, iterations
        near = _neighbours(guide, kernel)
        distance = (near - guide.reshape(channels, 1, height, width)).square().sum(0).sqrt()
        there = _neighbours(torch.ones_like(guide[:1]), kernel)[0]
        spatial = gaussian_kernel(kernel, sigma).to(guide).reshape(-1, 1, 1)
        weights = spatial * torch.exp(-0.5 * (distance / tolerance).square()) * there
        self.weights = weights / weights.sum(0, keepdim=True)
        """Float (kernel², H, W) in row-major order of the neighbours' offsets; sums to 1 over the first axis."""

    def __call__(self, logits: Tensor) -> Tensor:
        """Smooth float (N, H, W)."""
        for _ in range(self.iterations):
            logits = (_neighbours(logits, self.kernel) * self.weights).sum(1)
        return logits


def _neighbours(planes: Tensor, kernel: int) -> Tensor:
    """(N, H, W) to (N, kernel², H, W); what lies outside the image is 0."""
    count, height, width = planes.shape
    columns = functional.unfold(planes[:, None], kernel, padding=kernel // 2)
    return columns.reshape(count, kernel * kernel, height, width)
