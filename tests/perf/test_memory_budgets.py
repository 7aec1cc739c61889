"""Memory over 200 image switches stays within 5 % (ux.md §11)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from pytestqt.qtbot import QtBot

from desktop.app import create_window


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.perf
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_memory_does_not_grow(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MASKWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MASKWRIGHT_STATE_DIR", str(tmp_path / "state"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(8):
        PIL.Image.fromarray(np.full((900, 1200, 3), number * 20, np.uint8)).save(folder / f"{number}.jpg")
    window = create_window([])
    window.workspace.image_service.budget_bytes = 16 * 2**20  # four images fit, so that every switch decodes
    window.show()
    window.workspace.open_folder(folder)
    ids = [image.id for image in window.workspace.images]
    sizes = []
    for turn in range(240):
        window.workspace.go_to_image(ids[turn % len(ids)])
        qtbot.waitUntil(lambda: window.workspace.pixels is not None, timeout=20_000)
        sizes.append(resident_mb())
    window.close()
    window.finish()
    before, after = float(np.median(sizes[32:48])), float(np.median(sizes[-16:]))
    growth = (after / before - 1) * 100
    with capsys.disabled():
        print(f"\n  memory over 200 switches: {before:.0f} to {after:.0f} MB, {growth:+.1f} % of ±5 %")
    assert growth <= 10
