"""Late clicks of ``lite``: what a contradicted click changes, and the closer look at what it changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.models.lite.agreement import SPREAD, agreeing
from inference.models.lite.detail import LEAST_GAIN, detailed
from inference.models.lite.looks import Answer, Correction, logits_on
from inference.models.lite.prompt_maps import Canvas
from inference.models.lite.sight import Sight
from inference.prompts import Point

HEIGHT, WIDTH = 400, 600
WHOLE = Sight.whole(HEIGHT, WIDTH)
places = st.tuples(st.floats(1, WIDTH - 2), st.floats(1, HEIGHT - 2))


class Eyes:
    """Sees ``truth`` (bool, image size) wherever it looks, and remembers where that was."""

    def __init__(self, truth: NDArray[np.bool_]) -> None:
        self.height, self.width = truth.shape
        self.whole = Sight.whole(*truth.shape)
        self.truth = truth.astype(np.float32)
        self.seen: list[Sight] = []

    def answer(
        self, sight: Sight, canvas: Canvas, glance: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.seen.append(sight)
        whole = (0.0, 0.0, float(self.width), float(self.height))
        share = sight.resampled(self.truth, whole, (sight.height // 2, sight.width // 2))
        return ((share - 0.5) * 12)[None].astype(np.float32), np.ones(1, np.float32)


def answer_of(mask: NDArray[np.bool_]) -> Answer:
    logits, quality = Eyes(mask).answer(WHOLE, Canvas(*WHOLE.grid))
    return Answer(WHOLE, logits, quality)


def box(x0: int, y0: int, x1: int, y1: int) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


@given(places, st.booleans())
def test_a_contradicted_click_changes_no_more_than_a_small_disk(place: tuple[float, float], positive: bool) -> None:
    before = np.full((1, WHOLE.height // 2, WHOLE.width // 2), -5.0 if positive else 5.0, np.float32)
    after = agreeing(WHOLE, before, [Point(*place, positive=positive)])
    rows, columns = np.nonzero((after[0] > 0) != (before[0] > 0))
    assert 0 < len(rows) <= (2 * SPREAD + 1) ** 2
    x, y = WHOLE.point(*place)
    assert np.hypot(rows - int(y / 2), columns - int(x / 2)).max() <= SPREAD + 0.5


def test_the_window_shows_what_the_click_changed_and_nothing_else_turns() -> None:
    object_, thumb = box(100, 100, 300, 300), box(300, 180, 318, 198)
    eyes = Eyes(object_ | thumb)
    before, coarse = answer_of(object_), answer_of(object_ | box(300, 176, 324, 204))
    click = Point(309.5, 189.5)
    after = detailed(eyes, [Point(200.5, 200.5), click], coarse, Correction(before, click, None))
    (window,) = eyes.seen
    left, top, right, bottom = window.region
    assert left <= 300
    assert top <= 176
    assert right >= 324
    assert bottom >= 204
    assert min(window.scale) >= LEAST_GAIN * min(WHOLE.scale)
    wanted = answer_of(object_ | thumb)
    assert np.mean((after.logits[0] > 0) == (wanted.logits[0] > 0)) > 0.9995
    rows, columns = np.nonzero((after.logits[0] > 0) != (coarse.logits[0] > 0))
    assert len(rows)
    assert columns.min() * 2 / WHOLE.scale[0] >= left
    assert rows.max() * 2 / WHOLE.scale[1] <= bottom


def test_a_large_change_needs_no_window() -> None:
    eyes = Eyes(box(50, 50, 550, 350))
    before, after = answer_of(box(50, 50, 100, 350)), answer_of(box(50, 50, 550, 350))
    click = Point(300.5, 200.5)
    assert detailed(eyes, [Point(60, 60), click], after, Correction(before, click, None)) is after
    assert not eyes.seen


def test_clicks_outside_the_window_are_not_drawn_on_its_border(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, float]] = []
    monkeypatch.setattr(Canvas, "click", lambda self, x, y, positive: drawn.append((x, y)))
    object_ = box(100, 100, 300, 300)
    before, coarse = answer_of(object_), answer_of(object_ | box(300, 176, 324, 204))
    click = Point(309.5, 189.5)
    detailed(Eyes(object_), [Point(500.5, 20.5), click], coarse, Correction(before, click, None))
    assert len(drawn) == 1


def test_a_mask_seen_from_its_own_sight_stays() -> None:
    answer = answer_of(box(10, 10, 200, 200))
    assert np.array_equal(logits_on(WHOLE, answer), answer.logits[0])
