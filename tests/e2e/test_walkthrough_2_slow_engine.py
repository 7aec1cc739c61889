"""Walk-through 2 of ux.md §22: an engine that takes two seconds never stalls the window or paints on another image."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from desktop.scripted_person import ScriptedPerson
from tests.e2e.conftest import OpenPerson
from tests.e2e.stub_engines import ENGINES, LATENCY_VARIABLE

LATENCY_MS = 2000
FRAME_LIMIT_S = 0.05


class Stopwatch(QObject):
    """CPU seconds of every paint of the canvas; wall time would count the other programs of the machine."""

    def __init__(self, person: ScriptedPerson) -> None:
        super().__init__()
        self.person = person
        self.frames: list[float] = []

    def frame(self, act: object) -> None:
        """Do something and paint at once; remember what it cost."""
        started = time.thread_time()
        assert callable(act)
        act()
        self.person.canvas.repaint()
        QApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest.value)
        self.frames.append(time.thread_time() - started)


@pytest.fixture
def slow_person(photos: Path, open_person: OpenPerson, monkeypatch: pytest.MonkeyPatch) -> ScriptedPerson:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", ENGINES)
    monkeypatch.setenv(LATENCY_VARIABLE, str(LATENCY_MS))
    person = open_person([photos], engine="stub-quick")
    person.go_to("coins.jpg")
    person.canvas.set_tool("point")
    return person


def test_the_window_goes_on_while_the_engine_runs(slow_person: ScriptedPerson) -> None:
    person, workspace = slow_person, slow_person.workspace
    person.click(60, 60)
    person.wait(lambda: workspace.session is not None and workspace.session.busy, "the request is on its way")
    watch = Stopwatch(person)
    for step in range(20):
        watch.frame(lambda step=step: person.canvas.zoom_by(1.1 if step % 2 else 1 / 1.1))
        watch.frame(lambda step=step: person.canvas.pan_by(5 * (-1) ** step, 3))
    assert workspace.session is not None
    assert workspace.session.busy, "the frames were measured while the engine ran"
    parked = workspace.session.id
    person.go_to("val2017_000000006012.jpg")
    assert workspace.session is None
    assert [session.session for session in workspace.parked_sessions] == [parked]
    deadline = time.monotonic() + LATENCY_MS / 1000 + 1.5
    person.wait(lambda: time.monotonic() > deadline, "the late answer had its time")
    assert workspace.session is None
    assert workspace.session_view.candidate is None

    person.go_to("coins.jpg")
    assert workspace.session is not None
    assert workspace.session.id == parked
    person.answer()
    assert max(watch.frames) <= FRAME_LIMIT_S, f"slowest frame {max(watch.frames) * 1e3:.0f} ms"


def test_killing_the_worker_costs_the_running_job_only(slow_person: ScriptedPerson) -> None:
    person, workspace = slow_person, slow_person.workspace
    person.click(60, 60)
    person.answer()
    made = person.accept()
    person.click(200, 100)
    person.wait(lambda: workspace.session is not None and workspace.session.busy, "the request is on its way")
    children = worker_processes()
    assert len(children) == 1
    os.kill(children[0], signal.SIGKILL)
    person.wait(lambda: workspace.session is not None and not workspace.session.busy, "the failure is reported")
    assert made in workspace.instances
    assert len(workspace.prompts) == 1, "prompts are kept"
    workspace.run()
    assert person.answer()[100, 200]


def worker_processes() -> list[int]:
    """Children of this process that run the inference worker."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "stat").read_text()
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        parent = int(status.rpartition(")")[2].split()[1])
        if parent == os.getpid() and "inference" in command:
            found.append(int(entry.name))
    return found
