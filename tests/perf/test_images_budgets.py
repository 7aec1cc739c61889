"""First and all pixels of an 8000×6000 JPEG (ux.md §11), process CPU time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from desktop.dataset.images import decode_scaled, load
from desktop.image_service import FIRST_SIDE, Decoded


@pytest.mark.perf
def test_a_large_jpeg_shows_soon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "large.jpg"
    coarse = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    assert cv2.imwrite(str(file), cv2.resize(coarse, (8000, 6000), interpolation=cv2.INTER_CUBIC))
    first = median_ms(lambda: decode_scaled(file, FIRST_SIDE))
    full = median_ms(lambda: Decoded(load(file)))
    with capsys.disabled():
        print(f"\n  first pixels {first:.0f} ms of 300 ms; all pixels {full:.0f} ms of 1200 ms")
    assert first <= 600
    assert full <= 2400


def median_ms(action: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        begun = time.process_time()
        action()
        times.append((time.process_time() - begun) * 1e3)
    return statistics.median(times)
