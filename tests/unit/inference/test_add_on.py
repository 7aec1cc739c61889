"""The add-on environment: when it is used, and what is said when engines lack a library."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from inference import __version__, add_on, registry
from inference.engine import Image
from inference.messages import Encode
from inference.registry import LibraryMissing
from inference.server import Supervised
from tests.e2e.stub_engines import quick


def environment(place: Path, version: str, interpreter: str = "") -> Path:
    """A folder that looks like an environment; ``interpreter`` is the script behind its name."""
    python = place / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(interpreter or "#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)
    (place / "lib" / "python3.12" / "site-packages" / f"maskwright-{version}.dist-info").mkdir(parents=True)
    return place


def test_a_checkout_uses_its_own_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(add_on.VARIABLE, raising=False)
    assert add_on.folder() is None
    assert add_on.python() is None


def test_a_frozen_program_looks_in_the_user_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(add_on.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert add_on.folder() == tmp_path / "maskwright" / "engines"
    assert add_on.python() is None
    environment(tmp_path / "maskwright" / "engines", __version__)
    assert add_on.python() == tmp_path / "maskwright" / "engines" / "bin" / "python"


def test_an_environment_of_another_version_is_not_used_and_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = environment(tmp_path / "engines", "0.0.7")
    monkeypatch.setenv(add_on.VARIABLE, str(place))
    assert add_on.python() is None
    assert add_on.remedy() == (
        f"The add-on environment {place} holds Maskwright 0.0.7, this is {__version__}: they must be the same."
    )


def test_a_frozen_command_line_names_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = environment(tmp_path / "engines", __version__)
    monkeypatch.setenv(add_on.VARIABLE, str(place))
    assert add_on.remedy() == f"Install Maskwright with all of its dependencies in {place}."
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert add_on.remedy().endswith(f"command line for that: {place / 'bin' / 'maskwright'}")


def test_the_loader_paths_of_the_frozen_program_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    inherited = {"LD_LIBRARY_PATH": "/bundle", "LD_LIBRARY_PATH_ORIG": "/mine", "PYTHONPATH": "/bundle", "HOME": "/h"}
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert add_on.child_environment(inherited) == {"LD_LIBRARY_PATH": "/mine", "HOME": "/h"}
    assert add_on.child_environment({"LD_LIBRARY_PATH": "/bundle"}) == {}


def test_an_engine_without_its_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Heavy:
        SPEC = quick.SPEC

        def create(self) -> object:
            import a_library_that_is_nowhere.models  # type: ignore[import-not-found]

            return a_library_that_is_nowhere

    monkeypatch.setattr(registry, "_plug_ins", lambda: {quick.SPEC.name: Heavy()})
    monkeypatch.setenv(add_on.VARIABLE, str(tmp_path))
    with pytest.raises(LibraryMissing) as caught:
        registry.create_engine(quick.SPEC.name)
    assert str(caught.value) == (
        f"{quick.SPEC.title} needs the library a_library_that_is_nowhere, which is missing here. "
        f"Make an add-on environment with Maskwright {__version__} in {tmp_path} (docs/packaging.md says how)."
    )


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment whose interpreter is this one; it leaves a note when it is started."""
    note = tmp_path / "started"
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    script = f'#!/bin/sh\necho "$@" > "{note}"\nPYTHONPATH="{paths}" exec "{sys.executable}" "$@"\n'
    monkeypatch.setenv(add_on.VARIABLE, str(environment(tmp_path / "engines", __version__, script)))
    return note


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in interpreter is a shell script")
def test_the_worker_runs_in_the_environment(used: Path) -> None:
    server = Supervised()
    server.start()
    try:
        done = server.run_to_end(Encode("classic", Image(np.zeros((32, 40, 3), np.uint8), "black")))
    finally:
        server.close()
    assert done.encode_ms > 0
    assert used.read_text(encoding="utf-8").startswith("-P -m inference.worker")
