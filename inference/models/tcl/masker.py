"""The learned part of TCL: the tuned last block, the gated decoder, and the step from similarity to mask."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.models.tcl.shape import TclShape
from inference.models.tcl.towers import NORMALISE_EPSILON, Block, Blocks, Projection, normalised


class MapNorm(nn.LayerNorm):
    """LayerNorm over the channels at each pixel of (B, C, h, w)."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Gate(nn.Module):
    """tanh of a learned number; at its start, 0, what is gated does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.gate) * x


class GatedConvolution(nn.Module):
    """x + gate(convolution(GELU(norm(x))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = MapNorm(channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = Gate()

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.gate(self.conv(functional.gelu(self.norm(x))))
        return added


class Stage(nn.Module):
    """Twice the size, then two gated convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = GatedConvolution(channels)
        self.conv2 = GatedConvolution(channels)

    def forward(self, x: Tensor) -> Tensor:
        enlarged = functional.interpolate(x, scale_factor=2, mode="nearest")
        y: Tensor = self.conv2(self.conv(enlarged))
        return y


class GatedDecoder(nn.Module):
    """Two stages: four times the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(Stage(channels), Stage(channels))

    def forward(self, x: Tensor) -> Tensor:
        decoded: Tensor = self.net(x)
        return decoded


class GroundingDecoder(nn.Module):
    """The gated decoder and the projection to the text space; works at the width of the tower (section 3.2)."""

    def __init__(self, shape: TclShape) -> None:
        super().__init__()
        self.decoder = GatedDecoder(shape.width)
        self.image_proj = Projection(shape.width, shape.out)

    def forward(self, x: Tensor) -> Tensor:
        return self.image_proj.on_map(self.decoder(x))


class TunedBlock(nn.Module):
    """The tuned copy of the tower's last block, under the number it has in the tower."""

    def __init__(self, shape: TclShape) -> None:
        super().__init__()
        self.transformer = Blocks(shape.width, shape.heads, range(shape.tuned, shape.layers))

    @property
    def block(self) -> Block:
        return self.transformer.last


class GroundedEncoder(nn.Module):
    """From the tokens of the frozen tower to grounded pixel embeddings."""

    def __init__(self, shape: TclShape) -> None:
        super().__init__()
        self.backbone = TunedBlock(shape)
        self.decoder = GroundingDecoder(shape)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Tokens (B, 1 + h*w, width) before the last block to embeddings (B, out, 4h, 4w), not normalised."""
        embeddings: Tensor = self.decoder(as_map(self.backbone.block.each_alone(tokens), height, width))
        return embeddings


class SimilarityToMask(nn.Module):
    """sigmoid(w * similarity + b) with learned w and b (equation 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(10.0))
        self.b = nn.Parameter(torch.tensor(-2.5))

    def logits(self, similarity: Tensor) -> Tensor:
        return self.w * similarity + self.b

    def forward(self, similarity: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(similarity))


class Masker(nn.Module):
    """All that TCL learns."""

    def __init__(self, shape: TclShape) -> None:
        super().__init__()
        self.image_encoder = GroundedEncoder(shape)
        self.sim2mask = SimilarityToMask()


def as_map(tokens: Tensor, height: int, width: int) -> Tensor:
    """Tokens (B, 1 + h*w, C) without the class token as a map (B, C, h, w)."""
    patches = tokens[:, 1:].transpose(1, 2)
    return patches.reshape(*patches.shape[:2], height, width)


def similarities(embeddings: Tensor, texts: Tensor) -> Tensor:
    """Cosines (B, N, h, w) of pixel embeddings (B, D, h, w) and texts (N, D), both of any length."""
    products = torch.einsum("bdhw,nd->bnhw", embeddings, normalised(texts))
    # dividing the few products is cheaper than the many embeddings
    cosines: Tensor = products / torch.linalg.vector_norm(embeddings, dim=1, keepdim=True).clamp_min(NORMALISE_EPSILON)
    return cosines
