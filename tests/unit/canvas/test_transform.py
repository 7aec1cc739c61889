from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.canvas.transform import MAX_SCALE, MIN_SCALE, ViewTransform, fitted

places = st.floats(-1e4, 1e4)
scales = st.floats(MIN_SCALE, MAX_SCALE)


@given(scales, places, places, places, places)
def test_to_image_undoes_to_view(scale: float, dx: float, dy: float, x: float, y: float) -> None:
    view = ViewTransform(scale, dx, dy)
    back = view.to_image(*view.to_view(x, y))
    assert back == pytest.approx((x, y), abs=1e-6)


@given(scales, places, places, st.floats(0.01, 100), st.floats(0, 2000), st.floats(0, 2000))
def test_zoom_keeps_the_point_under_the_cursor(
    scale: float, dx: float, dy: float, factor: float, x: float, y: float
) -> None:
    view = ViewTransform(scale, dx, dy)
    zoomed = view.zoomed(factor, x, y)
    assert MIN_SCALE <= zoomed.scale <= MAX_SCALE
    assert zoomed.to_view(*view.to_image(x, y)) == pytest.approx((x, y), abs=1e-5)


def test_fitted_shows_the_whole_rectangle_in_the_middle() -> None:
    view = fitted((0, 0, 400, 100), (200, 200))
    x0, y0, x1, y1 = view.rect_to_view((0, 0, 400, 100))
    assert 0 <= x0 < x1 <= 200
    assert (x0 + x1) / 2 == pytest.approx(100)
    assert (y0 + y1) / 2 == pytest.approx(100)


def test_kept_near_leaves_a_margin_of_the_image_in_the_view() -> None:
    view = ViewTransform(1.0, 5000.0, -9000.0).kept_near((300, 200), (800, 600))
    assert view.rect_to_view((0, 0, 300, 200))[0] == 800 - 48
    assert view.rect_to_view((0, 0, 300, 200))[3] == 48
