"""The batch dialog: what the engine cannot do is disabled and says why; what would happen is said before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.dataset.model import Provenance
from desktop.panels.batch_dialog import CLASSES, EVERYTHING, REFERENCES, TEXTS, BatchDialog
from desktop.panels.image_strip import ImageStrip
from desktop.prelabel.request import LEAST_SCORE, PrelabelRequest, Region
from desktop.workspace import ImageFilter, Workspace
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker

SQUARE = Mask.from_polygons([[(4, 4), (20, 4), (20, 16), (4, 16)]], WIDTH, HEIGHT)

Open = Callable[[str], BatchDialog]


@pytest.fixture
def open_for(browsing: Workspace, qtbot: QtBot) -> Open:
    def open_(engine: str) -> BatchDialog:
        dialog = BatchDialog(browsing)
        qtbot.addWidget(dialog)
        dialog.show()
        dialog.engine.setCurrentIndex(dialog.engine.findData(engine))
        return dialog

    return open_


def test_phrases_of_all_images(browsing: Workspace, worker: FakeWorker, open_for: Open, qtbot: QtBot) -> None:
    dialog = open_for("words")
    assert [kind for kind, button in dialog.what.items() if button.isEnabled()] == [CLASSES, TEXTS]
    assert "Words cannot look for that." in dialog.what[EVERYTHING].toolTip()
    dialog.what[TEXTS].click()
    assert not dialog.start.isEnabled()
    assert dialog.summary.text() == "Write the phrases to look for."
    dialog.texts.setPlainText("red car, bus\n\nbus")
    assert dialog.request() == PrelabelRequest("words", texts=("red car", "bus"), least_score=LEAST_SCORE)
    assert dialog.summary.text() == "3 images will be looked at. What is found waits as proposals."
    dialog.start.click()
    qtbot.waitUntil(lambda: bool(worker.waiting))
    assert any(job.id.startswith("batch-") for job in browsing.jobs)


def test_the_classes_of_the_project_are_offered(browsing: Workspace, open_for: Open) -> None:
    browsing.add_category("cat")
    browsing.add_category("dog")
    dialog = open_for("words")
    assert dialog.what[CLASSES].isChecked()
    classes = dialog.request().classes
    assert classes is not None
    assert classes.names == ("cat", "dog")
    assert "asked for each class by its name" in dialog.summary.text()
    dialog.classes.clear()
    assert dialog.summary.text() == "Write the names of the classes to look for."


def test_another_engine_keeps_to_what_it_can(open_for: Open) -> None:
    dialog = open_for("words")
    dialog.what[TEXTS].click()
    dialog.engine.setCurrentIndex(dialog.engine.findData("classic"))
    assert dialog.what[EVERYTHING].isChecked()
    assert dialog.request().everything
    assert dialog.start.isEnabled()


def test_kept_references_can_be_checked(browsing: Workspace, open_for: Open) -> None:
    browsing.add_reference(2, SQUARE)
    browsing.add_reference(3, SQUARE)
    dialog = open_for("pairs")
    assert dialog.what[REFERENCES].isChecked(), "the only thing that this engine can do"
    assert dialog.request().references == (
        Region("img3.png", SQUARE, "img3"),
        Region("img2.png", SQUARE, "img2"),
    )
    for row in range(2):
        dialog.references.item(row).setCheckState(dialog.references.item(row).checkState().Unchecked)
    assert dialog.summary.text().startswith("Check a reference.")


def test_the_scope_and_annotated_images(browsing: Workspace, open_for: Open) -> None:
    assert browsing.ensure_project()
    browsing._change_instances("Draw", [browsing.new_instance(SQUARE, Provenance())])
    dialog = open_for("classic")
    assert dialog.summary.text().startswith("2 images will be looked at. 1 image has instances and is left out.")
    dialog.annotated.click()
    assert dialog.request().annotated
    assert dialog.summary.text().startswith("3 images will be looked at. What")
    dialog.scope.setCurrentIndex(dialog.scope.findData("selected"))
    assert dialog.request().image_ids == (1,)
    dialog.annotated.click()
    assert dialog.summary.text() == "No image is left to look at."
    assert not dialog.start.isEnabled()
    browsing.set_image_filter(ImageFilter(name="img2"))
    filtered = open_for("classic")
    assert filtered.request().image_ids == (2,), "a filter is what a person means"


def test_images_that_are_selected_in_the_strip(browsing: Workspace, open_for: Open, qtbot: QtBot) -> None:
    strip = ImageStrip(browsing)
    qtbot.addWidget(strip)
    strip.resize(800, 140)
    strip.show()
    strip.refresh()

    def click(row: int, modifier: Qt.KeyboardModifier) -> None:
        place = strip.view.visualRect(strip.model.index(row)).center()
        QTest.mouseClick(strip.view.viewport(), Qt.MouseButton.LeftButton, modifier, place)

    click(0, Qt.KeyboardModifier.NoModifier)
    click(2, Qt.KeyboardModifier.ControlModifier)
    assert browsing.current_image is not None
    assert browsing.current_image.id == 1, "selecting more images leaves this one shown"
    assert browsing.selected_images == (1, 3)
    dialog = open_for("classic")
    assert dialog.scope.currentText() == "The 2 selected images"
    assert dialog.request().image_ids == (1, 3)
    click(1, Qt.KeyboardModifier.NoModifier)
    assert browsing.current_image.id == 2
    assert browsing.selected_images == (2,)
    browsing.go_to_image(3)
    assert browsing.selected_images == (3,)
