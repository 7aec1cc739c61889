"""Options of engines: they travel with every request, and what was answered before is asked again."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox
from pytestqt.qtbot import QtBot

from desktop.engine_options_dialog import EngineOptionsDialog
from desktop.workspace import Workspace
from inference.engine import Capability, EngineOption, EngineSpec, Speed, UnusableOption
from inference.messages import Everything
from inference.prompts import Point, PromptKind
from tests.unit.workspace.fake_worker import FakeWorker

MODE = EngineOption("mode", "Mode", "fast", ("fast", "fine"), help="fine takes longer")
DEPTH = EngineOption("depth", "Depth", 0.5, least=0.0, most=2.0)
TUNED = EngineSpec(
    "tuned",
    "Tuned",
    frozenset({PromptKind.POINT}),
    frozenset({Capability.EVERYTHING, Capability.VOCABULARY}),
    Speed.INSTANT,
    "",
    "",
    "options",
    options=(MODE, DEPTH),
)


@pytest.fixture
def tuned(browsing: Workspace) -> Workspace:
    browsing.set_engine_specs([TUNED])
    browsing.set_find_with("tuned")
    browsing.set_refine_with("tuned")
    return browsing


def test_changed_options_travel_and_the_session_is_asked_again(tuned: Workspace, worker: FakeWorker) -> None:
    tuned.add_prompt(Point(20, 20))
    worker.answer()
    assert worker.segments[-1].options == {}
    assert tuned.engine_options("tuned") == {"mode": "fast", "depth": 0.5}
    tuned.set_engine_option("tuned", "mode", "fine")
    assert worker.segments[-1].options == {"mode": "fine"}
    assert tuned.session is not None
    assert tuned.session.candidate is not None, "the old answer is shown until the new one comes"
    worker.answer(0.7)
    assert tuned.session.candidate.score == 0.7
    tuned.set_engine_option("tuned", "mode", "fast")
    assert worker.segments[-1].options == {}
    with pytest.raises(UnusableOption, match="Mode can be fast, fine"):
        tuned.set_engine_option("tuned", "mode", "best")


def test_an_answer_to_old_options_is_not_taken(tuned: Workspace, worker: FakeWorker) -> None:
    tuned.add_prompt(Point(20, 20))
    tuned.set_engine_option("tuned", "depth", 1.5)
    worker.answer(0.1)
    assert tuned.session is not None
    assert tuned.session.candidate is None
    worker.answer(0.9)
    assert tuned.session.candidate is not None
    assert tuned.session.candidate.score == 0.9


def test_a_whole_image_run_has_the_options_and_the_classes(tuned: Workspace, worker: FakeWorker) -> None:
    tuned.run_everything()
    tuned.set_engine_option("tuned", "depth", 2)
    tuned.add_categories(["car", "dog"])
    tuned.run_everything()
    first, second = (request for request in worker.sent if isinstance(request, Everything))
    assert first.vocabulary is None
    assert second.vocabulary is not None
    assert second.vocabulary.names == ("car", "dog")
    assert (first.options, second.options) == ({}, {"depth": 2.0})


def test_the_dialog_changes_at_once_and_resets(tuned: Workspace, qtbot: QtBot) -> None:
    dialog = EngineOptionsDialog(tuned)
    qtbot.addWidget(dialog)
    assert list(dialog.editors) == [("tuned", "mode"), ("tuned", "depth")]
    mode, depth = dialog.editors.values()
    assert isinstance(mode, QComboBox)
    assert isinstance(depth, QDoubleSpinBox)
    assert mode.toolTip() == "fine takes longer"
    mode.setCurrentIndex(1)
    mode.activated.emit(1)
    depth.setValue(1.25)
    depth.editingFinished.emit()
    assert tuned.changed_options("tuned") == {"mode": "fine", "depth": 1.25}
    dialog.reset()
    assert tuned.changed_options("tuned") == {}
    assert mode.currentText() == "Fast"
