"""One round of an object: all its prompts composed into one forward, and the best masks that come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.models.seem.drawing import ModelFrame, box_limits, drawn, prior
from inference.models.seem.finish import cropped
from inference.models.seem.layout import COMPOSITE, V0, GroupName, Layout
from inference.models.seem.model import Answer, Seem
from inference.models.seem.prompting import ModelPrompts, TextTokens
from inference.models.seem.sampler import Sample, Tokens
from inference.models.seem.sight import Sight, resized
from inference.prompts import MaskArray, Prompt
from inference.results import OUTSIDE_LOGIT, Frame, Logits

PRIOR_LOGIT = 10.0
"""How sure a mask that a person painted is when it stands in for the previous round's."""


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """A text that was said: its tokens and its vector in the joint space (1, projection)."""

    tokens: TextTokens
    whole: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A region of another image: its tokens and matching vector (1, mask), zero when only negative."""

    tokens: Tokens
    matching: Tensor

    @staticmethod
    def joined(samples: Sequence[Sample]) -> Example:
        """Several regions as one example: all their tokens, and the mean of the positive matching vectors."""
        levels = tuple(torch.cat(parts, 1) for parts in zip(*(each.tokens.levels for each in samples), strict=True))
        valid = torch.cat([each.tokens.valid for each in samples], 1)
        positive = [each.positive for each in samples if each.positive.any()] or [samples[0].positive]
        return Example(Tokens(levels, valid), torch.stack(positive).mean(0))


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One query's mask: ``low`` logits (1, 1, H / 4, W / 4), which the next round remembers, and its class vector."""

    low: Tensor
    class_vector: Tensor
    score: float


def play(
    model: Seem,
    sight: Sight,
    frame: ModelFrame,
    prompts: Sequence[Prompt],
    phrase: Phrase | None,
    example: Example | None,
    previous: Tensor | None,
    count: int,
    *,
    mixing: Layout = COMPOSITE,
    fill_boxes: bool = False,
) -> list[Found] | None:
    """The ``count`` best masks, best first. None when nothing in the prompts says what the object is.

    The query is chosen by what the person pointed at, else by the example, else by the text, else (only negative
    prompts are left) by the previous mask. ``mixing`` is the layout of rounds in which more than text was said:
    :data:`COMPOSITE` or :data:`DEMO`, which has no memory.
    """
    positive, negative = drawn(prompts, frame, fill_boxes=fill_boxes)
    if previous is None:
        previous = _from_prior(prior(prompts, frame), sight)
    spatial = None
    matching = None
    if positive.any() or negative.any():
        said = model.sample(sight, _on(positive, sight), _on(negative, sight))
        spatial = said.tokens
        matching = said.positive if positive.any() else None
    if matching is None and example is not None and example.matching.any():
        matching = example.matching
    if matching is None and phrase is None and previous is not None:
        matching = _matching_of(model, sight, previous)
    if matching is None and phrase is None:
        return None
    only_text = spatial is None and example is None and previous is None
    layout = V0 if only_text else mixing
    group = layout.for_text if only_text else layout.for_clicks
    said_now = ModelPrompts(
        spatial=spatial,
        visual=example.tokens if example else None,
        text=phrase.tokens if phrase else None,
        previous=previous if layout.remembers else None,
    )
    # the grounding queries stay although nobody reads their answer: the text's tokens look at them
    answer = model.decode(sight, layout, said_now, {group, GroupName.GROUNDING_QUERIES})[group]
    if matching is not None:
        scores = answer.matching(matching)[0]
    else:
        assert phrase is not None
        scores = model.text.similarity(answer.class_vectors, phrase.whole)[0, :, 0]
    return _best(answer, sight, scores, count)


def to_candidate(low: Tensor, prompts: Sequence[Prompt], frame: ModelFrame) -> tuple[Logits, Frame]:
    """Logits and their place in the image; boxes cut them off, for which they are first enlarged."""
    limits = box_limits(prompts, frame)
    if limits is None:
        return as_array(low[0, 0]), Frame(frame.height, frame.width, frame.region)
    logits = as_array(cropped(low, frame.padded, (frame.rows, frame.columns))[0, 0])
    logits[~limits] = OUTSIDE_LOGIT
    return logits, Frame.whole(frame.height, frame.width)


def as_array(x: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = x.float().cpu().numpy().astype(np.float32)
    return array


def _best(answer: Answer, sight: Sight, scores: Tensor, count: int) -> list[Found]:
    order = scores.argsort(descending=True, stable=True)[:count]
    found = []
    for query in order:
        low = answer.mask(sight, query[None])
        inside = low > 0
        certainty = float(low.sigmoid()[inside].mean()) if inside.any() else 0.0
        found.append(Found(low, answer.class_vectors[0, query], certainty))
    return found


def _from_prior(mask: MaskArray | None, sight: Sight) -> Tensor | None:
    if mask is None:
        return None
    low = resized(_on(mask, sight)[None].float(), (sight.padded[0] // 4, sight.padded[1] // 4))
    return torch.where(low > 0.5, PRIOR_LOGIT, -PRIOR_LOGIT)


def _matching_of(model: Seem, sight: Sight, previous: Tensor) -> Tensor | None:
    inside = resized(previous, sight.padded)[:, 0] > 0
    return model.sample(sight, inside, torch.zeros_like(inside)).positive if inside.any() else None


def _on(mask: MaskArray, sight: Sight) -> Tensor:
    return torch.from_numpy(mask)[None].to(sight.device)
