"""Pasted lessons: pixels and truth change together, and only where the donor lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.training.pasting import Donor, donor_of, pasted_as_target, pasted_in_front
from inference.training.simulate import Lesson
from inference.training.views import TARGET, VIEW, View, joined, mirrored


def disk(size: int, radius: float) -> np.ndarray:
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    return np.asarray(rows**2 + columns**2 <= radius**2)


def red_donor() -> Donor:
    pixels = np.zeros((60, 60, 3), np.uint8)
    pixels[...] = (0, 255, 0)
    pixels[disk(60, 29)] = (255, 0, 0)
    donor = donor_of(np.pad(pixels, ((9, 9), (9, 9), (0, 0))), np.pad(disk(60, 29), 9))
    assert donor is not None
    return donor


def blue_view(target: np.ndarray) -> View:
    pixels = np.zeros((VIEW, VIEW, 3), np.uint8)
    pixels[...] = (0, 0, 255)
    return View(pixels, target.astype(np.float32), np.zeros((TARGET, TARGET), np.float32), is_part=True)


def test_a_donor_is_cut_to_its_box() -> None:
    donor = red_donor()
    assert donor.pixels.shape == (58, 58, 3)
    assert donor.alpha.sum() == disk(60, 29).sum()


def test_what_the_border_cuts_off_or_is_tiny_is_no_donor() -> None:
    pixels, mask = np.zeros((100, 100, 3), np.uint8), np.zeros((100, 100), bool)
    mask[60:, 30:70] = True
    assert donor_of(pixels, mask) is None, "it goes on below the photo"
    assert donor_of(pixels, np.roll(mask, -30, 0)) is not None
    assert donor_of(pixels, np.pad(disk(20, 9), 40)) is None, "too small"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_pasted_target_is_where_its_pixels_are(seed: int) -> None:
    view = pasted_as_target(blue_view(np.ones((TARGET, TARGET))), red_donor(), np.random.default_rng(seed))
    if view is None:
        return
    shown = view.pixels.reshape(TARGET, 2, TARGET, 2, 3).mean((1, 3))
    inner, outer = view.target > 0.999, view.target < 0.001
    # the target's edge may reach a pixel further than the pixels, whose edge is drawn in
    assert (shown[inner][:, 0] > 60).all()
    assert shown[inner][:, 0].mean() > 220
    assert (shown[outer] == (0, 0, 255)).all()
    assert shown[..., 1].max() < 90, "the donor's old background stays behind"
    assert view.known.all()
    assert not view.is_part


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_what_stands_in_front_is_taken_from_the_target(seed: int) -> None:
    before = blue_view(disk(TARGET, 40))
    after = pasted_in_front(
        View(before.pixels, before.target, np.ones_like(before.known)), red_donor(), np.random.default_rng(seed)
    )
    if after is None:
        return
    assert (after.target <= before.target).all()
    assert 0.45 * before.target.sum() <= after.target.sum() < before.target.sum()
    shown = after.pixels.reshape(TARGET, 2, TARGET, 2, 3).mean((1, 3))
    assert shown[after.target > 0.999][:, 2].min() > 180, "only the edge is a little soft"
    hidden = (before.target > 0.999) & (after.target < 0.001)
    assert shown[hidden][:, 0].mean() > 220


def test_a_view_without_its_target_is_left_alone() -> None:
    assert pasted_in_front(blue_view(np.zeros((TARGET, TARGET))), red_donor(), np.random.default_rng(0)) is None


def test_a_target_grows_by_what_touches_it() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[5:20, 5:20] = 1
    labels[20:30, 5:20] = 2
    labels[30:, 25:] = 3
    labels[5:20, 20:25] = 255
    random = np.random.default_rng(0)
    assert {joined(labels, (1,), 255, random) for _ in range(20)} == {(1, 2)}
    assert joined(labels, (3,), 255, random) == (3,)


@pytest.mark.parametrize("seed", range(20))
def test_joined_things_do_not_open_with_one_click(seed: int) -> None:
    truth = np.zeros((TARGET, TARGET), np.float32)
    truth[20:60, 20:60] = truth[60:100, 50:110] = 1
    view = View(np.zeros((VIEW, VIEW, 3), np.uint8), truth, np.ones_like(truth), is_joined=True)
    lesson = Lesson.of(view, np.random.default_rng(seed))
    assert lesson.opening != "click"
    if lesson.opening == "clicks":
        assert len(lesson.canvas.seeds) in (2, 3)
        places = np.array([(row, column) for row, column, _ in lesson.canvas.seeds])
        assert np.linalg.norm(places[0] - places[1]) * 2 > np.sqrt(0.1 * truth.sum()) - 4


def test_what_it_is_pasted_on_is_what_it_may_be_taken_for() -> None:
    background = blue_view(np.ones((TARGET, TARGET)))
    seen = 0
    for seed in range(20):
        view = pasted_as_target(background, red_donor(), np.random.default_rng(seed))
        if view is None or view.wrong is None:
            continue
        assert view.wrong.min() == 1
        lesson = Lesson.of(view, np.random.default_rng(seed))
        if lesson.opening == "taken":
            seen += 1
            assert [sign for _, _, sign in lesson.canvas.seeds] == [1.0, -1.0]
            assert lesson.canvas.prior is not None
            assert lesson.canvas.prior.min() > 0.7
    assert seen > 5


def test_a_mirrored_view_mirrors_everything() -> None:
    half = np.zeros((TARGET, TARGET), np.float32)
    half[:, :20] = 1
    view = View(np.zeros((VIEW, VIEW, 3), np.uint8), half, half, wrong=half)
    after = mirrored(view)
    assert after.wrong is not None
    for values in (after.target, after.known, after.wrong):
        assert values[:, -20:].all()
        assert not values[:, :-20].any()
