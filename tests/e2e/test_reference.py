"""A region of another image as a prompt, in the real window: marked, shown, said, kept (ux.md §6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.canvas.view import CanvasView
from desktop.dataset.masks import Mask
from desktop.panels.controls import Chip
from desktop.scripted_person import ScriptedPerson
from inference.prompts import PromptKind, Reference
from tests.e2e.conftest import OpenPerson


def drag(canvas: CanvasView, path: Sequence[tuple[float, float]], button: Qt.MouseButton) -> None:
    places = [QPointF(canvas.image_to_widget(x, y)).toPoint() for x, y in path]
    QTest.mousePress(canvas, button, Qt.KeyboardModifier.NoModifier, places[0])
    for place in places[1:]:
        QTest.mouseMove(canvas, place)
    QTest.mouseRelease(canvas, button, Qt.KeyboardModifier.NoModifier, places[-1])


def opened(person: ScriptedPerson) -> CanvasView:
    """The reference pane, by its key, once its image is decoded."""
    pane = person.window.reference_pane
    person.key("Y")
    assert pane.isVisible()
    person.wait(lambda: pane.host.pixels is not None, "the reference image is decoded")
    person.settle()
    return pane.canvas


LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


def test_box_lasso_and_scribble_mark_a_region(photos: Path, open_person: OpenPerson) -> None:
    person = open_person([photos])
    pane = person.window.reference_pane
    canvas = opened(person)
    assert not pane.use.isEnabled()
    assert "Mark a region" in pane.use.toolTip()
    drag(canvas, [(40, 40), (90, 100), (140, 160)], LEFT)
    area = pane.host.region.area
    assert area == pytest.approx(100 * 120, rel=0.1)
    drag(canvas, [(40, 40), (60, 60), (90, 160)], RIGHT)
    assert 0.4 < pane.host.region.area / area < 0.65, "the right button takes away"
    pane.host.clear()
    pane.choose_tool("lasso")
    drag(canvas, [(40, 40), (140, 40), (140, 140), (40, 140)], LEFT)
    assert pane.host.region.contains(90, 90)
    pane.host.clear()
    pane.choose_tool("scribble")
    drag(canvas, [(40, 40), (90, 40), (140, 40)], LEFT)
    assert pane.host.region.contains(90, 40)
    assert not pane.host.region.contains(90, 60)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert pane.host.region.is_empty
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not pane.isVisible()
    assert person.workspace.project is None, "marking alone stores nothing"


def test_classic_says_that_it_takes_no_reference(photos: Path, open_person: OpenPerson) -> None:
    person = open_person([photos])
    ws, window = person.workspace, person.window
    canvas = opened(person)
    pane = window.reference_pane
    assert pane.sentence().startswith("Classic uses points, boxes")
    assert "references are ignored" in pane.sentence()
    takers = [status for status in ws.engines if PromptKind.REFERENCE in status.spec.prompts]
    assert takers
    usable = [status for status in takers if status.usable] or takers
    assert all(status.spec.title in pane.sentence() for status in usable)
    drag(canvas, [(40, 40), (140, 160)], LEFT)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    person.wait(lambda: len(ws.prompts) == 1, "the reference is a prompt")
    assert QApplication.focusWidget() is person.canvas
    (prompt,) = ws.prompts.prompts
    assert isinstance(prompt, Reference)
    assert prompt.mask.sum() == pane.host.region.area
    person.settle()
    run = window.prompts_panel._run
    assert not run.isEnabled()
    assert "references are ignored" in run.toolTip()
    struck = [chip for chip in window.prompts_panel.findChildren(Chip) if chip.accessibleName().startswith("reference")]
    assert any(chip.isVisible() and "ignored by Classic" in chip.toolTip() for chip in struck)
    assert window.registry.action("session.accept").statusTip() == ws.can_run()
    person.click(200, 150)
    person.answer()
    assert run.isEnabled()


def test_an_engine_that_takes_references_answers(photos: Path, open_person: OpenPerson) -> None:
    person = open_person([photos], engine="lite")
    canvas = opened(person)
    pane = person.window.reference_pane
    assert pane.sentence() == ""
    drag(canvas, [(40, 40), (140, 160)], LEFT)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    person.wait(lambda: len(person.workspace.prompts) == 1, "the reference is a prompt")

    def answered() -> bool:
        session = person.workspace.session
        return session is not None and not session.busy and bool(session.candidates or session.message)

    person.wait(answered, "the engine answers")
    session = person.workspace.session
    assert session is not None
    assert session.engine == "lite"
    assert not session.ignored


def test_a_picked_instance_is_the_reference_and_survives_a_restart(photos: Path, open_person: OpenPerson) -> None:
    person = open_person([photos])
    ws = person.workspace
    # marked on the second image, used on the first
    ws.go_next()
    person.wait(lambda: ws.pixels is not None, "the second image is decoded")
    coin, other = ws.add_category("coin"), ws.add_category("other")
    mask = Mask.from_polygons([[(40, 40), (140, 40), (140, 160), (40, 160)]], *ws.image_size)
    ws.set_current_category(coin)
    ws.create_instance(mask, "Polygon")
    ws.go_previous()
    person.wait(lambda: ws.pixels is not None, "the first image is back")
    ws.set_current_category(other)
    pane = person.window.reference_pane
    person.key("Y")
    pane._show_image(pane.image.itemData(0))
    person.wait(lambda: pane.host.pixels is not None, "the reference image is decoded")
    person.settle()
    pane.choose_tool("select")
    drag(pane.canvas, [(90, 90)], LEFT)
    assert pane.host.region == mask
    QTest.keyClick(pane.canvas, Qt.Key.Key_Return)
    person.wait(lambda: len(ws.prompts) == 1, "the reference is a prompt")
    assert ws.current_category is not None
    assert ws.current_category.id == coin
    person.window.close()

    again = open_person([photos])
    (kept,) = again.workspace.references
    assert (kept.name, kept.mask) == ("coin", mask)
    again.key("Y")
    again.wait(lambda: again.workspace.thumbnail(kept.image_id) is not None, "its thumbnail is made")
    again.settle()
    button = next(
        b
        for b in again.window.reference_pane.findChildren(type(again.window.reference_pane._clear))
        if b.accessibleName() == "Reference coin"
    )
    button.click()
    again.wait(lambda: len(again.workspace.prompts) == 1, "the kept reference is a prompt")
