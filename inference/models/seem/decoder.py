"""The SEEM decoder: learned queries and prompts look at the image and at each other (paper, section 3.2).

Each layer: cross-attention to one level of the pyramid, restricted to the mask that the query predicts; self-attention
under the layout's visibility; feed-forward. Memory tokens look where the previous round's mask was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from inference.models.seem.layers import CrossAttentionLayer, FeedForwardLayer, Perceptron, SelfAttentionLayer
from inference.models.seem.layout import Group, GroupName, Visibility, blocked, in_order
from inference.models.seem.pixel_decoder import Pyramid
from inference.models.seem.positions import sine_positions
from inference.models.seem.shape import SeemShape
from inference.models.seem.sight import Sight, resized

LEVELS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Recollection:
    """The masks of the previous round, logits (B, objects, H / 4, W / 4).

    ``objects`` int (layers, memory tokens) says which object's mask each token keeps in each layer; None: the only one.
    """

    masks: Tensor
    objects: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one layer saw, for tests and explanations: bool masks of what was closed, and the states after it.

    ``memory_objects`` int (memory tokens,): whose mask each token kept, in the multi-object layout.
    """

    layer: int
    cross_blocked: Tensor
    self_blocked: Tensor
    states: dict[GroupName, Tensor]
    memory_objects: Tensor | None = None


