"""From prompts to the groups of a layout: one object per row of the batch (v0, demo, composite)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from torch import Tensor

from inference.models.seem.decoder import Decoder
from inference.models.seem.layout import Group, GroupName, Layout
from inference.models.seem.sampler import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class TextTokens:
    """Projected states of a text's tokens (B, n, hidden) and which are no padding, bool (B, n)."""

    tokens: Tensor
    valid: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ModelPrompts:
    """All that is said about B objects in one forward. Absent parts are None; ``previous`` (B, 1, H / 4, W / 4)."""

    spatial: Tokens | None = None
    visual: Tokens | None = None
    text: TextTokens | None = None
    audio: TextTokens | None = None
    previous: Tensor | None = None

    @property
    def batch(self) -> int:
        for tokens in (self.spatial, self.visual, self.text, self.audio):
            if tokens is not None:
                return int(tokens.valid.shape[0])
        return 1 if self.previous is None else int(self.previous.shape[0])


_PROMPTS_OF = {
    GroupName.SPATIAL_TOKENS: "spatial",
    GroupName.VISUAL_TOKENS: "visual",
    GroupName.GROUNDING_TOKENS: "text",
    GroupName.AUDIO_TOKENS: "audio",
}


def groups_for(
    decoder: Decoder, layout: Layout, prompts: ModelPrompts, wanted: Collection[GroupName] | None = None
) -> list[Group]:
    """The groups that are active for these prompts, as officially; ``wanted`` drops the other query groups.

    Dropping queries that neither the wanted ones nor their tokens see changes nothing but the time.
    """
    batch = prompts.batch
    groups = [
        learned(decoder, name, batch) for name in active_queries(layout, prompts) if wanted is None or name in wanted
    ]
    for name, attribute in _PROMPTS_OF.items():
        said = getattr(prompts, attribute)
        if said is None or name not in layout.sees:
            continue
        if isinstance(said, TextTokens):
            groups.append(Group(name, said.tokens, said.tokens, valid=said.valid))
        else:
            groups.append(Group(name, said.levels[0], said.levels[0], per_level=said.levels, valid=said.valid))
    if prompts.previous is not None and layout.remembers and layout.for_clicks in {group.name for group in groups}:
        groups.append(memories(decoder, batch))
    return groups


def active_queries(layout: Layout, prompts: ModelPrompts) -> list[GroupName]:
    """Object queries always; those for text or visual prompts when there are such prompts."""
    active = {GroupName.OBJECT_QUERIES}
    if prompts.text is not None:
        active.add(layout.for_text)
    visual = prompts.visual if GroupName.VISUAL_TOKENS in layout.sees else None
    if prompts.spatial is not None or visual is not None or (prompts.previous is not None and layout.remembers):
        active.add(layout.for_clicks)
    if layout.for_clicks in active or prompts.text is None:
        return [name for name in GroupName if name in active]
    sees_text = GroupName.GROUNDING_TOKENS in layout.sees[layout.for_clicks]
    return [name for name in GroupName if name in active or (sees_text and name is layout.for_clicks)]


def learned(decoder: Decoder, name: GroupName, batch: int) -> Group:
    """A group of learned queries: all query groups start from the same vectors."""
    state = decoder.query_feat.weight.expand(batch, -1, -1)
    return Group(name, state, decoder.query_embed.weight.expand(batch, -1, -1), crosses=True)


def memories(decoder: Decoder, batch: int) -> Group:
    """Memory tokens; they restart every round: what is remembered is the mask that they look through."""
    state = decoder.spatial_featured.weight.expand(batch, -1, -1)
    positions = decoder.spatial_embed.weight.expand(batch, -1, -1)
    return Group(GroupName.SPATIAL_MEMORIES, state, positions, crosses=True)
