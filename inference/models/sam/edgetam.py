"""EdgeTAM (Zhou et al. 2025): SAM 2 with a small convolutional image encoder, which ``timm`` builds."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import EdgeTamConfig, EdgeTamModel, EdgeTamVisionConfig, Sam2ImageProcessor, TimmWrapperConfig

from inference.engine import EngineError
from inference.models.sam.hub import HubSam
from inference.models.sam.hub_checkpoint import Form, load
from inference.models.sam.sam2 import PARTS
from inference.models.sam.shape import Sizes

ENCODER = "repvit_m1"


def open_edgetam(path: Path, dtype: torch.dtype | None = None) -> HubSam:
    """An EdgeTAM file of transformers' form. Raises ``WrongWeights``, and :class:`EngineError` without ``timm``."""
    if importlib.util.find_spec("timm") is None:
        raise EngineError("EdgeTAM needs the Python package timm, which is not installed.")
    return HubSam(load(path, FORM, EdgeTamModel), Sam2ImageProcessor(), dtype)


def released(sizes: Sizes) -> EdgeTamConfig:
    """The one size that was released, whatever the shapes."""
    stages = {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]}
    encoder = TimmWrapperConfig(architecture=ENCODER, model_args=stages)
    return EdgeTamConfig(vision_config=EdgeTamVisionConfig(backbone_config=encoder))


def _configured(table: Mapping[str, Any]) -> EdgeTamConfig:
    return EdgeTamConfig(**{part: table[part] for part in PARTS if part in table})


FORM = Form("EdgeTAM", frozenset({"edgetam", "edgetam_video"}), _configured, released)
