"""The text encoder: a causal CLIP-style transformer whose states are projected into the joint space.

``transformers``' CLIPTextModel computes the same with ``layer_norm_eps=1e-12, hidden_act="quick_gelu"``; it is written
out here because its tensors keep their official names that way and nothing but torch is needed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inference.models.seem.layers import Attention
from inference.models.seem.shape import TextShape

EPSILON = 1e-12
MAX_SCALE = 100.0


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c_fc(x)
        y: Tensor = self.c_proj(x * torch.sigmoid(1.702 * x))
        return y


class _Block(nn.Module):
    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.attn = Attention(shape.width, shape.heads)
        self.ln_1 = nn.LayerNorm(shape.width, eps=EPSILON)
        self.mlp = _Mlp(shape.width)
        self.ln_2 = nn.LayerNorm(shape.width, eps=EPSILON)

    def forward(self, x: Tensor, blocked: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, blocked)
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class TextTransformer(nn.Module):
    """Token ids int64 (N, n <= context) to states (N, n, width). No padding mask: texts end with their first EOT."""

    def __init__(self, shape: TextShape) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.positional_embedding = nn.Parameter(torch.empty(shape.context, shape.width).normal_(std=0.01))
        self.resblocks = nn.ModuleList(_Block(shape) for _ in range(shape.layers))
        self.ln_final = nn.LayerNorm(shape.width, eps=EPSILON)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        x = self.token_embedding(ids) + self.positional_embedding[:length]
        blocked = torch.ones(length, length, dtype=torch.bool, device=ids.device).triu(1)[None]
        for block in self.resblocks:
            x = block(x, blocked)
        y: Tensor = self.ln_final(x)
        return y


class LanguageEncoder(nn.Module):
    """Texts in the joint space, and the scale of similarities there."""

    def __init__(self, shape: TextShape, projection: int) -> None:
        super().__init__()
        self.lang_encoder = TextTransformer(shape)
        self.lang_proj = nn.Parameter(torch.empty(shape.width, projection).normal_(std=shape.width**-0.5))
        self.logit_scale = nn.Parameter(torch.tensor(2.6593))

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Ids (N, context) to ``token_emb`` (N, context, projection) of all positions, not normalised, and
        ``class_emb`` (N, projection), the one at the first EOT (the largest id)."""
        tokens = self.lang_encoder(ids) @ self.lang_proj
        return tokens, tokens[torch.arange(len(ids), device=ids.device), ids.argmax(-1)]

    def names(self, ids: Tensor) -> Tensor:
        """Prompt-filled ids (names, templates, context) to one unit vector per name, (names, projection).

        Each text's vector is normalised, then their mean is (the mean over prompt templates of CLIP). The padding
        behind the longest text is cut off: attention is causal, so no text sees it.
        """
        ids = ids[..., : int(ids.argmax(-1).max()) + 1]
        rows = [self(each)[1] for each in ids]
        return unit(torch.stack([unit(row).mean(0) for row in rows]), epsilon=0.0)

    def class_logits(self, class_vectors: Tensor, names: Tensor) -> Tensor:
        """exp(scale) times the cosine of class vectors (…, projection) and names (N, projection): (…, N)."""
        logits: Tensor = self.logit_scale.exp() * unit(class_vectors) @ names.T
        return logits

    def similarity(self, class_vectors: Tensor, text: Tensor) -> Tensor:
        """Scaled cosine of class vectors (…, Q, projection) and class_emb (N, projection): (…, Q, N)."""
        similarity: Tensor = unit(class_vectors) @ unit(text).T * self.logit_scale.exp().clamp(max=MAX_SCALE)
        return similarity


def unit(x: Tensor, epsilon: float = 1e-7) -> Tensor:
    """x / (|x| + epsilon) along the last axis."""
    scaled: Tensor = x / (x.norm(dim=-1, keepdim=True) + epsilon)
    return scaled


def token_count(ids: Tensor) -> int:
    """How many of the ids (context,) belong to the text: all up to and with the first EOT."""
    return int(ids.argmax()) + 1
