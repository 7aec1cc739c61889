"""Commands that ask engines, in the real window: suggested class, following images, engine options."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QInputDialog
from pytestqt.qtbot import QtBot

from desktop.engine_options_dialog import EngineOptionsDialog
from desktop.main_window import MainWindow
from desktop.workspace import Workspace
from inference.engine import Capability, EngineOption, EngineSpec, Speed
from inference.messages import Finished, RankLabels
from inference.prompts import Point, PromptKind
from inference.results import LabelScores
from tests.unit.workspace.fake_worker import FakeWorker

ABLE = EngineSpec(
    "able",
    "Able",
    frozenset({PromptKind.POINT, PromptKind.REFERENCE}),
    frozenset({Capability.LABEL}),
    Speed.INSTANT,
    "",
    "",
    "everything",
    options=(EngineOption("mode", "Mode", "fast", ("fast", "fine")),),
)


@pytest.fixture
def window(browsing: Workspace, qtbot: QtBot) -> MainWindow:
    browsing.set_engine_specs([ABLE])
    browsing.set_find_with("able")
    browsing.set_refine_with("able")
    made = MainWindow(browsing, lambda: True)
    qtbot.addWidget(made)
    return made


def test_each_is_explained_while_it_cannot_run(window: MainWindow) -> None:
    reasons = {name: window.registry.command(name).reason() for name in ("session.suggestion", "engine.follow")}
    assert reasons == {
        "session.suggestion": "There is no mask to name yet.",
        "engine.follow": "Prompt an object or select one instance first: it shows what to look for.",
    }
    assert window.registry.command("review.next_proposals").reason() == "No image has proposals."
    assert window.registry.keys("session.suggestion") == ("Z",)
    assert not [row for row in window.registry.conflicts() if "session.suggestion" in row or "engine.follow" in row]


def test_the_key_takes_the_suggestion_and_the_question_for_a_number_starts_the_job(
    window: MainWindow, worker: FakeWorker, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = window.workspace
    ws.add_categories(["car", "dog"])
    ws.add_prompt(Point(20, 20))
    worker.answer()
    qtbot.waitUntil(lambda: isinstance(worker.sent[-1], RankLabels))
    job, request = worker.waiting.pop(0)
    scores = LabelScores(("car", "dog"), np.array([[0.1, 0.9]], np.float32), np.zeros(1, np.float32))
    worker.event.emit(Finished(job, request, scores))
    window.registry.trigger("session.suggestion")
    assert ws.current_category is not None
    assert ws.current_category.name == "dog"
    asked: list[tuple[object, ...]] = []

    def number(*arguments: object) -> tuple[int, bool]:
        asked.append(arguments)
        return 1, True

    monkeypatch.setattr(QInputDialog, "getInt", number)
    window.registry.trigger("engine.follow")
    assert asked[0][2] == "In how many of the 2 following images"
    assert [each.title for each in ws.jobs] == ["dog in the following image"]


def test_options_open_in_a_dialog(window: MainWindow) -> None:
    window.registry.trigger("engine.options")
    (dialog,) = window.findChildren(EngineOptionsDialog)
    assert list(dialog.editors) == [("able", "mode")]
    dialog.close()
