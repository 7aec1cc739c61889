from __future__ import annotations

from typing import Any

import numpy as np

from desktop.canvas.host import CanvasInstance, SelectMode
from desktop.canvas.tools.base import Ghost, Key, Mods, Pointer
from desktop.canvas.tools.outline import Outline
from desktop.canvas.tools.select import SelectTool
from desktop.dataset.masks import Mask


def test_click_picks_shift_toggles_and_empty_clears(bench: Any, make: Any) -> None:
    bench.put(make(1, 0, 0, 20, 20), make(2, 40, 40, 60, 60))
    tool = bench.tool(SelectTool)
    bench.click(tool, 5, 5)
    bench.click(tool, 50, 50, mods=Mods.SHIFT)
    bench.click(tool, 90, 10)
    assert bench.host.named("select") == [
        ((1,), SelectMode.REPLACE),
        ((2,), SelectMode.TOGGLE),
        ((), SelectMode.REPLACE),
    ]


def test_a_rubber_band_selects_what_it_touches(bench: Any, make: Any) -> None:
    bench.put(make(1, 10, 10, 20, 20), make(2, 40, 40, 60, 60), make(3, 80, 60, 90, 70))
    bench.drag(bench.tool(SelectTool), (70, 50), (5, 5))
    assert bench.host.named("select")[-1] == ((1, 2), SelectMode.REPLACE)


def test_dragging_an_instance_moves_it_by_whole_pixels(bench: Any, make: Any) -> None:
    bench.put(make(1, 0, 0, 20, 20))
    tool = bench.tool(SelectTool)
    tool.press(Pointer(10, 10))
    tool.move(Pointer(25.4, 18.2))
    assert bench.surface.lifted == (1,)
    assert tool.shapes() == (Ghost((1,), 15, 8),)
    tool.release(Pointer(25.4, 18.2))
    assert bench.host.named("move_instances") == [((1,), 15, 8)]
    assert bench.surface.lifted == ()


def test_escape_during_a_move_leaves_everything(bench: Any, make: Any) -> None:
    bench.put(make(1, 0, 0, 20, 20))
    tool = bench.tool(SelectTool)
    tool.press(Pointer(10, 10))
    tool.move(Pointer(40, 40))
    assert tool.key(Key.ESCAPE, Mods.NONE)
    tool.release(Pointer(40, 40))
    assert bench.host.named("move_instances") == []


def test_arrows_nudge_and_shift_makes_it_ten(bench: Any, make: Any) -> None:
    bench.put(make(1, 0, 0, 20, 20))
    tool = bench.tool(SelectTool)
    assert not tool.key(Key.LEFT, Mods.NONE)
    bench.host.selection = (1,)
    tool.key(Key.RIGHT, Mods.NONE)
    tool.key(Key.UP, Mods.SHIFT)
    assert bench.host.named("nudge_instances") == [((1,), 1, 0), ((1,), 0, -10)]


def test_double_click_refines(bench: Any, make: Any) -> None:
    bench.put(make(1, 0, 0, 20, 20))
    bench.tool(SelectTool).double_click(Pointer(10, 10))
    assert bench.host.named("refine") == [(1,)]


def test_locked_instances_are_neither_picked_nor_moved(bench: Any, make: Any) -> None:
    bench.put(make(1, 0, 0, 20, 20, locked=True))
    bench.host.selection = (1,)
    tool = bench.tool(SelectTool)
    bench.drag(tool, (10, 10), (30, 30))
    tool.key(Key.RIGHT, Mods.NONE)
    assert bench.host.named("move_instances") == bench.host.named("nudge_instances") == []


def test_dragging_a_vertex_changes_only_its_surroundings(bench: Any, make: Any) -> None:
    bench.put(make(1, 20, 20, 60, 60))
    bench.host.selection = (1,)
    tool = bench.tool(SelectTool)
    bench.drag(tool, (20, 20), (10, 10))
    ((((number, mask),), _),) = [(tuple(m.items()), n) for m, n in bench.host.named("edit_instances")]
    before = make(1, 20, 20, 60, 60).mask
    assert number == 1
    assert mask.contains(14, 14)
    assert mask.area > before.area
    assert before.subtract(mask).is_empty
    assert mask.subtract(before).bbox[0] >= 10


def test_alt_click_removes_a_vertex_and_double_click_on_an_edge_adds_one(bench: Any, make: Any) -> None:
    bench.put(make(1, 20, 20, 60, 60))
    bench.host.selection = (1,)
    tool = bench.tool(SelectTool)
    bench.click(tool, 20, 20, mods=Mods.ALT)
    ((((_, mask),), name),) = [(tuple(m.items()), n) for m, n in bench.host.named("edit_instances")]
    assert name == "Remove vertex"
    assert not mask.contains(24, 24)
    assert mask.contains(56, 56)
    tool.double_click(Pointer(40, 20))
    tool.move(Pointer(40, 5))
    tool.release(Pointer(40, 5))
    assert bench.host.named("edit_instances")[-1][0][1].contains(40, 10)


def test_vertices_are_shown_only_when_far_enough_apart(make: Any) -> None:
    outline = Outline(make(1, 20, 20, 60, 60).mask)
    assert outline.vertices_shown(1.0)
    assert not outline.vertices_shown(0.1)
    assert outline.vertex_at(21, 21, 1.0) is not None
    assert outline.vertex_at(40, 40, 1.0) is None


def test_a_mask_that_is_all_rags_has_no_vertices_and_costs_nothing(bench: Any) -> None:
    pixels = np.random.default_rng(1).random((600, 600)) < 0.5
    bench.put(CanvasInstance(1, Mask.from_array(pixels), "#ff0000"))
    bench.host.selection = (1,)
    assert bench.tool(SelectTool).outline is None
