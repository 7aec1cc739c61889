"""Folders of small images with squares, and what a project's proposals are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.prelabel.finding_engine import FATAL

PLUG_IN = "tests.unit.prelabel.finding_engine"

Photos = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MASKWRIGHT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MASKWRIGHT_ENGINES", PLUG_IN)


def photo(file: Path, number: int) -> None:
    """Up to three squares of different brightness; the corner tells the number."""
    pixels = np.full((48, 64, 3), number if number == FATAL else number % 40, np.uint8)
    for place, level in enumerate((80, 150, 220)[: 1 + number % 3]):
        pixels[5:20, 4 + 20 * place : 16 + 20 * place] = level
    file.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    def make(count: int = 6, name: str = "photos") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for number in range(count):
            photo(folder / f"img{number}.png", number)
        return folder

    return make


def proposals_of(project: Path) -> list[tuple[object, ...]]:
    """All that a project knows about its proposals, and which images are done."""
    with closing(sqlite3.connect(f"{project.as_uri()}?mode=ro", uri=True)) as raw:
        found = raw.execute(
            "SELECT proposals.id, path, counts, area, label, score, is_thing, engine, fingerprint, prompts, seed "
            "FROM proposals JOIN images ON images.id = image_id ORDER BY proposals.id"
        ).fetchall()
        return [*found, *raw.execute("SELECT image_id, found, error FROM job_images ORDER BY image_id").fetchall()]
