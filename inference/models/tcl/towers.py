"""The two towers of CLIP under OpenAI's tensor names, with the last-block change that TCL needs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.models.tcl.shape import TclShape

NORMALISE_EPSILON = 1e-6
"""Of every L2 normalisation of TCL."""


def normalised(x: Tensor, axis: int = -1) -> Tensor:
    """L2-normalised along an axis, with TCL's epsilon."""
    return functional.normalize(x, dim=axis, eps=NORMALISE_EPSILON)


class QuickGelu(nn.Module):
    """x * sigmoid(1.702 x), the activation of OpenAI's CLIP."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class FeedForward(nn.Module):
    """Widening to four times the width and back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.gelu = QuickGelu()
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        widened: Tensor = self.gelu(self.c_fc(x))
        narrowed: Tensor = self.c_proj(widened)
        return narrowed


class Block(nn.Module):
    """A pre-norm transformer block on tokens (B, L, width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = FeedForward(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        """``hidden`` bool (L, L): True where a token (row) does not see another (column)."""
        y = self.ln_1(x)
        attended, _ = self.attn(y, y, y, attn_mask=hidden, need_weights=False)
        x = x + attended
        fed: Tensor = x + self.mlp(self.ln_2(x))
        return fed

    def each_alone(self, x: Tensor) -> Tensor:
        """The block with every token attending to itself alone: the attention shrinks to its value projections.

        Residuals, second norm and feed-forward stay (MaskCLIP's change as TCL makes it); query and key weights have
        no effect.
        """
        width = x.shape[-1]
        values = functional.linear(
            self.ln_1(x), self.attn.in_proj_weight[2 * width :], self.attn.in_proj_bias[2 * width :]
        )
        x = x + self.attn.out_proj(values)
        fed: Tensor = x + self.mlp(self.ln_2(x))
        return fed


class Blocks(nn.Module):
    """Numbered blocks. The numbers are those of the whole tower, so that a tuned copy of one keeps its name."""

    def __init__(self, width: int, heads: int, numbers: range) -> None:
        super().__init__()
        self.resblocks = nn.ModuleDict({str(number): Block(width, heads) for number in numbers})

    def all_but_last(self) -> list[Block]:
        return self.in_order()[:-1]

    @property
    def last(self) -> Block:
        return self.in_order()[-1]

    def in_order(self) -> list[Block]:
        return [block for block in self.resblocks.values() if isinstance(block, Block)]


class Projection(nn.Module):
    """LayerNorm, then a matrix, on the last axis: the way out of the image tower."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, out).normal_(std=width**-0.5))

    def forward(self, x: Tensor) -> Tensor:
        projected: Tensor = self.ln(x) @ self.proj
        return projected

    def on_map(self, x: Tensor) -> Tensor:
        """(B, width, h, w) to (B, out, h, w)."""
        projected: Tensor = self(x.permute(0, 2, 3, 1))
        return projected.permute(0, 3, 1, 2)


class Visual(nn.Module):
    """CLIP's vision transformer without its way out."""

    def __init__(self, shape: TclShape) -> None:
        super().__init__()
        width = shape.width
        self.class_embedding = nn.Parameter(torch.empty(width).normal_(std=width**-0.5))
        self.positional_embedding = nn.Parameter(torch.empty(shape.grid**2 + 1, width).normal_(std=width**-0.5))
        self.conv1 = nn.Conv2d(3, width, shape.patch, shape.patch, bias=False)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Blocks(width, shape.heads, range(shape.layers))

    def tokens_before_last(self, image: Tensor) -> Tensor:
        """Tokens (B, 1 + h*w, width) after all blocks but the last.

        ``image`` float (B, 3, H, W), normalised, both sides multiples of the patch. The position table is resized
        bicubically to the grid of the image.
        """
        patches = self.conv1(image)
        height, width = patches.shape[-2:]
        tokens = patches.flatten(2).transpose(1, 2)
        class_token = self.class_embedding.expand(tokens.shape[0], 1, -1)
        x = torch.cat([class_token, tokens], dim=1) + self._positions(height, width)
        x = self.ln_pre(x)
        for block in self.transformer.all_but_last():
            x = block(x)
        tokens_seen: Tensor = x
        return tokens_seen

    def _positions(self, height: int, width: int) -> Tensor:
        table = self.positional_embedding
        side = round((table.shape[0] - 1) ** 0.5)
        if (height, width) == (side, side):
            return table
        grid = table[1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        resized = functional.interpolate(grid, size=(height, width), mode="bicubic", align_corners=False)
        return torch.cat([table[:1], resized.flatten(2)[0].T])


class ImageEncoder(nn.Module):
    """CLIP's whole image tower."""

    def __init__(self, shape: TclShape) -> None:
        super().__init__()
        self.clip_visual = Visual(shape)
        self.clip_proj = Projection(shape.width, shape.out)

    def global_embedding(self, image: Tensor) -> Tensor:
        """The ordinary CLIP embedding (B, out) of a normalised image, not normalised."""
        x = self.clip_visual.transformer.last(self.clip_visual.tokens_before_last(image))
        embedding: Tensor = self.clip_proj(x[:, 0])
        return embedding


class TextEncoder(nn.Module):
    """CLIP's text tower on token numbers."""

    def __init__(self, shape: TclShape) -> None:
        super().__init__()
        width = shape.text_width
        self.positional_embedding = nn.Parameter(torch.empty(shape.context, width).normal_(std=0.01))
        self.text_projection = nn.Parameter(torch.empty(width, shape.out).normal_(std=width**-0.5))
        self.transformer = Blocks(width, shape.text_heads, range(shape.text_layers))
        self.token_embedding = nn.Embedding(shape.words, width)
        self.ln_final = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Embeddings (N, out), not normalised, of integer tokens (N, L); the end token is the highest number.

        Attention is causal, so what follows the end token has no effect: the tokens are cut after the longest text.
        """
        ends = tokens.argmax(dim=-1)
        tokens = tokens[:, : int(ends.max()) + 1].long()
        length = tokens.shape[1]
        x = self.token_embedding(tokens) + self.positional_embedding[:length]
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        for block in self.transformer.in_order():
            x = block(x, later)
        embedding: Tensor = self.ln_final(x[torch.arange(len(x)), ends]) @ self.text_projection
        return embedding
