"""What the way over HTTP adds to a prompt (issue 9): ≤ 15 ms over the same engine in this process, on loopback."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib.resources import as_file

import numpy as np
import pytest
from PIL import Image as Pillow

from inference import registry
from inference.engine import Image, silent
from inference.prompts import Point, PromptSet
from inference.remote import client, pictures, wire
from inference.remote.client import Connection
from inference.remote.engines import ServerEngine, _There
from inference.results import Segmentation
from resources import resource
from tests.unit.remote.serving import TOKEN, serving

BUDGET_MS = 15.0
ROUNDS = 15


def test_a_prompt_through_loopback_costs_little_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with as_file(resource("sample", "images", "val2017_000000006012.jpg")) as path:
        image = Image(np.asarray(Pillow.open(path).convert("RGB")), "photo")
    sent, received = _counted(monkeypatch)
    lite = registry.create_engine("lite")
    with serving() as up:
        connection = Connection(up.address, TOKEN)
        there = _There(connection, connection.hello(), "lite")
        remote = ServerEngine(lite.spec, there, there.identity().fingerprint)
        here_features, there_features = lite.encode(image, silent), remote.encode(image, silent)
        clicks = [PromptSet((Point(100.5 + 20 * n, 200.5),)) for n in range(ROUNDS)]
        runs = [
            (_timed(lambda p=p: lite.segment(here_features, p, None, silent)),  # type: ignore[misc]
             _timed(lambda p=p: remote.segment(there_features, p, None, silent)))  # type: ignore[misc]
            for p in clicks
        ]  # fmt: skip
    for (here, _, _), (far, _, _) in runs:
        assert all(np.array_equal(a.logits, b.logits) for a, b in zip(here.candidates, far.candidates, strict=True))
    cpu = statistics.median(far[1] - here[1] for here, far in runs)
    wall = statistics.median(far[2] - here[2] for here, far in runs)
    best = min(far[2] for _, far in runs) - min(here[2] for here, _ in runs)
    with capsys.disabled():
        print(
            f"\n  loopback over in-process: {cpu:+.1f} ms CPU, {wall:+.1f} ms wall, best {best:+.1f}; "
            f"image {len(pictures.encoded(image.pixels)) / 1e3:.0f} kB, prompt {sent[-1] / 1e3:.1f} kB up, "
            f"{received[-1] / 1e3:.0f} kB down"
        )
    assert min(cpu, wall) <= 2 * BUDGET_MS  # as all budgets: twice, because other programs share the machine


def _timed(run: Callable[[], Segmentation]) -> tuple[Segmentation, float, float]:
    """Result, CPU milliseconds of the process (both sides of the connection), wall milliseconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = run()
    return result, (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3


def _counted(patch: pytest.MonkeyPatch) -> tuple[list[int], list[int]]:
    """Bytes of each question and of each answer from now on."""
    sent: list[int] = []
    received: list[int] = []
    run = client.Connection._run

    class Counting(wire.Unframer):
        def feed(self, piece: bytes) -> list[bytes]:
            received[-1] += len(piece)
            return super().feed(piece)

    def counted(self: Connection, data: bytes, report: object) -> object:
        sent.append(len(data))
        received.append(0)
        return run(self, data, report)  # type: ignore[arg-type]

    patch.setattr(client.Connection, "_run", counted)
    patch.setattr(wire, "Unframer", Counting)
    return sent, received
