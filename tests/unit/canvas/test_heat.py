"""Doubt: the area between 0.4 and 0.6, in image coordinates."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF

from desktop.canvas.heat import doubtful


def test_the_doubtful_band_lies_where_the_probability_says() -> None:
    probability = np.tile(np.linspace(0.05, 0.95, 10), (4, 1))
    logits = np.log(probability / (1 - probability)).astype(np.float32)
    area = doubtful(logits, (100.0, 50.0, 200.0, 90.0))
    # columns 4 and 5 (0.45 and 0.55) of ten over 100 px
    box = area.boundingRect()
    assert (box.left(), box.right(), box.top(), box.bottom()) == (140, 160, 50, 90)
    assert area.contains(QPointF(150, 70))


def test_no_doubt_is_an_empty_area() -> None:
    assert doubtful(np.full((3, 3), 5, np.float32), (0.0, 0.0, 3.0, 3.0)).isEmpty()
