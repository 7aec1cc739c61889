"""The model that made SEEM's vectors: its weights in our modules, its image, and prompts as it was given them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.models.seem import checkpoint
from inference.models.seem.decoder import Recollection, Step
from inference.models.seem.layout import Group, GroupName, Layout, blocked, in_order
from inference.models.seem.model import Answer
from inference.models.seem.prompting import ModelPrompts, TextTokens, groups_for
from inference.models.seem.shape import from_official
from inference.models.seem.sight import Sight
from tests.parity import vectors
from tests.parity.vectors import Case


@dataclass
class Forward:
    """One forward of the decoder with what its layers saw."""

    answers: dict[GroupName, Answer]
    steps: list[Step]
    groups: list[Group]
    layout: Layout

    def check_attention(self, case: Case) -> None:
        """Compare what was closed in the first layer. Rows of padding are meaningless and left out."""
        case.equal("layer0_cross_attn_blocked", self.steps[0].cross_blocked)
        ordered = in_order(self.groups)
        for group in ordered:
            if group.name is GroupName.SPATIAL_MEMORIES and self.steps[0].memory_objects is not None:
                group.objects = self.steps[0].memory_objects
        valid = torch.cat([_valid(group) for group in ordered], 1)
        case.equal("layer0_self_attn_blocked", blocked(ordered, ordered, self.layout.sees), valid)


class SeemVectors:
    def __init__(self) -> None:
        path = vectors.folder("seem") / "weights.safetensors"
        tensors = checkpoint.read_tensors(path)
        self.config: dict[str, Any] = vectors.read_json("seem", "config.json")
        described = (vectors.folder("seem") / "meta.json").is_file()
        self.meta: dict[str, Any] = vectors.read_json("seem", "meta.json") if described else {}
        self.tensors = tensors
        self.shape = from_official(self.config["v0"], checkpoint.sizes_of(tensors))
        self.model = checkpoint.load(tensors, self.shape)

    def case(self, name: str) -> Case:
        return Case("seem", name)

    @cached_property
    def pixels(self) -> Tensor:
        return self.case("backbone")["image"]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image before padding."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[2])

    @cached_property
    def sight(self) -> Sight:
        return self.model.look(self.model.preprocess(self.pixels))

    @cached_property
    def names(self) -> Tensor:
        case = self.case("text")
        ids = case.get("class_prompt_ids")
        return case["class_text_embeddings"] if ids is None else self.model.text.names(ids.long())

    def padded(self, masks: Tensor, sight: Sight | None = None) -> Tensor:
        """Bool masks (…, H, W) in the padded frame."""
        height, width = (sight or self.sight).padded
        return F.pad(masks.bool(), (0, width - masks.shape[-1], 0, height - masks.shape[-2]))

    def phrase(self, case: Case) -> tuple[TextTokens, Tensor]:
        ids = self.case("text")["phrase_ids"][int(case["phrase_index"])]
        return self.model.phrase(ids[None].long())

    def forward(self, layout: Layout, prompts: ModelPrompts) -> Forward:
        """All groups that the official code activates, also those whose answers nobody reads."""
        steps: list[Step] = []
        groups = groups_for(self.model.decoder, layout, prompts)
        recollection = Recollection(prompts.previous) if prompts.previous is not None else None
        states = self.model.decoder(self.sight, groups, layout.sees, recollection, steps.append)
        answers = {group.name: self.model.answer(states[group.name]) for group in groups if group.crosses}
        return Forward(answers, steps, groups, layout)


def _valid(group: Group) -> Tensor:
    if group.valid is not None:
        return group.valid
    return torch.ones(group.state.shape[:2], dtype=torch.bool, device=group.state.device)
