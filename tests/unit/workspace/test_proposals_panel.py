"""The review lane: proposals are decided one by one by keys (ux.md §8)."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.window_proposals import ProposalsPanel
from desktop.workspace import Workspace
from inference.results import Region
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH


def region(x: int, score: float, label: str) -> Region:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:15, x : x + 8] = True
    return Region(mask, score, label)


@pytest.fixture
def panel(browsing: Workspace, qtbot: QtBot) -> ProposalsPanel:
    made = ProposalsPanel(browsing)
    qtbot.addWidget(made)
    made.show()
    with qtbot.waitSignal(made.filled):
        browsing._propose(1, "e", [region(2, 0.9, "cat"), region(20, 0.7, "dog"), region(40, 0.4, "cow")])
    return made


def test_enter_accepts_del_rejects_tab_goes_on(browsing: Workspace, panel: ProposalsPanel) -> None:
    assert panel.list.count() == 3
    QTest.keyClick(panel.list, Qt.Key.Key_Tab)
    assert panel.list.currentRow() == 1
    assert browsing.selection == (-browsing.proposals[1].id,)
    QTest.keyClick(panel.list, Qt.Key.Key_Return)
    (instance,) = browsing.instances.values()
    assert browsing.class_name(instance.category_id) == "dog"
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    assert [p.label for p in browsing.proposals] == ["cat"]
    assert panel.list.count() == 1
    assert len(browsing.instances) == 1


def test_unchecked_and_low_ones_are_not_accepted_together(browsing: Workspace, panel: ProposalsPanel) -> None:
    panel.threshold.setValue(50)
    assert panel.list.count() == 2
    panel.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    panel._accept.click()
    assert [browsing.class_name(i.category_id) for i in browsing.instances.values()] == ["dog"]
    assert not panel.list.isHidden()


def test_another_image_has_none(browsing: Workspace, panel: ProposalsPanel) -> None:
    browsing.go_next()
    assert panel.list.count() == 0
    assert panel.list.isHidden()
    assert not panel._accept.isEnabled()


def test_the_section_folds_when_all_are_decided_but_not_when_all_are_hidden(
    browsing: Workspace, panel: ProposalsPanel
) -> None:
    told: list[bool] = []
    panel.filled.connect(told.append)
    panel.threshold.setValue(100)
    assert panel.list.count() == 0
    assert told == []
    panel.threshold.setValue(0)
    panel._reject.click()
    assert told[-1] is False


def test_the_lane_says_what_it_hides_and_sorts(browsing: Workspace, panel: ProposalsPanel) -> None:
    panel.threshold.setValue(60)
    assert panel._hidden.text() == "1 below this score is not shown."
    panel.threshold.setValue(0)
    assert panel._hidden.isHidden()
    panel.order.setCurrentIndex(1)
    panel.order.activated.emit(1)
    assert panel.list.item(0).text().startswith("cow"), "0.4 is the least sure"
    assert not panel._next.isEnabled()
    browsing._propose(2, "e", [region(2, 0.9, "cat")])
    panel._next.click()
    assert browsing.current_image is not None
    assert browsing.current_image.id == 2
    panel.never_overwrite.click()
    assert browsing.settings.flag("tools.never_overwrite") is False
