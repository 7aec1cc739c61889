"""The official interactive evaluation: rounds of simulated clicks, each answered with the memory of the last."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.models.seem.finish import cropped
from inference.models.seem.layout import V0, GroupName
from inference.models.seem.prompting import ModelPrompts
from inference.models.seem.sight import resized
from tests.parity import vectors
from tests.parity.seem_vectors import SeemVectors

ENOUGH = 0.925
"""IoU at which an object gets no further click."""


@pytest.mark.parametrize("name", vectors.cases("seem", "interactive_loop_*"))
def test_rounds_and_their_iou(seem: SeemVectors, name: str) -> None:
    case = seem.case(name)
    previous: Tensor | None = None
    ious = []
    for index, positive in case.numbered_between("round", "_pos"):
        negative = case[f"round{index}_neg"]
        said = seem.model.sample(seem.sight, positive[:, 0].bool(), negative[:, 0].bool())
        answer = seem.forward(V0, ModelPrompts(spatial=said.tokens, previous=previous)).answers[
            GroupName.SPATIAL_QUERIES
        ]
        previous = answer.mask(seem.sight, answer.matching(said.positive).argmax(1))
        case.close(f"round{index}_prev_mask_out", previous)
        ious.append(_iou(seem, previous, case["gt_masks_orisize"]))
        case.close(f"round{index}_iou", ious[-1], 1e-5)
    case.close("evaluate_interactive_iou", torch.stack(ious, 1), 1e-5)
    case.done()


@pytest.mark.parametrize("name", vectors.cases("seem", "interactive_loop_*"))
def test_rounds_need_their_memory(seem: SeemVectors, name: str) -> None:
    """Without the previous mask the second round is another one."""
    case = seem.case(name)
    for index, positive in list(case.numbered_between("round", "_pos"))[1:]:
        said = seem.model.sample(seem.sight, positive[:, 0].bool(), case[f"round{index}_neg"][:, 0].bool())
        answer = seem.forward(V0, ModelPrompts(spatial=said.tokens)).answers[GroupName.SPATIAL_QUERIES]
        forgetful = answer.mask(seem.sight, answer.matching(said.positive).argmax(1))
        assert (forgetful - case[f"round{index}_prev_mask_out"]).abs().max() > 0.1


@pytest.mark.parametrize("name", vectors.cases("seem", "interactive_loop_*"))
def test_clicks_lie_in_the_middle_of_the_larger_error(seem: SeemVectors, name: str) -> None:
    """The official clicks follow the protocol (its distance transform is approximate: within 1.5 pixels)."""
    case = seem.case(name)
    truth = seem.padded(case["gt_masks"]).numpy()
    rounds = [index for index, _ in case.numbered_between("round", "_pos")]
    for before, after in pairwise(rounds):
        guess = resized(case[f"round{before}_prev_mask_out"], seem.sight.padded)[:, 0].sigmoid().numpy() > 0.5
        for row, wanted in enumerate(truth):
            if float(case[f"round{before}_iou"][row]) >= ENOUGH:
                continue
            drawn = {sign: case[f"round{before}_{sign}"][row, 0].numpy() > 0 for sign in ("pos", "neg")}
            added = {sign: (case[f"round{after}_{sign}"][row, 0].numpy() > 0) & ~drawn[sign] for sign in ("pos", "neg")}
            covered = drawn["pos"] | drawn["neg"]
            missed, extra = wanted & ~guess[row] & ~covered, ~wanted & guess[row] & ~covered
            sign, error = ("pos", missed) if missed.sum() > extra.sum() else ("neg", extra)
            depth = _depth(error)
            assert depth[added[sign]].max() >= depth.max() - 1.5
            assert not added["neg" if sign == "pos" else "pos"].any()


def _iou(seem: SeemVectors, logits: Tensor, truth: Tensor) -> Tensor:
    """At original size; void pixels (-1) do not count."""
    masks = resized(cropped(logits, seem.sight.padded, seem.size), (truth.shape[1], truth.shape[2]))[:, 0] > 0
    counts = truth >= 0
    both = (masks & (truth == 1) & counts).flatten(1).sum(1)
    either = ((masks | (truth == 1)) & counts).flatten(1).sum(1)
    return both / either


def _depth(error: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance to the nearest pixel outside the error, the border of the image counting as outside."""
    depth = cv2.distanceTransform(np.pad(error, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return depth[1:-1, 1:-1].astype(np.float32)
