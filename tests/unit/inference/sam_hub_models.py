"""Small models of the SAM family on transformers, with random weights, for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    EdgeTamConfig,
    EdgeTamMaskDecoderConfig,
    EdgeTamModel,
    EdgeTamPromptEncoderConfig,
    EdgeTamVisionConfig,
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
    TimmWrapperConfig,
)

SIDE = 64
"""Pixels of the square that the small models on transformers see."""

FEATURES = [[16, 16], [8, 8], [4, 4]]


def small_sam2() -> Any:
    """``Sam2Model`` of 64 pixels a side."""
    encoder = Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[4, 2, 2, 2],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[2, 2],
    )
    vision = Sam2VisionConfig(
        backbone_config=encoder,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=FEATURES,
        fpn_hidden_size=32,
    )
    torch.manual_seed(0)
    return _livelier(
        Sam2Model(Sam2Config(vision_config=vision, **_prompted(Sam2PromptEncoderConfig, Sam2MaskDecoderConfig)))
    )


def small_edgetam() -> Any:
    """``EdgeTamModel`` of 64 pixels a side round a small network of ``timm``."""
    encoder = TimmWrapperConfig(
        architecture="test_convnext", model_args={"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]}
    )
    vision = EdgeTamVisionConfig(
        backbone_config=encoder,
        backbone_channel_list=[64, 48, 32, 24],
        backbone_feature_sizes=FEATURES,
        fpn_hidden_size=32,
    )
    torch.manual_seed(0)
    parts = _prompted(EdgeTamPromptEncoderConfig, EdgeTamMaskDecoderConfig)
    return _livelier(EdgeTamModel(EdgeTamConfig(vision_config=vision, **parts)))


def write_model(model: Any, folder: Path) -> Path:
    """As downloads are: ``config.json`` and the tensors, in a folder."""
    model.save_pretrained(folder)
    return folder / "model.safetensors"


def _prompted(prompt_encoder: Any, mask_decoder: Any) -> dict[str, Any]:
    return {
        "prompt_encoder_config": prompt_encoder(hidden_size=32, image_size=SIDE, patch_size=16),
        "mask_decoder_config": mask_decoder(hidden_size=32, mlp_dim=64, iou_head_hidden_dim=32),
    }


def _livelier(model: Any) -> Any:
    """With weights and biases so large that masks differ from click to click."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "norm" not in name:
                parameter.normal_(std=1.0 / parameter[0].numel() ** 0.5)
        model.no_memory_embedding.normal_()
    return model.eval()
