from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.canvas.host import SessionView
from desktop.canvas.overlay import Style
from desktop.canvas.renderer import Adjustments
from desktop.canvas.transform import MAX_SCALE, MIN_SCALE, ViewTransform
from desktop.canvas.view import CanvasView
from desktop.dataset.pyramid import pyramid
from inference.prompts import Box, Point, PromptSet, Scribble
from inference.results import Candidate, Frame

SIZE = (100, 80)
LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
NO_BUTTON, NO_MODIFIER = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier


def photo(width: int = SIZE[0], height: int = SIZE[1]) -> np.ndarray:
    """Every pixel says where it is: red is x, green is y."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = np.arange(width)[None, :]
    pixels[:, :, 1] = np.arange(height)[:, None]
    return pixels


@pytest.fixture
def view(qtbot: Any, bench: Any) -> Iterator[CanvasView]:
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    canvas.set_host(bench.host)
    canvas.resize(400, 320)
    canvas.set_minimap(False)
    canvas.show()
    canvas.set_image(pyramid(photo()))
    yield canvas
    canvas.close()


def shown(view: CanvasView) -> QImage:
    view.settling.settle()
    view.clearFocus()
    return view.grab().toImage()


def look(view: CanvasView, scale: float, dx: float, dy: float) -> None:
    view.restore_view(type(view.view_state())(ViewTransform(scale, dx, dy)))


def mouse(
    view: CanvasView, kind: QEvent.Type, x: float, y: float, button: Any, held: Any, mods: Any = NO_MODIFIER
) -> None:
    at = QPointF(x, y)
    QApplication.sendEvent(view, QMouseEvent(kind, at, QPointF(view.mapToGlobal(at.toPoint())), button, held, mods))


def drag(view: CanvasView, start: tuple[float, float], end: tuple[float, float], button: Any = LEFT) -> None:
    mouse(view, QEvent.Type.MouseButtonPress, *start, button, button)
    mouse(view, QEvent.Type.MouseMove, *end, NO_BUTTON, button)
    mouse(view, QEvent.Type.MouseButtonRelease, *end, button, NO_BUTTON)


def wheel(view: CanvasView, x: float, y: float, angle: QPoint, mods: Any = NO_MODIFIER) -> None:
    at = QPointF(x, y)
    event = QWheelEvent(at, at, QPoint(), angle, NO_BUTTON, mods, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(view, event)


def test_pixels_are_where_the_transform_says(view: CanvasView) -> None:
    look(view, 4.0, 13.0, 7.0)
    image = shown(view)
    for x, y in ((0, 0), (17, 23), (50, 40), (90, 60)):
        for offset in (0, 3):
            vx, vy = 4 * x + 13 + offset, 4 * y + 7 + offset
            if vx < 400 and vy < 320:
                colour = image.pixelColor(vx, vy)
                assert (colour.red(), colour.green()) == (x, y)


def test_a_placeholder_has_the_coordinates_of_the_full_image(view: CanvasView) -> None:
    view.set_image([photo()[::4, ::4].copy()], (100, 80))
    assert view.image_size == (100, 80)
    look(view, 4.0, 0.0, 0.0)
    assert shown(view).pixelColor(4 * 40 + 8, 4 * 40 + 8).red() == pytest.approx(40, abs=4)
    before = view.transform_now
    view.set_image(pyramid(photo()))
    assert view.transform_now == before


def test_fill_and_contour_are_painted_over_the_image(view: CanvasView, make: Any) -> None:
    look(view, 4.0, 0.0, 0.0)
    plain = shown(view)
    view.set_instances([make(1, 20, 20, 40, 40)])
    filled = shown(view)
    assert filled.pixelColor(120, 120).red() > plain.pixelColor(120, 120).red() + 60
    assert filled.pixelColor(60, 60) == plain.pixelColor(60, 60)
    view.set_style(Style.CONTOUR)
    assert shown(view).pixelColor(120, 120) == plain.pixelColor(120, 120)
    assert shown(view).pixelColor(80, 120).red() > 150
    view.set_style(Style.OFF)
    assert shown(view).pixelColor(80, 120) == plain.pixelColor(80, 120)


def test_update_paints_and_removes(view: CanvasView, make: Any) -> None:
    look(view, 4.0, 0.0, 0.0)
    plain = shown(view).pixelColor(120, 120)
    view.set_instances([make(1, 0, 0, 10, 10)])
    shown(view)
    view.update_instances([make(2, 20, 20, 40, 40)])
    view.clearFocus()
    assert view.grab().toImage().pixelColor(120, 120) != plain
    view.update_instances([], [2])
    assert view.grab().toImage().pixelColor(120, 120) == plain


def test_selection_is_marked_black_and_white(view: CanvasView, make: Any) -> None:
    look(view, 4.0, 0.0, 0.0)
    view.set_instances([make(1, 20, 20, 40, 40)])
    view.set_selection([1])
    image = shown(view)
    values = [image.pixelColor(x, 120).lightness() for x in range(74, 86)]
    assert min(values) < 60
    assert max(values) > 200
    view.set_selection([])
    values = [shown(view).pixelColor(x, 120).lightness() for x in range(74, 86)]
    assert max(values) < 200


def test_peek_hides_everything(view: CanvasView, make: Any) -> None:
    look(view, 4.0, 0.0, 0.0)
    plain = shown(view)
    view.set_instances([make(1, 20, 20, 40, 40)])
    view.set_session(SessionView(PromptSet((Point(50, 50),))))
    assert shown(view) != plain
    view.peek(True)
    assert shown(view) == plain


def test_adjustments_change_the_display_only(view: CanvasView, bench: Any) -> None:
    look(view, 4.0, 0.0, 0.0)
    before = bench.host.pixels.copy()
    view.adjust(Adjustments(invert=True))
    assert shown(view).pixelColor(121, 121).red() == 255 - 30
    view.adjust(Adjustments(channel="green"))
    assert shown(view).pixelColor(201, 41).blue() == 10
    view.adjust(Adjustments())
    assert shown(view).pixelColor(121, 121).red() == 30
    assert (bench.host.pixels == before).all()


def test_wheel_zooms_about_the_cursor_by_15_percent(view: CanvasView) -> None:
    at = QPointF(100, 90)
    place, scale = view.widget_to_image(at), view.zoom
    wheel(view, 100, 90, QPoint(0, 120))
    assert view.zoom == pytest.approx(scale * 1.15)
    assert view.widget_to_image(at) == pytest.approx(place)


def test_shift_wheel_pans_sideways_and_alt_wheel_sizes_the_brush(view: CanvasView, bench: Any) -> None:
    before = view.transform_now
    wheel(view, 100, 90, QPoint(0, 120), Qt.KeyboardModifier.ShiftModifier)
    assert view.transform_now.dx > before.dx
    assert view.transform_now.dy == before.dy
    wheel(view, 100, 90, QPoint(0, 120), Qt.KeyboardModifier.AltModifier)
    assert bench.host.options.brush_size == 22


def test_middle_drag_and_space_drag_pan_in_the_middle_of_a_drawing(view: CanvasView) -> None:
    view.set_tool("polygon")
    drag(view, (100, 100), (100, 100))
    drag(view, (200, 100), (200, 100))
    before = view.transform_now
    drag(view, (50, 50), (90, 70), MIDDLE)
    assert (view.transform_now.dx - before.dx, view.transform_now.dy - before.dy) == (40, 20)
    QTest.keyPress(view, Qt.Key.Key_Space)
    drag(view, (90, 70), (50, 50))
    QTest.keyRelease(view, Qt.Key.Key_Space)
    assert view.transform_now == before
    assert len(view.active_tool.draft()) == 2  # type: ignore[union-attr,arg-type]


def test_right_click_is_negative_in_prompt_tools_and_a_menu_elsewhere(view: CanvasView, bench: Any) -> None:
    drag(view, (200, 150), (200, 150), RIGHT)
    assert len(bench.host.named("context_menu")) == 1
    view.set_tool("point")
    drag(view, (200, 150), (200, 150), RIGHT)
    alt = Qt.KeyboardModifier.AltModifier
    mouse(view, QEvent.Type.MouseButtonPress, 250, 200, LEFT, LEFT, alt)
    mouse(view, QEvent.Type.MouseButtonRelease, 250, 200, LEFT, NO_BUTTON, alt)
    assert [prompt.positive for prompt in bench.host.prompts.prompts] == [False, False]
    assert len(bench.host.named("context_menu")) == 1


def test_the_keyboard_places_a_point(view: CanvasView, bench: Any) -> None:
    view.set_tool("point")
    mouse(view, QEvent.Type.MouseMove, 200, 160, NO_BUTTON, NO_BUTTON)
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.crosshair is not None
    x, y = view.crosshair
    QTest.keyClick(view, Qt.Key.Key_Right)
    QTest.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert bench.host.prompts.prompts == (Point(x + 1, y - 10),)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert view.crosshair is None


def test_drafts_and_view_are_kept_per_image(view: CanvasView) -> None:
    view.set_tool("polygon")
    drag(view, (100, 100), (100, 100))
    view.zoom_in()
    state = view.view_state()
    view.set_image(pyramid(photo(60, 60)))
    assert not view.shapes()
    view.set_image(pyramid(photo()))
    view.restore_view(state)
    assert view.transform_now == state.transform
    assert len(view.shapes()) > 0


def test_changing_the_tool_keeps_an_unfinished_drawing_until_escape(view: CanvasView) -> None:
    view.set_tool("polygon")
    drag(view, (100, 100), (100, 100))
    view.set_tool("select")
    assert len(view.shapes()) > 0
    assert view.cancel_drawing()
    assert view.shapes() == []
    assert not view.cancel_drawing()


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 500), (4001, 2)])
def test_any_size_at_any_zoom(view: CanvasView, size: tuple[int, int]) -> None:
    view.set_image(pyramid(photo(*size) if size[0] < 256 else np.zeros((size[1], size[0], 3), np.uint8)))
    for factor in (1e-6, 1e9, 1.0):
        view.zoom_by(factor)
        assert MIN_SCALE <= view.zoom <= MAX_SCALE
        shown(view)
    view.zoom_to_fit()
    shown(view)


def test_nothing_to_show_is_no_error(view: CanvasView) -> None:
    view.set_instances([])
    view.set_selection([99])
    view.set_image(None)
    view.zoom_to_fit()
    view.zoom_to_selection()
    drag(view, (10, 10), (60, 60))
    QTest.keyClick(view, Qt.Key.Key_Left)
    wheel(view, 10, 10, QPoint(0, 120))
    assert shown(view).pixelColor(200, 160).name() == "#3d3d3d"


def test_the_whole_session_is_painted(view: CanvasView) -> None:
    logits = np.full((20, 25), -8, np.float32)
    logits[5:15, 5:20] = 8
    candidate = Candidate(logits, Frame.whole(80, 100), 0.9, "test")
    prompts = PromptSet((Point(20, 20), Point(5, 5, False), Box(10, 10, 60, 60), Scribble(((1, 1), (9, 9)), 4, False)))
    look(view, 4.0, 0.0, 0.0)
    plain = shown(view)
    view.set_session(SessionView(prompts, candidate, "#00ff00", True, "Encoding… 2 s left"))
    image = shown(view)
    assert image.pixelColor(200, 170).green() > plain.pixelColor(200, 170).green() + 60
    assert view.session_layer.bounds() == (20, 20, 80, 60)
    view.uncertainty(True)
    assert shown(view) != image
    view.set_session(None)
    assert shown(view) == plain


def test_a_large_candidate_is_traced_off_the_gui_thread(view: CanvasView, qtbot: Any) -> None:
    view.set_image([np.zeros((250, 250, 3), np.uint8)], (1000, 1000))
    logits = np.full((50, 50), -8, np.float32)
    logits[10:40, 10:40] = 8
    with qtbot.waitSignal(view.session_layer.changed):
        view.set_session(SessionView(candidate=Candidate(logits, Frame.whole(1000, 1000), 0.9, "test")))
    assert view.session_layer.bounds() is not None


def test_the_minimap_shows_only_when_zoomed_in_and_leads_there(view: CanvasView) -> None:
    view.resize(700, 560)
    view.set_minimap(True)
    view.zoom_to_fit()
    assert not view.minimap.isVisible()
    view.zoom_by(8)
    assert view.minimap.isVisible()
    QTest.mouseClick(view.minimap, LEFT, NO_MODIFIER, QPoint(6, 6))
    assert view.widget_to_image(QPointF(350, 280)) == pytest.approx((1, 1), abs=4)


def test_a_gesture_settles_by_itself(view: CanvasView, make: Any, qtbot: Any) -> None:
    view.set_instances([make(i, i, i, i + 10, i + 10) for i in range(1, 60)])
    shown(view)
    with qtbot.waitSignal(view.gesture_settled, timeout=3000):
        view.zoom_in()
    assert view.settling.settled


def test_cursor_moved_says_where_and_when_it_left(view: CanvasView, qtbot: Any) -> None:
    look(view, 4.0, 0.0, 0.0)
    with qtbot.waitSignal(view.cursor_moved) as caught:
        mouse(view, QEvent.Type.MouseMove, 42, 82, NO_BUTTON, NO_BUTTON)
    assert caught.args == [10.5, 20.5]
    with qtbot.waitSignal(view.cursor_moved) as caught:
        QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert caught.args == [None, None]


def test_an_unknown_tool_is_refused_by_name(view: CanvasView) -> None:
    with pytest.raises(ValueError, match="hammer"):
        view.set_tool("hammer")


def test_every_tool_can_be_chosen(view: CanvasView, qtbot: Any) -> None:
    with qtbot.waitSignal(view.text_requested):
        view.set_tool("text")
    for name in ("point", "box", "scribble", "polygon", "rectangle", "lasso", "brush", "eraser", "wand", "livewire"):
        view.set_tool(name)
        assert view.tool == name
        drag(view, (150, 150), (220, 200))
        shown(view)


def test_the_minimap_gives_way_in_a_small_view(view: CanvasView) -> None:
    view.set_minimap(True)
    view.zoom_by(8)
    assert not view.minimap.isVisible()


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_the_image_is_sampled_at_the_device_pixel_ratio(view: CanvasView, ratio: float) -> None:
    image = view.renderer.render(ViewTransform(4.0, 8.0, 4.0), view.size(), ratio, Qt.GlobalColor.black)
    assert (image.width(), image.height()) == (400 * ratio, 320 * ratio)
    for x, y in ((0, 0), (31, 17), (90, 70)):
        colour = image.pixelColor(int((4 * x + 10) * ratio), int((4 * y + 6) * ratio))
        assert (colour.red(), colour.green()) == (x, y)
