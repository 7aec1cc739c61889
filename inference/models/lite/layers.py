"""Small building blocks of the neck and the decoder."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvNorm(nn.Module):
    """Convolution, batch normalisation and, unless told otherwise, ReLU; the normalisation can be folded in."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, activate: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return F.relu(x, inplace=True) if self.activate else x

    def fold(self) -> None:
        """Fold the normalisation into the convolution (evaluation only): same output, fewer passes over memory."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class Residual(nn.Module):
    """Two 3x3 convolutions with a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)), inplace=True)


def upsampled(x: Tensor, like: Tensor) -> Tensor:
    """``x`` at the height and width of ``like`` (bilinear, corner convention)."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def fold_normalisation(module: nn.Module) -> None:
    """Fold every :class:`ConvNorm` inside ``module``, which must be in evaluation mode."""
    for child in module.modules():
        if isinstance(child, ConvNorm):
            child.fold()
