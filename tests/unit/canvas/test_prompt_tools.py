from __future__ import annotations

from typing import Any

from desktop.canvas.host import ToolOptions
from desktop.canvas.tools.base import BoxShape, Key, Mods, Pointer
from desktop.canvas.tools.box import BoxTool
from desktop.canvas.tools.point import PointTool
from desktop.canvas.tools.region_of_interest import RegionOfInterestTool
from desktop.canvas.tools.scribble import ScribbleTool, smoothed
from desktop.canvas.tools.text import TextTool
from inference.prompts import Box, Point, Scribble


def test_left_is_positive_and_right_negative(bench: Any) -> None:
    tool = bench.tool(PointTool)
    bench.click(tool, 10.5, 20.5)
    bench.click(tool, 60.5, 20.5, secondary=True)
    assert bench.host.prompts.prompts == (Point(10.5, 20.5), Point(60.5, 20.5, positive=False))


def test_a_negative_default_turns_the_buttons_round(bench: Any) -> None:
    bench.host.options = ToolOptions(positive=False)
    tool = bench.tool(PointTool)
    bench.click(tool, 10, 20)
    bench.click(tool, 60, 20, secondary=True)
    assert [prompt.positive for prompt in bench.host.prompts.prompts] == [False, True]


def test_a_drag_of_more_than_four_view_pixels_makes_a_box(bench: Any) -> None:
    tool = bench.tool(PointTool)
    bench.drag(tool, (10, 10), (13, 13))
    bench.drag(tool, (50, 50), (40, 30))
    assert bench.host.prompts.prompts == (Point(10, 10), Box(40, 30, 50, 50))


def test_the_threshold_is_in_view_pixels(bench: Any) -> None:
    tool = bench.tool(PointTool)
    bench.drag(tool, (10, 10), (13, 13), scale=10.0)
    assert bench.host.prompts.prompts == (Box(10, 10, 13, 13),)


def test_clicking_a_prompt_deletes_it_and_dragging_moves_it(bench: Any) -> None:
    tool = bench.tool(PointTool)
    bench.click(tool, 20, 20)
    bench.drag(tool, (21, 20), (31, 25), (41, 30))
    assert bench.host.prompts.prompts == (Point(40, 30),)
    assert [call[2] for call in bench.host.named("replace_prompt")] == [False, False, True]
    bench.click(tool, 40, 31)
    assert len(bench.host.prompts) == 0


def test_shift_starts_an_additional_part(bench: Any) -> None:
    tool = bench.tool(PointTool)
    bench.click(tool, 10, 10)
    bench.click(tool, 60, 60, mods=Mods.SHIFT)
    bench.click(tool, 80, 60)
    assert [prompt.part for prompt in bench.host.prompts.prompts] == [0, 1, 1]


def test_ctrl_collects_prompts_until_released(bench: Any) -> None:
    tool = bench.tool(PointTool)
    tool.modifiers(Mods.CTRL)
    tool.modifiers(Mods.CTRL | Mods.SHIFT)
    bench.click(tool, 10, 10, mods=Mods.CTRL)
    tool.modifiers(Mods.NONE)
    assert bench.host.named("hold_requests") == [(True,), (False,)]


def test_changing_the_tool_releases_collected_prompts(bench: Any) -> None:
    tool = bench.tool(PointTool)
    tool.modifiers(Mods.CTRL)
    tool.deactivate()
    assert bench.host.named("hold_requests")[-1] == (False,)


def test_clicks_outside_the_image_and_on_read_only_images_do_nothing(bench: Any) -> None:
    tool = bench.tool(PointTool)
    bench.click(tool, -3, 10)
    bench.host.reason = "The project is open read-only."
    bench.click(tool, 10, 10)
    assert len(bench.host.prompts) == 0
    assert bench.host.named("notice") == [("The project is open read-only.",)]


def test_two_clicks_make_a_box_too_and_escape_drops_the_first(bench: Any) -> None:
    tool = bench.tool(BoxTool)
    bench.click(tool, 10, 10)
    tool.hover(Pointer(30, 40))
    assert tool.shapes() == (BoxShape((10, 10, 30, 40)),)
    bench.click(tool, 50, 60)
    bench.click(tool, 70, 10)
    assert tool.key(Key.ESCAPE, Mods.NONE)
    assert not tool.busy()
    assert bench.host.prompts.prompts == (Box(10, 10, 50, 60),)


def test_a_box_is_cut_to_the_image_and_right_drag_excludes(bench: Any) -> None:
    bench.drag(bench.tool(BoxTool), (50, 50), (500, -20), secondary=True)
    assert bench.host.prompts.prompts == (Box(50, 0, 100, 50, positive=False),)


def test_a_scribble_keeps_its_ends_and_its_width(bench: Any) -> None:
    bench.host.options = ToolOptions(scribble_width=12)
    bench.drag(bench.tool(ScribbleTool), (10, 10), (20, 14), (30, 10), (40, 14), secondary=True)
    (prompt,) = bench.host.prompts.prompts
    assert isinstance(prompt, Scribble)
    assert prompt.vertices[0] == (10, 10)
    assert prompt.vertices[-1] == (40, 14)
    assert (prompt.width, prompt.positive) == (12, False)


def test_smoothing_pulls_a_spike_in_and_keeps_short_strokes() -> None:
    assert smoothed(((0, 0), (10, 8), (20, 0))) == ((0.0, 0.0), (10.0, 4.0), (20.0, 0.0))
    assert smoothed(((1, 1),)) == ((1, 1),)


def test_a_region_of_interest_is_whole_pixels_and_a_slip_clears_it(bench: Any) -> None:
    tool = bench.tool(RegionOfInterestTool)
    bench.drag(tool, (10.2, 10.2), (50.3, 40.1))
    bench.drag(tool, (10, 10), (12, 12))
    assert bench.host.named("set_region_of_interest") == [((10, 10, 51, 41),), (None,)]


def test_the_text_tool_asks_for_the_text_box(bench: Any) -> None:
    bench.tool(TextTool).activate()
    assert bench.surface.asked == 1
