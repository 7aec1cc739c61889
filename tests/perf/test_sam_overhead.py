"""What our ``sam`` costs beside the official predictor: both in one run, on full-size ViT-B with random weights."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from segment_anything import SamPredictor

from inference.engine import Image, silent
from inference.engines import sam
from inference.models.sam.checkpoint import build
from inference.models.sam.official import OfficialSam
from inference.models.sam.segmenter import SamSegmenter
from inference.models.sam.shape import RELEASED
from inference.models.sam.sight import Sight
from inference.prompts import Box, MaskArray, Point, PromptSet

HEIGHT, WIDTH = 683, 1024
PROMPT_RATIO, ENCODE_RATIO = 1.10, 1.05


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """CPU time of several threads depends on how long they wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[SamPredictor, SamSegmenter]:
    torch.manual_seed(0)
    model = build(RELEASED["SAM ViT-B"]).eval().requires_grad_(False)
    marker: Path = tmp_path_factory.mktemp("sam") / "weights"
    marker.write_bytes(b"random weights")
    return SamPredictor(model), SamSegmenter(sam.SPEC, OfficialSam(model, torch.float32), marker)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def alternately(official: Callable[[], object], ours: Callable[[], object], turns: int, limit: float) -> float:
    """Our least CPU time in parts of the official one, printed.

    Taking turns both meet the same noise of the machine, and noise only adds. Above the limit it is measured again.
    """
    official(), ours()
    times: tuple[list[float], list[float]] = ([], [])
    ratio = float("inf")
    for _ in range(3):
        for _ in range(turns):
            for work, found in ((official, times[0]), (ours, times[1])):
                begun = time.process_time()
                work()
                found.append((time.process_time() - begun) * 1e3)
        ratio = min(times[1]) / min(times[0])
        if ratio <= limit:
            break
    for name, found in zip(("official", "ours"), times, strict=True):
        print(f"    {name}: least {min(found):.1f} ms, median {statistics.median(found):.1f} ms of {len(found)}")
    return ratio


def first_mask(engine: SamSegmenter, features: Sight, prompts: PromptSet) -> MaskArray:
    """What a person sees after a click: the best mask at image size."""
    return engine.segment(features, prompts, None, silent).candidates[0].mask()


@pytest.mark.perf
@pytest.mark.timeout(900)
def test_a_prompt_costs_no_more_than_with_the_official_predictor(
    both: tuple[SamPredictor, SamSegmenter],
    pixels: NDArray[np.uint8],
    capsys: pytest.CaptureFixture[str],
) -> None:
    official, engine = both
    official.set_image(pixels)
    features = engine.encode(Image(pixels, "pixels"), silent)
    click, box = np.array([[300, 200]]), np.array([100, 100, 400, 300])
    said = {"click": PromptSet((Point(300.5, 200.5),)), "box": PromptSet((Box(100.5, 100.5, 400.5, 300.5),))}
    words: dict[str, dict[str, Any]] = {
        "click": {"point_coords": click, "point_labels": np.array([1])},
        "box": {"box": box},
    }
    with capsys.disabled():
        for kind, prompts in said.items():
            print(f"\n  {kind}:")
            ratio = alternately(
                partial(official.predict, **words[kind]),
                partial(first_mask, engine, features, prompts),
                12,
                PROMPT_RATIO,
            )
            print(f"    ratio {ratio:.3f} of {PROMPT_RATIO}")
            assert ratio <= PROMPT_RATIO


@pytest.mark.slow
@pytest.mark.perf
@pytest.mark.timeout(900)
def test_encoding_costs_no_more_than_with_the_official_predictor(
    both: tuple[SamPredictor, SamSegmenter],
    pixels: NDArray[np.uint8],
    capsys: pytest.CaptureFixture[str],
) -> None:
    official, engine = both
    image = Image(pixels, "pixels")
    with capsys.disabled():
        print("\n  encode:")
        encode = partial(engine.encode, image, silent)
        ratio = alternately(partial(official.set_image, pixels), encode, 2, ENCODE_RATIO)
        print(f"    ratio {ratio:.3f} of {ENCODE_RATIO}")
    assert ratio <= ENCODE_RATIO
