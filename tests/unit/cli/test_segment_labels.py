"""``maskwright segment --labels``: names for the masks of any engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from inference import labels
from tests.command_line import run


@pytest.mark.parametrize("engine", ["classic", "stub-quick"])
def test_masks_of_any_engine_get_names(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Classic ranks no names: the label service answers for it."""
    monkeypatch.setenv("MASKWRIGHT_ENGINES", "tests.e2e.stub_engines:quick")
    monkeypatch.setattr(labels, "RANKERS", ("stub-quick",))
    pixels = np.full((60, 80, 3), 50, np.uint8)
    pixels[15:45, 20:60] = (210, 120, 40)
    PillowImage.fromarray(pixels).save(tmp_path / "a.png")
    call = ["segment", str(tmp_path / "a.png"), "--engine", engine, "--point", "40,30", "--labels", "cat,dog", "--json"]
    assert run(call) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["candidates"]
    assert all(each["labels"] == [["cat", 0.5], ["dog", 0.5]] for each in found["candidates"])


def test_without_anyone_who_ranks_names_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(labels, "RANKERS", ())
    PillowImage.fromarray(np.full((60, 80, 3), 50, np.uint8)).save(tmp_path / "a.png")
    call = ["segment", str(tmp_path / "a.png"), "--engine", "classic", "--point", "40,30", "--labels", "cat"]
    assert run(call) == 2
    assert "Classic does not rank names" in capsys.readouterr().err.replace("\n", " ")
