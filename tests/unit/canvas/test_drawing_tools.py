from __future__ import annotations

from math import cos, pi, sin
from typing import Any

import numpy as np
import pytest

from desktop.canvas.host import ToolOptions
from desktop.canvas.tools.base import Key, Mods, Pointer, Raster
from desktop.canvas.tools.brush import BrushTool, EraserTool
from desktop.canvas.tools.lasso import LassoTool
from desktop.canvas.tools.livewire import LivewireTool
from desktop.canvas.tools.polygon import PolygonTool
from desktop.canvas.tools.rectangle import RectangleTool
from desktop.canvas.tools.wand import WandTool
from desktop.dataset.masks import Mask
from inference.prompts import Polygon


def created(bench: Any) -> Any:
    """The mask of the one instance that was created."""
    ((mask, _),) = bench.host.named("create_instance")
    return mask


def edited(bench: Any) -> tuple[tuple[int, Mask], str]:
    """The one instance that was edited, and the name of the step."""
    ((masks, name),) = bench.host.named("edit_instances")
    ((number, mask),) = masks.items()
    return (number, mask), name


def triangle(bench: Any, tool: Any) -> None:
    for place in ((10, 10), (50, 10), (50, 50)):
        bench.click(tool, *place)


class TestPolygon:
    @pytest.mark.parametrize("how", ["enter", "double click", "first vertex"])
    def test_three_ways_to_close(self, bench: Any, how: str) -> None:
        tool = bench.tool(PolygonTool)
        triangle(bench, tool)
        if how == "enter":
            assert tool.key(Key.ENTER, Mods.NONE)
        elif how == "double click":
            tool.double_click(Pointer(50, 50))
        else:
            bench.click(tool, 12, 11)
        assert created(bench) == Mask.from_polygons([[(10, 10), (50, 10), (50, 50)]], 100, 80)
        assert not tool.busy()

    def test_backspace_removes_the_last_vertex(self, bench: Any) -> None:
        tool = bench.tool(PolygonTool)
        triangle(bench, tool)
        tool.key(Key.BACKSPACE, Mods.NONE)
        assert tool.draft() == ((10, 10), (50, 10))
        assert not tool.finish()

    def test_changing_the_tool_commits_a_valid_polygon_and_keeps_an_invalid_one(self, bench: Any) -> None:
        tool = bench.tool(PolygonTool)
        bench.click(tool, 10, 10)
        bench.click(tool, 40, 10)
        tool.deactivate()
        assert tool.busy()
        bench.click(tool, 40, 40)
        tool.deactivate()
        assert not tool.busy()
        assert len(bench.host.named("create_instance")) == 1

    def test_as_a_prompt_it_draws_no_instance(self, bench: Any) -> None:
        bench.host.options = ToolOptions(outline_prompts=True, positive=False)
        tool = bench.tool(PolygonTool)
        triangle(bench, tool)
        assert tool.key(Key.ENTER, Mods.NONE)
        corners = ((10, 10), (50, 10), (50, 50))
        assert bench.host.calls == [("add_prompt", Polygon(corners, positive=False))]

    def test_escape_drops_the_draft(self, bench: Any) -> None:
        tool = bench.tool(PolygonTool)
        bench.click(tool, 10, 10)
        assert tool.key(Key.ESCAPE, Mods.NONE)
        assert not tool.key(Key.ESCAPE, Mods.NONE)
        assert bench.host.calls == []

    def test_shift_locks_to_45_degrees(self, bench: Any) -> None:
        tool = bench.tool(PolygonTool)
        bench.click(tool, 10, 10)
        bench.click(tool, 40, 14, mods=Mods.SHIFT)
        assert tool.draft()[1] == pytest.approx((40, 10))

    def test_ctrl_snaps_to_a_neighbours_border(self, bench: Any, make: Any) -> None:
        bench.put(make(1, 20, 20, 60, 60))
        tool = bench.tool(PolygonTool)
        bench.click(tool, 17, 40, mods=Mods.CTRL)
        assert tool.draft()[0] == (20, 40)

    def test_with_ctrl_it_follows_the_border_between_two_points_of_it(self, bench: Any, make: Any) -> None:
        bench.put(make(1, 20, 20, 60, 60))
        tool = bench.tool(PolygonTool)
        bench.click(tool, 19, 30, mods=Mods.CTRL)
        bench.click(tool, 30, 61, mods=Mods.CTRL)
        assert tool.draft() == ((20, 30), (20, 60), (30, 60))
        tool.key(Key.BACKSPACE, Mods.NONE)
        assert tool.draft() == ((20, 30),)
        bench.click(tool, 30, 61, mods=Mods.CTRL)
        bench.click(tool, 5, 75)
        bench.click(tool, 20, 30, mods=Mods.CTRL)
        mask = created(bench)
        assert mask.overlap(make(1, 20, 20, 60, 60).mask) == 0
        assert mask.contains(19.5, 59.5)

    def test_ctrl_snaps_to_the_image_border_and_its_corners(self, bench: Any) -> None:
        tool = bench.tool(PolygonTool)
        bench.click(tool, 3, 40, mods=Mods.CTRL)
        bench.click(tool, 4, 5, mods=Mods.CTRL)
        bench.click(tool, 50, 40, mods=Mods.CTRL)
        assert tool.draft() == ((0, 40), (0, 0), (50, 40))

    def test_dragging_draws_freehand(self, bench: Any) -> None:
        circle = [(40 + 20 * cos(a), 40 + 20 * sin(a)) for a in np.linspace(0, 2 * pi, 60)]
        bench.drag(bench.tool(PolygonTool), *circle)
        assert created(bench).area == pytest.approx(pi * 400, rel=0.05)

    def test_a_draft_can_be_put_back(self, bench: Any) -> None:
        tool, other = bench.tool(PolygonTool), bench.tool(PolygonTool)
        bench.click(tool, 10, 10)
        other.restore(tool.draft())
        assert other.draft() == tool.draft()


