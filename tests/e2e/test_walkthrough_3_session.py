"""Walk-through 3 of ux.md §22: prompts, undo, redo, candidates, accept, undo re-opens the session."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.e2e.conftest import OpenPerson


def test_prompts_are_undone_one_by_one_and_the_session_comes_back(photos: Path, open_person: OpenPerson) -> None:
    person = open_person([photos])
    workspace = person.workspace
    person.go_to("val2017_000000006012.jpg")
    person.canvas.set_tool("point")
    results = []
    for x, y, right in [(200, 200, False), (260, 240, False), (30, 30, True), (600, 40, True), (320, 260, False)]:
        person.click(x, y, right=right)
        results.append(person.answer())
    assert len(workspace.prompts) == 5
    for _ in range(3):
        person.key("Ctrl+Z")
    assert len(workspace.prompts) == 2
    assert np.array_equal(person.answer(), results[1])
    for _ in range(2):
        person.key("Ctrl+Y")
    assert len(workspace.prompts) == 4
    assert np.array_equal(person.answer(), results[3])

    session = workspace.session
    assert session is not None
    if len(session.candidates) > 1:
        person.key("C")
        after = workspace.session
        assert after is not None
        assert after.chosen == (session.chosen + 1) % len(session.candidates)
    shown = person.answer()
    made = person.accept()
    assert np.array_equal(workspace.instances[made].mask.to_array(), shown)
    assert workspace.session is None

    person.key("Ctrl+Z")
    assert made not in workspace.instances
    assert len(workspace.prompts) == 4
    assert np.array_equal(person.answer(), shown)
    person.key("Ctrl+Z")
    assert len(workspace.prompts) == 3
    person.key("Escape")
    assert workspace.session is None


def test_an_accepted_mask_comes_back_by_redo(photos: Path, open_person: OpenPerson) -> None:
    person = open_person([photos])
    workspace = person.workspace
    person.go_to("coins.jpg")
    person.canvas.set_tool("point")
    person.click(60, 60)
    shown = person.answer()
    made = person.accept()
    person.key("Ctrl+Z")
    assert workspace.session is not None
    person.key("Ctrl+Y")
    assert workspace.session is None
    assert np.array_equal(workspace.instances[made].mask.to_array(), shown)
