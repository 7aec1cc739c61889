"""SAM 2 (Ravi et al. 2024): its files and the sizes that were released."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import Sam2Config, Sam2HieraDetConfig, Sam2ImageProcessor, Sam2Model, Sam2VisionConfig

from inference.models.sam.hub import HubSam
from inference.models.sam.hub_checkpoint import Form, load
from inference.models.sam.shape import Sizes

PARTS = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
"""Of a configuration: what is used of a video model's too."""

HIERA: dict[int, dict[str, Any]] = {
    12: {"blocks_per_stage": [1, 2, 7, 2], "global_attention_blocks": [5, 7, 9]},
    16: {"blocks_per_stage": [1, 2, 11, 2], "global_attention_blocks": [7, 10, 13]},
    24: {
        "blocks_per_stage": [2, 3, 16, 3],
        "global_attention_blocks": [12, 16, 20],
        "window_positional_embedding_background_size": [14, 14],
        "hidden_size": 112,
        "num_attention_heads": 2,
    },
    48: {
        "blocks_per_stage": [2, 6, 36, 4],
        "global_attention_blocks": [23, 33, 43],
        "window_size_per_stage": [8, 4, 16, 8],
        "hidden_size": 144,
        "num_attention_heads": 2,
    },
}
"""Image encoders by their number of blocks: tiny, small, base plus, large."""

_BLOCK = re.compile(r"vision_encoder\.backbone\.blocks\.(\d+)\.")


def open_sam2(path: Path, dtype: torch.dtype | None = None) -> HubSam:
    """A SAM 2 file of transformers' form. Raises ``WrongWeights``."""
    return HubSam(load(path, FORM, Sam2Model), Sam2ImageProcessor(), dtype)


def released(sizes: Sizes) -> Sam2Config:
    """The configuration of the released size whose image encoder is as deep, or nearest to it."""
    depth = len({found[1] for name in sizes if (found := _BLOCK.match(name))})
    given = HIERA[min(HIERA, key=lambda known: abs(known - depth))]
    width, heads = given.get("hidden_size", 96), given.get("num_attention_heads", 1)
    widths = [width * 2**stage for stage in range(4)]
    encoder = Sam2HieraDetConfig(
        **given, embed_dim_per_stage=widths, num_attention_heads_per_stage=[heads * 2**stage for stage in range(4)]
    )
    return Sam2Config(vision_config=Sam2VisionConfig(backbone_config=encoder, backbone_channel_list=widths[::-1]))


def _configured(table: Mapping[str, Any]) -> Sam2Config:
    return Sam2Config(**{part: table[part] for part in PARTS if part in table})


FORM = Form("SAM 2", frozenset({"sam2", "sam2_video"}), _configured, released)
