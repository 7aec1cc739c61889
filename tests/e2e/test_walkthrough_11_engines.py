"""Walk-through 11 of ux.md §22: SEEM, SAM, TCL and back in one session; prompts stay, known answers need no new run.

The engines are stubs that take what the real ones take: real weights are gigabytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from desktop.panels.controls import Chip
from desktop.rounds import Ask
from desktop.scripted_person import ScriptedPerson
from desktop.session import Session
from desktop.workspace.values import SessionInfo
from inference.prompts import PromptKind
from tests.e2e.conftest import OpenPerson
from tests.e2e.stub_engines import FAMILY

SEEM, SAM, TCL = "stub-seem", "stub-sam", "stub-tcl"


@pytest.fixture
def person(photos: Path, open_person: OpenPerson, monkeypatch: pytest.MonkeyPatch) -> ScriptedPerson:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", FAMILY)
    person = open_person([photos], engine=SEEM)
    person.go_to("coins.jpg")
    return person


def choose(person: ScriptedPerson, engine: str) -> None:
    person.workspace.set_find_with(engine)
    person.workspace.set_refine_with(engine)


def struck(person: ScriptedPerson) -> set[str]:
    """The kinds of prompts whose chips say that the engine ignores them."""
    chips = [chip.accessibleName() for chip in person.window.findChildren(Chip) if chip.isVisible()]
    return {name.split(" ")[0] for name in chips if "×" in name}


def present(person: ScriptedPerson) -> SessionInfo:
    view = person.workspace.session
    assert view is not None
    return view


def test_engines_change_and_come_back(person: ScriptedPerson, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = Session.next_ask

    def counted(session: Session, *, explicit: bool = False) -> Ask | None:
        made = ask(session, explicit=explicit)
        asked.extend([made.engine] if made is not None else [])
        return made

    monkeypatch.setattr(Session, "next_ask", counted)
    workspace = person.workspace
    person.canvas.set_tool("point")
    person.click(60, 60)
    person.answer()
    person.canvas.set_tool("scribble")
    person.drag([(150, 60), (170, 70), (190, 60)])
    person.answer()
    workspace.add_text("coin")
    seen = person.answer()
    prompts = present(person).prompts
    assert [prompt.kind for prompt in prompts] == [PromptKind.POINT, PromptKind.SCRIBBLE, PromptKind.TEXT]
    assert not struck(person)
    assert asked == [SEEM] * 3

    choose(person, SAM)
    person.answer()
    assert present(person).prompts == prompts
    person.wait(lambda: struck(person) == {"text"}, "the panel says that SAM takes no words")

    choose(person, TCL)
    person.answer()
    assert present(person).prompts == prompts
    person.wait(lambda: struck(person) == {"point", "scribble"}, "the panel says that TCL takes words only")

    known = list(asked)
    assert set(known) == {SEEM, SAM, TCL}
    choose(person, SEEM)
    assert not present(person).busy, "the answer is known"
    assert np.array_equal(person.answer(), seen)
    person.wait(lambda: not struck(person), "nothing is ignored any more")
    choose(person, SAM)
    assert not present(person).busy
    assert asked == known, "coming back asked nobody"
    person.accept()
    assert len(workspace.instances) == 1