class TestRectangle:
    def test_a_drag_is_whole_pixels(self, bench: Any) -> None:
        bench.drag(bench.tool(RectangleTool), (10.2, 10.4), (30.3, 50.2))
        assert created(bench).bbox == (10, 10, 30, 50)

    def test_shift_makes_a_square(self, bench: Any) -> None:
        bench.drag(bench.tool(RectangleTool), (10, 10), (30, 20), mods=Mods.SHIFT)
        assert created(bench).bbox == (10, 10, 30, 30)

    def test_ctrl_draws_from_the_centre(self, bench: Any) -> None:
        bench.drag(bench.tool(RectangleTool), (40, 40), (50, 45), mods=Mods.CTRL)
        assert created(bench).bbox == (30, 35, 50, 45)

    def test_two_clicks_work_too(self, bench: Any) -> None:
        tool = bench.tool(RectangleTool)
        bench.click(tool, 10, 10)
        tool.hover(Pointer(20, 20))
        bench.click(tool, 30, 20)
        assert created(bench).bbox == (10, 10, 30, 20)


class TestLasso:
    @pytest.mark.parametrize("secondary", [False, True])
    def test_as_a_prompt_the_right_button_says_not_this(self, bench: Any, secondary: bool) -> None:
        bench.host.options = ToolOptions(outline_prompts=True)
        bench.drag(bench.tool(LassoTool), (10, 10), (40, 10), (40, 40), (10, 40), secondary=secondary)
        ((prompt,),) = bench.host.named("add_prompt")
        assert isinstance(prompt, Polygon)
        assert prompt.positive is not secondary
        assert bench.host.named("create_instance") == []

    def test_release_closes(self, bench: Any) -> None:
        bench.drag(bench.tool(LassoTool), (10, 10), (40, 10), (40, 40), (10, 40))
        assert created(bench).area == 900

    def test_right_drag_subtracts_from_the_selection(self, bench: Any, make: Any) -> None:
        bench.put(make(1, 0, 0, 60, 60))
        bench.host.selection = (1,)
        bench.drag(bench.tool(LassoTool), (10, 10), (40, 10), (40, 40), (10, 40), secondary=True)
        (number, mask), _ = edited(bench)
        assert (number, mask.area) == (1, 2700)

    def test_a_click_draws_nothing(self, bench: Any) -> None:
        tool = bench.tool(LassoTool)
        bench.click(tool, 10, 10)
        assert bench.host.calls == []
        assert not tool.busy()


