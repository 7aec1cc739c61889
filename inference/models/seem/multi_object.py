"""The v1 layout: several objects of one image share a forward, each with a few queries of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.models.seem.decoder import Decoder, Recollection, Step, masks_of
from inference.models.seem.layout import V0, Group, GroupName
from inference.models.seem.prompting import learned, memories
from inference.models.seem.sampler import SIGNS, points_of, read
from inference.models.seem.sight import Sight

NO_POINTS = -1.0
"""The matching vector of an object without points (zero in v0)."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectsAnswer:
    """``states`` (1, rows, hidden) of the spatial queries; ``mask_embeddings`` (1, rows, mask), object by object.

    ``best`` int (N,) is the row chosen for each object and ``masks`` (1, N, H / 4, W / 4) its logits.
    """

    states: Tensor
    mask_embeddings: Tensor
    best: Tensor
    masks: Tensor


def draw_queries(objects: int, per_object: int, learned_rows: int, generator: torch.Generator) -> Tensor:
    """Rows of the learned queries, drawn with replacement: int (objects x per_object,)."""
    return torch.randint(learned_rows, (objects * per_object,), generator=generator)


def draw_memories(objects: int, tokens: int, layers: int, generator: torch.Generator) -> Tensor:
    """The object of each memory token in each layer, sorted, int (layers, tokens)."""
    return torch.randint(objects, (layers, tokens), generator=generator).sort(1).values


def decode_objects(
    decoder: Decoder,
    sight: Sight,
    positive: Tensor,
    negative: Tensor,
    previous: Tensor | None,
    queries: Tensor,
    memory_objects: Tensor | None,
    watch: Callable[[Step], None] | None = None,
) -> ObjectsAnswer:
    """Bool masks (N, H, W) of N objects; ``previous`` logits (1, N, H / 4, W / 4) of the last round.

    ``queries`` (:func:`draw_queries`) and ``memory_objects`` (:func:`draw_memories`) are handed in because the
    official code draws them at random.
    """
    count = len(positive)
    owner = torch.arange(count, device=sight.device).repeat_interleave(len(queries) // count)
    spatial = Group(
        GroupName.SPATIAL_QUERIES,
        decoder.query_feat.weight[queries][None],
        decoder.query_embed.weight[queries][None],
        crosses=True,
        objects=owner,
    )
    tokens, matching = _sampled(decoder, sight, positive, negative)
    groups = [learned(decoder, GroupName.OBJECT_QUERIES, 1), spatial, tokens]
    recollection = None
    if previous is not None:
        assert memory_objects is not None
        groups.append(memories(decoder, 1))
        recollection = Recollection(previous, memory_objects)
    states = decoder(sight, groups, V0.sees, recollection, watch)[GroupName.SPATIAL_QUERIES]
    embeddings = decoder.mask_embeddings(states)
    own = owner[None] == torch.arange(count, device=owner.device)[:, None]
    scores = (matching @ embeddings[0].T).masked_fill(~own, -torch.inf)
    best = scores.argmax(1)
    return ObjectsAnswer(states, embeddings, best, masks_of(embeddings[:, best], sight.mask_features))


def _sampled(decoder: Decoder, sight: Sight, positive: Tensor, negative: Tensor) -> tuple[Group, Tensor]:
    """Tokens of all objects, positives first, and their matching vectors (N, mask).

    The cap on points counts for all objects together and is shared out equally among those that have points.
    """
    limit = decoder.shape.max_points
    rows: list[list[Tensor]] = [[] for _ in sight.maps]
    owners: list[Tensor] = []
    matching = sight.mask_features.new_full((len(positive), sight.mask_features.shape[1]), NO_POINTS)
    for sign, masks in zip(SIGNS, (positive, negative), strict=True):
        points = _capped([points_of(mask) for mask in masks], limit)
        for index, own in enumerate(points):
            if sign > 0 and len(own):
                matching[index] = read(sight.mask_features, own).mean(0)
            owners.append(torch.full((len(own),), index, device=sight.device))
            for level, features in enumerate(sight.maps):
                rows[level].append(decoder.token(level, read(features, own), sign))
    levels = tuple(torch.cat(parts)[None] for parts in rows)
    group = Group(GroupName.SPATIAL_TOKENS, levels[0], levels[0], per_level=levels, objects=torch.cat(owners))
    return group, matching


def _capped(points: list[Tensor], limit: int) -> list[Tensor]:
    if sum(map(len, points)) <= limit:
        return points
    share = limit // sum(1 for own in points if len(own))
    return [own[(torch.arange(share) * len(own)) // share] if len(own) > share else own for own in points]
