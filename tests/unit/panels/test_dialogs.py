"""Export and import dialogs on a real project: pre-flight, dry run, reasons, and no silent overwriting."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image as PillowImage
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialogButtonBox
from pytestqt.qtbot import QtBot

from desktop.dataset.changes import AddCategories, AddImages, AddInstances
from desktop.dataset.formats.contract import ImportPlan, Progress
from desktop.dataset.formats.registry import EXPORTS, IMPORTS
from desktop.dataset.model import Category, Image, Instance
from desktop.dataset.store import Project
from desktop.panels.export_dialog import ExportDialog
from desktop.panels.import_dialog import ImportDialog
from desktop.window_dialogs import WindowDialogs
from desktop.workspace import JobInfo, JobState, Workspace
from tests.unit.panels.fake_workspace import FakeWorkspace, square


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    PillowImage.new("RGB", (64, 64), "grey").save(tmp_path / "a.png")
    with Project.create(tmp_path / "p.maskwright", state_folder=tmp_path / "state") as opened:
        opened.apply(
            AddImages((Image(1, "a.png", width=64, height=64),)),
            AddCategories((Category(1, "car", "#ff0000"),)),
            AddInstances((Instance(1, 1, square(4, 4, 20), 1), Instance(2, 1, square(30, 30, 10)))),
        )
        yield opened


@pytest.fixture
def fake(project: Project) -> FakeWorkspace:
    workspace = FakeWorkspace()
    workspace.project = project
    workspace.categories = list(project.categories())
    workspace.images = list(project.images())
    return workspace


def export_button(dialog: ExportDialog) -> Any:
    return next(b for b in dialog.findChildren(QDialogButtonBox)[0].buttons() if b.text() == "Export")


def test_preflight_counts_and_names_problems(qtbot: QtBot, fake: FakeWorkspace, tmp_path: Path) -> None:
    dialog = ExportDialog(cast(Workspace, fake), folder=tmp_path / "out")
    qtbot.addWidget(dialog)
    assert dialog.formats.count() == len(EXPORTS)
    assert not export_button(dialog).isEnabled()
    qtbot.waitUntil(lambda: dialog.reason() == "")
    assert dialog.summary.text().startswith("1 image, 1 instance, 1 class; ")
    assert "unlabelled" in dialog.report.toPlainText()
    assert export_button(dialog).isEnabled()
    assert not (tmp_path / "out").exists()
    dialog.reject()


def test_existing_files_are_never_overwritten_silently(qtbot: QtBot, fake: FakeWorkspace, tmp_path: Path) -> None:
    target = tmp_path / "out"
    EXPORTS[0].write(fake.project, target, {})
    dialog = ExportDialog(cast(Workspace, fake), folder=target)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: "exists already" in dialog.reason())
    dialog.start()
    assert not fake.called("export")
    dialog._options[0].set_value("overwrite", True)
    qtbot.waitUntil(lambda: dialog.reason() == "")
    dialog.reject()


def test_export_runs_as_a_job_and_shows_its_report(
    qtbot: QtBot, fake: FakeWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Path]] = []

    def export(name: str, folder: Path, options: dict[str, Any]) -> str:
        asked.append((name, folder))
        fake.jobs = [JobInfo("j1", "Export", JobState.RUNNING, 0.5)]
        return "j1"

    monkeypatch.setattr(fake, "export", export, raising=False)
    dialog = ExportDialog(cast(Workspace, fake), folder=tmp_path / "out")
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.reason() == "")
    with qtbot.waitSignal(dialog.started) as started:
        dialog.start()
    assert started.args == ["j1"]
    assert asked == [(EXPORTS[0].name, tmp_path / "out")]
    assert "50 %" in dialog.summary.text()
    fake.jobs = [JobInfo("j1", "Export", JobState.DONE, 1.0, "2 files written; 1 warning")]
    fake.jobs_changed.emit()
    assert dialog.summary.text() == "Exported."
    assert "1 warning" in dialog.report.toPlainText()
    dialog.reject()


def test_export_without_project_says_so(qtbot: QtBot) -> None:
    dialog = ExportDialog(cast(Workspace, FakeWorkspace()))
    qtbot.addWidget(dialog)
    dialog.check()
    assert dialog.reason() == "No project is open."
    assert export_button(dialog).toolTip() == "No project is open."


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    box = [[2, 2, 12, 2, 12, 12, 2, 12]]
    entry = {"id": 7, "image_id": 5, "category_id": 3, "segmentation": box, "bbox": [2, 2, 10, 10], "area": 100}
    content = {
        "images": [{"id": 5, "file_name": "a.png", "width": 64, "height": 64}],
        "categories": [{"id": 3, "name": "vehicle"}],
        "annotations": [{**entry, "iscrowd": 0}, {**entry, "id": 8, "image_id": 99, "iscrowd": 0}],
    }
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_import_is_a_dry_run_until_started(qtbot: QtBot, fake: FakeWorkspace, coco: Path) -> None:
    before = fake.project.categories()
    dialog = ImportDialog(cast(Workspace, fake), source=coco)
    qtbot.addWidget(dialog)
    assert dialog.format.count() == len(IMPORTS)
    qtbot.waitUntil(lambda: dialog._plan is not None)
    assert dialog.summary.text() == "1 instance on 1 image (1 already in the project); 1 rejected."
    assert dialog.classes.item(0, 0).text() == "vehicle"
    assert dialog.refused.rowCount() == 1
    assert fake.project.categories() == before
    dialog.start()
    assert fake.called("import_from")[0][1] == coco


def test_import_maps_an_unknown_class(qtbot: QtBot, fake: FakeWorkspace, coco: Path) -> None:
    dialog = ImportDialog(cast(Workspace, fake), source=coco)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog._plan is not None)
    choice = cast(QComboBox, dialog.classes.cellWidget(0, 2))
    assert choice.placeholderText() == "a new class"
    assert choice.currentIndex() == -1
    choice.activated.emit(choice.findText("car"))
    qtbot.waitUntil(lambda: dialog._plan is not None and dialog._plan.classes[0].target == 1)
    assert dialog.options()["classes"] == {"vehicle": "car"}
    choice = cast(QComboBox, dialog.classes.cellWidget(0, 2))
    assert choice.currentText() == "car"
    choice.activated.emit(choice.findText("nothing (skipped)"))
    qtbot.waitUntil(lambda: dialog._plan is not None and not dialog._plan.changes)
    assert dialog.options()["classes"] == {"vehicle": None}
    choice = cast(QComboBox, dialog.classes.cellWidget(0, 2))
    choice.activated.emit(choice.findText("as in the file"))
    assert dialog.options()["classes"] is None
    dialog.reject()


def test_boxes_are_filled_on_request_and_what_changes_is_listed(qtbot: QtBot, fake: FakeWorkspace, coco: Path) -> None:
    document = json.loads(coco.read_text("utf-8"))
    for entry in document["annotations"]:
        entry["segmentation"] = []
    coco.write_text(json.dumps(document), "utf-8")
    dialog = ImportDialog(cast(Workspace, fake), source=coco)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog._plan is not None)
    assert dialog._plan is not None
    assert dialog._plan.instances == 0
    dialog.boxes.setCurrentIndex(dialog.boxes.findData("fill"))
    dialog.boxes.activated.emit(1)
    qtbot.waitUntil(lambda: dialog._plan is not None and dialog._plan.instances == 1)
    assert dialog.notes.item(0, 1).text() == "It holds a box only; the box was filled."
    dialog.format.setCurrentIndex(dialog.format.findData("labelme"))
    dialog.format.activated.emit(0)
    assert not dialog.boxes.isVisible()
    assert "boxes" not in dialog.options()
    dialog.reject()


def test_a_chosen_file_or_folder_says_its_format(qtbot: QtBot, fake: FakeWorkspace, tmp_path: Path) -> None:
    dialog = ImportDialog(cast(Workspace, fake))
    qtbot.addWidget(dialog)
    for known in EXPORTS:
        out = tmp_path / known.name
        known.write(fake.project, out, {})
        source = next(out.rglob("*.json")) if known.name in ("coco", "coco-panoptic", "labelme") else out
        dialog._chosen(str(source))
        assert dialog.format.currentData() == known.name
        qtbot.waitUntil(lambda: dialog._plan is not None)
    dialog._chosen(str(tmp_path / "a.png"))
    assert dialog.format.currentData() == EXPORTS[-1].name
    dialog.reject()


def test_closing_the_dialog_ends_the_reading(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, fake: FakeWorkspace, coco: Path
) -> None:
    ended = threading.Event()

    def endless(_self: object, _project: object, _path: Path, _options: object, progress: Progress) -> ImportPlan:
        try:
            while True:
                progress(0.25, "")
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(type(IMPORTS[0]), "plan", endless)
    dialog = ImportDialog(cast(Workspace, fake), source=coco)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.summary.text() == "Reading… 25 %")
    dialog.reject()
    assert ended.is_set()


def test_category_ids_are_edited_in_place(qtbot: QtBot, fake: FakeWorkspace, tmp_path: Path) -> None:
    dialog = ExportDialog(cast(Workspace, fake), folder=tmp_path / "out")
    qtbot.addWidget(dialog)
    assert dialog.options()["category_ids"] is None
    item = dialog.category_ids.item(0, 1)
    assert item is not None
    item.setData(Qt.ItemDataRole.EditRole, 90)
    assert dialog.options()["category_ids"] == {1: 90}
    qtbot.waitUntil(lambda: dialog.reason() == "")
    item.setData(Qt.ItemDataRole.EditRole, -3)
    qtbot.waitUntil(lambda: dialog.reason() == "The category id of 'car' is negative.")
    dialog.formats.setCurrentRow(3)
    assert "category_ids" not in dialog.options()
    assert dialog.limits.text().startswith("YOLO segmentation does not keep: instance ids, class ids,")
    dialog.reject()


def test_import_of_a_damaged_file_is_one_sentence(qtbot: QtBot, fake: FakeWorkspace, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    dialog = ImportDialog(cast(Workspace, fake), source=broken)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: "broken.json" in dialog.summary.text())
    dialog.start()
    assert not fake.called("import_from")


def test_annotations_dropped_on_the_window_go_to_the_import_dialog(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, fake: FakeWorkspace, coco: Path, tmp_path: Path
) -> None:
    opened: list[Any] = []

    class Window(WindowDialogs):
        def _open(self, dialog: Any) -> None:
            opened.append(dialog)

    window = Window()
    qtbot.addWidget(window)
    window.workspace = cast(Workspace, fake)
    monkeypatch.setattr(fake, "with_sizes", lambda then: then(), raising=False)
    monkeypatch.setattr(fake, "open_paths", opened.append, raising=False)
    window.open_dropped([coco])
    (dialog,) = opened
    assert isinstance(dialog, ImportDialog)
    assert (dialog.source.text(), dialog.format.currentData()) == (str(coco), "coco")
    dialog.reject()
    window.open_dropped([tmp_path / "a.png"])
    assert opened[1] == [tmp_path / "a.png"]
    fake.images = []
    window.open_dropped([coco])  # nothing to annotate yet: the window says what it can open
    assert opened[2] == [coco]
