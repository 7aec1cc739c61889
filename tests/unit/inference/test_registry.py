"""Engines by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import inference
from inference import registry
from inference.engine import EngineError, WeightsMissing
from tests.e2e.stub_engines import ENGINES, quick

ROOT = Path(__file__).parents[3]


def test_classic_is_always_there_and_needs_nothing() -> None:
    assert registry.engine_specs()[0].name == "classic"
    assert registry.installed("classic")
    assert registry.default_engine() in ("classic", "lite")


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(registry.UnknownEngine, match=r"There is no engine 'sma'; the engines are: classic.*\."):
        registry.spec("sma")


def test_the_environment_plugs_engines_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry.EXTRA_VARIABLE, ENGINES)
    assert registry.spec("stub-quick") is quick.SPEC
    assert inference.open_engine("stub-quick").spec is quick.SPEC
    with pytest.raises(WeightsMissing):
        registry.create_engine("stub-missing")


def test_what_is_no_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry.EXTRA_VARIABLE, "json")
    with pytest.raises(EngineError, match="json is not an engine: it needs SPEC"):
        registry.engine_specs()


@pytest.mark.parametrize(("there", "expected"), [(True, "lite"), (False, "classic")])
def test_lite_is_the_default_when_its_weights_are_there(
    monkeypatch: pytest.MonkeyPatch, there: bool, expected: str
) -> None:
    class Lite:
        SPEC = type(quick.SPEC)("lite", "Lite", *(getattr(quick.SPEC, name) for name in quick.SPEC.__slots__[2:]))

        def installed(self) -> bool:
            return there

    monkeypatch.setattr(registry, "_plug_ins", lambda: {"lite": Lite()})
    assert registry.default_engine() == expected


def test_reading_all_specs_loads_neither_torch_nor_qt() -> None:
    code = (
        "import sys, inference.server, inference.registry as r; r.engine_specs(); r.default_engine();"
        "print(sorted({'torch', 'transformers', 'diffusers', 'PySide6'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
