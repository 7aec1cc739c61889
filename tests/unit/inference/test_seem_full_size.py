"""Full-size SEEM models with random weights: tensor counts, strict loading of a saved file, and the cost of a round."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from inference.models.seem import checkpoint
from inference.models.seem.layout import COMPOSITE, GroupName
from inference.models.seem.model import Answer, Seem
from inference.models.seem.prompting import ModelPrompts
from inference.models.seem.shape import RELEASED
from inference.models.seem.sight import Sight

TENSORS = {"Focal-T": 729, "Focal-L": 933, "SAM-ViT-B": 652, "SAM-ViT-L": 820}
PARAMETERS = {"Focal-T": 164.62e6, "Focal-L": 341.18e6, "SAM-ViT-B": 215.56e6, "SAM-ViT-L": 440.54e6}
SIDE = 1024
MEMORY = 16e9


@pytest.mark.parametrize("title", RELEASED)
def test_tensors_and_parameters_are_those_of_the_released_file(title: str) -> None:
    sizes = checkpoint.expected_sizes(RELEASED[title])
    parameters = sum(torch.Size(size).numel() for size in sizes.values())
    assert len(sizes) + len(checkpoint.IGNORED) == TENSORS[title]
    assert parameters == pytest.approx(PARAMETERS[title], rel=1e-3)


@pytest.mark.full_size
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("title", ["Focal-T", "Focal-L"])
def test_a_full_size_file_loads_and_rounds_are_cheap(title: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "full.pt"
    checkpoint.save(Seem(RELEASED[title]), path)
    tensors = checkpoint.read_tensors(path)
    assert checkpoint.recognise(checkpoint.sizes_of(tensors)) == title
    model = checkpoint.load(tensors, RELEASED[title], title)
    pixels = torch.randint(0, 256, (3, SIDE, SIDE), dtype=torch.uint8)

    image = model.preprocess(pixels)
    maps, backbone_s, backbone_flops = _timed(lambda: model.backbone(image))
    pyramid, pixel_s, pixel_flops = _timed(lambda: model.pixel_decoder(maps))
    sight, look_s, look_flops = _timed(lambda: model.decoder.look(pyramid))
    first, first_s, first_flops = _timed(lambda: _round(model, sight, None))
    second, second_s, second_flops = _timed(lambda: _round(model, sight, first))
    encode_s = backbone_s + pixel_s + look_s
    print(f"\n{title} at {SIDE} px, {torch.get_num_threads()} thread(s):")
    for part, seconds, flops in (
        ("image encoder", backbone_s, backbone_flops),
        ("pixel decoder", pixel_s, pixel_flops),
        ("keys and values", look_s, look_flops),
        ("first round", first_s, first_flops),
        ("second round", second_s, second_flops),
    ):
        print(f"  {part}: {seconds:.2f} s, {flops / 1e9:.0f} GFLOP")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"  round / encode: {second_s / encode_s:.3f}; kept {sight.nbytes / 1e6:.0f} MB; peak {peak / 1e9:.1f} GB")
    assert torch.isfinite(second).all()
    assert not torch.equal(first, second)
    assert second_s <= encode_s / 8
    assert peak < MEMORY


def _round(model: Seem, sight: Sight, previous: torch.Tensor | None) -> torch.Tensor:
    positive = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    positive[:, 500:503, 400:403] = True
    said = model.sample(sight, positive, torch.zeros_like(positive))
    prompts = ModelPrompts(spatial=said.tokens, previous=previous)
    answer: Answer = model.decode(sight, COMPOSITE, prompts, {GroupName.SPATIAL_QUERIES})[GroupName.SPATIAL_QUERIES]
    return answer.mask(sight, answer.matching(said.positive).argmax(1))


def _timed(work: Callable[[], Any]) -> tuple[Any, float, int]:
    """What the work returns, the seconds of an uncounted run, and the operations of a counted one."""
    with torch.inference_mode():
        start = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
        with FlopCounterMode(display=False) as counter:
            work()
    return result, seconds, counter.get_total_flops()
