"""Batch in the real window with the built-in network: by text, reviewed by keys, exported."""

from __future__ import annotations

import json
import os
from importlib.resources import as_file
from pathlib import Path

import cv2
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.dataset import images
from desktop.panels.batch_dialog import TEXTS, BatchDialog
from desktop.scripted_person import ScriptedPerson
from desktop.workspace import ImageFilter, JobInfo, JobState
from resources import resource
from tests.e2e.conftest import OpenPerson

SECONDS = 240
"""A machine that is busy with other things takes its time."""


@pytest.fixture
def small_photos(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """So many photos: a bear and bananas by turns, each mirrored once more."""
    folder = tmp_path / "photos"
    folder.mkdir()
    names = ("val2017_000000006012.jpg", "val2017_000000000285.jpg")
    for number in range(request.param):
        with as_file(resource("sample", "images", names[number % 2])) as file:
            pixels = images.load(file).pixels
        pixels = cv2.resize(pixels, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
        if number // 2 % 2:
            pixels = pixels[:, ::-1]
        (folder / f"photo{number}.png").write_bytes(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())
    return folder


def batches(person: ScriptedPerson) -> list[JobInfo]:
    return [job for job in person.workspace.jobs if job.id.startswith("batch-")]


def batch(person: ScriptedPerson) -> JobInfo:
    (job,) = batches(person)
    return job


def shot(person: ScriptedPerson, name: str) -> None:
    """A picture for a person to look at, where the environment names a folder for it."""
    folder = os.environ.get("MASKWRIGHT_TEST_SHOTS")
    if folder:
        person.screenshot(Path(folder) / f"{name}.png")


def started(person: ScriptedPerson, text: str) -> None:
    """Fill in the dialog as a person does, and start."""
    person.window.registry.action("engine.batch").trigger()
    person.settle()
    dialog = person.window.findChild(BatchDialog)
    assert dialog is not None
    dialog.what[TEXTS].click()
    assert not dialog.start.isEnabled()
    assert "phrases" in dialog.start.toolTip()
    person.type(text, into=dialog.texts)
    dialog.engine.setCurrentIndex(dialog.engine.findData("lite"))
    assert dialog.start.isEnabled(), dialog.start.toolTip()
    if os.environ.get("MASKWRIGHT_TEST_SHOTS"):
        dialog.grab().save(str(Path(os.environ["MASKWRIGHT_TEST_SHOTS"]) / "dialog.png"))
    dialog.start.click()
    person.wait(lambda: bool(batches(person)), "the batch is listed, once the sizes of the images are known")


@pytest.mark.parametrize("small_photos", [2, pytest.param(6, marks=pytest.mark.slow)], indirect=True)
def test_batch_by_text_review_export(
    small_photos: Path, tmp_path: Path, open_person: OpenPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.scripted_person.WAIT_MS", SECONDS * 1000)
    person = open_person([small_photos])
    ws, window = person.workspace, person.window
    count = len(ws.images)
    started(person, "banana, bear")
    person.wait(lambda: batch(person).state is JobState.RUNNING, "the batch runs")
    person.wait(lambda: bool(ws.proposals), "proposals of the shown image arrive while the batch runs")
    window.jobs.open_above(window.mapToGlobal(window.rect().bottomRight()))
    person.settle()
    if os.environ.get("MASKWRIGHT_TEST_SHOTS"):
        window.jobs.grab().save(str(Path(os.environ["MASKWRIGHT_TEST_SHOTS"]) / "jobs.png"))
    window.jobs.hide()
    person.wait(lambda: not batch(person).active, "the batch ends")
    assert batch(person).state is JobState.DONE, batch(person).message
    assert len(ws.images_with_proposals) == count
    assert not ws.instances
    shot(person, "found")

    panel = window.proposals_panel
    every = len(ws.proposals)
    panel.threshold.setValue(int(100 * ws.proposals[2].score) + 1)
    shown = len(ws.proposals)
    assert 1 <= shown < every
    assert shown + ws.hidden_proposals == every
    panel.list.setFocus()
    best = ws.proposals[0]
    assert best.label == "banana"
    panel.list.setCurrentRow(0)
    QTest.keyClick(panel.list, Qt.Key.Key_Return)
    person.wait(lambda: len(ws.instances) == 1, "Enter accepts")
    (banana,) = ws.instances.values()
    assert ws.class_name(banana.category_id) == "banana"
    assert banana.provenance.source == "lite"
    assert banana.provenance.fingerprint, "the weights that found it are written down"
    assert len(ws.proposals) == shown - 1
    if ws.proposals:
        QTest.keyClick(panel.list, Qt.Key.Key_Delete)
        person.wait(lambda: len(ws.proposals) == shown - 2, "Del rejects")
    shot(person, "reviewing")
    panel.threshold.setValue(0)
    person.key("Alt+D")
    person.wait(lambda: ws.pixels is not None and bool(ws.proposals), "the next image with proposals is shown")
    assert any(proposal.label == "bear" for proposal in ws.proposals)
    checked = sum(proposal.checked for proposal in ws.proposals)
    person.key("Ctrl+Shift+Return")
    person.wait(lambda: bool(ws.instances), "all checked ones are accepted")
    accepted = 1 + len(ws.instances)
    assert len(ws.instances) <= checked
    shot(person, "accepted")
    ws.set_image_filter(ImageFilter(chip="proposals"))
    assert {image.id for image in ws.visible_images} == ws.images_with_proposals

    job = ws.export("coco", tmp_path / "coco", {})
    person.wait(lambda: not next(j for j in ws.jobs if j.id == job).active, "it is exported")
    content = json.loads(next((tmp_path / "coco").rglob("*.json")).read_text(encoding="utf-8"))
    assert len(content["annotations"]) == accepted, "what still waits is in no export"
