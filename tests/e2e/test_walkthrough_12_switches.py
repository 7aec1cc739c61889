"""Walk-through 12 of ux.md §22: image switches with prefetch on; memory stays, and no thread is left at the exit."""

from __future__ import annotations

import os
import statistics
import threading
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from desktop.app import create_window
from desktop.bench_scale import resident_mb

IMAGES = 12
WARM = 16


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("switches", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_switching_images_keeps_memory_and_leaves_no_thread(qtbot: QtBot, tmp_path: Path, switches: int) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(IMAGES):
        pixels = np.full((600, 800, 3), 20 * number, np.uint8)
        PIL.Image.fromarray(pixels).save(folder / f"{number:02}.jpg")
    threads, native = set(threading.enumerate()), _native_threads()
    window = create_window([])
    workspace = window.workspace
    workspace.settings.set("engines.prefetch", True)
    workspace.image_service.budget_bytes = 8 * 2**20  # four of the twelve fit, so that every switch decodes
    ahead: list[int] = []
    prefetch = workspace.image_service.prefetch
    workspace.image_service.prefetch = lambda i, *rest: (ahead.append(i), prefetch(i, *rest))[1]  # type: ignore[method-assign, func-returns-value]
    window.show()
    workspace.open_folder(folder)
    ids = [image.id for image in workspace.images]
    sizes = []
    for turn in range(WARM + switches):
        workspace.go_to_image(ids[turn % len(ids)])
        qtbot.waitUntil(lambda: workspace.pixels is not None, timeout=20_000)
        sizes.append(resident_mb())
    pools = window.findChildren(QThread)
    window.close()
    window.finish()
    assert len(ahead) >= switches / 2
    warm, end = statistics.median(sizes[WARM // 2 : WARM]), statistics.median(sizes[-8:])
    assert abs(end / warm - 1) <= 0.05, f"{warm:.0f} MB became {end:.0f} MB"
    assert [thread for thread in pools if thread.isRunning()] == []
    # Python goes on listing threads of Qt's pools that ran a line of it ("Dummy"); the system's list is counted below
    own = {thread for thread in set(threading.enumerate()) - threads if not thread.name.startswith("Dummy")}
    assert {thread.name for thread in own if thread.is_alive()} == set()
    # pools of Qt keep a thread for a while; those of the window ended with it
    qtbot.waitUntil(lambda: _native_threads() <= native + 1, timeout=40_000)


def _native_threads() -> int:
    return len(os.listdir("/proc/self/task"))
