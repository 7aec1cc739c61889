"""Walk-through 6 of ux.md §22: the application is killed at random moments while edits stream in."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from desktop.dataset.store import Project

KILLS = 20
GRACE_S = 1.0
EDITOR = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QTimer
from desktop.app import create_application, create_window
from desktop.dataset.masks import Mask
app = create_application(["maskwright"])
window = create_window([sys.argv[1]])
window.show()
workspace = window.workspace
def edit():
    if workspace.pixels is None:
        return
    width, height = workspace.image_size
    known = set(workspace.instances)
    x = len(known) * 7 % (width - 20)
    workspace.create_instance(Mask.from_polygons([[(x, 5), (x + 15, 5), (x + 15, 25), (x, 25)]], width, height), "Box")
    for made in set(workspace.instances) - known:
        print(made, time.time(), flush=True)
timer = QTimer(interval=30, timeout=edit)
timer.start()
app.exec()
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_change_older_than_a_second_survives(photos: Path) -> None:
    """Every round starts the application on the same project, edits, and kills it."""
    chance = random.Random(6)
    project = photos / "photos.maskwright"
    for _ in range(KILLS):
        where = project if project.exists() else photos
        process = subprocess.Popen([sys.executable, "-c", EDITOR, str(where)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        assert lines[0], "the application did not start"
        time.sleep(chance.uniform(0.1, 2.5))
        process.send_signal(signal.SIGKILL)
        killed = time.time()
        lines += process.stdout.readlines()
        process.wait()
        accepted = [line.split() for line in lines if line.endswith("\n")]
        due = {int(number) for number, moment in accepted if float(moment) < killed - GRACE_S}
        with closing(sqlite3.connect(project)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with Project.open(project, read_only=True) as opened:
            stored = {instance.id for instance in opened.all_instances()}
        assert due <= stored, f"lost: {sorted(due - stored)}"
