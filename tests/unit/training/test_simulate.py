"""The simulated annotator: clicks lie in what is wrong, first prompts say something true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.training.simulate import CELL, OPENINGS, Lesson, interior, next_click, place_in, rough_mask
from inference.training.views import TARGET, VIEW, View


def blob(seed: int) -> np.ndarray:
    """A random union of disks and boxes on the target grid."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((TARGET, TARGET))
    mask = np.zeros((TARGET, TARGET), bool)
    for _ in range(int(rng.integers(1, 4))):
        row, column, radius = [*rng.integers(10, TARGET - 10, 2).tolist(), int(rng.integers(2, 30))]
        mask |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    return mask


def view_of(mask: np.ndarray) -> View:
    return View(np.zeros((VIEW, VIEW, 3), np.uint8), mask.astype(np.float32), np.ones((TARGET, TARGET), np.float32))


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_correction_lies_in_the_error(first: int, second: int) -> None:
    truth, mask = blob(first), blob(second)
    click = next_click(truth, np.ones_like(truth), mask, np.random.default_rng(first))
    if (truth == mask).all():
        assert click is None
    else:
        assert click is not None
        row, column, positive = click
        assert truth[row, column] == positive
        assert mask[row, column] != positive


def test_the_deeper_error_is_clicked_first() -> None:
    truth, mask = np.zeros((TARGET, TARGET), bool), np.zeros((TARGET, TARGET), bool)
    truth[10:50, 10:50] = True
    mask[100:104, 20:110] = True
    click = next_click(truth, np.ones_like(truth), mask, np.random.default_rng(0))
    assert click is not None
    assert click[2]


def test_nothing_is_clicked_where_the_truth_is_unknown() -> None:
    truth = blob(1)
    known = ~truth
    assert next_click(truth, known, np.zeros_like(truth), np.random.default_rng(0)) is None


def test_a_centred_click_is_the_innermost_pixel() -> None:
    mask = np.zeros((TARGET, TARGET), bool)
    mask[20:41, 60:81] = True
    assert place_in(mask, np.random.default_rng(0), centred=1.0) == (30, 70)


def test_the_image_border_counts_as_outside() -> None:
    assert interior(np.ones((5, 5), bool)).max() == pytest.approx(3, abs=0.2)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(OPENINGS))
def test_every_opening_says_something_about_the_object(seed: int, opening: str) -> None:
    truth = blob(seed)
    lesson = Lesson.of(view_of(truth), np.random.default_rng(seed), opening)
    canvas = lesson.canvas
    said = canvas.positive.any() or canvas.negative.any() or canvas.region.any() or canvas.prior is not None
    assert said
    for row, column, sign in canvas.seeds:
        if opening == "click":
            cells = truth[int(row) * 4 // CELL : int(row) * 4 // CELL + 2, int(column) * 4 // CELL :][:, :2]
            assert sign > 0
            assert cells.any()


def test_a_stroke_of_one_place_is_a_dot() -> None:
    """A blob and a seed for which all but one vertex of the stroke leave the object; it was drawn as nothing."""
    lesson = Lesson.of(view_of(blob(241)), np.random.default_rng(241), "scribble")
    assert lesson.canvas.positive.any()


def test_corrections_keep_the_prior_and_add_clicks() -> None:
    truth = blob(5)
    lesson = Lesson.of(view_of(truth), np.random.default_rng(0), "click")
    for number in range(2, 6):
        lesson.correct(np.zeros((TARGET, TARGET), np.float32))
        assert len(lesson.canvas.seeds) == number
    assert lesson.canvas.prior is not None
    assert lesson.canvas.prior.max() == 0


def test_a_perfect_mask_is_not_corrected() -> None:
    truth = blob(6)
    lesson = Lesson.of(view_of(truth), np.random.default_rng(0), "click")
    lesson.correct(truth.astype(np.float32))
    assert len(lesson.canvas.seeds) == 1


@given(st.integers(0, 10_000))
def test_a_rough_mask_is_of_the_same_size(seed: int) -> None:
    rough = rough_mask(blob(seed), np.random.default_rng(seed))
    assert rough.shape == (TARGET, TARGET)
    assert rough.dtype == bool
