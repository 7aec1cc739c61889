"""Hand editing in the real window by mouse and keys (ux.md §3, §5, §7), without a worker."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.instance_editor import InstanceEditor
from desktop.main_window import MainWindow
from desktop.scripted_person import ScriptedPerson
from desktop.settings import Settings
from desktop.workspace import Workspace
from inference.prompts import Point

WIDTH, HEIGHT = 400, 300
SHIFT = (Qt.KeyboardModifier.ShiftModifier,)
CTRL = (Qt.KeyboardModifier.ControlModifier,)


@pytest.fixture(scope="module")
def person(qapp: QApplication, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedPerson]:
    """One window for the whole file: each test starts with an image without instances."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("editing")
        patch.setenv("MASKWRIGHT_CONFIG_DIR", str(folder / "config"))
        patch.setenv("MASKWRIGHT_STATE_DIR", str(folder / "state"))
        photos = folder / "photos"
        photos.mkdir()
        for name, size in (("a", (HEIGHT, WIDTH)), ("b", (HEIGHT // 2, WIDTH // 2))):
            pixels = np.full((*size, 3), 90, np.uint8)
            (photos / f"{name}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        window = MainWindow(Workspace(Settings(folder / "config" / "settings.toml")))
        window.resize(1280, 820)
        window.show()
        window.workspace.open_folder(photos)
        person = ScriptedPerson(window)
        person.wait(lambda: window.workspace.pixels is not None, "the image is decoded")
        yield person
        window.close()
        person.settle()


@pytest.fixture
def ws(person: ScriptedPerson) -> Workspace:
    workspace = person.workspace
    go(person, "a.png")
    workspace.select_all()
    workspace.delete_selected()
    workspace.change_options(type(workspace.options)())
    person.key("V")
    person.settle()
    return workspace


def go(person: ScriptedPerson, name: str) -> None:
    image = person.workspace.current_image
    if image is None or not image.path.endswith(name):
        person.go_to(name)
    person.settle()


def draw(ws: Workspace, *boxes: tuple[int, int, int, int]) -> list[int]:
    """Rectangles as instances; they are selected in the end."""
    for x0, y0, x1, y1 in boxes:
        width, height = ws.image_size
        ws.create_instance(Mask.from_crop(np.ones((y1 - y0, x1 - x0), bool), x0, y0, width, height), "Rectangle")
    ids = list(ws.instances)[-len(boxes) :]
    ws.select(ids)
    return ids


def test_split_by_a_drag_is_one_step_and_exact(person, ws):
    (one,) = draw(ws, (100, 100, 200, 200))
    ws.set_properties([one], attributes={"colour": "red"}, is_crowd=True)
    whole, before = ws.instances[one], len(ws.history())
    person.key("J")
    assert person.canvas.tool == "split"
    person.drag([(150, 80), (150, 150), (151, 220)])
    assert len(ws.instances) == 2
    pieces = list(ws.instances.values())
    assert pieces[0].mask.union(pieces[1].mask) == whole.mask
    assert pieces[0].mask.overlap(pieces[1].mask) == 0
    for piece in pieces:
        assert (piece.attributes, piece.is_crowd, piece.provenance.source) == ({"colour": "red"}, True, "hand")
    assert len(ws.history()) == before + 1
    assert ws.undo_name.startswith("Undo Split")
    person.key("Ctrl+Z")
    assert list(ws.instances) == [one]
    assert ws.instances[one].mask == whole.mask


def test_split_into_parts_and_what_does_not_divide(person, ws):
    (one,) = draw(ws, (100, 100, 200, 200))
    person.key("J")
    person.drag([(120, 80), (120, 150)])
    assert "divides nothing" in ws.messages()[-1][1]
    person.window.context_bar._into_parts.click()
    person.drag([(150, 80), (150, 220)])
    assert list(ws.instances) == [one]
    assert len(ws.instances[one].mask.components()) == 2
    ws.select([])
    person.drag([(150, 80), (150, 220)])
    assert "Select the instance to split first" in ws.messages()[-1][1]


def test_a_vertex_snaps_to_the_neighbour_with_ctrl(person, ws):
    other, one = draw(ws, (250, 100, 300, 200), (100, 100, 200, 200))
    ws.select([one])
    person.drag([(200, 100), (230, 100), (248, 100)], modifiers=CTRL)
    assert ws.undo_name.startswith("Undo Move vertex")
    assert ws.instances[one].mask.bbox == (100, 100, 250, 200)
    assert ws.instances[one].mask.overlap(ws.instances[other].mask) == 0
    person.drag([(100, 200), (20, 250), (3, 298)], modifiers=CTRL)
    assert ws.instances[one].mask.bbox == (0, 100, 250, HEIGHT)


def test_a_double_click_on_an_edge_adds_a_vertex_and_alt_click_takes_one(person, ws):
    (one,) = draw(ws, (100, 100, 200, 200))
    canvas = person.canvas
    edge = canvas.image_to_widget(150, 100).toPoint()
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, edge)
    assert ws.session is None
    person.drag([(150, 100), (150, 60), (150, 40)])
    person.click(200, 200, modifiers=(Qt.KeyboardModifier.AltModifier,))
    assert ws.undo_name.startswith("Undo Remove vertex")
    assert not ws.instances[one].mask.contains(195, 195)


def test_polygon_detail_keeps_the_mask_until_it_is_told(person, ws):
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    disc = Mask.from_array(np.hypot(rows - 150, columns - 200) < 90)
    ws.create_instance(disc, "Brush stroke")
    bar = person.window.context_bar.detail
    assert bar.isVisible()
    bar.slider.setValue(100)
    fine = bar.readout.text()
    assert "max error 0.0 px" in fine
    assert not bar.simplify.isEnabled()
    bar.slider.setValue(40)
    coarse = bar.outline()
    assert coarse.vertices < 30
    assert 2 < coarse.error < 20
    (one,) = ws.instances
    assert ws.instances[one].mask == disc
    bar.simplify.click()
    assert ws.instances[one].mask != disc
    person.key("Ctrl+Z")
    assert ws.instances[one].mask == disc


@pytest.mark.parametrize("tool", ["rectangle", "brush", "lasso"])
def test_drawing_does_not_overwrite_others_when_told_so(person, ws, tool):
    (other,) = draw(ws, (100, 100, 200, 200))
    ws.select([])
    person.window.choose_tool(tool)
    person.window.context_bar._protect.click()
    person.drag([(90, 90), (150, 90), (150, 150), (90, 150)] if tool == "lasso" else [(90, 90), (150, 150)])
    assert len(ws.instances) == 2
    new = max(ws.instances)
    assert ws.instances[new].mask.overlap(ws.instances[other].mask) == 0
    assert ws.instances[other].mask.area == 10_000


def test_the_lasso_cuts_from_all_selected_in_one_step(person, ws):
    ids = draw(ws, (100, 100, 200, 200), (220, 100, 300, 200))
    steps = len(ws.history())
    person.key("L")
    person.drag([(150, 120), (260, 120), (260, 150), (150, 150)], right=True)
    assert len(ws.history()) == steps + 1
    assert all(ws.instances[i].mask.area < 10_000 for i in ids)


def test_shift_draws_a_straight_stroke(person, ws):
    person.key("B")
    person.click(50, 50)
    person.click(250, 50, modifiers=SHIFT)
    (one,) = ws.instances
    assert ws.instances[one].mask.contains(150, 50)


def test_paste_into_a_smaller_image_is_clipped_and_said(person, ws):
    draw(ws, (150, 100, 250, 200), (300, 200, 350, 250))
    person.key("Ctrl+C")
    go(person, "b.png")
    person.key("Ctrl+V")
    (one,) = ws.instances
    assert ws.instances[one].mask.bbox == (150, 100, 200, 150)
    said = ws.messages()[-1][1]
    assert "clipped" in said
    assert "1 lie outside" in said
    person.key("Ctrl+Z")
    assert not ws.instances


def test_order_keys(person, ws):
    one, two, three = draw(ws, (10, 10, 50, 50), (20, 20, 60, 60), (30, 30, 70, 70))
    ws.select([one])
    person.key("Ctrl+]")
    assert list(ws.instances) == [two, one, three]
    person.key("Ctrl+Shift+]")
    assert list(ws.instances) == [two, three, one]
    person.key("Ctrl+[")
    person.key("Ctrl+Shift+[")
    assert list(ws.instances) == [one, two, three]


def test_merge_and_split_parts_by_key(person, ws):
    draw(ws, (10, 10, 50, 50), (100, 100, 150, 150))
    person.key("Ctrl+G")
    assert len(ws.instances) == 1
    assert ws.undo_name.startswith("Undo Merge")
    person.key("Ctrl+Shift+G")
    assert len(ws.instances) == 2
    assert len(ws.selection) == 2


def test_brush_size_keys_and_their_large_steps(person, ws):
    person.key("B")
    size = ws.options.brush_size
    person.key("]")
    assert ws.options.brush_size == size + 2
    person.key("[")
    person.key("Shift+]")
    assert ws.options.brush_size > size + 5


def test_digits_of_the_keypad_choose_classes(person, ws):
    names = [ws.add_category(name) for name in ("one", "two")]
    ws.set_current_category(names[0])
    person.canvas.setFocus()
    person.settle()
    QTest.keyClick(person.canvas, Qt.Key.Key_2, Qt.KeyboardModifier.KeypadModifier)
    assert ws.current_category.id == names[1]
    QTest.keyClick(person.canvas, Qt.Key.Key_1)
    assert ws.current_category.id == names[0]


def test_a_box_by_keyboard_only(person, ws):
    person.key("M")
    for name in ("Right", "Return", *["Shift+Right"] * 4, *["Shift+Down"] * 3, "Return"):
        person.key(name)
    (one,) = ws.instances
    x0, y0, x1, y1 = ws.instances[one].mask.bbox
    assert (x1 - x0, y1 - y0) == (40, 30)


def test_the_context_menu_is_about_what_lies_there(person, ws, qtbot: QtBot):
    one, two = draw(ws, (10, 10, 50, 50), (100, 100, 150, 150))
    ws.select([one])
    person.click(120, 120, right=True)
    menus = person.window.findChildren(QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly)
    shown = [menu for menu in menus if menu.isVisible()]
    assert ws.selection == (two,)
    assert len(shown) == 1
    shown[0].close()
    person.key("Shift+F10")
    shown = [menu for menu in person.window.findChildren(QMenu) if menu.isVisible()]
    assert len(shown) == 1
    where = person.canvas.mapFromGlobal(shown[0].pos())
    there = person.canvas.image_to_widget(125, 125).toPoint()
    assert (where - there).manhattanLength() < 40 or where.y() < there.y()
    shown[0].close()


def test_tab_brings_the_next_instance_into_view(person, ws):
    one, two = draw(ws, (10, 10, 30, 30), (360, 260, 390, 290))
    ws.select([one])
    person.canvas.zoom_by(12, person.canvas.image_to_widget(20, 20))
    person.key("Tab")
    assert ws.selection == (two,)
    assert person.canvas.rect().contains(person.canvas.image_to_widget(375, 275).toPoint())
    person.key("Ctrl+0")


def test_class_attributes_and_crowd_are_one_step(person, ws):
    ids = draw(ws, (10, 10, 30, 30), (60, 60, 90, 90))
    ws.set_properties(ids[:1], attributes={"size": "small"})
    steps = len(ws.history())
    editor = InstanceEditor(ws)
    editor.attributes.setPlainText("colour = red")
    editor.crowd.setChecked(True)
    editor.accept()
    assert len(ws.history()) == steps + 1
    assert ws.instances[ids[0]].attributes == {"size": "small", "colour": "red"}
    assert ws.instances[ids[1]].attributes == {"colour": "red"}
    assert all(ws.instances[i].is_crowd for i in ids)


def test_the_edge_of_the_selected_instance_comes_before_a_smaller_one(person, ws):
    small, one = draw(ws, (150, 98, 156, 104), (100, 100, 200, 200))
    ws.select([one])
    person.canvas.zoom_to_100()
    person.click(153, 100)
    assert ws.selection == (one,)
    person.click(153, 103.9)
    person.key("Ctrl+0")
    assert small in ws.instances


def test_hovering_shows_the_vertex_that_a_press_would_take(person, ws):
    draw(ws, (100, 100, 200, 200))
    spot = person.canvas.image_to_widget(100, 100).toPoint()
    QTest.mouseMove(person.canvas, spot + QPoint(2, 1))
    person.settle()
    names = [type(shape).__name__ for shape in person.canvas.shapes()]
    assert names == ["Spot"]


def test_instances_are_coloured_by_what_is_chosen(person, ws):
    one, two = draw(ws, (10, 10, 50, 50), (100, 100, 150, 150))
    canvas = person.canvas
    assert canvas.index.get(one).colour == canvas.index.get(two).colour
    person.window.registry.trigger("view.colour_by_instance")
    assert canvas.index.get(one).colour != canvas.index.get(two).colour
    person.window.registry.trigger("view.colour_by_class")
    assert canvas.index.get(one).colour == canvas.index.get(two).colour


def test_a_region_of_interest_by_key_and_back(person, ws):
    person.key("B")
    person.key("Ctrl+Shift+B")
    person.drag([(50, 50), (120, 100), (150, 140)])
    # whole pixels round what was dragged, whatever part of a pixel the view begins with
    assert np.abs(np.subtract(ws.region_of_interest, (50, 50, 150, 140))).max() <= 1
    person.key("Ctrl+Shift+B")
    assert ws.region_of_interest is None


def test_the_session_bar_makes_room_for_what_lies_under_it(person, ws):
    ws.session_changed.emit()
    person.key("Q")
    bar, canvas = person.window.session_bar, person.canvas
    person.click(200, 20)
    assert bar.isVisible()
    person.settle()
    assert bar.geometry().top() > canvas.height() / 2
    under = canvas.widget_to_image(bar.geometry().center().toPointF())
    ws.add_prompt(Point(*under))
    person.settle()
    # both edges are marked now, so it stays where it is; without the upper mark it goes up
    ws.remove_prompt(0)
    person.settle()
    assert bar.geometry().bottom() < canvas.height() / 2
    ws.discard()


def test_the_session_bar_leaves_when_one_draws_under_it(person, ws):
    person.key("Q")
    person.click(200, 20)
    person.settle()
    bar, canvas = person.window.session_bar, person.canvas
    middle = canvas.widget_to_image(bar.geometry().center().toPointF())
    assert bar.geometry().top() > canvas.height() / 2
    canvas.cursor_moved.emit(*middle)
    assert bar.geometry().bottom() < canvas.height() / 2
    ws.discard()
