"""``maskwright weights``: list, fetch, add, verify, remove, and exit code 3."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inference.weights import entries, places, transfer
from tests.command_line import run
from tests.unit.inference.weights_server import Behaviour, Server, catalogue_text, write_tensors


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command and catch what it prints."""

    def run_it(*arguments: str) -> Answer:
        code = run(list(arguments))
        return Answer(code, *capsys.readouterr())

    return run_it


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(places.FOLDER_VARIABLE, str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("MASKWRIGHT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(transfer, "PAUSE", 0.001)
    started = Server()
    data = write_tensors(tmp_path / "made" / "toy.pth").read_bytes()
    started.paths["/toy.pth"] = Behaviour(data)
    point = SimpleNamespace(name="toys", value="toys:w", load=lambda: catalogue_text(started.address, data))
    monkeypatch.setattr(entries, "entry_points", lambda group: [point])
    entries.catalogue.cache_clear()
    yield started
    entries.catalogue.cache_clear()
    started.stop()


def row(call: Call, name: str) -> dict[str, object]:
    answer = call("weights", "list", "--json")
    return next(each for each in answer.json["weights"] if each["name"] == name)


def test_list_fetch_verify_remove(call: Call, server: Server, tmp_path: Path) -> None:
    assert row(call, "toy-one")["path"] is None
    assert server.asked == []  # listing asks no server
    fetched = call("weights", "fetch", "toy-one", "--alone", "--json")
    assert fetched.code == 0, fetched.err
    assert "Licence: MIT. May be played with." in fetched.err
    assert fetched.json[0]["path"] == str(tmp_path / "weights" / "toy-one" / "toy.pth")
    assert call("weights", "fetch", "toy-one", "--alone").code == 0
    checked = call("weights", "verify", "--json")
    assert (checked.code, checked.json[0]["ok"]) == (0, True)
    removed = call("weights", "remove", "toy-one")
    assert removed.code == 0
    assert row(call, "toy-one")["path"] is None
    assert call("weights", "remove", "toy-one").code == 2


def test_a_damaged_file_is_exit_code_1(call: Call, server: Server, tmp_path: Path) -> None:
    call("weights", "fetch", "toy-one", "--alone")
    path = tmp_path / "weights" / "toy-one" / "toy.pth"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    assert call("weights", "verify", "toy-one").code == 1


def test_a_failed_download_is_one_sentence(call: Call, server: Server, tmp_path: Path) -> None:
    server.paths["/toy.pth"].status = 404
    answer = call("weights", "fetch", "toy-one", "--alone")
    assert answer.code == 1
    assert "does not have this file any more" in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "weights" / places.PARTIAL).exists()


def test_what_arrived_of_an_unfinished_download_can_be_removed(call: Call, server: Server, tmp_path: Path) -> None:
    server.paths["/toy.pth"].cuts = [6000, 0, 0, 0, 0]
    assert call("weights", "fetch", "toy-one", "--alone").code == 1
    assert row(call, "toy-one")["partial"] == 6000
    answer = call("weights", "remove", "toy-one")
    assert "Deleted 6.0 kB of an unfinished download." in answer.err
    assert row(call, "toy-one")["partial"] == 0


def test_offline_is_said(call: Call, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_OFFLINE", "1")
    answer = call("weights", "fetch", "toy-one")
    assert answer.code == 2
    assert "MASKWRIGHT_OFFLINE is set" in answer.err
    monkeypatch.delenv("MASKWRIGHT_OFFLINE")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.toml").write_text('"general.offline" = true\n')
    answer = call("weights", "fetch", "toy-one")
    assert answer.code == 2
    assert "general.offline is on" in answer.err
    assert server.asked == []


def test_adding_a_file(call: Call, server: Server, tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "mine" / "network.bin")
    answer = call("weights", "add", str(path), "--json")
    assert (answer.code, answer.json) == (0, [{"name": "toy-one", "path": str(path)}])
    assert call("weights", "add", str(tmp_path / "absent.pth")).code == 2
    assert call("weights", "fetch", "no-such-weights").code == 2


def test_missing_weights_are_exit_code_3_with_what_to_do(call: Call, server: Server, tmp_path: Path) -> None:
    from PIL import Image

    image = tmp_path / "a.png"
    Image.new("RGB", (32, 32)).save(image)
    answer = call("segment", str(image), "--engine", "seem", "--point", "5,5")
    assert answer.code == 3
    assert "SEEM needs a weights file. None was found in the model folders." in answer.err
    assert "maskwright weights fetch seem-focal-t-v0" in answer.err
    assert "maskwright weights add" in answer.err
    answer = call("segment", str(image), "--engine", "tcl", "--text", "cat")
    assert answer.code == 3
    assert "maskwright weights fetch tcl" in answer.err
