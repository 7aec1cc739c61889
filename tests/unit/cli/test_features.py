"""``maskwright features``: a project or a folder is looked at once, and never again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from inference.engine import EngineSpec, Image, Report, Speed
from inference.feature_disk import features_folder
from tests.command_line import run

ENCODED: list[str] = []


@dataclass(frozen=True)
class Kept:
    values: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def to_arrays(self) -> Mapping[str, NDArray[np.generic]]:
        return {"values": self.values}


class KeepingEngine:
    spec = EngineSpec("keeping", "Keeping", frozenset(), frozenset(), Speed.SECONDS, "", "", "")
    fingerprint = "1"

    def encode(self, image: Image, report: Report) -> Kept:
        ENCODED.append(image.content_hash)
        return Kept(np.full(50_000, image.pixels.mean(), np.float32))

    def features_from_arrays(self, arrays: Mapping[str, NDArray[np.generic]]) -> Kept:
        return Kept(arrays["values"].astype(np.float32))


class PlugIn:
    SPEC = KeepingEngine.spec

    @staticmethod
    def create() -> KeepingEngine:
        return KeepingEngine()


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MASKWRIGHT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MASKWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("MASKWRIGHT_ENGINES", f"{__name__}:PlugIn")
    ENCODED.clear()
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        PIL.Image.fromarray(np.full((20, 30, 3), number * 20, np.uint8)).save(folder / f"{number}.png")
    return folder


def answer_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object], str]:
    code = run(["features", *arguments, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


def test_a_folder_is_looked_at_once(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, _ = answer_of(capsys, str(photos), "--engine", "keeping")
    assert (code, answer["computed"], answer["already"], answer["kept"]) == (0, 4, 0, 4)
    code, answer, _ = answer_of(capsys, str(photos), "--engine", "keeping")
    assert (code, answer["computed"], answer["already"]) == (0, 0, 4)
    assert len(ENCODED) == 4


def test_a_project_and_a_missing_image(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "a.maskwright"
    run(["new", str(project), str(photos)])
    (photos / "2.png").unlink()
    capsys.readouterr()
    code, answer, err = answer_of(capsys, str(project), "--engine", "keeping")
    assert (code, answer["computed"]) == (1, 3)
    assert "2.png" in err


def test_a_budget_that_is_too_small_is_said(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4, 24):
        PIL.Image.fromarray(np.full((20, 30, 3), number * 5, np.uint8)).save(photos / f"{number}.png")
    code, answer, err = answer_of(capsys, str(photos), "--engine", "keeping", "--budget", "1")
    assert code == 1
    assert 0 < int(str(answer["kept"])) < 24
    assert "fit into 1 MB" in err


def test_an_interrupted_run_goes_on(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = KeepingEngine.encode

    def interrupted(self: KeepingEngine, image: Image, report: Report) -> Kept:
        if len(ENCODED) == 2:
            raise KeyboardInterrupt
        return encode(self, image, report)

    monkeypatch.setattr(KeepingEngine, "encode", interrupted)
    assert answer_of(capsys, str(photos), "--engine", "keeping")[0] == 130
    monkeypatch.setattr(KeepingEngine, "encode", encode)
    _, answer, _ = answer_of(capsys, str(photos), "--engine", "keeping")
    assert (answer["computed"], answer["already"]) == (2, 2)


def test_engines_that_keep_nothing_are_refused_in_words(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = answer_of(capsys, str(photos), "--engine", "classic")
    assert code == 2
    assert "Classic keeps no features on disk" in err
    assert not features_folder().exists()
    assert answer_of(capsys, str(photos / "0.png"), "--engine", "keeping")[0] == 2
