"""Class colours stay apart in normal vision and in three simulated dichromacies."""

from __future__ import annotations

from math import hypot

import pytest

from desktop.dataset.palette import CLASS_COLOURS, Vision, class_colour, next_colour, oklab, smallest_distance

JUST_NOTICEABLE = 0.02


@pytest.mark.parametrize("vision", list(Vision))
def test_twenty_colours_stay_apart(vision: Vision) -> None:
    distance = smallest_distance(CLASS_COLOURS, vision)
    print(f"{vision}: smallest distance {distance:.3f}")
    assert len(set(CLASS_COLOURS)) == 20
    assert distance >= 4 * JUST_NOTICEABLE


def test_the_measure_sees_what_dichromats_confuse() -> None:
    red_green = ("#b40000", "#5c5c00")
    assert smallest_distance(red_green, Vision.NORMAL) > 0.1
    assert smallest_distance(red_green, Vision.DEUTERANOPIA) < smallest_distance(red_green, Vision.NORMAL) / 2


def test_lightness_of_black_and_white() -> None:
    assert oklab("#000000")[0] == pytest.approx(0)
    assert oklab("#ffffff")[0] == pytest.approx(1, abs=1e-4)


def test_next_colour_is_free_then_least_used() -> None:
    assert next_colour([]) == CLASS_COLOURS[0]
    assert next_colour([CLASS_COLOURS[0].upper()]) == CLASS_COLOURS[1]
    assert next_colour([*CLASS_COLOURS, CLASS_COLOURS[0]]) == CLASS_COLOURS[1]


def test_the_first_colours_are_vivid_and_far_apart() -> None:
    vivid = [hypot(*oklab(colour)[1:]) for colour in CLASS_COLOURS[:4]]
    assert min(vivid) >= 0.15
    for vision in Vision:
        assert smallest_distance(CLASS_COLOURS[:4], vision) >= 8 * JUST_NOTICEABLE


def test_colours_go_round_after_the_last() -> None:
    assert [class_colour(i) for i in range(21)] == [*CLASS_COLOURS, CLASS_COLOURS[0]]
