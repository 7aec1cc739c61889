"""What a notice about a failure offers (ux.md §13)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from desktop.workspace import Notice, Workspace
from desktop.workspace.remedies import crop_round
from inference.messages import DeviceInfo, FailureKind
from inference.prompts import Box, Point, PromptSet, Text
from tests.unit.workspace.fake_worker import FakeWorker


def notice_of(workspace: Workspace, worker: FakeWorker, kind: FailureKind, qtbot: QtBot) -> Notice:
    workspace.set_find_with("words" if kind is FailureKind.WEIGHTS_MISSING else "classic")
    prompt = Text("cat") if kind is FailureKind.WEIGHTS_MISSING else Point(20.5, 20.5)
    workspace.add_prompt(prompt)
    qtbot.waitUntil(lambda: bool(worker.waiting))
    with qtbot.waitSignal(workspace.notice_raised) as raised:
        worker.fail(kind)
    notice = raised.args[0]
    assert isinstance(notice, Notice)
    return notice


def press(notice: Notice, label: str) -> None:
    next(action for action in notice.actions if action.label == label).run()


def test_missing_weights(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    notice = notice_of(browsing, worker, FailureKind.WEIGHTS_MISSING, qtbot)
    assert [action.label for action in notice.actions] == ["Locate file…", "Model folders…", "Use Classic"]
    with qtbot.waitSignal(browsing.models_requested) as asked:
        press(notice, "Locate file…")
    assert asked.args == ["words"]
    press(notice, "Use Classic")
    assert browsing.find_with == "classic"


def test_wrong_weights(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    notice = notice_of(browsing, worker, FailureKind.WRONG_WEIGHTS, qtbot)
    assert [action.label for action in notice.actions] == ["Choose another"]


@pytest.mark.parametrize(("device", "label"), [("CUDA:0, 6.1 of 8.0 GB", "Use CPU"), ("CPU", "Run again")])
def test_out_of_memory(browsing: Workspace, worker: FakeWorker, qtbot: QtBot, device: str, label: str) -> None:
    browsing.take_event(DeviceInfo(device))
    notice = notice_of(browsing, worker, FailureKind.OUT_OF_MEMORY, qtbot)
    # the test image is small: a crop would be all of it
    assert notice.actions[0].label == label
    if label == "Use CPU":
        press(notice, label)
        assert worker.moved == ["the GPU ran out of memory"]
        assert worker.waiting, "the round is asked again"


@given(st.floats(0, 4000), st.floats(0, 3000), st.floats(1, 500))
def test_a_crop_holds_its_prompts_and_lies_in_the_image(x: float, y: float, side: float) -> None:
    box = Box(x, y, min(x + side, 4000), min(y + side, 3000))
    crop = crop_round(PromptSet((Point(x, y), box)), 4000, 3000)
    assert crop is not None
    x0, y0, x1, y1 = crop
    assert 0 <= x0 <= box.x0
    assert 0 <= y0 <= box.y0
    assert box.x1 <= x1 <= 4000
    assert box.y1 <= y1 <= 3000
    assert crop_round(PromptSet((Text("cat"),)), 4000, 3000) is None
    assert crop_round(PromptSet((Point(5, 5),)), 64, 48) is None
