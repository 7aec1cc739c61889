"""How a person's prompts become what a SAM is asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.models.sam.frame import InputFrame
from inference.models.sam.memories import from_mask, recall, remember
from inference.models.sam.prompting import Question, bounds, deepest, excluded, questions, samples
from inference.prompts import Box, MaskPrompt, Point, Polygon, Scribble, Text

sides = st.integers(1, 5000)
coordinates = st.floats(0, 5000, allow_nan=False)
SIDE = 1024


@given(sides, sides)
def test_the_longer_side_fills_the_square(height: int, width: int) -> None:
    frame = InputFrame.padded(height, width, SIDE)
    assert max(frame.rows, frame.columns) == SIDE
    assert min(frame.rows, frame.columns) >= 1
    assert abs(frame.rows * width - frame.columns * height) <= max(height, width)
    rows, columns = frame.low(256)
    assert 1 <= rows <= 256
    assert 1 <= columns <= 256


@given(sides, sides, st.floats(0, 1), st.floats(0, 1))
def test_a_click_on_a_pixel_is_the_official_pixel(height: int, width: int, across: float, down: float) -> None:
    """The official predictor scales pixel numbers as they are; half a pixel is added in the model."""
    x, y = int(across * (width - 1)), int(down * (height - 1))
    for frame in (InputFrame.padded(height, width, SIDE), InputFrame.stretched(height, width, SIDE)):
        there = frame.to_input(np.array([[x + 0.5, y + 0.5]]))
        assert there == pytest.approx(np.array([[x * frame.columns / width, y * frame.rows / height]]))


@settings(max_examples=30)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=20), st.integers(1, 5000))
def test_samples_lie_within_the_stroke(vertices: list[tuple[float, float]], side: int) -> None:
    found = samples(tuple(vertices), side)
    x0, y0, x1, y1 = bounds(tuple(vertices))
    assert 1 <= len(found) <= 8
    for x, y in found:
        assert x0 - 1e-6 <= x <= x1 + 1e-6
        assert y0 - 1e-6 <= y <= y1 + 1e-6


def test_samples_are_spread_evenly_along_a_bent_stroke() -> None:
    found = samples(((0.0, 0.0), (200.0, 0.0), (200.0, 200.0)), 1250)
    assert np.array(found) == pytest.approx(np.array([(50, 0), (150, 0), (200, 50), (200, 150)]))


def test_the_deepest_point_of_an_outline_is_inside_it() -> None:
    bracket = (
        (0.0, 0.0),
        (100.0, 0.0),
        (100.0, 20.0),
        (20.0, 20.0),
        (20.0, 80.0),
        (60.0, 80.0),
        (60.0, 100.0),
        (0.0, 100.0),
    )
    x, y = deepest(bracket)
    assert x < 20 or y < 20 or (y > 80 and x < 60)
    assert deepest(((10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0))) == pytest.approx((20, 20), abs=0.5)


@settings(max_examples=30)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8))
def test_the_deepest_point_lies_in_the_bounding_box(vertices: list[tuple[float, float]]) -> None:
    x, y = deepest(tuple(vertices))
    x0, y0, x1, y1 = bounds(tuple(vertices))
    reach = 0.03 * max(x1 - x0, y1 - y0) + 1e-3
    assert x0 - reach <= x <= x1 + reach
    assert y0 - reach <= y <= y1 + reach


def test_points_go_with_the_box_that_holds_them() -> None:
    large, small = Box(0, 0, 100, 100), Box(10, 10, 30, 30)
    within_both, large_only, outside = Point(20, 20), Point(80, 80), Point(40, 105)
    asked = questions([large, small, within_both, large_only, outside, Point(5, 5, positive=False)], 200)
    assert [(each.box, each.inside, each.outside) for each in asked] == [
        ((0, 0, 100, 100), ((80, 80), (40, 105)), ((5, 5),)),
        ((10, 10, 30, 30), ((20, 20),), ((5, 5),)),
    ]


def test_parts_are_asked_for_apart() -> None:
    asked = questions([Point(1, 1), Point(9, 9, part=1), Point(2, 2), Box(8, 8, 10, 10, part=1), Text("x")], 20)
    assert [(each.part, each.inside, each.box) for each in asked] == [
        (0, ((1, 1), (2, 2)), None),
        (1, ((9, 9),), (8, 8, 10, 10)),
    ]
    assert [each.ambiguous for each in asked] == [False, False]


def test_an_outline_is_a_box_and_its_deepest_point() -> None:
    outline = Polygon(((10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0)))
    (asked,) = questions([outline], 100)
    assert asked.box == (10, 10, 30, 30)
    assert asked.inside[0] == pytest.approx((20, 20), abs=0.5)


def test_only_one_click_is_ambiguous() -> None:
    assert Question(0, ((1, 1),)).ambiguous
    assert not Question(0, ((1, 1), (2, 2))).ambiguous
    assert not Question(0, ((1, 1),), ((2, 2),)).ambiguous
    assert not Question(0, ((1, 1),), box=(0, 0, 2, 2)).ambiguous
    assert not Question(0).ambiguous


def test_nothing_positive_asks_nothing() -> None:
    assert questions([Point(1, 1, positive=False), Box(0, 0, 1, 1, positive=False), Text("x")], 10) == []


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 60), st.integers(1, 60))
def test_negative_boxes_cover_their_pixels(x: int, y: int, width: int, height: int) -> None:
    frame = InputFrame.stretched(64, 64, 64)
    out = excluded([Box(x, y, x + width, y + height, positive=False)], frame, 64, 64)
    assert out is not None
    expected = np.zeros((64, 64), bool)
    expected[y : y + height, x : x + width] = True
    assert np.array_equal(out, expected)


def test_nothing_negative_excludes_nothing() -> None:
    mask = np.ones((10, 10), bool)
    frame = InputFrame.stretched(10, 10, 64)
    assert excluded([Box(0, 0, 1, 1), Point(1, 1, positive=False), MaskPrompt(mask)], frame, 10, 10) is None
    out = excluded([MaskPrompt(mask, positive=False)], frame, 20, 30)
    assert out is not None
    assert out.shape == (20, 30)
    assert out.all()


def test_a_stroke_beside_the_object_goes_with_every_question() -> None:
    asked = questions([Point(1, 1), Point(90, 90, part=1), Scribble(((5.0, 5.0), (6.0, 5.0)), positive=False)], 1000)
    assert [each.outside for each in asked] == [((5.5, 5.0),), ((5.5, 5.0),)]


def test_a_mask_becomes_logits_of_the_square() -> None:
    mask = np.zeros((50, 100), bool)
    mask[:, 50:] = True
    low = from_mask(mask, InputFrame.padded(50, 100, 64), 16)[0, 0].numpy()
    assert low.shape == (16, 16)
    assert low[:8, 8:] == pytest.approx(10)
    assert low[:8, :8] == pytest.approx(-10)
    assert (low[8:] == -10).all()


def test_memory_knows_questions_again_by_part_and_box() -> None:
    import torch

    boxes = Question(0, box=(0, 0, 1, 1)), Question(0, box=(2, 2, 3, 3)), Question(1, ((5, 5),))
    low = torch.arange(3.0).view(3, 1, 1).expand(3, 4, 4)
    memory = remember("sam", [low, low + 10, low + 20], boxes)
    found = recall(memory, "sam", (boxes[1], Question(0, box=(7, 7, 8, 8)), Question(1, box=(4, 4, 6, 6))), 4)
    assert [None if each is None else float(each[0, 0, 0, 0]) for each in found] == [1, None, 2]
    assert recall(memory, "sam2", boxes, 4) == [None] * 3
    assert recall(memory, "sam", boxes, 8) == [None] * 3
    assert recall(None, "sam", boxes, 4) == [None] * 3