class Decoder(nn.Module):
    """The predictor of a SEEM checkpoint; its official name of the sampler's maps is ``mask_sptial_embed``."""

    def __init__(self, shape: SeemShape) -> None:
        super().__init__()
        width = shape.hidden
        self.shape = shape
        self.query_feat = nn.Embedding(shape.queries, width)
        self.query_embed = nn.Embedding(shape.queries, width)
        self.level_embed = nn.Embedding(LEVELS, width)
        self.spatial_featured = nn.Embedding(shape.memories, width)
        self.spatial_embed = nn.Embedding(shape.memories, width)
        self.pn_indicator = nn.Embedding(2, width)
        self.class_embed = nn.Parameter(torch.empty(width, shape.projection).normal_(std=width**-0.5))
        self.mask_sptial_embed = nn.ParameterList(
            nn.Parameter(torch.empty(width, width).normal_(std=width**-0.5)) for _ in range(LEVELS)
        )
        self.decoder_norm = nn.LayerNorm(width)
        self.mask_embed = Perceptron((width, width, width, shape.mask))
        layers = range(shape.layers)
        self.transformer_cross_attention_layers = nn.ModuleList(CrossAttentionLayer(width, shape.heads) for _ in layers)
        self.transformer_self_attention_layers = nn.ModuleList(SelfAttentionLayer(width, shape.heads) for _ in layers)
        self.transformer_ffn_layers = nn.ModuleList(FeedForwardLayer(width, shape.feedforward) for _ in layers)
        project = shape.pyramid != width
        self.input_proj = nn.ModuleList(nn.Conv2d(shape.pyramid, width, 1) for _ in range(LEVELS if project else 0))

    def look(self, pyramid: Pyramid) -> Sight:
        """Prepare one image for any number of rounds."""
        projected = [
            self.input_proj[index](level) if len(self.input_proj) else level
            for index, level in enumerate(pyramid.levels)
        ]
        maps = tuple(level + self.level_embed.weight[i][:, None, None] for i, level in enumerate(projected))
        flat = [level.flatten(2).transpose(1, 2) for level in maps]
        placed = [
            rows + sine_positions(level.shape[2], level.shape[3], level.shape[1], level).flatten(2).transpose(1, 2)
            for rows, level in zip(flat, maps, strict=True)
        ]
        keys, values = [], []
        for index, layer in enumerate(self.transformer_cross_attention_layers):
            assert isinstance(layer, CrossAttentionLayer)
            k, v = layer.multihead_attn.keys_values(placed[index % LEVELS], flat[index % LEVELS])
            keys.append(k)
            values.append(v)
        small = tuple(resized(pyramid.mask_features, (level.shape[2], level.shape[3])) for level in maps)
        return Sight(pyramid.mask_features, maps, small, tuple(keys), tuple(values))

    def token(self, level: int, features: Tensor, sign: int) -> Tensor:
        """See :class:`inference.models.seem.sampler.TokenSource`."""
        token: Tensor = features @ self.mask_sptial_embed[level] + self.pn_indicator.weight[0 if sign > 0 else 1]
        return token

    def class_vectors(self, states: Tensor) -> Tensor:
        """States (…, hidden) in the joint space with texts, (…, projection)."""
        normed: Tensor = self.decoder_norm(states)
        return normed @ self.class_embed

    def mask_embeddings(self, states: Tensor) -> Tensor:
        """States (…, hidden) in the space of the mask features, (…, mask)."""
        embeddings: Tensor = self.mask_embed(self.decoder_norm(states))
        return embeddings

    def forward(
        self,
        sight: Sight,
        groups: Sequence[Group],
        sees: Visibility,
        recollection: Recollection | None = None,
        watch: Callable[[Step], None] | None = None,
    ) -> dict[GroupName, Tensor]:
        """The final states (B, n, hidden), before the heads, of all groups that are updated.

        ``recollection`` is needed when there are memory tokens.
        """
        ordered = [replace(group) for group in in_order(groups)]
        crossing = [group for group in ordered if group.crosses]
        updated = [group for group in ordered if group.per_level is None]
        earlier = _where_earlier(recollection, sight) if recollection is not None else None
        for index in range(self.shape.layers):
            level = index % LEVELS
            closed = self._closed_pixels(sight, crossing, level, index, earlier, recollection)
            self._cross(index, sight, crossing, closed)
            for group in ordered:
                if group.per_level is not None:
                    group.state = group.positions = group.per_level[level]
                if group.name is GroupName.SPATIAL_MEMORIES and recollection and recollection.objects is not None:
                    group.objects = recollection.objects[index]
            unseen = blocked(updated, ordered, sees)
            self._mix(index, updated, ordered, unseen)
            if watch is not None:
                kept = recollection.objects[index] if recollection and recollection.objects is not None else None
                watch(Step(index, closed, unseen, {group.name: group.state for group in updated}, kept))
        return {group.name: group.state for group in updated}

    def _cross(self, index: int, sight: Sight, crossing: list[Group], closed: Tensor) -> None:
        layer = self.transformer_cross_attention_layers[index]
        states, positions = _stacked(crossing)
        states = layer(states, positions, sight.keys[index], sight.values[index], closed)
        _distribute(states, crossing)

    def _mix(self, index: int, updated: list[Group], ordered: list[Group], unseen: Tensor) -> None:
        states = self.transformer_self_attention_layers[index](*_stacked(updated), *_stacked(ordered), unseen)
        _distribute(self.transformer_ffn_layers[index](states), updated)

    def _closed_pixels(
        self,
        sight: Sight,
        crossing: list[Group],
        level: int,
        index: int,
        earlier: list[Tensor] | None,
        recollection: Recollection | None,
    ) -> Tensor:
        """Bool (B, rows, h w): where a row's own mask, or a memory token's earlier mask, is background.

        The mask is computed at the level's size from the resized mask features, which is the same as resizing the
        mask because both are linear. A row without any foreground may look everywhere.
        """
        rows = []
        for group in crossing:
            if group.name is GroupName.SPATIAL_MEMORIES:
                assert earlier is not None
                assert recollection is not None
                kept = earlier[level]
                objects = None if recollection.objects is None else recollection.objects[index]
                kept = kept.expand(-1, len(group), -1) if objects is None else kept[:, objects]
                rows.append(kept < 0)
            else:
                rows.append(masks_of(self.mask_embeddings(group.state), sight.small[level]).flatten(2) < 0)
        closed = torch.cat(rows, 1)
        return closed & ~closed.all(-1, keepdim=True)


def masks_of(embeddings: Tensor, mask_features: Tensor) -> Tensor:
    """Mask logits (B, Q, h, w) of mask embeddings (B, Q, mask) on mask features (1 or B, mask, h, w)."""
    masks = embeddings @ mask_features.flatten(2)
    return masks.reshape(*masks.shape[:2], *mask_features.shape[2:])


def _where_earlier(recollection: Recollection, sight: Sight) -> list[Tensor]:
    """The earlier masks at the size of each level, (B, objects, h w)."""
    return [resized(recollection.masks, size).flatten(2) for size in sight.sizes]


def _stacked(groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
    return torch.cat([group.state for group in groups], 1), torch.cat([group.positions for group in groups], 1)


def _distribute(states: Tensor, groups: Sequence[Group]) -> None:
    for group, state in zip(groups, torch.split(states, [len(group) for group in groups], 1), strict=True):
        group.state = state