class TestBrush:
    def test_a_click_without_selection_starts_a_new_instance(self, bench: Any) -> None:
        bench.host.options = ToolOptions(brush_size=5)
        bench.click(bench.tool(BrushTool), 20.5, 20.5)
        assert created(bench).area == 21

    def test_it_paints_on_the_selected_instance(self, bench: Any, make: Any) -> None:
        bench.put(make(1, 0, 0, 10, 10))
        bench.host.selection = (1,)
        bench.host.options = ToolOptions(brush_size=4)
        tool = bench.tool(BrushTool)
        tool.press(Pointer(5, 5))
        assert bench.surface.lifted == (1,)
        tool.move(Pointer(30, 5))
        tool.release(Pointer(30, 5))
        (number, mask), _ = edited(bench)
        assert number == 1
        assert mask.bbox == (0, 0, 32, 10)
        assert bench.surface.lifted == ()

    @pytest.mark.parametrize(("kind", "secondary"), [(BrushTool, True), (EraserTool, False)])
    def test_erasing(self, bench: Any, make: Any, kind: Any, secondary: bool) -> None:
        bench.put(make(1, 0, 0, 20, 20))
        bench.host.selection = (1,)
        bench.host.options = ToolOptions(brush_size=4)
        bench.click(bench.tool(kind), 10, 10, secondary=secondary)
        (_, mask), _ = edited(bench)
        assert mask.area == 400 - 12

    def test_erasing_everything_is_refused(self, bench: Any, make: Any) -> None:
        bench.put(make(1, 5, 5, 10, 10))
        bench.host.selection = (1,)
        bench.host.options = ToolOptions(brush_size=40)
        bench.click(bench.tool(EraserTool), 7, 7)
        assert bench.host.named("edit_instances") == []
        assert len(bench.host.named("notice")) == 1

    def test_other_instances_can_be_protected(self, bench: Any, make: Any) -> None:
        bench.put(make(1, 0, 0, 20, 80))
        bench.host.options = ToolOptions(brush_size=20, protect_others=True)
        bench.click(bench.tool(BrushTool), 20, 40)
        assert created(bench).bbox[0] == 20

    def test_a_locked_instance_is_not_painted_on(self, bench: Any, make: Any) -> None:
        bench.put(make(1, 0, 0, 20, 20, locked=True))
        bench.host.selection = (1,)
        bench.click(bench.tool(BrushTool), 30, 30)
        assert bench.host.named("edit_instances") == []
        assert bench.host.named("create_instance") == []

    def test_shift_draws_a_straight_line(self, bench: Any) -> None:
        bench.host.options = ToolOptions(brush_size=1)
        tool = bench.tool(BrushTool)
        tool.press(Pointer(10.5, 10.5, mods=Mods.SHIFT))
        tool.move(Pointer(30.5, 60.5, mods=Mods.SHIFT))
        tool.move(Pointer(40.5, 10.5, mods=Mods.SHIFT))
        tool.release(Pointer(40.5, 10.5, mods=Mods.SHIFT))
        assert created(bench).bbox == (10, 10, 41, 11)

    def test_escape_drops_the_stroke(self, bench: Any) -> None:
        tool = bench.tool(BrushTool)
        tool.press(Pointer(10, 10))
        assert tool.cancel()
        tool.release(Pointer(10, 10))
        assert bench.host.calls == []


class TestWand:
    def test_preview_until_enter(self, bench: Any) -> None:
        bench.host.pixels[:40] = 200
        tool = bench.tool(WandTool)
        bench.click(tool, 10, 10)
        assert isinstance(tool.shapes()[0], Raster)
        assert bench.host.named("create_instance") == []
        assert tool.key(Key.ENTER, Mods.NONE)
        assert created(bench).bbox == (0, 0, 100, 40)

    def test_dragging_changes_the_tolerance_live(self, bench: Any) -> None:
        bench.host.pixels[:, :] = np.arange(100, dtype=np.uint8)[None, :, None]
        bench.host.options = ToolOptions(wand_tolerance=5)
        tool = bench.tool(WandTool)
        tool.press(Pointer(0.5, 40))
        before = tool.shapes()[0].pixels.sum()
        tool.move(Pointer(40.5, 40))
        assert tool.shapes()[0].pixels.sum() > before
        tool.release(Pointer(40.5, 40))
        assert bench.host.options.wand_tolerance == 25

    def test_right_click_subtracts_from_the_preview(self, bench: Any) -> None:
        bench.host.pixels[:, 50:] = 200
        tool = bench.tool(WandTool)
        bench.click(tool, 10, 10)
        bench.click(tool, 70, 10)
        bench.click(tool, 10, 10, secondary=True)
        tool.finish()
        assert created(bench).bbox == (50, 0, 100, 80)


class TestLivewire:
    def test_the_contour_follows_a_disc_between_anchors(self, bench: Any) -> None:
        rows, columns = np.mgrid[:80, :100]
        disc = np.hypot(columns - 50, rows - 40) < 25
        bench.host.pixels[disc] = 255
        tool = bench.tool(LivewireTool)
        for angle in np.linspace(0, 2 * pi, 6, endpoint=False):
            bench.click(tool, 50 + 25 * cos(angle), 40 + 25 * sin(angle))
        assert tool.finish()
        drawn = created(bench).to_array()
        assert (drawn & disc).sum() / (drawn | disc).sum() > 0.9

    def test_backspace_removes_an_anchor(self, bench: Any) -> None:
        tool = bench.tool(LivewireTool)
        bench.click(tool, 10, 10)
        bench.click(tool, 40, 10)
        assert tool.key(Key.BACKSPACE, Mods.NONE)
        assert tool.key(Key.BACKSPACE, Mods.NONE)
        assert not tool.busy()

    def test_it_waits_for_the_full_image(self, bench: Any) -> None:
        bench.host.pixels = None
        tool = bench.tool(LivewireTool)
        bench.click(tool, 10, 10)
        assert not tool.busy()
        assert len(bench.host.named("notice")) == 1
