"""From mask logits and class scores to panoptic maps, semantic maps and instances.

Queries are taken one at a time: a hundred masks at twelve megapixels would take five gigabytes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

OVERLAP = 0.8
"""A query whose owned area is a smaller share of its mask is dropped; 0 in the official demos."""

TOP_INSTANCES = 100


class MaskLogits(Protocol):
    """One mask per query: item i is float (H, W) logits. A tensor (Q, H, W) is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, query: int, /) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class EnlargedMasks:
    """Mask logits (Q, h, w) of a padded image, enlarged on demand to the output size. Sizes are (height, width).

    The way is the official one: bilinear to the padded size, without the padding, bilinear to the output.
    """

    logits: Tensor
    padded: tuple[int, int]
    image: tuple[int, int]
    output: tuple[int, int]

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, query: int, /) -> Tensor:
        one = self.logits[query][None, None]
        whole = functional.interpolate(one, size=self.padded, mode="bilinear", align_corners=False)
        inside = whole[..., : self.image[0], : self.image[1]]
        if self.output == self.image:
            return inside[0, 0]
        return functional.interpolate(inside, size=self.output, mode="bilinear", align_corners=False)[0, 0]


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a panoptic map: its id there, its class, whether that is a countable thing, and the probability of
    the class, of stuff that of its first query."""

    id: int
    category: int
    is_thing: bool
    score: float


@dataclass(frozen=True, slots=True)
class Instances:
    """Things, best first: ``scores`` float (N,), ``categories`` int64 (N,), ``masks`` bool (N, H, W)."""

    scores: Tensor
    categories: Tensor
    masks: Tensor


def panoptic(
    log_probs: Tensor, masks: MaskLogits, things: frozenset[int], score_above: float = 0.0, overlap: float = OVERLAP
) -> tuple[Tensor, list[Segment]]:
    """The panoptic map int32 (H, W), 0 where nothing is, and its segments, whose ids count from 1.

    ``log_probs`` float (Q, K + 1), unnormalised log probabilities, the last of "none of the classes". Stuff of one
    class becomes one segment.
    """
    scores, categories = log_probs.softmax(dim=-1).max(dim=-1)
    none = log_probs.shape[-1] - 1
    kept = [query for query in range(len(masks)) if categories[query] != none and scores[query] > score_above]
    size = masks[0].shape
    best = torch.full(size, -1.0, device=log_probs.device)
    owner = torch.full(size, -1, dtype=torch.int32, device=log_probs.device)
    owner_probability = torch.zeros(size, device=log_probs.device)
    areas: dict[int, int] = {}
    for query in kept:
        probability = masks[query].sigmoid()
        areas[query] = int((probability >= 0.5).sum())
        weighted = scores[query] * probability
        better = weighted > best
        best = torch.where(better, weighted, best)
        owner = torch.where(better, torch.full_like(owner, query), owner)
        owner_probability = torch.where(better, probability, owner_probability)
    sure = owner_probability >= 0.5
    found = torch.zeros(size, dtype=torch.int32, device=log_probs.device)
    segments: list[Segment] = []
    stuff: dict[int, int] = {}
    for query in kept:
        owned = owner == query
        region = owned & sure
        if not bool(region.any()) or int(owned.sum()) / areas[query] < overlap:
            continue
        category = int(categories[query])
        if category in stuff:
            found[region] = stuff[category]
            continue
        segment = Segment(len(segments) + 1, category, category in things, float(scores[query]))
        segments.append(segment)
        if not segment.is_thing:
            stuff[category] = segment.id
        found[region] = segment.id
    return found, segments


def semantic(log_probs: Tensor, masks: MaskLogits) -> Tensor:
    """Evidence for each class at each pixel: float (K, H, W), the sum of class times mask probability."""
    probabilities = log_probs.softmax(dim=-1)[:, :-1]
    evidence = masks[0].new_zeros(probabilities.shape[1], *masks[0].shape)
    for query in range(len(masks)):
        evidence += probabilities[query, :, None, None] * masks[query].sigmoid()
    return evidence


def instances(log_probs: Tensor, masks: MaskLogits, things: frozenset[int], top: int = TOP_INSTANCES) -> Instances:
    """The things among the ``top`` best pairs of query and class; a score is class times mean mask probability."""
    probabilities = log_probs.softmax(dim=-1)[:, :-1]
    classes = probabilities.shape[1]
    scores, places = probabilities.flatten().topk(min(top, probabilities.numel()))
    pairs = [(score, place // classes, place % classes) for score, place in zip(scores, places.tolist(), strict=True)]
    found = []
    for score, query, category in pairs:
        if category not in things:
            continue
        logits = masks[query]
        inside = logits > 0
        sureness = (logits.sigmoid() * inside).sum() / (inside.sum() + 1e-6)
        found.append((score * sureness, category, inside))
    if not found:
        empty = torch.zeros(0, *masks[0].shape, dtype=torch.bool, device=log_probs.device)
        return Instances(scores[:0], places[:0], empty)
    order = torch.stack([score for score, _, _ in found]).argsort(descending=True, stable=True).tolist()
    return Instances(
        scores=torch.stack([found[i][0] for i in order]),
        categories=torch.tensor([found[i][1] for i in order], device=log_probs.device),
        masks=torch.stack([found[i][2] for i in order]),
    )
