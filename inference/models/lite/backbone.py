"""EfficientNet-Lite0 (Tan & Le 2019, the "Lite" variant: ReLU6, no squeeze-and-excitation) as a feature pyramid.

Batch normalisation is folded into the convolutions (the backbone is frozen), so a layer is a convolution with bias.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

INPUT_MEAN, INPUT_SCALE = 127.0, 128.0
"""Pixels 0..255 enter the network as (pixel - 127) / 128."""

FEATURE_CHANNELS = (24, 40, 112, 320)
"""Channels of the pyramid at strides 4, 8, 16 and 32."""

HEAD_CHANNELS = 1280
IMAGENET_CLASSES = 1000


class Stage(NamedTuple):
    """One stage of inverted bottlenecks: how many, kernel, stride of the first, expansion, output channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
TAPS = frozenset({2, 4, 10, 15})
"""The blocks whose outputs form the pyramid: the last ones at strides 4, 8, 16 and 32."""


class Pyramid(NamedTuple):
    """Backbone features at strides 4, 8, 16, 32: float (B, C, H / stride, W / stride), C = FEATURE_CHANNELS."""

    s4: Tensor
    s8: Tensor
    s16: Tensor
    s32: Tensor


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: with stride 2 the odd padding goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for size, kernel, stride in zip(
            reversed(x.shape[-2:]), reversed(self.kernel_size), reversed(self.stride), strict=True
        ):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] and pads[2] == pads[3]:
            return F.conv2d(x, self.weight, self.bias, self.stride, (pads[2], pads[0]), groups=self.groups)
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, groups=self.groups)


class InvertedBottleneck(nn.Module):
    """Expand 1x1, depthwise k x k, project 1x1; a skip when the shape stays (MobileNetV2's block)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SameConv(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = SameConv(hidden, hidden, kernel, stride, groups=hidden)
        self.project = SameConv(hidden, outputs, 1)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        hidden = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        out: Tensor = self.project(F.relu6(self.depthwise(hidden), inplace=True))
        return out + x if self.skip else out


class EfficientNetLite0(nn.Module):
    """The classifier whose inner maps are the features of ``lite``."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        channels = 32
        for stage in STAGES:
            for repeat in range(stage.repeats):
                stride = stage.stride if repeat == 0 else 1
                blocks.append(InvertedBottleneck(channels, stage.channels, stage.kernel, stride, stage.expansion))
                channels = stage.channels
        self.blocks = nn.ModuleList(blocks)
        self.head = SameConv(FEATURE_CHANNELS[-1], HEAD_CHANNELS, 1)
        self.classifier = nn.Linear(HEAD_CHANNELS, IMAGENET_CLASSES)

    def forward(self, pixels: Tensor) -> Pyramid:
        """Features of ``pixels``: float (B, 3, H, W), normalised, H and W multiples of 32."""
        x = F.relu6(self.stem(pixels), inplace=True)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                taps.append(x)
        return Pyramid(*taps)

    def embed(self, s32: Tensor) -> Tensor:
        """The classifier's embedding before pooling: (B, 320, h, w) -> (B, 1280, h, w)."""
        return F.relu6(self.head(s32))

    def classify(self, pooled: Tensor) -> Tensor:
        """ImageNet logits of pooled embeddings: (N, 1280) -> (N, 1000)."""
        logits: Tensor = self.classifier(pooled)
        return logits


def normalised(pixels: Tensor) -> Tensor:
    """uint8 or float RGB 0..255 (B, 3, H, W) to the network's range."""
    return (pixels.float() - INPUT_MEAN) / INPUT_SCALE
