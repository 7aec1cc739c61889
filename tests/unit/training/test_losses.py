"""The losses: bounds, ignored pixels, what the ambiguous round teaches."""

from __future__ import annotations

import pytest
import torch

from inference.training.losses import dice, hard_iou, normalised_focal, total_loss

TARGET = torch.zeros(1, 1, 8, 8)
TARGET[..., 2:6, 2:6] = 1
KNOWN = torch.ones_like(TARGET)
RIGHT = (TARGET * 2 - 1) * 12


def test_a_sure_right_mask_costs_nothing_and_a_sure_wrong_one_much() -> None:
    assert dice(RIGHT, TARGET, KNOWN).item() == pytest.approx(0, abs=1e-3)
    assert normalised_focal(RIGHT, TARGET, KNOWN).item() < 1e-2
    assert dice(-RIGHT, TARGET, KNOWN).item() > 0.9
    assert normalised_focal(-RIGHT, TARGET, KNOWN).item() == pytest.approx(12, rel=0.01)


def test_unknown_pixels_change_no_loss() -> None:
    known = KNOWN.clone()
    known[..., :2, :] = 0
    spoiled = RIGHT.clone()
    spoiled[..., :2, :] = 30
    for loss in (dice, normalised_focal, hard_iou):
        assert torch.allclose(loss(RIGHT, TARGET, known), loss(spoiled, TARGET, known), atol=1e-5)


def test_hard_iou_counts_pixels() -> None:
    half = RIGHT.clone()
    half[..., 4:6, 2:6] = -12
    assert hard_iou(half, TARGET, KNOWN).item() == pytest.approx(0.5)


def test_focal_looks_at_the_hard_pixels() -> None:
    logits = RIGHT.clone()
    logits[..., 0, 0] = 2.0
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, TARGET)
    assert normalised_focal(logits, TARGET, KNOWN).item() > plain.item()


def test_only_the_best_other_candidate_learns_from_an_ambiguous_click() -> None:
    masks = torch.stack([torch.zeros(8, 8), RIGHT[0, 0] / 4, -RIGHT[0, 0]])[None].requires_grad_()
    total_loss(masks, torch.zeros(1, 3), TARGET, KNOWN, ambiguous=True).backward()
    assert masks.grad is not None
    moved = masks.grad.abs().sum((0, 2, 3))
    assert moved[0] > 0
    assert moved[1] > 0
    assert moved[2] == 0


def test_later_rounds_teach_the_first_candidate_only() -> None:
    masks = torch.zeros(1, 3, 8, 8, requires_grad=True)
    total_loss(masks, torch.zeros(1, 3), TARGET, KNOWN, ambiguous=False).backward()
    assert masks.grad is not None
    assert (masks.grad.abs().sum((0, 2, 3)) > 0).tolist() == [True, False, False]
