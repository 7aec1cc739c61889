"""What is kept from round to round: the low-resolution logits of every candidate, for each question that was asked."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.device import torch_device
from inference.models.sam.frame import InputFrame
from inference.models.sam.prompting import Question
from inference.prompts import MaskArray
from inference.results import Memory

LOW, ASKED, CHOSEN = "low-resolution logits", "questions", "chosen"
"""Keys of the arrays. The session adds the last: the index of the candidate that the person took."""

GIVEN_LOGIT = 10.0
"""How sure a mask is that was given, not predicted: about as sure as SAM's own are inside and outside."""


def remember(engine: str, low: Sequence[Tensor], questions: Sequence[Question]) -> Memory:
    """``low``: for each candidate its logits (questions, h, w)."""
    kept = torch.stack(list(low)).float().cpu().numpy()
    return Memory(engine, {LOW: kept, ASKED: np.array([_key(each) for each in questions], np.float64)})


def recall(memory: Memory | None, engine: str, questions: Sequence[Question], cells: int) -> list[Tensor | None]:
    """For each question the logits (1, 1, h, w) of the mask that the person chose, where it was asked before.

    A question is known again by its part and box. When a part has one question then and now it is the same one.
    """
    nothing: list[Tensor | None] = [None] * len(questions)
    if memory is None or memory.engine != engine or LOW not in memory.arrays or ASKED not in memory.arrays:
        return nothing
    low, asked = np.asarray(memory.arrays[LOW], np.float32), np.asarray(memory.arrays[ASKED], np.float64)
    if low.ndim != 4 or low.shape[1] != len(asked) or low.shape[2:] != (cells, cells):
        return nothing
    chosen = int(np.ravel(memory.arrays.get(CHOSEN, np.zeros(1)))[0])
    if not 0 <= chosen < len(low):
        chosen = 0
    found = [_known(each, questions, asked) for each in questions]
    return [
        torch.from_numpy(np.array(low[chosen, index]))[None, None].to(torch_device()) if index is not None else None
        for index in found
    ]


def from_mask(mask: MaskArray, frame: InputFrame, cells: int) -> Tensor:
    """A mask of the image as logits (1, 1, cells, cells) of the model's square; what is not image is not object."""
    rows, columns = frame.low(cells)
    share = cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    logits = np.full((cells, cells), -GIVEN_LOGIT, np.float32)
    logits[:rows, :columns] = (2 * share - 1) * GIVEN_LOGIT
    return torch.from_numpy(logits)[None, None].to(torch_device())


def _key(question: Question) -> tuple[float, ...]:
    return float(question.part), *(question.box or (np.nan,) * 4)


def _known(question: Question, questions: Sequence[Question], asked: NDArray[np.float64]) -> int | None:
    same = [index for index, key in enumerate(asked) if np.array_equal(key, _key(question), equal_nan=True)]
    if same:
        return same[0]
    of_part = [index for index, key in enumerate(asked) if key[0] == question.part]
    alone = sum(each.part == question.part for each in questions) == 1
    return of_part[0] if alone and len(of_part) == 1 else None
