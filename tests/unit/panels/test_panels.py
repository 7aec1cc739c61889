"""What panels show and what they ask of the workspace."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

import pytest
from PySide6.QtCore import QEvent, QMimeData, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QSlider, QWidget
from pytestqt.qtbot import QtBot

from desktop.canvas.renderer import Adjustments
from desktop.canvas.view import CanvasView
from desktop.panels.adjustments_panel import AdjustmentsPanel
from desktop.panels.class_chooser import ClassChooser
from desktop.panels.class_editor import ClassEditor, DeleteClassDialog
from desktop.panels.classes_panel import ClassesPanel
from desktop.panels.context_bar import ContextBar
from desktop.panels.empty_state import EmptyWindowPage
from desktop.panels.engine_panel import EnginePanel, accepted_icons
from desktop.panels.history_panel import HistoryPanel
from desktop.panels.icons import UnknownIcon, icon, icon_names, pixmap
from desktop.panels.image_strip import ImageStrip
from desktop.panels.instances_panel import InstancesPanel
from desktop.panels.jobs_popover import JobsPopover, remaining_seconds
from desktop.panels.prompts_panel import PromptsPanel
from desktop.panels.section import Section, SectionColumn
from desktop.panels.session_bar import SessionBar
from desktop.panels.status_bar import StatusBar
from desktop.panels.text_box import phrases
from desktop.workspace import HistoryEntry, JobInfo, JobState, Saved, SavedState, Workspace
from inference.messages import EngineState
from tests.unit.panels.fake_workspace import SEEM, FakeWorkspace, filled, session

PANELS = [
    EnginePanel,
    PromptsPanel,
    ClassesPanel,
    InstancesPanel,
    ImageStrip,
    JobsPopover,
    HistoryPanel,
    StatusBar,
    EmptyWindowPage,
    ContextBar,
]


def as_workspace(fake: FakeWorkspace) -> Workspace:
    return cast(Workspace, fake)


@pytest.fixture
def fake() -> FakeWorkspace:
    return filled()


# -- icons ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_every_icon_draws_something_at_every_scale(qtbot: QtBot, ratio: float) -> None:
    for name in icon_names():
        drawn = pixmap(name, 20, ratio)
        assert drawn.width() == round(20 * ratio)
        image = drawn.toImage()
        seen = any(image.pixelColor(x, y).alpha() > 120 for x in range(image.width()) for y in range(image.height()))
        assert seen, name


def test_a_missing_icon_is_named(qtbot: QtBot) -> None:
    with pytest.raises(UnknownIcon, match="no icon named 'unicorn'"):
        icon("unicorn")


def test_icons_follow_the_theme(qtbot: QtBot) -> None:
    before = QGuiApplication.palette()
    drawn = icon("plus")

    def ink() -> str:
        image = drawn.pixmap(QSize(24, 24), 1.0, QIcon.Mode.Normal).toImage()
        return image.pixelColor(12, 12).name()

    try:
        palette = QPalette(before)
        palette.setColor(QPalette.ColorRole.WindowText, Qt.GlobalColor.red)
        QGuiApplication.setPalette(palette)
        assert ink() == "#ff0000"
        palette.setColor(QPalette.ColorRole.WindowText, Qt.GlobalColor.blue)
        QGuiApplication.setPalette(palette)
        assert ink() == "#0000ff"
    finally:
        QGuiApplication.setPalette(before)


# -- all panels ----------------------------------------------------------------------------------------------------


def test_the_stand_in_has_no_name_that_the_workspace_lacks() -> None:
    ours = {name for name in (*vars(FakeWorkspace), *vars(FakeWorkspace())) if not name.startswith("_")}
    own = {"calls", "called", "entries", "hidden", "recent", "staticMetaObject"}
    assert {name for name in ours - own if not hasattr(Workspace, name)} == set()


@pytest.mark.parametrize("panel", PANELS)
def test_controls_have_names_and_targets(qtbot: QtBot, fake: FakeWorkspace, panel: type[QWidget]) -> None:
    fake.session = session()
    fake.jobs = [JobInfo("a", "Export", JobState.RUNNING, 0.5)]
    widget = cast(Any, panel)(fake)
    qtbot.addWidget(widget)
    widget.resize(320, 600)
    widget.show()
    for control in widget.findChildren(QWidget):
        if not isinstance(control, QAbstractButton | QComboBox | QSlider | QLineEdit) or not control.isVisible():
            continue
        if control.objectName().startswith("qt_") or isinstance(control.parent(), QLineEdit | QComboBox):
            continue
        if "SpinBox" in type(control.parent()).__name__:
            continue
        text = control.text() if isinstance(control, QAbstractButton) else ""
        assert control.accessibleName() or text, f"{panel.__name__}: {control}"
        if isinstance(control, QAbstractButton | QComboBox):
            assert control.height() >= 24, f"{panel.__name__}: {control.accessibleName()} {control.height()}"


@pytest.mark.parametrize("panel", PANELS)
def test_panels_stand_without_project(qtbot: QtBot, panel: type[QWidget]) -> None:
    empty = FakeWorkspace()
    empty.engines = []
    empty.device = None
    widget = cast(Any, panel)(empty)
    qtbot.addWidget(widget)
    widget.show()
    assert widget.accessibleName()


@pytest.mark.parametrize("panel", [EnginePanel, PromptsPanel, ClassesPanel, InstancesPanel])
def test_panels_survive_text_that_is_40_percent_larger(qtbot: QtBot, fake: FakeWorkspace, panel: type[QWidget]) -> None:
    fake.session = session()
    widget = cast(Any, panel)(fake)
    qtbot.addWidget(widget)
    font = widget.font()
    font.setPointSizeF(font.pointSizeF() * 1.4)
    widget.setFont(font)
    assert widget.minimumSizeHint().width() <= 420


# -- engine --------------------------------------------------------------------------------------------------------


def test_engine_panel_says_state_device_and_what_is_ignored(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.session = session()
    panel = EnginePanel(as_workspace(fake))
    qtbot.addWidget(panel)
    texts = {label.full_text() for label in panel.findChildren(type(panel._state))}
    assert "Ready · image not encoded yet" in texts
    assert "CPU — no CUDA device found" in texts
    assert panel._ignored.text() == "Ignored by Classic: 1 × text"


def test_engine_without_weights_offers_to_locate_them(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.find_with = "seem"
    panel = EnginePanel(as_workspace(fake))
    qtbot.addWidget(panel)
    assert panel._state.full_text() == "Not installed"
    with qtbot.waitSignal(panel.locate_requested) as asked:
        panel._action.click()
    assert asked.args == ["seem"]
    assert accepted_icons(SEEM.spec)[-1] == "everything"


def test_choosing_an_engine_goes_to_the_workspace(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = EnginePanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel._find.activated.emit(2)
    panel._refine.activated.emit(1)
    assert fake.called("set_find_with") == [("tcl",)]
    assert fake.called("set_refine_with") == [("seem",)]


def test_failed_engine_offers_reload_and_details(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.engines = [replace(fake.engines[0], state=EngineState.FAILED, message="out of memory")]
    panel = EnginePanel(as_workspace(fake))
    qtbot.addWidget(panel)
    assert panel._state.full_text() == "Failed — out of memory"
    with qtbot.waitSignal(panel.details_requested) as asked:
        panel._details.click()
    assert asked.args == ["classic"]
    panel._action.click()
    assert fake.called("reload_engine") == [("classic",)]


def test_compare_offers_the_other_usable_engines(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.session = session()
    panel = EnginePanel(as_workspace(fake))
    qtbot.addWidget(panel)
    actions = panel._compare.menu().actions()
    assert [action.text() for action in actions] == ["TCL"]
    actions[0].trigger()
    assert fake.called("compare") == [("tcl",)]


# -- prompts -------------------------------------------------------------------------------------------------------


def test_phrases() -> None:
    assert phrases("red car,  dog\ncat,,dog") == ["red car", "dog", "cat"]


def test_text_runs_only_on_an_engine_that_takes_it(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = PromptsPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel.text.setPlainText("red car")
    assert not panel._run.isEnabled()
    assert panel._run.toolTip() == (
        "Classic uses points, boxes, scribbles and masks; text is ignored. Text would work with TCL."
    )
    fake.find_with = "tcl"
    fake.engines_changed.emit()
    qtbot.keyClick(panel.text, Qt.Key.Key_Return)
    assert fake.called("add_text") == [("red car",)]


def test_text_history_and_new_lines(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.text_history = ["newest", "older"]
    panel = PromptsPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    qtbot.keyClicks(panel.text, "dr")
    for key, text in ((Qt.Key.Key_Up, "newest"), (Qt.Key.Key_Up, "older"), (Qt.Key.Key_Up, "older")):
        qtbot.keyClick(panel.text, key)
        assert panel.text.toPlainText() == text
    qtbot.keyClick(panel.text, Qt.Key.Key_Down)
    qtbot.keyClick(panel.text, Qt.Key.Key_Down)
    assert panel.text.toPlainText() == "dr"
    one_line = panel.text.height()
    qtbot.keyClick(panel.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert panel.text.toPlainText() == "dr\n"
    assert panel.text.height() > one_line
    assert not fake.called("add_text")


def test_sliders_filter_cached_scores(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = PromptsPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel._threshold.setValue(45)
    panel._results.setValue(7)
    assert fake.called("set_text_threshold") == [(0.45,)]
    assert fake.called("set_max_results") == [(7,)]
    assert not fake.called("run")


def test_prompt_rows_mute_delete_and_highlight(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.session = session()
    panel = PromptsPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    rows = [panel._rows.itemAt(i).widget() for i in range(panel._rows.count())]
    buttons = {b.accessibleName(): b for b in rows[1].findChildren(QAbstractButton)}
    buttons["Mute prompt"].click()
    buttons["Delete prompt"].click()
    assert fake.called("mute_prompt") == [(1, True)]
    assert fake.called("remove_prompt") == [(1,)]
    QApplication.sendEvent(rows[2], QEvent(QEvent.Type.Enter))
    assert fake.called("highlight_prompt")[-1] == (2,)


def test_candidates_choose_and_keep(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.session = session()
    panel = PromptsPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    cells = panel.candidates._cells
    assert len(cells) == 3
    cells[1]._button.click()
    cells[2]._keep.click()
    assert fake.called("choose_candidate") == [(1,)]
    assert fake.called("keep_candidate") == [(2, True)]


# -- classes -------------------------------------------------------------------------------------------------------


def test_class_filter_applies_the_first_match(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = ClassesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    qtbot.keyClicks(panel.filter, "tra")
    assert panel.model.rowCount() == 1
    qtbot.keyClick(panel.filter, Qt.Key.Key_Return)
    assert fake.called("apply_category") == [(4,)]


def test_a_new_name_in_the_class_filter_makes_a_class(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = ClassesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    qtbot.keyClicks(panel.filter, "van")
    qtbot.keyClick(panel.filter, Qt.Key.Key_Return)
    assert fake.categories[-1].name == "van"


def test_no_classes_says_draw_first(qtbot: QtBot) -> None:
    panel = ClassesPanel(as_workspace(FakeWorkspace()))
    qtbot.addWidget(panel)
    assert panel._empty.sentence == "Draw first, name later"


def test_pasted_names_become_classes(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = ClassesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    QGuiApplication.clipboard().setText("van\ntram, bus")
    qtbot.keyClick(panel.view, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert fake.called("add_categories") == [(["van", "tram", "bus"],)]


@pytest.mark.parametrize(("dragged", "before", "position"), [(0, 3, 2), (4, 1, 1), (1, 5, 4)])
def test_dragging_a_class_moves_it(qtbot: QtBot, fake: FakeWorkspace, dragged: int, before: int, position: int) -> None:
    panel = ClassesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    data: QMimeData = panel.model.mimeData([panel.model.index(dragged)])
    panel.model.dropMimeData(data, Qt.DropAction.MoveAction, before, 0, panel.model.index(-1))
    assert fake.called("move_category") == [(dragged + 1, position)]


def test_class_menu_explains_what_is_not_possible(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.read_only = "Another window has this project open."
    panel = ClassesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    menu = panel.menu_for(fake.categories[0])
    actions = {action.text(): action for action in menu.actions()}
    assert not actions["Delete…"].isEnabled()
    assert actions["Delete…"].toolTip() == fake.read_only
    actions["Solo"].trigger()
    assert fake.called("toggle_solo_category") == [(1,)]


def test_class_editor_refuses_a_taken_name(qtbot: QtBot, fake: FakeWorkspace) -> None:
    editor = ClassEditor(as_workspace(fake), fake.categories[0])
    qtbot.addWidget(editor)
    editor.name.setText("car")
    assert editor.problem() == "There is already a class “car”."
    editor.name.setText("pedestrian")
    editor.accept()
    (change,) = fake.called("change_category")
    assert change[0] == 1
    assert ("name", "pedestrian") in change


def test_deleting_a_class_asks_about_its_instances(qtbot: QtBot, fake: FakeWorkspace) -> None:
    dialog = DeleteClassDialog(as_workspace(fake), fake.categories[0])
    qtbot.addWidget(dialog)
    dialog.reassign.setChecked(True)
    dialog.accept()
    assert fake.called("delete_category") == [(1, ("reassign_to", 2), ("delete_instances", False))]


def test_class_chooser_prefers_names_that_begin_with_the_text(qtbot: QtBot, fake: FakeWorkspace) -> None:
    chooser = ClassChooser(as_workspace(fake))
    qtbot.addWidget(chooser)
    qtbot.keyClicks(chooser.text, "c")
    assert chooser.list.item(0).text() == "car"
    with qtbot.waitSignal(chooser.chosen) as chosen:
        qtbot.keyClick(chooser.text, Qt.Key.Key_Return)
    assert chosen.args == [3]


# -- instances -----------------------------------------------------------------------------------------------------


def test_selection_goes_both_ways(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = InstancesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    fake.selection = (3, 9, 10)
    fake.selection_changed.emit()
    rows = panel.view.selectionModel().selectedRows()
    assert {panel.model.instance_id(index) for index in rows} == {3, 9, 10}
    panel.view.setCurrentIndex(panel.model.index_of(5))
    assert fake.selection == (5,)


def test_filter_hides_rows_and_names_mistakes(qtbot: QtBot, fake: FakeWorkspace) -> None:
    panel = InstancesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel.filter.setText("class:car source:hand")
    panel.apply_filter()
    assert 0 < panel.model.shown < panel.model.total
    panel.filter.setText("weight:3")
    panel.apply_filter()
    assert "“weight” is not a field" in panel._problem.text()
    panel.filter.setText("area>100000")
    panel.apply_filter()
    assert panel._empty.sentence == "The filter hides all 40 instances."


def test_flat_list_is_front_first_and_drag_changes_the_order(qtbot: QtBot) -> None:
    fake = filled(instances=4)
    panel = InstancesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel._flat.setChecked(True)
    model = panel.model
    assert [model.instance_id(model.index(r, 0)) for r in range(4)] == [4, 3, 2, 1]
    data = model.mimeData([model.index(0, 0)])
    model.dropMimeData(data, Qt.DropAction.MoveAction, 3, 0, model.index(-1, 0))
    # front first it reads 3, 2, 4, 1
    assert fake.called("reorder_instances") == [([1, 4, 2, 3],)]


def test_five_thousand_rows_stay_fluid(qtbot: QtBot) -> None:
    fake = filled(instances=5000)
    started = time.process_time()
    panel = InstancesPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    panel.resize(320, 400)
    panel.show()
    panel.grab()
    built = time.process_time() - started
    started = time.process_time()
    fake.selection = tuple(fake.instances)
    fake.selection_changed.emit()
    selected = time.process_time() - started
    started = time.process_time()
    for place in range(20):
        panel.view.verticalScrollBar().setValue(place * 200)
        panel.view.viewport().grab()
    scrolled = (time.process_time() - started) / 20
    fake.instances[7] = replace(fake.instances[7], is_crowd=True)
    started = time.process_time()
    fake.instances_changed.emit(frozenset({7}))
    edited = time.process_time() - started
    print(
        f"5,000 instances: build {built * 1e3:.0f} ms, select all {selected * 1e3:.0f} ms, "
        f"scroll frame {scrolled * 1e3:.1f} ms, one edit {edited * 1e3:.1f} ms"
    )
    assert built < 1.5
    assert selected < 0.5
    assert scrolled < 0.05
    assert edited < 0.1


# -- images --------------------------------------------------------------------------------------------------------


def test_ten_thousand_images_are_instant_and_ask_for_few_thumbnails(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = filled(images=10_000)
    asked: set[int] = set()
    made = fake.thumbnail
    monkeypatch.setattr(fake, "thumbnail", lambda image_id: (asked.add(image_id), made(image_id))[1])
    started = time.process_time()
    strip = ImageStrip(as_workspace(fake))
    qtbot.addWidget(strip)
    strip.resize(1000, 150)
    strip.show()
    strip.grab()
    took = time.process_time() - started
    print(f"10,000 images: strip built and painted in {took * 1e3:.0f} ms, {len(asked)} thumbnails asked")
    assert took < 1.0
    assert 0 < len(asked) < 40
    assert strip._done.text() == "2,500 of 10,000 done"


def test_strip_search_and_chips_set_the_filter(qtbot: QtBot, fake: FakeWorkspace) -> None:
    strip = ImageStrip(as_workspace(fake))
    qtbot.addWidget(strip)
    strip.chips["draft"].click()
    qtbot.keyClicks(strip.search, "0007")
    qtbot.waitUntil(lambda: fake.image_filter.name == "0007")
    assert fake.image_filter.chip == "draft"
    assert strip.model.rowCount() == 1
    strip.search.setText("nothing like it")
    qtbot.waitUntil(lambda: strip.model.rowCount() == 0)
    assert strip._empty.sentence == "No image passes the filter."


# -- bars, jobs, history -------------------------------------------------------------------------------------------


def test_session_bar_appears_with_a_session(qtbot: QtBot, fake: FakeWorkspace) -> None:
    canvas = CanvasView()
    qtbot.addWidget(canvas)
    canvas.resize(800, 600)
    canvas.show()
    bar = SessionBar(as_workspace(fake), canvas)
    assert not bar.isVisible()
    fake.session = session()
    fake.session_changed.emit()
    assert bar.isVisible()
    assert bar._count.text() == "1/3  0.94"
    assert bar.geometry().bottom() < 600
    assert abs(bar.geometry().center().x() - 400) <= 1
    bar._accept.click()
    assert fake.called("accept") == [()]
    fake.session = session(candidates=(), chosen=-1, message="Nothing found")
    fake.session_changed.emit()
    assert not bar._accept.isEnabled()
    assert bar._accept.toolTip() == "There is no mask to accept yet."


def test_status_bar_fields(qtbot: QtBot, fake: FakeWorkspace) -> None:
    bar = StatusBar(as_workspace(fake))
    qtbot.addWidget(bar)
    assert bar._cache.text() == "3 images · 410 of 1,024 MB"
    fake.saved = Saved(SavedState.UNSAVED, None, "no space left on the disk")
    fake.saved_changed.emit()
    assert bar._saved.text() == "NOT SAVED — click for details"
    assert "no space left" in bar._saved.toolTip()
    bar.show_pixel((3, 4), (1000, 2))
    assert bar._pixel.text() == "3, 4  1000 2"


def test_jobs_show_progress_and_cancel(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.jobs = [JobInfo("j", "Export", JobState.RUNNING, 0.25, started=100.0)]
    popover = JobsPopover(as_workspace(fake))
    qtbot.addWidget(popover)
    assert remaining_seconds(fake.jobs[0], 110.0) == pytest.approx(30)
    assert remaining_seconds(replace(fake.jobs[0], fraction=None), 110.0) is None
    popover._rows["j"]._cancel.click()
    assert fake.called("cancel_job") == [("j",)]
    fake.jobs = []
    fake.jobs_changed.emit()
    assert not popover._rows


def test_history_jumps(qtbot: QtBot, fake: FakeWorkspace) -> None:
    fake.entries = [HistoryEntry("Brush stroke on car #12", True), HistoryEntry("Delete dog #3", False)]
    panel = HistoryPanel(as_workspace(fake))
    qtbot.addWidget(panel)
    assert panel.list.currentRow() == 1
    panel.list.itemClicked.emit(panel.list.item(2))
    assert fake.called("jump_to") == [(2,)]


def test_context_bar_shows_the_options_of_the_tool(qtbot: QtBot, fake: FakeWorkspace) -> None:
    bar = ContextBar(as_workspace(fake))
    qtbot.addWidget(bar)
    bar.set_tool("brush", "Brush")
    bar._brush.setValue(33)
    assert fake.options.brush_size == 33
    assert not bar._protect.isHidden()
    assert bar._contiguous.isHidden()
    bar.set_tool("point", "Point")
    bar._polarity.click()
    assert fake.options.positive is False
    assert bar._polarity.text() == "Negative"


def test_adjustments_reset_in_one_step(qtbot: QtBot) -> None:
    panel = AdjustmentsPanel()
    qtbot.addWidget(panel)
    panel._sliders["gamma"].setValue(50)
    panel.invert.click()
    table = panel.adjustments.table()
    assert (table[0], table[255]) == (255, 0)
    panel.reset()
    assert panel.adjustments == Adjustments()
    assert Adjustments().table() is None


def test_window_level_and_channel(qtbot: QtBot) -> None:
    panel = AdjustmentsPanel()
    qtbot.addWidget(panel)
    panel._sliders["low"].setValue(20)
    panel._sliders["high"].setValue(60)
    panel.channel.setCurrentIndex(2)
    panel.channel.activated.emit(2)
    table = panel.adjustments.table()
    assert (table[51], table[102], table[153]) == (0, 128, 255)
    assert panel.adjustments.channel == "green"
    panel._sliders["high"].setValue(0)
    assert panel.adjustments.high > panel.adjustments.low


def test_sections_fold_and_shrink_to_a_rail(qtbot: QtBot) -> None:
    column = SectionColumn()
    qtbot.addWidget(column)
    column.add(Section("engine", "Engine", "engine", QWidget()))
    column.add(Section("classes", "Classes", "class", QWidget(), stretch=1))
    column.set_folded(["engine"])
    assert column.folded() == ["engine"]
    column.set_compact(True)
    assert column.maximumWidth() == SectionColumn.RAIL_WIDTH
    column.open_section("engine")
    assert not column.is_compact
    assert column.folded() == []
