"""A small SEEM with random weights and a few word pieces, as files."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.models.seem import checkpoint
from inference.models.seem.model import Seem
from inference.models.seem.shape import FocalShape, SeemShape, TextShape

MERGES = ["r e", "re d</w>", "c a", "ca t</w>"]
SHAPE = SeemShape(
    FocalShape(8, (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3), depthwise=True),
    text=TextShape(width=32, layers=2, heads=2, context=16, vocabulary=512 + len(MERGES) + 2),
    hidden=64,
    pyramid=64,
    mask=32,
    projection=64,
    queries=7,
    memories=4,
    heads=4,
    feedforward=64,
    layers=4,
    encoder_layers=1,
)


def write_weights(path: Path, seed: int = 3) -> Path:
    """Every tensor random, also those that training starts at 0 or 1."""
    torch.manual_seed(seed)
    model = Seem(SHAPE)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.3
            parameter.normal_(1.0 if "norm" in name and name.endswith("weight") else 0.0, scale)
    checkpoint.save(model, path)
    return path


def write_word_pieces(path: Path) -> Path:
    path.write_text("\n".join(["#version: 0.2", *MERGES]) + "\n", encoding="utf-8")
    return path
