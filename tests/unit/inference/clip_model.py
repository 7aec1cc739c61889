"""A small CLIP with random weights and a few word pieces, as a folder in the form of ``transformers``."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel

from tests.unit.inference.seem_model import MERGES, write_word_pieces

WORDS = 512 + len(MERGES) + 2


def config(side: int = 56, patch: int = 14, text_width: int = 32) -> CLIPConfig:
    tower = {"num_hidden_layers": 2, "num_attention_heads": 2}
    return CLIPConfig(
        vision_config={**tower, "hidden_size": 64, "intermediate_size": 256, "patch_size": patch, "image_size": side},
        text_config={
            **tower,
            "hidden_size": text_width,
            "intermediate_size": 4 * text_width,
            "vocab_size": WORDS,
            "max_position_embeddings": 77,
            "bos_token_id": WORDS - 2,
            "eos_token_id": WORDS - 1,
        },
        projection_dim=48,
        logit_scale_init_value=3.0,
    )


def write_clip(folder: Path, seed: int = 5, side: int = 56, patch: int = 14, text_width: int = 32) -> Path:
    """Every tensor random, large enough that texts and regions differ."""
    torch.manual_seed(seed)
    model = CLIPModel(config(side, patch, text_width))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name and "lrnorm" not in name and parameter.dim() > 1:
                parameter.normal_(0.0, 2 * parameter[0].numel() ** -0.5)
    model.save_pretrained(folder)
    write_word_pieces(folder / "merges.txt")
    return folder
