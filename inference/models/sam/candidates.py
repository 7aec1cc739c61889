"""From the four masks that a SAM decodes for each question to the three candidates of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.models.sam.promptable import Decoded
from inference.models.sam.prompting import Question
from inference.proposals import stability

COUNT = 3
STABLE_DELTA, STABLE_SHARE = 0.05, 0.98
"""SAM 2 takes its single mask when thresholds this far from zero change it no more than this (Ravi et al. 2024)."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One candidate: logits of each question (questions, h, w), and the mean of their predicted IoUs, in [0, 1]."""

    low: Tensor
    score: float


def readings(
    questions: Sequence[Question], answers: Sequence[Decoded], refines: Sequence[bool], trusts_unstable: bool
) -> list[Reading]:
    """The candidates, best first: the n-th is made of the n-th best mask of each question.

    ``refines`` says which questions had a mask of an earlier round with them.
    """
    orders = [
        _order(answer, question.ambiguous and not again, trusts_unstable)
        for question, answer, again in zip(questions, answers, refines, strict=True)
    ]
    found = []
    for rank in range(COUNT):
        chosen = [order[rank] for order in orders]
        low = torch.stack([answer.low[0, index] for answer, index in zip(answers, chosen, strict=True)])
        scores = [float(answer.scores[0, index]) for answer, index in zip(answers, chosen, strict=True)]
        found.append(Reading(low, min(max(sum(scores) / len(scores), 0.0), 1.0)))
    return found


def _order(answer: Decoded, ambiguous: bool, trusts_unstable: bool) -> list[int]:
    """Indices of the masks, best first.

    To a single click the three readings, by predicted IoU. To all else the single mask first, as the authors advise,
    or for SAM 2 the best reading when that one is unstable, and then the others.
    """
    by_score = (1 + answer.scores[0, 1:].argsort(descending=True, stable=True)).tolist()
    if ambiguous:
        return by_score
    stable = trusts_unstable or bool(stability(answer.low[0, 0], STABLE_DELTA).nan_to_num(1.0) >= STABLE_SHARE)
    return [0, *by_score] if stable else [by_score[0], 0, *by_score[1:]]
