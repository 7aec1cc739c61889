"""500 image switches with prefetch on and small budgets: memory stays flat, and nothing is left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import PIL.Image
import psutil
import pytest
from pytestqt.qtbot import QtBot

from desktop.app import create_window
from inference.features import Budgets
from inference.messages import Encode, Finished
from inference.registry import installed
from tests.e2e.stub_engines import ENGINES

SWITCHES = 500
SHARED = Path("/dev/shm")


def resident_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def shared_pixels() -> set[str]:
    """Shared memory of this program that has a name."""
    return {path.name for path in SHARED.glob("*maskwright*")}


@pytest.mark.slow
@pytest.mark.perf
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("engine", "budget_mb"), [("stub-quick", 1), ("lite", 96)])
def test_switching_leaves_nothing_behind(
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    engine: str,
    budget_mb: int,
) -> None:
    for name in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"MASKWRIGHT_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("MASKWRIGHT_ENGINES", ENGINES)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    if engine == "lite" and not installed("lite"):
        pytest.fail("The weights of lite are part of the repository.")
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        PIL.Image.fromarray(rng.integers(0, 255, (240, 320, 3), np.uint8)).save(folder / f"{number:02}.png")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    me = psutil.Process()
    before_children = {child.pid for child in me.children(recursive=True)}
    before = shared_pixels()
    monkeypatch.setattr("desktop.app.feature_budgets", lambda settings: Budgets(ram_bytes=budget_mb * 2**20))
    window = create_window([])
    workspace = window.workspace
    workspace.image_service.budget_bytes = 4 * 2**20  # some of the twelve images
    ahead = [0]
    sizes: list[float] = []
    workers: list[float] = []

    def hear(event: object) -> None:
        ahead[0] += isinstance(event, Finished) and isinstance(event.request, Encode) and event.request.prefetch

    try:
        window.show()
        qtbot.waitUntil(lambda: workspace._link is not None)
        workspace._link.event.connect(hear)  # type: ignore[union-attr]
        workspace.set_find_with(engine)
        workspace.open_folder(folder)
        ids = [image.id for image in workspace.images]
        for turn in range(SWITCHES):
            workspace.go_to_image(ids[turn % len(ids)])
            qtbot.waitUntil(lambda: workspace.pixels is not None, timeout=60_000)
            known = workspace.engine_image()
            assert known is not None
            wanted = (engine, known.content_hash)
            patience = 60_000 if turn else 600_000  # the first one starts the worker and loads the engine
            qtbot.waitUntil(lambda wanted=wanted: wanted in workspace._cache.encoded, timeout=patience)  # type: ignore[misc]
            children = [child for child in me.children(recursive=True) if child.pid not in before_children]
            sizes.append(resident_mb(me))
            workers.append(max(resident_mb(child) for child in children))
    finally:
        window.close()
        window.finish()

    def growth(values: list[float]) -> float:
        return (float(np.median(values[-50:])) / float(np.median(values[100:150])) - 1) * 100

    with capsys.disabled():
        print(
            f"\n  {SWITCHES} switches with {engine}: window {sizes[125]:.0f} to {sizes[-1]:.0f} MB, "
            f"{growth(sizes):+.1f} %; worker {workers[125]:.0f} to {workers[-1]:.0f} MB, "
            f"{growth(workers):+.1f} % of ±5 %; {ahead[0]} images encoded ahead"
        )
    assert ahead[0] > SWITCHES / 4, "features are dropped and computed ahead again all the time"
    assert abs(growth(sizes)) <= 10
    assert abs(growth(workers)) <= 10
    orphans = [child for child in me.children(recursive=True) if child.pid not in before_children]
    assert psutil.wait_procs(orphans, timeout=5)[1] == []
    assert list(temporary.iterdir()) == []
    assert shared_pixels() <= before
