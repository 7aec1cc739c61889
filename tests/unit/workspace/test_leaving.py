"""Unfinished drawings when the image or the tool changes: valid ones are committed, others stay drafts (ux.md §5)."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.canvas.view import CanvasView
from desktop.canvas_link import CanvasLink
from desktop.workspace import Workspace

TRIANGLE = ((10, 10), (40, 10), (40, 35))


@pytest.fixture
def canvas(browsing: Workspace, qtbot: QtBot) -> CanvasView:
    view = CanvasView()
    qtbot.addWidget(view)
    view.resize(640, 480)
    CanvasLink(browsing, view)
    # image and pixels arrived before the view was there
    browsing.image_changed.emit()
    browsing.pixels_changed.emit()
    view.show()
    view.set_tool("polygon")
    return view


def draw(canvas: CanvasView, *vertices: tuple[int, int]) -> None:
    for x, y in vertices:
        place = QPointF(canvas.image_to_widget(x, y)).toPoint()
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


def drawing(canvas: CanvasView) -> bool:
    tool = canvas.active_tool
    return tool is not None and tool.busy()


def test_a_valid_drawing_goes_to_the_image_that_is_left(browsing: Workspace, canvas: CanvasView, qtbot: QtBot) -> None:
    draw(canvas, *TRIANGLE)
    assert not browsing.instances
    browsing.go_next()
    assert not browsing.instances, "the new image got nothing"
    qtbot.waitUntil(lambda: browsing.pixels is not None)
    assert not drawing(canvas)
    browsing.go_previous()
    (instance,) = browsing.instances.values()
    assert instance.image_id == 1
    assert instance.mask.contains(35, 15)
    assert browsing.undo_name.startswith("Undo Polygon")


@pytest.mark.parametrize("keep_zoom", [False, True])
def test_an_invalid_drawing_waits_on_its_image(
    browsing: Workspace, canvas: CanvasView, qtbot: QtBot, keep_zoom: bool
) -> None:
    browsing.settings.set("canvas.keep_zoom", keep_zoom)
    # the next image is decoded already and has the same size: nothing of the drawing may show there
    qtbot.waitUntil(lambda: browsing.image_service.decoded(2) is not None)
    draw(canvas, *TRIANGLE[:2])
    assert drawing(canvas)
    browsing.go_next()
    assert browsing.pixels is not None
    assert not drawing(canvas)
    browsing.go_previous()
    assert not browsing.instances
    assert drawing(canvas)
    draw(canvas, TRIANGLE[2])
    assert canvas.finish_drawing()
    (instance,) = browsing.instances.values()
    assert instance.image_id == 1


def test_another_tool_commits_what_is_valid_and_keeps_the_rest(browsing: Workspace, canvas: CanvasView) -> None:
    draw(canvas, *TRIANGLE[:2])
    canvas.set_tool("point")
    assert not browsing.instances
    canvas.set_tool("polygon")
    assert drawing(canvas)
    draw(canvas, TRIANGLE[2])
    canvas.set_tool("select")
    assert len(browsing.instances) == 1


def test_closing_keeps_a_valid_drawing(browsing: Workspace, canvas: CanvasView) -> None:
    draw(canvas, *TRIANGLE)
    browsing.close_project()
    assert not browsing.images
    (project,) = browsing.recent_projects()
    browsing.open_project(project)
    assert len(browsing.instances) == 1


def test_the_views_of_images_outlive_the_making_of_the_project_file(
    browsing: Workspace, canvas: CanvasView, qtbot: QtBot
) -> None:
    canvas.zoom_by(3.0)
    looked = canvas.transform_now
    browsing.go_next()
    qtbot.waitUntil(lambda: browsing.pixels is not None)
    assert browsing.project is None
    browsing.add_category("cup")
    assert browsing.project is not None
    browsing.go_previous()
    qtbot.waitUntil(lambda: browsing.pixels is not None)
    assert canvas.transform_now == looked
