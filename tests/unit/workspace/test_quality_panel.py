"""The quality list: findings by rule, going there, fixing as one undo step."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.dataset.quality import Rule
from desktop.panels.quality_panel import QualityPanel
from desktop.workspace import Workspace


def shape(workspace: Workspace, *blocks: tuple[int, int, int, int]) -> Mask:
    width, height = workspace.image_size
    pixels = np.zeros((height, width), np.bool_)
    for x0, y0, x1, y1 in blocks:
        pixels[y0:y1, x0:x1] = True
    return Mask.from_array(pixels)


@pytest.fixture
def faulty(browsing: Workspace) -> Workspace:
    """An object with a speck on the first image; the second image is current."""
    browsing.add_category("car")
    category = browsing.categories[0].id
    browsing.create_instance(shape(browsing, (1, 1, 21, 21), (28, 24, 30, 26)), "Drawn")
    browsing.apply_category(category)
    browsing.go_next()
    browsing.create_instance(shape(browsing, (1, 1, 21, 21)), "Drawn")
    return browsing


@pytest.fixture
def panel(faulty: Workspace, qtbot: QtBot) -> QualityPanel:
    panel = QualityPanel(faulty)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: panel.busy.isHidden(), timeout=5000)
    return panel


def choose(panel: QualityPanel, rule: Rule) -> None:
    for number in range(panel.list.topLevelItemCount()):
        heading = panel.list.topLevelItem(number)
        assert heading is not None
        for row in range(heading.childCount()):
            panel.list.setCurrentItem(heading.child(row))
            found = panel.chosen()
            if found is not None and found.rule is rule:
                return
    pytest.fail(f"no finding of the rule {rule}")


def test_a_finding_leads_to_its_instance(faulty: Workspace, panel: QualityPanel) -> None:
    choose(panel, Rule.STRAY_PARTS)
    panel.show_chosen()
    assert faulty.current_image is not None
    assert faulty.current_image.path == "img1.png"
    assert len(faulty.selection) == 1


def test_fixing_is_one_undo_step_of_that_image(faulty: Workspace, panel: QualityPanel, qtbot: QtBot) -> None:
    choose(panel, Rule.STRAY_PARTS)
    qtbot.mouseClick(panel.fix, Qt.MouseButton.LeftButton)
    (instance,) = faulty.instances.values()
    assert len(instance.mask.parts()) == 1
    assert [entry.name for entry in faulty.history()][-1] == "Fix: Stray parts"
    qtbot.waitUntil(lambda: panel.busy.isHidden(), timeout=5000)
    with pytest.raises(pytest.fail.Exception):
        choose(panel, Rule.STRAY_PARTS)
    faulty.undo()
    assert len(next(iter(faulty.instances.values())).mask.parts()) == 2


def test_a_stale_finding_is_not_carried_out(faulty: Workspace, panel: QualityPanel) -> None:
    choose(panel, Rule.STRAY_PARTS)
    finding = panel.chosen()
    assert finding is not None
    faulty.show_finding(finding)
    faulty.edit_instances({finding.instance_ids[0]: shape(faulty, (0, 0, 9, 9))}, "Brush stroke")
    panel.fix_chosen()
    assert panel.summary.text() == "The instances have changed since the check; check again."
    assert faulty.instances[finding.instance_ids[0]].mask.area == 81
