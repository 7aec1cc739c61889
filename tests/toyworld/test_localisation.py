"""The engines find what words mean on unseen scenes, not only run: a few scenes of what docs/toyworld.md reports."""

from __future__ import annotations

import pytest

from inference import registry
from tests.toyworld import evaluate, models

MOST_BYTES = 10_000_000


def test_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in models.WEIGHTS.rglob("*") if path.is_file()) <= MOST_BYTES


def test_the_program_finds_the_toy_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(models.WEIGHTS))
    assert registry.installed("refdiff")
    assert registry.installed("peekaboo")


def test_ref_diff_finds_what_is_meant_and_heeds_position() -> None:
    report = evaluate.refdiff(models.WEIGHTS, 20, "fast")
    baselines = max(report["random proposal"]["miou"], report["largest proposal"]["miou"])
    assert report["refdiff"]["miou"] >= baselines + 0.3
    assert report["weight-free"]["miou"] >= 0.4
    assert report["weight-free, levels"]["miou"] >= 0.3
    assert report["refdiff"]["pairs"] >= 5
    assert report["refdiff"]["pairs_changed"] >= 0.6  # of so few; docs/toyworld.md has the figure of a hundred scenes


def test_peekaboo_finds_what_is_meant() -> None:
    report = evaluate.peekaboo(models.WEIGHTS, 2)
    assert report["peekaboo"]["miou"] >= report["centre box"]["miou"] + 0.3
