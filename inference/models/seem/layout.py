"""Prompts as groups of vectors, and who may see whom (spec of the official v0, demo and v1 layouts).

"X sees Y": rows of X may use rows of Y as keys in self-attention. Groups come in the order queries, tokens, memories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor


class GroupName(StrEnum):
    """The groups, in the order of concatenation."""

    OBJECT_QUERIES = "queries_object"
    GROUNDING_QUERIES = "queries_grounding"
    SPATIAL_QUERIES = "queries_spatial"
    GROUNDING_TOKENS = "tokens_grounding"
    SPATIAL_TOKENS = "tokens_spatial"
    VISUAL_TOKENS = "tokens_visual"
    AUDIO_TOKENS = "tokens_audio"
    SPATIAL_MEMORIES = "memories_spatial"


_N = GroupName
Visibility = Mapping[GroupName, frozenset[GroupName]]


@dataclass(frozen=True, slots=True)
class Layout:
    """A visibility table and which queries answer to which prompts."""

    name: str
    sees: Visibility
    remembers: bool
    """Whether there are memory tokens for a previous mask."""

    @property
    def for_clicks(self) -> GroupName:
        """The queries that answer visual prompts."""
        return _N.SPATIAL_QUERIES if _N.SPATIAL_QUERIES in self.sees else _N.OBJECT_QUERIES

    @property
    def for_text(self) -> GroupName:
        """The queries that answer text."""
        return _N.GROUNDING_QUERIES if _N.GROUNDING_QUERIES in self.sees else _N.OBJECT_QUERIES

    def also(self, name: str, group: GroupName, *others: GroupName) -> Layout:
        """The layout in which ``group`` sees ``others`` too."""
        return Layout(name, {**self.sees, group: self.sees[group] | set(others)}, self.remembers)


def _table(**rows: Sequence[GroupName]) -> Visibility:
    return {GroupName(name): frozenset(seen) for name, seen in rows.items()}


V0 = Layout(
    "v0",
    _table(
        queries_object=[_N.OBJECT_QUERIES],
        queries_grounding=[_N.GROUNDING_QUERIES, _N.GROUNDING_TOKENS],
        queries_spatial=[_N.SPATIAL_QUERIES, _N.SPATIAL_TOKENS, _N.SPATIAL_MEMORIES],
        tokens_grounding=[_N.GROUNDING_QUERIES, _N.GROUNDING_TOKENS],
        tokens_spatial=[_N.SPATIAL_TOKENS],
        memories_spatial=[_N.SPATIAL_MEMORIES],
    ),
    remembers=True,
)
"""One object per row of the batch; object queries never see a prompt."""

DEMO = Layout(
    "demo",
    _table(
        queries_object=[
            _N.OBJECT_QUERIES,
            _N.GROUNDING_TOKENS,
            _N.SPATIAL_TOKENS,
            _N.VISUAL_TOKENS,
            _N.AUDIO_TOKENS,
        ],
        tokens_grounding=[_N.OBJECT_QUERIES, _N.GROUNDING_TOKENS],
        tokens_spatial=[_N.SPATIAL_TOKENS],
        tokens_visual=[_N.VISUAL_TOKENS],
        tokens_audio=[_N.OBJECT_QUERIES, _N.AUDIO_TOKENS],
    ),
    remembers=False,
)
"""The layout of the official demo: one set of queries sees every prompt; a previous mask is ignored."""

V0_TEXT_WITH_STROKES = V0.also("v0, text sees strokes", _N.GROUNDING_QUERIES, _N.SPATIAL_TOKENS)
"""The official evaluation switch ``REF.INPUT.SPATIAL``."""

V0_STROKES_WITH_TEXT = V0.also("v0, strokes see text", _N.SPATIAL_QUERIES, _N.GROUNDING_TOKENS)
"""The official evaluation switch ``STROKE_SAMPLER.EVAL.GROUNDING``."""

COMPOSITE = Layout(
    "composite",
    {
        **V0_STROKES_WITH_TEXT.also("", _N.SPATIAL_QUERIES, _N.VISUAL_TOKENS).sees,
        _N.VISUAL_TOKENS: frozenset({_N.VISUAL_TOKENS}),
    },
    remembers=True,
)
"""Spatial queries that see clicks, reference regions, text and memory: what an annotation round needs. Not official
as a whole: it joins the switch above with the demo's reference tokens."""


@dataclass(slots=True, eq=False)
class Group:
    """Vectors with one role. ``state`` and ``positions`` (B, n, C); ``per_level``: the state is set anew from the
    level of each layer; ``valid`` bool (B, n) or None (all); ``objects`` (n,) or None; ``crosses``: looks at the image.
    """

    name: GroupName
    state: Tensor
    positions: Tensor
    crosses: bool = False
    per_level: tuple[Tensor, ...] | None = None
    valid: Tensor | None = None
    objects: Tensor | None = None

    def __len__(self) -> int:
        return self.state.shape[1]


def in_order(groups: Sequence[Group]) -> list[Group]:
    order = list(GroupName)
    return sorted(groups, key=lambda group: order.index(group.name))


def blocked(rows: Sequence[Group], columns: Sequence[Group], sees: Visibility) -> Tensor:
    """Which columns are closed to which rows, bool (B, rows, columns): unseen groups, padding, other objects."""
    return torch.cat([torch.cat([_block(row, column, sees) for column in columns], 2) for row in rows], 1)


def _block(row: Group, column: Group, sees: Visibility) -> Tensor:
    batch, device = row.state.shape[0], row.state.device
    closed = torch.full((batch, len(row), len(column)), column.name not in sees[row.name], device=device)
    if column.valid is not None:
        closed = closed | ~column.valid[:, None]
    if row.objects is not None and column.objects is not None:
        closed = closed | (row.objects[:, None] != column.objects[None])
    return closed
