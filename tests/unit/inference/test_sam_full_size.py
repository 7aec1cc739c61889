"""The released sizes of the SAM family with random weights: files of full size go through every path of the engines."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import EdgeTamModel, Sam2Model, Sam3VideoConfig, Sam3VideoModel

from inference import proposals
from inference.engine import EngineError, Image, silent
from inference.engines import edgetam, sam, sam2, sam3
from inference.models.sam import edgetam as edgetam_model
from inference.models.sam import sam2 as sam2_model
from inference.models.sam.checkpoint import build
from inference.models.sam.segmenter import SamSegmenter
from inference.models.sam.shape import RELEASED
from inference.models.sam.sight import Sight
from inference.prompts import Box, MaskPrompt, Point, PromptSet, Scribble, Text
from tests.unit.inference.sam_model import picture

SIZE = (480, 640)
FEW = proposals.Settings(points=4, least_score=-1e9, least_stability=0.0, stability_offset=0.01)
HALF_PRECISION_IOU = 0.999


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MASKWRIGHT_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no cache"))
    torch.manual_seed(0)
    return tmp_path


@pytest.mark.full_size
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("title", RELEASED)
def test_sam(title: str, folder: Path) -> None:
    torch.save(_spread(build(RELEASED[title])).state_dict(), folder / "any name.pth")
    _goes_through(sam, title)


@pytest.mark.full_size
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("blocks", sam2_model.HIERA)
def test_sam2(blocks: int, folder: Path) -> None:
    config = sam2_model.released({f"vision_encoder.backbone.blocks.{number}.x": (1,) for number in range(blocks)})
    save_file(_spread(Sam2Model(config)).state_dict(), folder / "model.safetensors")
    _goes_through(sam2, f"SAM 2 with {blocks} blocks")


@pytest.mark.full_size
@pytest.mark.timeout(3600)
def test_edgetam(folder: Path) -> None:
    save_file(_spread(EdgeTamModel(edgetam_model.released({}))).state_dict(), folder / "model.safetensors")
    _goes_through(edgetam, "EdgeTAM")


@pytest.mark.full_size
@pytest.mark.timeout(3600)
def test_sam3(folder: Path) -> None:
    model = Sam3VideoModel(Sam3VideoConfig())
    model.to(torch.bfloat16).save_pretrained(folder)
    del model
    engine, sight = _goes_through(sam3, "SAM 3")
    with pytest.raises(EngineError, match="needs CLIP's list of word pieces"):
        engine.segment(sight, PromptSet((Text("cat"),)), None, silent)


def _spread(model: Any) -> Any:
    """Random decoders hardly tell inside from outside; larger weights make their logits as large as trained ones."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "output_hypernetworks_mlps" in name and parameter.ndim > 1:
                parameter.mul_(4)
    return model


def _goes_through(module: Any, title: str) -> tuple[SamSegmenter, Sight]:
    """Load, encode, ask with every kind of prompt, refine, find everything; prints times and the effect of float16."""
    assert module.installed()
    engine, load_s = _timed(module.create)
    assert isinstance(engine, SamSegmenter)
    engine._automatic = replace(FEW)
    sight, encode_s = _timed(lambda: engine.encode(Image(picture(*SIZE), "hash"), silent))
    assert isinstance(sight, Sight)
    click = PromptSet((Point(300.5, 200.5),))
    first, click_s = _timed(lambda: engine.segment(sight, click, None, silent))
    more = click.added(Box(200, 100, 400, 300)).added(Scribble(((210.0, 120.0), (300.0, 150.0))))
    second, second_s = _timed(lambda: engine.segment(sight, more, first.memory, silent))
    given = engine.segment(sight, PromptSet((MaskPrompt(second.candidates[0].mask()), Point(9.5, 9.5))), None, silent)
    assert all(np.isfinite(each.logits).all() for each in (*first.candidates, *second.candidates, *given.candidates))
    regions, everything_s = _timed(lambda: engine.everything(sight, None, silent))
    assert regions
    halved = {n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in sight.to_arrays().items()}
    again = engine.segment(engine.features_from_arrays(halved), click, None, silent)
    ious = [_iou(a.mask(), b.mask()) for a, b in zip(first.candidates, again.candidates, strict=True)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(
        f"\n  {title}: load {load_s:.1f} s, encode {encode_s:.1f} s, click {click_s * 1e3:.0f} ms, "
        f"second round {second_s * 1e3:.0f} ms, 16 clicks of everything {everything_s:.1f} s, "
        f"features {sight.nbytes / 1e6:.1f} MB, peak {peak:.1f} GB\n"
        f"  masks (shares {[round(float(c.mask().mean()), 2) for c in first.candidates]}) "
        f"of float16 features: IoU {[round(iou, 5) for iou in ious]}"
    )
    assert min(ious) >= HALF_PRECISION_IOU
    return engine, sight


def _iou(first: np.ndarray[Any, np.dtype[np.bool_]], second: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 1.0


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work returns, and its CPU seconds."""
    begun = time.process_time()
    return work(), time.process_time() - begun
