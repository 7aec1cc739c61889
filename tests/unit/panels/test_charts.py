"""Plots say every value, in words and where the pointer is, and draw nothing out of nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from desktop.panels.charts import SERIES, Bar, BarChart, ColumnChart, nice_step


@given(st.floats(0.01, 1e9))
def test_steps_of_the_scale_are_round_and_large_enough(least: float) -> None:
    step = nice_step(least)
    assert step >= least
    assert str(step).rstrip("0") in ("1", "2", "5")
    assert step <= max(2.6 * least, 1)


def test_bars_are_as_long_as_their_values(qtbot: QtBot) -> None:
    chart = BarChart("Classes")
    qtbot.addWidget(chart)
    chart.show_bars([Bar("car", 1200, "#ff0000"), Bar("dog", 600), Bar("3 more", 9000, drawn=False)])
    chart.resize(400, chart.height())
    chart.show()
    picture = chart.grab().toImage()

    def length(row: int, colour: str) -> int:
        y = round((row * 22 + 11) * picture.devicePixelRatio())
        return sum(picture.pixelColor(x, y) == QColor(colour) for x in range(picture.width()))

    assert length(0, "#ff0000") == pytest.approx(2 * length(1, SERIES[0]), abs=3)
    assert length(2, SERIES[0]) == 0
    assert chart.accessibleDescription() == "car: 1,200, dog: 600, 3 more: 9,000"
    assert chart.text_at(QPoint(5, 30)) == "dog: 600"
    assert chart.text_at(QPoint(5, 300)) == ""


def test_columns_stand_beside_each_other(qtbot: QtBot) -> None:
    chart = ColumnChart("Per day", ("made", "reviewed"))
    qtbot.addWidget(chart)
    small = chart.height()
    chart.show_columns([("11-01", (12, 6)), ("11-02", (0, 0))])
    assert chart.height() > small
    chart.resize(400, chart.height())
    chart.show()
    picture = chart.grab().toImage()
    ratio = picture.devicePixelRatio()

    def height(colour: str) -> int:
        rows = range(round(24 * ratio), picture.height())
        return sum(any(picture.pixelColor(x, y) == QColor(colour) for x in range(picture.width())) for y in rows)

    assert height(SERIES[0]) == pytest.approx(2 * height(SERIES[1]), abs=3)
    assert "11-01: made 12, reviewed 6" in chart.accessibleDescription()
    chart.show_columns([])
    assert chart.height() == small
    assert not chart.grab().isNull()
