"""A small SAM with random weights, and a picture, for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inference.models.sam.checkpoint import build
from inference.models.sam.shape import SamShape

SMALL = SamShape(32, 2, 2, (1,), window=3, side=128, channels=32, hidden=64, score_hidden=32)


def small_sam(seed: int = 0) -> Any:
    """The official modules, so small that a test is over in milliseconds; masks differ from place to place."""
    torch.manual_seed(seed)
    sam = build(SMALL)
    with torch.no_grad():
        for name, parameter in sam.named_parameters():
            if "pos_embed" in name or "rel_pos" in name:
                parameter.normal_(std=0.5)
            # random networks hardly tell clicks apart; larger weights make them
            elif "mask_decoder.transformer" in name and name.endswith(("q_proj.weight", "k_proj.weight")):
                parameter.mul_(4)
        # one channel is the same everywhere and speaks against the object, so that masks are small
        enlarge = sam.mask_decoder.output_upscaling[-2]
        enlarge.weight[:, 0] = 0
        enlarge.bias[0] = 1
        for layers in sam.mask_decoder.output_hypernetworks_mlps:
            layers.layers[-1].weight.mul_(150)
            layers.layers[-1].weight[0] = 0
            layers.layers[-1].bias[0] = -6
        sam.mask_decoder.iou_prediction_head.layers[-1].bias.add_(0.9)
    return sam.eval()


def write_sam(path: Path, seed: int = 0) -> Path:
    torch.save(small_sam(seed).state_dict(), path)
    return path


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Blocks of colour, RGB uint8."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), np.uint8)
    return np.ascontiguousarray(blocks.repeat(16, 0).repeat(16, 1)[:height, :width])
