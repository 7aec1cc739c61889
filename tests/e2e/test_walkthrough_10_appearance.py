"""Walk-through 10 of ux.md §22: the window and its dialogs, dark, in Korean, at scale 2, have no clipped text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image


@pytest.mark.parametrize(
    ("scale", "language", "theme", "size"),
    [(2.0, "ko", "dark", (1440, 900)), (1.0, "en", "light", (1024, 700)), (1.5, "en", "dark", (1440, 900))],
)
def test_no_text_is_cut_off(
    photos: Path, tmp_path: Path, scale: float, language: str, theme: str, size: tuple[int, int]
) -> None:
    out = tmp_path / "tour"
    look = ["--language", language, "--theme", theme, "--size", *map(str, size), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.tour", str(photos), *look],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "QT_SCALE_FACTOR": str(scale)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
    window = Image.open(out / "session.png")
    assert window.size == (round(size[0] * scale), round(size[1] * scale))
    dark = sum(value < 128 for value in window.convert("L").resize((64, 40)).tobytes()) / (64 * 40)
    assert (dark > 0.5) == (theme == "dark")
