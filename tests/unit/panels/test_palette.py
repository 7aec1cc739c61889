"""Class colours stay apart in normal vision and in three simulated dichromacies."""

from __future__ import annotations

import pytest

from desktop.panels.palette import DARK_COLOURS, LIGHT_COLOURS, Vision, next_colour, oklab, smallest_distance

JUST_NOTICEABLE = 0.02


@pytest.mark.parametrize("colours", [LIGHT_COLOURS, DARK_COLOURS], ids=["light", "dark"])
@pytest.mark.parametrize("vision", list(Vision))
def test_twenty_colours_stay_apart(colours: tuple[str, ...], vision: Vision) -> None:
    distance = smallest_distance(colours, vision)
    print(f"{vision}: smallest distance {distance:.3f}")
    assert len(set(colours)) == 20
    assert distance >= 4 * JUST_NOTICEABLE


def test_the_measure_sees_what_dichromats_confuse() -> None:
    red_green = ("#b40000", "#5c5c00")
    assert smallest_distance(red_green, Vision.NORMAL) > 0.1
    assert smallest_distance(red_green, Vision.DEUTERANOPIA) < smallest_distance(red_green, Vision.NORMAL) / 2


def test_lightness_of_black_and_white() -> None:
    assert oklab("#000000")[0] == pytest.approx(0)
    assert oklab("#ffffff")[0] == pytest.approx(1, abs=1e-4)


def test_next_colour_is_free_then_least_used() -> None:
    assert next_colour([]) == LIGHT_COLOURS[0]
    assert next_colour([LIGHT_COLOURS[0].upper()]) == LIGHT_COLOURS[1]
    assert next_colour([*LIGHT_COLOURS, LIGHT_COLOURS[0]]) == LIGHT_COLOURS[1]
    assert next_colour([], dark=True) == DARK_COLOURS[0]
