"""Relabel by model: names for a selection, looked at line by line, set as one undo step."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.panels.relabel_dialog import CHECK, FOUND, RelabelDialog, relabel
from desktop.workspace import JobState, Workspace
from desktop.workspace import relabelling as module
from inference.messages import Failed, FailureKind, Finished, RankLabels
from inference.results import LabelScores
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker


@pytest.fixture
def objects(browsing: Workspace) -> Workspace:
    """Three cars, all selected, in a project with the classes car and dog."""
    browsing.add_categories(["car", "dog"])
    browsing.set_current_category(browsing.categories[0].id)
    for left in (2, 20, 40):
        browsing.create_instance(Mask.from_crop(np.ones((10, 10), bool), left, 5, WIDTH, HEIGHT), "Brush")
    browsing.select_all()
    return browsing


def asked(worker: FakeWorker, qtbot: QtBot) -> RankLabels:
    qtbot.waitUntil(lambda: any(isinstance(request, RankLabels) for _, request in worker.waiting))
    request = worker.waiting[-1][1]
    assert isinstance(request, RankLabels)
    return request


def say(worker: FakeWorker, rows: list[tuple[float, float]]) -> None:
    job, request = worker.waiting.pop()
    assert isinstance(request, RankLabels)
    scores = np.array(rows, np.float32)
    names = LabelScores(request.vocabulary.names, scores, 1 - scores.sum(1))
    worker.event.emit(Finished(job, request, names))


def classes(workspace: Workspace) -> list[str]:
    return [workspace.class_name(workspace.instances[i].category_id) for i in sorted(workspace.instances)]


def test_what_is_checked_is_set_in_one_step(objects: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = relabel(objects, parent)
    assert dialog is not None
    request = asked(worker, qtbot)
    assert request.vocabulary.names == ("car", "dog")
    assert [int(mask.sum()) for mask in request.masks] == [100, 100, 100]
    assert objects.can_relabel() == "The last relabelling is still under way."
    say(worker, [(0.1, 0.9), (0.2, 0.1), (0.7, 0.2)])
    texts = [dialog.list.topLevelItem(n).text(FOUND) for n in range(3)]  # type: ignore[union-attr]
    assert texts == ["dog", "unknown", "car"]
    first = sorted(objects.instances)[0]
    assert dialog.checked() == [first], "neither what is unknown nor what stays the same"
    assert classes(objects) == ["car"] * 3, "nothing is changed before the person says so"
    dialog.apply.click()
    assert classes(objects) == ["dog", "car", "car"]
    assert objects.undo_name.endswith("Relabel 1 instances")
    objects.undo()
    assert classes(objects) == ["car"] * 3
    assert objects.jobs[-1].state is JobState.DONE
    assert objects.jobs[-1].message == "2 named, 1 unknown"


def test_a_person_may_leave_a_line_out_and_sees_its_instance(
    objects: Workspace, worker: FakeWorker, qtbot: QtBot
) -> None:
    objects.relabel_selected()
    dialog = RelabelDialog(objects)
    qtbot.addWidget(dialog)
    asked(worker, qtbot)
    say(worker, [(0.0, 0.9)] * 3)
    row = dialog.list.topLevelItem(1)
    assert row is not None
    row.setCheckState(CHECK, Qt.CheckState.Unchecked)
    dialog.list.setCurrentItem(row)
    second = sorted(objects.instances)[1]
    assert objects.selection == (second,)
    assert second not in dialog.checked()
    dialog.apply.click()
    assert classes(objects) == ["dog", "car", "dog"]


def test_large_images_are_asked_in_portions(
    objects: Workspace, worker: FakeWorker, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 2 * WIDTH * HEIGHT)
    objects.relabel_selected()
    assert len(asked(worker, qtbot).masks) == 2
    say(worker, [(0.0, 0.9)] * 2)
    assert objects.relabelling
    assert objects.jobs[-1].fraction == pytest.approx(2 / 3)
    assert len(asked(worker, qtbot).masks) == 1
    say(worker, [(0.9, 0.0)])
    assert not objects.relabelling
    assert [each.best.name for each in objects.relabels if each.best is not None] == ["dog", "dog", "car"]


def test_it_can_be_cancelled_and_says_what_failed(objects: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    objects.relabel_selected()
    asked(worker, qtbot)
    objects.cancel_job(objects.jobs[-1].id)
    assert not objects.relabelling
    assert objects.jobs[-1].state is JobState.CANCELLED
    objects.relabel_selected()
    request = asked(worker, qtbot)
    job, _ = worker.waiting.pop()
    worker.event.emit(Failed(job, request, FailureKind.ENGINE, "No engine ranks names."))
    assert objects.jobs[-1].state is JobState.FAILED
    assert objects.apply_relabels(objects.selection) == 0


def test_locked_instances_and_nothing_selected(objects: Workspace) -> None:
    objects.lock_instances(objects.selection, True)
    assert objects.can_relabel() == "Select instances that are not locked first."
    objects.relabel_selected()
    assert not objects.relabelling
