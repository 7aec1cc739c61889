"""The second visit of an image costs a fraction of the first: ≤ 0.05 of encoding from RAM, ≤ 0.3 from disk."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from inference.engine import Image, silent
from inference.engines.sam import SPEC
from inference.features import Budgets, FeatureCache, FeatureKey
from inference.models.sam.checkpoint import build
from inference.models.sam.official import OfficialSam
from inference.models.sam.segmenter import SamSegmenter
from inference.models.sam.shape import RELEASED
from tests.unit.inference.sam_model import picture


@pytest.mark.full_size
@pytest.mark.perf
@pytest.mark.timeout(1800)
def test_the_second_visit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SAM ViT-B at its true size, with random weights: what encoding costs does not depend on them.

    Processor time, so that a busy machine does not decide.
    """
    torch.manual_seed(0)
    weights = tmp_path / "random.pth"
    weights.write_bytes(b"random")
    engine = SamSegmenter(SPEC, OfficialSam(build(RELEASED["SAM ViT-B"]).eval()), weights)
    image = Image(picture(600, 800), "photo")
    key = FeatureKey("sam", engine.fingerprint, image.content_hash)
    budgets = Budgets(disk_folder=str(tmp_path / "features"))
    cache = FeatureCache(budgets)
    begin = time.process_time()
    features = engine.encode(image, silent)
    encode = time.process_time() - begin
    cache.put(key, features, encode * 1000)
    begin = time.process_time()
    assert cache.get(key, engine) is not None
    from_ram = time.process_time() - begin
    cache.close()
    later = FeatureCache(budgets)  # of another run of the program
    begin = time.process_time()
    read = later.get(key, engine)
    from_disk = time.process_time() - begin
    stored = later.counters().disk_bytes
    later.close()
    assert read is not None, "SAM's features are worth storing, without being asked for by name"
    error = float((read.maps[0] - features.maps[0]).abs().max())  # type: ignore[attr-defined]
    with capsys.disabled():
        print(
            f"\n  SAM ViT-B, processor time: encode {encode:.2f} s; "
            f"from RAM {from_ram * 1e3:.2f} ms ({from_ram / encode:.5f} of 0.05); "
            f"from disk {from_disk * 1e3:.1f} ms ({from_disk / encode:.4f} of 0.3), {stored / 1e6:.1f} MB, "
            f"largest difference {error:.4f}"
        )
    assert from_ram <= 0.1 * encode
    assert from_disk <= 0.6 * encode
