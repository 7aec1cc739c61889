"""What our ``sam`` costs beside the official predictor: both in one run, on full-size ViT-B with random weights."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor

from inference.engine import Image, silent
from inference.engines import sam
from inference.models.sam.checkpoint import build
from inference.models.sam.official import OfficialSam
from inference.models.sam.segmenter import SamSegmenter
from inference.models.sam.shape import RELEASED
from inference.prompts import Box, Point, PromptSet

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
def pixels() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def alternately(official: Callable[[], object], ours: Callable[[], object], turns: int) -> tuple[float, float]:
    """The least CPU milliseconds of each; taking turns, both meet the same noise, and noise only adds."""
    official(), ours()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for work, found in ((official, times[0]), (ours, times[1])):
            begun = time.process_time()
            work()
            found.append((time.process_time() - begun) * 1e3)
    print(f"  medians {statistics.median(times[0]):.1f} and {statistics.median(times[1]):.1f} ms")
    return min(times[0]), min(times[1])


@pytest.mark.perf
@pytest.mark.timeout(900)
def test_a_prompt_costs_no_more_than_with_the_official_predictor(
    both: tuple[SamPredictor, SamSegmenter],
    pixels: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    official, engine = both
    official.set_image(pixels)
    features = engine.encode(Image(pixels, "pixels"), silent)
    click, box = np.array([[300, 200]]), np.array([100, 100, 400, 300])
    said = {"click": PromptSet((Point(300.5, 200.5),)), "box": PromptSet((Box(100.5, 100.5, 400.5, 300.5),))}
    words = {"click": {"point_coords": click, "point_labels": np.array([1])}, "box": {"box": box}}
    with capsys.disabled():
        for kind, prompts in said.items():
            theirs, ours = alternately(
                lambda kind=kind: official.predict(**words[kind]),  # type: ignore[misc]
                lambda prompts=prompts: engine.segment(features, prompts, None, silent).candidates[0].mask(),  # type: ignore[misc]
                12,
            )
            print(f"  {kind}: official {theirs:.1f} ms, ours {ours:.1f} ms, ratio {ours / theirs:.3f}")
            assert ours <= 2 * PROMPT_RATIO * theirs


@pytest.mark.perf
@pytest.mark.timeout(900)
def test_encoding_costs_no_more_than_with_the_official_predictor(
    both: tuple[SamPredictor, SamSegmenter],
    pixels: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    official, engine = both
    image = Image(pixels, "pixels")
    with capsys.disabled():
        theirs, ours = alternately(lambda: official.set_image(pixels), lambda: engine.encode(image, silent), 3)
        print(f"  encode: official {theirs:.0f} ms, ours {ours:.0f} ms, ratio {ours / theirs:.3f}")
    assert ours <= 2 * ENCODE_RATIO * theirs
