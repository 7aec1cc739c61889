"""The class that a mask probably is: asked once a candidate, said with its score, one key away."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.dataset.model import Kind
from desktop.panels.label_suggestion import LabelSuggestionButton
from desktop.workspace import Workspace
from inference.engine import Capability, EngineSpec, Speed
from inference.messages import Failed, FailureKind, Finished, RankLabels
from inference.prompts import Point, PromptKind
from inference.results import LabelScores
from tests.unit.workspace.fake_worker import FakeWorker, specs

NAMER = EngineSpec(
    "namer", "Namer", frozenset({PromptKind.POINT}), frozenset({Capability.LABEL}), Speed.INSTANT, "", "", "names"
)
SLOW = EngineSpec(
    "slow", "Slow", frozenset({PromptKind.POINT}), frozenset({Capability.LABEL}), Speed.SECONDS, "", "", "names"
)


@pytest.fixture
def naming(browsing: Workspace) -> Workspace:
    """A project with classes and an engine that ranks names."""
    browsing.set_engine_specs([*specs(), SLOW, NAMER])
    browsing.add_categories(["car", "dog"])
    browsing.add_category("sky", Kind.STUFF)
    return browsing


def prompt(workspace: Workspace, worker: FakeWorker, qtbot: QtBot, x: float = 20) -> RankLabels:
    """A click, its answer, and the question for names that follows."""
    workspace.add_prompt(Point(x, 20))
    worker.answer()
    before = len(questions(worker))
    qtbot.waitUntil(lambda: len(questions(worker)) > before)
    return questions(worker)[-1]


def questions(worker: FakeWorker) -> list[RankLabels]:
    return [request for request in worker.sent if isinstance(request, RankLabels)]


def say(worker: FakeWorker, *scores: float, unknown: float = 0.0) -> None:
    job, request = worker.waiting.pop(0)
    assert isinstance(request, RankLabels)
    row = np.zeros((1, len(request.vocabulary.names)), np.float32)
    row[0, : len(scores)] = scores
    worker.event.emit(
        Finished(job, request, LabelScores(request.vocabulary.names, row, np.array([unknown], np.float32)))
    )


def test_the_best_class_is_one_key_away(naming: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    button = LabelSuggestionButton(naming)
    qtbot.addWidget(button)
    naming.session_changed.connect(button.refresh)
    asked = prompt(naming, worker, qtbot)
    assert (asked.engine, asked.vocabulary.names) == ("namer", ("car", "dog", "sky"))
    assert asked.vocabulary.stuff == {"sky"}
    assert asked.masks[0].sum() == 36, "the mask of the shown candidate at image size"
    assert naming.label_suggestion is None
    assert naming.can_take_suggestion() == "No class is suggested for this mask."
    say(worker, 0.1, 0.8)
    found = naming.label_suggestion
    assert found is not None
    assert found.best is not None
    assert (found.best.name, found.best.score, found.engine) == ("dog", pytest.approx(0.8), "namer")
    assert button.text() == "dog 0.80  (Z)"
    assert "car 0.10" in button.toolTip()
    assert naming.session_view.label == "dog 0.80", "the canvas says it beside the mask"
    button.click()
    assert naming.current_category is not None
    assert naming.current_category.name == "dog"
    assert button.isHidden(), "there is nothing left to suggest"
    naming.accept()
    assert [naming.class_name(i.category_id) for i in naming.instances.values()] == ["dog"]


def test_unknown_is_said_honestly(naming: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    button = LabelSuggestionButton(naming)
    qtbot.addWidget(button)
    naming.session_changed.connect(button.refresh)
    prompt(naming, worker, qtbot)
    say(worker, 0.2, 0.1, unknown=0.7)
    found = naming.label_suggestion
    assert found is not None
    assert found.best is None
    assert button.text() == "class unknown"
    assert not button.isEnabled()
    assert "No class fits" in naming.can_take_suggestion()
    assert naming.session_view.label == "unknown"
    naming.take_suggestion()
    assert naming.current_category is not None
    assert naming.current_category.name == "car", "nothing changes"


def test_without_classes_everyday_names_are_ranked_and_the_class_is_made(
    browsing: Workspace, worker: FakeWorker, qtbot: QtBot
) -> None:
    browsing.set_engine_specs([*specs(), NAMER])
    asked = prompt(browsing, worker, qtbot)
    assert len(asked.vocabulary.names) == 133
    say(worker, *([0.0] * 131), 0.9)
    browsing.take_suggestion()
    (made,) = browsing.categories
    assert (made.name, made.kind) == (asked.vocabulary.names[131], Kind.STUFF)
    assert browsing.current_category == made


def test_a_candidate_is_asked_about_once_and_the_latest_counts(
    naming: Workspace, worker: FakeWorker, qtbot: QtBot
) -> None:
    prompt(naming, worker, qtbot)
    say(worker, 0.9)
    naming.cycle_candidate()
    qtbot.waitUntil(lambda: len(questions(worker)) == 2)
    assert naming.label_suggestion is None, "the second candidate is another mask"
    say(worker, 0.0, 0.0, 0.9)
    naming.cycle_candidate()
    found = naming.label_suggestion
    assert found is not None
    assert found.best is not None
    assert found.best.name == "car"
    qtbot.wait(300)
    assert len(questions(worker)) == 2
    naming.add_category("truck")
    qtbot.waitUntil(lambda: len(questions(worker)) == 3)
    assert "truck" in questions(worker)[-1].vocabulary.names


def test_refining_gives_the_instance_its_class(naming: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    naming.add_prompt(Point(20, 20))
    worker.answer()
    naming.accept()
    (instance_id,) = naming.instances
    naming.refine(instance_id)
    qtbot.waitUntil(lambda: bool(questions(worker)))
    say(worker, 0.0, 0.9)
    naming.take_suggestion()
    assert naming.class_name(naming.instances[instance_id].category_id) == "dog"


def test_a_failure_is_quiet_and_closing_cancels(naming: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    notices: list[object] = []
    naming.notice_raised.connect(notices.append)
    request = prompt(naming, worker, qtbot)
    job, _ = worker.waiting.pop(0)
    worker.event.emit(Failed(job, request, FailureKind.ENGINE, "It has no names."))
    assert naming.label_suggestion is None
    assert not notices
    assert "It has no names." in [text for _, text in naming.messages()]
    prompt(naming, worker, qtbot, 40)
    naming.discard()
    assert worker.cancelled == [len(worker.sent)]


@pytest.mark.parametrize(("setting", "engine"), [("auto", "namer"), ("off", ""), ("slow", "slow")])
def test_who_is_asked_can_be_set(
    naming: Workspace, worker: FakeWorker, qtbot: QtBot, setting: str, engine: str
) -> None:
    naming.settings.set("engines.label_with", setting)
    naming.set_find_with("slow")
    naming.set_refine_with("slow")
    naming.add_prompt(Point(20, 20))
    worker.answer()
    if engine:
        qtbot.waitUntil(lambda: bool(questions(worker)))
    else:
        qtbot.wait(300)
    assert [request.engine for request in questions(worker)] == [engine] * bool(engine)


def test_nothing_is_asked_after_the_end(naming: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    naming.add_prompt(Point(20, 20))
    worker.answer()
    before = len(questions(worker))
    naming._make_mask()
    naming.shut_down()
    qtbot.wait(100)
    assert len(questions(worker)) == before
