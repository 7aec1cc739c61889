"""The gestures of Split: freehand, by clicks, closed; what it asks of the host."""

from __future__ import annotations

from math import cos, pi, sin
from typing import Any

import numpy as np
import pytest

from desktop.canvas.tools.base import Key, Mods, Pointer
from desktop.canvas.tools.split import SplitTool


@pytest.fixture
def tool(bench: Any, make: Any) -> Any:
    bench.put(make(1, 20, 20, 60, 60))
    bench.host.selection = (1,)
    return bench.tool(SplitTool)


def cuts(bench: Any) -> list[tuple[Any, ...]]:
    return bench.host.named("split_selected")


def test_a_drag_cuts_on_release(bench, tool):
    bench.drag(tool, (40, 5), (41, 30), (40, 75))
    assert cuts(bench) == [(((40, 5), (41, 30), (40, 75), (40, 75)),)]
    assert not tool.busy()


@pytest.mark.parametrize("how", ["enter", "double click", "right button"])
def test_clicks_set_corners_and_the_end_is_said(bench, tool, how):
    for place in ((40, 5), (45, 40), (40, 75)):
        bench.click(tool, *place)
    assert cuts(bench) == []
    if how == "enter":
        assert tool.key(Key.ENTER, Mods.NONE)
    elif how == "double click":
        tool.double_click(Pointer(40, 75))
    else:
        bench.click(tool, 40, 75, secondary=True)
    assert cuts(bench) == [(((40, 5), (45, 40), (40, 75)),)]


@pytest.mark.parametrize("freehand", [True, False])
def test_a_cut_back_to_its_start_is_closed(bench, tool, freehand):
    ring = [(40 + 12 * cos(a), 40 + 12 * sin(a)) for a in np.linspace(0, 2 * pi, 20)]
    if freehand:
        bench.drag(tool, *ring)
    else:
        for place in ring[:-1]:
            bench.click(tool, *place, scale=4.0)
        bench.click(tool, *ring[0], scale=4.0)
    assert len(cuts(bench)) == 1
    assert bench.host.closed is True


def test_without_a_selection_it_says_what_to_do(bench, tool):
    bench.host.selection = ()
    bench.drag(tool, (40, 5), (40, 75))
    ((sentence,),) = bench.host.named("notice")
    assert "Select the instance" in sentence
    assert cuts(bench) == []


def test_backspace_takes_a_corner_and_escape_all(bench, tool):
    bench.click(tool, 40, 5)
    bench.click(tool, 40, 75)
    tool.key(Key.BACKSPACE, Mods.NONE)
    assert not tool.finish()
    assert tool.key(Key.ESCAPE, Mods.NONE)
    assert not tool.busy()
    assert cuts(bench) == []


def test_an_unfinished_cut_is_kept_as_a_draft(bench, tool):
    bench.click(tool, 40, 5)
    tool.deactivate()
    assert tool.busy()
    other = bench.tool(SplitTool)
    other.restore(tool.draft())
    bench.click(other, 40, 75)
    other.finish()
    assert cuts(bench) == [(((40, 5), (40, 75)),)]
