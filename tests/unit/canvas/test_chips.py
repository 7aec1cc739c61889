"""A chip stands clear of what it names, wherever that lies in the view."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QRectF

from desktop.canvas.chips import _plate

VIEW = QRectF(0, 0, 800, 600)
sides = st.floats(-500, 900)


@given(sides, sides, st.floats(30, 1500), st.floats(30, 1500), st.floats(3, 20))
def test_no_line_of_the_box_is_covered(x0, y0, width, height, clear):
    box = (x0, y0, x0 + width, y0 + height)
    plate = _plate(box, 120, 20, VIEW, clear)
    assert plate.top() >= 0
    assert plate.bottom() <= VIEW.bottom()
    above, below = plate.bottom() <= y0, plate.top() >= y0 + height
    off = plate.right() < x0 or plate.left() > x0 + width
    inside = y0 < plate.top() and plate.bottom() < y0 + height
    visible = y0 + height > 0 and y0 < VIEW.bottom()
    assert above or below or off or inside or not visible
