"""What a mask shows: the diffusion side, the CLIP side, and their geometric mean (section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

MOST_SCALE = 100.0
PHOTO = "a photo of a {}."
"""The prompt of every text but those of the label model's diffusion side, which are plain names."""


class Perceptron(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = pairwise(widths)
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairs)

    def forward(self, x: Tensor) -> Tensor:
        for layer in list(self.layers)[:-1]:
            x = functional.relu(layer(x))
        last: Tensor = self.layers[-1](x)
        return last


class MaskEmbedding(nn.Module):
    """Embeds a mask by its pooled pixels and its query."""

    def __init__(self, pixels: int, hidden: int, out: int, layers: int) -> None:
        super().__init__()
        self.pool_proj = nn.Sequential(nn.LayerNorm(pixels), nn.Linear(pixels, hidden))
        self.mask_embed = nn.Sequential(nn.LayerNorm(hidden), Perceptron([hidden] * layers + [out]))
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def pooled(self, masks: Tensor, queries: Tensor, pixels: Tensor) -> Tensor:
        """(B, Q, hidden): pixel features (B, C, h, w) averaged where mask logits (B, Q, h, w) exceed 0, projected,
        plus the queries (B, Q, hidden)."""
        inside = (masks > 0).to(pixels)
        sums = torch.einsum("bchw,bqhw->bqc", pixels, inside)
        averaged = sums / (inside.sum(dim=(2, 3)).unsqueeze(-1) + 1e-8)
        added: Tensor = self.pool_proj(averaged) + queries
        return added

    def forward(self, pooled: Tensor) -> Tensor:
        """Embeddings (B, Q, out), not normalised."""
        embedded: Tensor = self.mask_embed(pooled)
        return embedded

    @property
    def scale(self) -> Tensor:
        return self.logit_scale.exp().clamp(max=MOST_SCALE)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The classes to tell apart: of each its names, and which are things.

    ``trained``: all names of the classes seen in training; a class that shares one is a seen class.
    """

    names: tuple[tuple[str, ...], ...]
    things: frozenset[int]
    trained: frozenset[str]

    @property
    def flat(self) -> list[str]:
        """All names, class by class: the order of text embeddings."""
        return [name for names in self.names for name in names]

    def owners(self) -> Tensor:
        """int64 (S,): the class of each of the flat names."""
        return torch.tensor([number for number, names in enumerate(self.names) for _ in names])

    def seen(self) -> Tensor:
        """bool (K,): which classes share a name, letter by letter, with those of training."""
        return torch.tensor([bool(self.trained.intersection(names)) for names in self.names])


def best_of_names(logits: Tensor, owners: Tensor, classes: int) -> Tensor:
    """Per class the best of its names' logits: (..., S) to (..., K)."""
    best = logits.new_full((*logits.shape[:-1], classes), -torch.inf)
    return best.scatter_reduce(-1, owners.to(logits.device).expand_as(logits), logits, "amax")


def cosine_logits(embeddings: Tensor, texts: Tensor, scale: Tensor | float) -> Tensor:
    """scale * cosine of embeddings (..., M, D) and texts (S, D): (..., M, S)."""
    logits: Tensor = scale * functional.normalize(embeddings, dim=-1) @ functional.normalize(texts, dim=-1).T
    return logits


def ensemble(diffusion: Tensor, clip: Tensor, seen: Tensor, alpha: float, beta: float) -> Tensor:
    """Logits (..., K) of the geometric mean of both sides; CLIP's share is ``alpha`` for seen classes, or ``beta``."""
    share = torch.where(seen.to(diffusion.device), alpha, beta).to(diffusion)
    return (1 - share) * diffusion.log_softmax(dim=-1) + share * clip.log_softmax(dim=-1)


def with_none(logits: Tensor, none: Tensor) -> Tensor:
    """Log probabilities (..., K + 1) from logits (..., K) and the probability (...) of "none of the classes"."""
    of_classes = logits.softmax(dim=-1) * (1 - none).unsqueeze(-1)
    return torch.log(torch.cat([of_classes, none.unsqueeze(-1)], dim=-1) + 1e-8)
