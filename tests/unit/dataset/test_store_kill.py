"""SIGKILL at random moments: the project opens, is sound, and holds what was accepted more than a second before."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from desktop.dataset.store import Project

CHILD = """
import sys, time
from pathlib import Path
import numpy as np
from desktop.dataset.changes import AddImages, AddInstances
from desktop.dataset.masks import Mask
from desktop.dataset.model import Image, Instance
from desktop.dataset.store import Project
project = Project.create(sys.argv[1], state_folder=Path(sys.argv[2]))
project.apply(AddImages((Image(1, "a.png", width=64, height=64),)))
mask = Mask.from_crop(np.ones((9, 9), bool), 3, 3, 64, 64)
while True:
    number = project.reserve_instance_id()
    project.apply(AddInstances((Instance(number, 1, mask),)))
    print(number, time.monotonic(), flush=True)
    time.sleep(0.002)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_nothing_accepted_is_lost(tmp_path):
    rng = random.Random(0)
    for attempt in range(20):
        path = tmp_path / f"{attempt}.maskwright"
        command = [sys.executable, "-c", CHILD, str(path), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            lines = [child.stdout.readline()]
            time.sleep(rng.uniform(0.1, 1.6))
            child.send_signal(signal.SIGKILL)
            killed = time.monotonic()
            lines += child.stdout.read().splitlines()
        accepted = [(int(a), float(b)) for a, b in (line.split() for line in lines if len(line.split()) == 2)]
        assert accepted
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with Project.open(path, state_folder=tmp_path) as project:
            assert not project.read_only
            kept = {instance.id for instance in project.instances(1)}
        assert {number for number, at in accepted[:-1] if killed - at > 1.0} <= kept
        assert kept == set(range(1, len(kept) + 1))
