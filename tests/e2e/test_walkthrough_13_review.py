"""A round of review between two people: Ann annotates, Kim sends one back, Ann fixes it, Kim approves (ux.md §17)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.dataset.model import ImageState, ReviewState
from desktop.dataset.review import Order
from desktop.panels.review_dialog import ReviewDialog
from desktop.scripted_person import ScriptedPerson
from tests.command_line import run
from tests.e2e.conftest import OpenPerson

COINS = ((57, 63), (160, 45))
"""Points inside two coins of the sample photograph."""


def sign(person: ScriptedPerson, name: str) -> None:
    person.workspace.settings.set("general.author", name)


def start_review(person: ScriptedPerson, count: int) -> None:
    """Shift+F9, the images in their order, everything that is done."""
    person.key("Shift+F9")
    dialog = person.window.findChildren(ReviewDialog)[-1]
    dialog.order.setCurrentIndex(dialog.order.findData(Order.IMAGE))
    person.wait(dialog.start.isEnabled, "the items are counted")
    assert dialog.found.text() == f"{count} items" if count > 1 else "1 item"
    dialog.start.click()
    person.wait(lambda: person.workspace.reviewing and bool(person.workspace.levels), "the first item is shown")
    person.settle()


def states(person: ScriptedPerson) -> list[ReviewState]:
    return [instance.review for instance in person.workspace.instances.values()]


def test_send_back_fix_approve(open_person: OpenPerson, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = open_person([photos])
    workspace, window = person.workspace, person.window
    sign(person, "Ann")
    person.go_to("coins.jpg")
    workspace.set_current_category(workspace.add_category("coin"))
    ids = []
    for point in COINS:
        person.click(*point)
        person.answer()
        ids.append(person.accept())
    person.key("Ctrl+Return")
    person.go_to("coins.jpg")
    assert states(person) == [ReviewState.DONE] * 2

    sign(person, "Kim")
    start_review(person, 2)
    assert window.review.bar.progress.text() == "1 of 2"
    person.key("Return")
    person.key("Backspace")
    QTest.keyClicks(window.review.bar.comment, "the edge is ragged")
    QTest.keyClick(window.review.bar.comment, Qt.Key.Key_Return)
    assert not workspace.reviewing, "the round is over with its last item"
    assert states(person) == [ReviewState.REVIEWED, ReviewState.NEEDS_WORK]
    assert workspace.current_image is not None
    assert workspace.current_image.state is ImageState.REJECTED

    sign(person, "Ann")
    window.strip.chips["needs work"].click()
    assert [Path(image.path).name for image in workspace.visible_images] == ["coins.jpg"]
    window.instances_panel.filter.setText("state:needs-work comment:ragged")
    window.instances_panel.apply_filter()
    assert window.instances_panel.model.shown == 1
    window.instances_panel.filter.clear()
    window.instances_panel.apply_filter()
    before = workspace.instances[ids[1]].mask
    workspace.select([ids[1]])
    person.window.choose_tool("brush")
    x0, y0, x1, y1 = before.bbox
    person.drag([(x0, y0), (x1, y0), (x1, y1)])
    assert workspace.instances[ids[1]].mask != before
    person.window.choose_tool("point")
    person.key("Ctrl+Return")
    person.go_to("coins.jpg")

    sign(person, "Kim")
    start_review(person, 1)
    difference = workspace.difference()
    assert difference is not None
    assert difference[0] == workspace.instances[ids[1]].mask.subtract(before)
    assert "Kim: the edge is ragged" in window.review.bar.said.full_text()
    person.key("Return")
    assert states(person) == [ReviewState.REVIEWED] * 2
    person.key("Ctrl+Z")
    assert states(person) == [ReviewState.REVIEWED, ReviewState.DONE]
    person.key("Ctrl+Shift+Z")

    fixed = workspace.instances[ids[1]]
    assert (fixed.provenance.author, fixed.provenance.editor, fixed.reviewer) == ("Ann", "Ann", "Kim")
    assert fixed.provenance.mask_edits >= 1
    assert fixed.provenance.seconds is not None
    assert fixed.provenance.fingerprint, "the engine said which weights it has"
    assert workspace.project is not None
    workspace.project.flush()
    capsys.readouterr()
    assert run(["info", str(workspace.project.path), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["review_states"]["reviewed"] == 2
    assert figures["suggestions"]["masks_kept"] == figures["suggestions"]["masks_edited"] == 1
    people = {each["name"]: each for each in figures["people"]}
    assert people["Ann"]["made"] == people["Kim"]["reviewed"] == 2
