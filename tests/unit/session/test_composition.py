"""Composing old and new masks: only what a prompt touches changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from desktop.composition import candidate_of_mask, compose, stand_in_prompts
from inference.prompts import Box, Point, Scribble

MASKS = arrays(np.bool_, (24, 24))


@given(MASKS, MASKS)
def test_without_prompts_nothing_changes(old: np.ndarray, new: np.ndarray) -> None:
    assert (compose(old, new, ()) == old).all()


@given(MASKS, MASKS)
def test_prompts_over_everything_take_everything(old: np.ndarray, new: np.ndarray) -> None:
    everywhere = [Box(0, 0, 24, 24), Box(0, 0, 24, 24, positive=False)]
    assert (compose(old, new, everywhere) == new).all()


@given(MASKS, MASKS, st.integers(0, 23), st.integers(0, 23), st.booleans())
def test_one_polarity_only_adds_or_only_removes(
    old: np.ndarray, new: np.ndarray, x: int, y: int, positive: bool
) -> None:
    result = compose(old, new, [Point(x + 0.5, y + 0.5, positive)])
    assert (result >= old).all() if positive else (result <= old).all()
    assert ((result == old) | (result == new)).all()


def test_a_negative_stroke_cuts_only_the_piece_under_it() -> None:
    old = np.zeros((24, 24), bool)
    old[2:6, 2:6] = old[14:20, 14:20] = True
    new = np.zeros((24, 24), bool)
    result = compose(old, new, [Scribble(((15.0, 15.0), (18.0, 18.0)), 1.0, positive=False)])
    assert result[2:6, 2:6].all()
    assert not result[14:20, 14:20].any()


@given(MASKS)
def test_stand_ins_lie_in_the_mask(mask: np.ndarray) -> None:
    prompts = stand_in_prompts(mask)
    assert bool(prompts) == bool(mask.any())
    for prompt in prompts:
        if isinstance(prompt, Point):
            assert mask[int(prompt.y), int(prompt.x)]
        else:
            assert isinstance(prompt, Box)
            ys, xs = np.nonzero(mask)
            assert (prompt.x0, prompt.y0, prompt.x1, prompt.y1) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


@given(MASKS)
def test_a_mask_survives_being_a_candidate(mask: np.ndarray) -> None:
    assert (candidate_of_mask(mask, "hand").mask() == mask).all()
