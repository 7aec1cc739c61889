"""``maskwright doctor`` on the environment in which a frozen program's engines run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from desktop.cli import doctor
from inference import __version__, add_on

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in interpreter is a shell script")


def environment(place: Path, version: str, script: str) -> Path:
    """A folder that looks like an environment, with a script for an interpreter."""
    python = place / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)
    (place / "lib" / "python3.12" / "site-packages" / f"maskwright-{version}.dist-info").mkdir(parents=True)
    return place


def check(monkeypatch: pytest.MonkeyPatch, place: Path) -> dict[str, object]:
    monkeypatch.setenv(add_on.VARIABLE, str(place))
    return doctor._check("add-on", doctor._check_add_on)


def test_none_is_well_and_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = check(monkeypatch, tmp_path)
    assert found["ok"] is True
    assert str(found["message"]).startswith(f"none. Make an add-on environment with Maskwright {__version__}")


def test_one_that_works_tells_its_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = environment(tmp_path / "engines", __version__, """echo '{"device": "A GPU", "reason": ""}'""")
    assert check(monkeypatch, place) == {"name": "add-on", "ok": True, "message": f"{place}, device A GPU"}


def test_one_of_another_version_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = check(monkeypatch, environment(tmp_path / "engines", "0.0.7", "exit 1"))
    assert found["ok"] is False
    assert "holds Maskwright 0.0.7" in str(found["message"])


def test_one_whose_torch_does_not_load_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = environment(tmp_path / "engines", __version__, "echo 'ImportError: libcublas.so.13' >&2; exit 1")
    found = check(monkeypatch, place)
    assert (found["ok"], found["message"]) == (False, "RuntimeError: ImportError: libcublas.so.13")
