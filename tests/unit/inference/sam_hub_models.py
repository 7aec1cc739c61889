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
    Sam3Config,
    Sam3DETRDecoderConfig,
    Sam3DETREncoderConfig,
    Sam3GeometryEncoderConfig,
    Sam3MaskDecoderConfig,
    Sam3TrackerVideoConfig,
    Sam3VideoConfig,
    Sam3VideoModel,
    Sam3VisionConfig,
    Sam3ViTConfig,
    TimmWrapperConfig,
)

SIDE = 64
"""Pixels of the square that the small models on transformers see."""

SAM3_SIDE = 56

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
            elif name.endswith("no_memory_embedding"):
                parameter.normal_()
    return model.eval()


def write_sam3(folder: Path) -> Path:
    """A ``Sam3VideoModel`` of 56 pixels a side, in the form in which SAM 3 was released, with four word pieces."""
    encoder = Sam3ViTConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SAM3_SIDE,
        patch_size=14,
        window_size=2,
        global_attn_indexes=[1],
        pretrain_image_size=28,
    )
    vision = Sam3VisionConfig(backbone_config=encoder, fpn_hidden_size=32, backbone_feature_sizes=FEATURES)
    narrow = {"hidden_size": 32, "num_attention_heads": 2}
    layers = {**narrow, "num_layers": 1, "intermediate_size": 64, "dropout": 0.0}
    detector = Sam3Config(
        vision_config=vision,
        text_config={
            "model_type": "clip_text_model",
            "vocab_size": 518,
            "hidden_size": 32,
            "intermediate_size": 64,
            "projection_dim": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 12,
            "eos_token_id": 517,
        },
        geometry_encoder_config=Sam3GeometryEncoderConfig(**layers),
        detr_encoder_config=Sam3DETREncoderConfig(**layers),
        detr_decoder_config=Sam3DETRDecoderConfig(**layers, num_queries=12),
        mask_decoder_config=Sam3MaskDecoderConfig(**narrow),
    )
    tracker = Sam3TrackerVideoConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 32, "image_size": SAM3_SIDE, "patch_size": 14},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 64, "iou_head_hidden_dim": 32},
        image_size=SAM3_SIDE,
        memory_attention_hidden_size=32,
        memory_attention_feed_forward_hidden_size=32,
        memory_attention_num_layers=1,
        memory_attention_rope_feat_sizes=[4, 4],
        memory_encoder_hidden_size=32,
        memory_encoder_output_channels=16,
        mask_downsampler_embed_dim=32,
        memory_fuser_num_layers=1,
        memory_fuser_embed_dim=32,
        memory_fuser_intermediate_dim=32,
    )
    torch.manual_seed(0)
    model = Sam3VideoModel(Sam3VideoConfig(detector_config=detector, tracker_config=tracker))
    _livelier(model.tracker_model)
    _livelier(model.detector_model)
    (folder / "merges.txt").write_text("#version: 0.2\nc a\nca t</w>\nd o\ndo g</w>\n", encoding="utf-8")
    return write_model(model, folder)
