"""What of the system goes into the frozen program: owners of libraries, and what nothing asks for any more."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

PACKAGING = Path(__file__).parents[3] / "packaging"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PACKAGING / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


system_libraries = _load("system_libraries")
sbom = _load("sbom")

NAMES = [f"lib{letter}.so" for letter in "abcdef"]


@given(
    needs=st.dictionaries(st.sampled_from([*NAMES, "plugin", "other", "program"]), st.sets(st.sampled_from(NAMES))),
    dropped=st.sets(st.sampled_from(["plugin", "other"])),
)
def test_what_is_kept_never_loses_a_library(needs: dict[str, set[str]], dropped: set[str]) -> None:
    known = {name: Path(name) for name in NAMES}
    kept = [Path(name) for name in ["program", *({"plugin", "other"} - dropped), *NAMES]]
    idle = system_libraries.no_longer_needed(
        map(Path, dropped), kept, lambda path: needs.get(str(path), set()) | {"libc.so.6"}, known
    )
    assert all(needs.get(path.name, set()).isdisjoint(idle) for path in kept if path.name not in idle)
    asked_for_by_dropped = set().union(*(needs.get(name, set()) for name in dropped))
    assert bool(idle) <= bool(asked_for_by_dropped)


def test_only_what_the_dropped_one_asked_for_goes() -> None:
    needs = {"theme": ["libgtk.so", "libglib.so"], "libgtk.so": ["libcairo.so"], "program": ["libglib.so"]}
    known = {name: Path(name) for name in ("libgtk.so", "libglib.so", "libcairo.so", "libssl.so")}
    kept = [Path("program"), *known.values()]
    idle = system_libraries.no_longer_needed([Path("theme")], kept, lambda path: needs.get(path.name, ()), known)
    assert idle == {"libgtk.so", "libcairo.so"}


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="no Debian")
def test_the_owners_of_libraries_are_found_through_links() -> None:
    shell = shutil.which("sh")
    assert shell is not None
    owner = subprocess.run(["dpkg-query", "-W", "dash"], capture_output=True, text=True).stdout.split()
    if not owner:
        pytest.skip("sh is no dash here")
    found = system_libraries.packages([shell, "/nowhere/libnothing.so.1"])
    assert ("dash", owner[1]) in [(each.name, each.version) for each in found]
    part = sbom.of_the_system(found[0].name, found[0].version, found[0].architecture)
    assert part["purl"].startswith("pkg:deb/")
    assert "+" not in part["purl"]


def test_files_of_nobody_have_no_package() -> None:
    assert system_libraries.packages([]) == []
    assert system_libraries.packages(["/nowhere/libnothing.so.1"]) == []


def test_modules_of_the_tools_are_strangers_and_those_of_dependencies_are_not() -> None:
    strangers = set(sbom.strangers(sbom.closure("maskwright", "serve")))
    assert {"pytest", "_pytest", "hypothesis", "mypy", "ruff"} <= strangers
    assert strangers.isdisjoint(
        {"torch", "numpy", "PIL", "cv2", "orjson", "starlette", "uvicorn", "desktop", "inference"}
    )
    assert "starlette" in sbom.strangers(sbom.closure("maskwright"))
