"""Review mode, details and statistics in the real window: keys of their own, what is shown, what is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.actions import Scope
from desktop.app import create_window
from desktop.canvas.difference import CAME, WENT
from desktop.dataset.masks import Mask
from desktop.dataset.model import ReviewState
from desktop.dataset.review import Order, ReviewPlan
from desktop.main_window import MainWindow
from desktop.panels.review_dialog import ReviewDialog
from desktop.panels.statistics_page import StatisticsPage
from desktop.scripted_person import ScriptedPerson

SIDE = 96


def square(x: int, y: int, side: int = 20) -> Mask:
    return Mask.from_crop(np.ones((side, side), bool), x, y, SIDE, SIDE)


@pytest.fixture
def person(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedPerson]:
    """Two images with three instances that Ann made; Kim sits at the window."""
    monkeypatch.setenv("MASKWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MASKWRIGHT_STATE_DIR", str(tmp_path / "state"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(cv2.imencode(".png", np.full((SIDE, SIDE, 3), 90, np.uint8))[1].tobytes())
    window: MainWindow = create_window([str(folder)])
    qtbot.addWidget(window)
    window.resize(1280, 820)
    window.show()
    person = ScriptedPerson(window)
    workspace = window.workspace
    person.wait(lambda: len(workspace.images) == 2, "the images are listed")
    workspace.settings.set("general.author", "Ann")
    for name, places in (("a.png", ((5, 5), (50, 5))), ("b.png", ((30, 30),))):
        person.go_to(name)
        for place in places:
            workspace.create_instance(square(*place), "Polygon")
        workspace.mark_done(go_next=False)
    workspace.settings.set("general.author", "Kim")
    yield person
    window.close()
    person.settle()


def begin(person: ScriptedPerson) -> None:
    """Choose the order of the images in the dialog and start."""
    person.window.registry.trigger("review.mode")
    dialog = person.window.findChildren(ReviewDialog)[-1]
    dialog.order.setCurrentIndex(dialog.order.findData(Order.IMAGE))
    person.wait(dialog.start.isEnabled, "the items are counted")
    assert dialog.found.text() == "3 items"
    dialog.start.click()
    person.wait(lambda: person.workspace.reviewing, "the review begins")
    person.wait(lambda: bool(person.workspace.levels), "the image is there")
    person.settle()


def test_a_round_by_keys(person: ScriptedPerson) -> None:
    window, workspace = person.window, person.workspace
    begin(person)
    assert window.review.bar.isVisible()
    assert window.review.bar.progress.text() == "1 of 3"
    assert person.canvas.zoom > 5, "the item is shown as large as it fits"
    person.key("Return")
    assert workspace.instances[1].review is ReviewState.REVIEWED
    assert workspace.selection == (2,)
    person.key("Backspace")
    line = window.review.bar.comment
    assert line.isVisible()
    assert line.hasFocus()
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert workspace.instances[2].review is ReviewState.DONE, "nothing is sent back without a reason"
    QTest.keyClicks(line, "left edge")
    QTest.keyClick(line, Qt.Key.Key_Return)
    person.wait(lambda: bool(workspace.levels), "the next image is there")
    assert workspace.current_image is not None
    assert Path(workspace.current_image.path).name == "b.png"
    person.key("A")
    assert workspace.selection == (2,)
    assert "Kim: left edge" in window.review.bar.said.full_text()
    person.key("Ctrl+Z")
    assert workspace.instances[2].comments == ()
    person.key("Esc")
    assert not workspace.reviewing
    assert not window.review.bar.isVisible()
    person.key("A")
    assert Path(workspace.current_image.path).name == "a.png", "A is the previous image again"


def test_the_keys_of_the_canvas_come_back_for_a_session(person: ScriptedPerson) -> None:
    registry, workspace = person.window.registry, person.workspace
    assert registry.conflicts() == []
    keys = {c.id: registry.action(c.id) for c in registry.commands}
    assert keys["review.approve"].shortcuts() == []
    begin(person)
    assert [k.toString() for k in keys["review.approve"].shortcuts()] == ["Return", "Enter"]
    assert [k.toString() for k in keys["session.accept"].shortcuts()] == ["F"]
    assert keys["session.back"].shortcuts() == []
    workspace.refine(1)
    assert keys["review.approve"].shortcuts() == []
    assert [k.toString() for k in keys["session.back"].shortcuts()] == ["Backspace"]
    workspace.discard()
    registry.set_keys("review.approve", ("G",))
    assert [k.toString() for k in keys["review.approve"].shortcuts()] == ["G"]
    assert keys["tool.wand"].shortcuts() == [], "the wand has its key again after the review"
    assert "Return" in [k.toString() for k in keys["session.accept"].shortcuts()]
    workspace.leave_review()
    assert [k.toString() for k in keys["tool.wand"].shortcuts()] == ["G"]
    assert {c.scope for c in registry.commands} == set(Scope)


def test_what_an_edit_changes_is_drawn_in_two_colours(person: ScriptedPerson) -> None:
    workspace = person.workspace
    begin(person)

    def share(colour: QColor) -> int:
        """Pixels of nearly that colour: hatches have soft edges."""
        person.settle()
        person.canvas.settling.settle()
        picture = person.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(picture.constBits(), np.uint8).reshape(picture.height(), picture.bytesPerLine())
        shown = rows[:, : 3 * picture.width()].reshape(picture.height(), picture.width(), 3).astype(int)
        return int((np.abs(shown - colour.getRgb()[:3]).max(2) < 40).sum())

    assert share(CAME) == share(WENT) == 0
    workspace.edit_instances({1: square(9, 5)}, "Brush stroke")
    person.wait(lambda: share(CAME) > 50 and share(WENT) > 50, "what the edit changed is drawn")
    person.window.registry.trigger("review.difference")
    person.wait(lambda: share(CAME) == share(WENT) == 0, "it is hidden again")


def test_details_say_where_an_instance_came_from(person: ScriptedPerson) -> None:
    window, workspace = person.window, person.workspace
    person.go_to("a.png")
    window.sections.open_section("details")
    workspace.select([1])
    panel = window.details_panel
    rows = panel.rows()
    assert rows["Object"] == "unlabelled #1"
    assert rows["State"] == "done"
    assert rows["Made by"] == "hand"
    assert rows["Created"].startswith("Ann, 20")
    QTest.keyClicks(panel.comment, "is <this> right?")
    QTest.keyClick(panel.comment, Qt.Key.Key_Return)
    assert workspace.instances[1].comments[0].author == "Kim"
    assert "is &lt;this> right?" in panel.said.text()
    workspace.select([])
    assert panel.rows()["Image"] == "a.png"
    window.instances_panel.filter.setText("is:commented editor:ann")
    window.instances_panel.apply_filter()
    assert window.instances_panel.model.shown == 1


def test_images_are_found_by_their_instances(person: ScriptedPerson) -> None:
    window, workspace = person.window, person.workspace
    begin(person)
    workspace.send_back("too small")
    workspace.leave_review()

    def found(text: str) -> list[str]:
        window.strip.search.setText(text)
        QTest.keyClick(window.strip.search, Qt.Key.Key_Return)
        window.strip._change_filter()
        return [Path(image.path).name for image in workspace.visible_images]

    assert found("state:needs-work") == ["a.png"]
    assert found("comment:small a") == ["a.png"]
    assert found("state:done") == ["a.png", "b.png"]
    assert found("state:done b.p") == ["b.png"]
    assert found("colour:red") == []
    assert "“colour” is not a field" in workspace.filter_problem
    assert found("") == ["a.png", "b.png"]
    window.strip.chips["needs work"].click()
    assert [Path(image.path).name for image in workspace.visible_images] == ["a.png"]


def test_the_statistics_page(person: ScriptedPerson, tmp_path: Path) -> None:
    window = person.window
    window.registry.trigger("review.statistics")
    page = window.findChildren(StatisticsPage)[-1]
    person.wait(lambda: page.figures is not None, "the figures are counted")
    assert page.summary.text() == "2 images, 3 instances."
    assert "hand: 3" in page.sources.accessibleDescription()
    assert "done: 3" in page.reviews.accessibleDescription()
    page.copy_csv.click()
    rows = list(csv.reader(io.StringIO(QGuiApplication.clipboard().text())))
    assert ["made_by", "Ann", "3"] in rows
    page.copy_png.click()
    assert QGuiApplication.clipboard().pixmap().height() > 400
    page.save_to(tmp_path / "figures.csv")
    page.save_to(tmp_path / "figures.png")
    assert (tmp_path / "figures.csv").read_text(encoding="utf-8").startswith("group,name,value")
    assert (tmp_path / "figures.png").read_bytes().startswith(b"\x89PNG")
    page.save_to(tmp_path / "missing" / "figures.csv")
    assert "could not be written" in page.summary.text()
    page.close()


def test_the_dialog_remembers_and_explains(qtbot: QtBot, person: ScriptedPerson) -> None:
    plan = ReviewPlan(order=Order.SCORE, states=frozenset({ReviewState.REVIEWED}), size=7, annotator="Ann")
    dialog = ReviewDialog(person.workspace, plan)
    qtbot.addWidget(dialog)
    person.wait(lambda: dialog.found.text() == "0 items", "the items are counted")
    assert dialog.plan() == plan
    assert not dialog.seed.isEnabled()
    assert dialog.start.toolTip() == "Nothing is left to review."
    dialog.states[ReviewState.DONE].click()
    person.wait(lambda: dialog.found.text() == "3 items", "the items are counted again")
    dialog.close()
