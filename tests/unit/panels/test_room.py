"""Panels in little room: nothing is cut off and nothing scrolls sideways; the more important things stay."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel
from pytestqt.qtbot import QtBot

from desktop.canvas.view import CanvasView
from desktop.dataset.model import Category
from desktop.panels.classes_panel import ClassesPanel
from desktop.panels.engine_panel import EnginePanel
from desktop.panels.image_strip import ImageStrip
from desktop.panels.instances_model import Column
from desktop.panels.instances_panel import InstancesPanel
from desktop.panels.prompts_panel import PromptsPanel
from desktop.panels.section import Section, SectionColumn
from desktop.panels.session_bar import SessionBar
from desktop.panels.status_bar import StatusBar
from desktop.settings import Settings
from desktop.settings_dialog import SettingsDialog
from desktop.workspace import Workspace
from inference.prompts import Point, PromptSet
from tests.unit.panels.fake_workspace import FakeWorkspace, filled, session


@pytest.fixture
def fake() -> FakeWorkspace:
    return filled()


def as_workspace(fake: FakeWorkspace) -> Workspace:
    return cast(Workspace, fake)


def shown_columns(panel: InstancesPanel) -> set[Column]:
    return {column for column in Column if not panel.view.isColumnHidden(column)}


def test_the_instance_list_shows_the_columns_that_fit(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = InstancesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    seen = []
    for width in (180, 300, 420, 800):
        panel.resize(width, 400)
        panel.show()
        header = panel.view.header()
        shown = shown_columns(panel)
        assert {Column.CLASS, Column.EYE, Column.LOCK} <= shown
        assert header.length() <= panel.view.viewport().width()
        assert panel.view.horizontalScrollBar().maximum() == 0
        seen.append(shown)
    assert all(narrow <= wide for narrow, wide in itertools.pairwise(seen))
    assert Column.AREA in seen[1]
    assert seen[-1] == set(Column) - {Column.NUMBER}, "the heading has the class, the rows the number"


def test_the_flat_list_names_the_class_of_every_row(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = InstancesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel.resize(300, 400)
    panel.show()
    index = panel.model.index_of(1)
    assert index.data() == "#1"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "person #1"
    panel._flat.setChecked(True)
    assert panel.model.index_of(1).data() == "person"
    assert Column.NUMBER in shown_columns(panel)


def test_the_filters_of_the_strip_are_one_row_at_any_width(qtbot: QtBot, fake: FakeWorkspace) -> None:
    strip = ImageStrip(as_workspace(fake))
    qtbot.addWidget(strip)
    strip.resize(1100, 160)
    strip.show()
    assert strip._all_chips.isVisible()
    assert not strip._state.isVisible()
    strip.resize(640, 160)
    assert not strip._all_chips.isVisible()
    assert strip._state.isVisible()
    assert strip.minimumSizeHint().width() <= 640
    strip._state.setCurrentIndex(strip._state.findData("done"))
    strip._state.activated.emit(strip._state.currentIndex())
    assert fake.image_filter.chip == "done"
    strip.set_vertical(True)
    strip.resize(176, 600)
    assert strip._state.isVisible()


def test_the_less_important_fields_of_the_status_bar_give_way(qtbot: QtBot, fake: FakeWorkspace) -> None:
    bar = StatusBar(as_workspace(fake))
    qtbot.addWidget(bar)
    bar.resize(1440, 28)
    bar.show()
    assert bar._cache.isVisible()
    bar.resize(800, 28)
    assert not bar._cache.isVisible()
    assert bar._engine.isVisible()
    fake.cache = (1, 410 << 20, 1024 << 20)
    fake.engines_changed.emit()
    assert bar._cache.text().startswith("1 image ·")


def test_every_prompt_of_a_few_is_in_sight(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = PromptsPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel.resize(280, 600)
    panel.show()
    for count in (1, 2, 3):
        fake.session = session(prompts=PromptSet(tuple(Point(5.0 * n, 9.0) for n in range(count))))
        panel.refresh()
        # at once: the picture of the moment after a click shows the prompt
        assert panel._list.height() >= count * panel._rows.itemAt(0).widget().sizeHint().height() > 0


def test_many_prompts_scroll_in_their_own_list(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.session = session(prompts=PromptSet(tuple(Point(i, i) for i in range(30))), candidates=())
    panel = PromptsPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel.resize(300, 400)
    panel.show()
    assert panel._list.height() <= 120
    assert len(panel._list.findChildren(QLabel)) >= 30
    bar = panel._list.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())


def test_lists_shrink_before_the_column_scrolls(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.session = session(prompts=PromptSet((Point(1, 1), Point(2, 2))))
    column = SectionColumn()
    qtbot.addWidget(column)
    for number, panel in enumerate((EnginePanel, PromptsPanel, ClassesPanel, InstancesPanel)):
        column.add(Section(panel.__name__, panel.__name__, "list", panel(as_workspace(fake)), stretch=number // 2))
    column.resize(312, 800)
    column.show()
    assert column._scroll.verticalScrollBar().maximum() == 0


def test_a_section_that_has_nothing_to_show_is_away(qtbot: QtBot) -> None:
    column = SectionColumn()
    qtbot.addWidget(column)
    column.add(Section("proposals", "Proposals", "review", QLabel("one")))
    column.show()
    column.set_present("proposals", False)
    assert not column.sections["proposals"].isVisible()
    column.set_present("proposals", True)
    assert column.sections["proposals"].isVisible()


def test_the_settings_offer_the_engines_by_their_titles(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.toml")
    dialog = SettingsDialog(settings, engines={"classic": "Classic", "lite": "Lite (built in)"})
    qtbot.addWidget(dialog)
    editor = dialog.rows["engines.find_with"].editor
    assert isinstance(editor, QComboBox)
    assert editor.currentText() == "Lite (built in)"
    editor.setCurrentIndex(editor.findText("Classic"))
    assert settings.text("engines.find_with") == "classic"
    dialog.rows["engines.find_with"].reset.click()
    assert settings.text("engines.find_with") == "lite"
    assert editor.currentText() == "Lite (built in)"


def test_names_are_shown_as_they_are_and_shortened(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.session = session()
    fake.current_category = Category(9, "salt & pepper, " * 20, "#ff0000")
    bar = SessionBar(as_workspace(fake), CanvasView())
    qtbot.addWidget(bar._canvas)
    text = bar._class.text()
    assert "salt && pep" in text
    assert "…" in text
    assert bar._class.sizeHint().width() < 300
