"""The small ODISE of the parity vectors, with its frozen networks, as files."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel

from inference.models.odise.checkpoint import Frozen
from tests.parity import vectors
from tests.parity.openvocab_vectors import MODEL, OdiseVectors
from tests.unit.inference.clip_model import WORDS
from tests.unit.inference.seem_model import write_word_pieces

TEXT = {"intermediate_size": 64, "num_hidden_layers": 1, "max_position_embeddings": 77}


def write_odise(folder: Path) -> dict[str, Path]:
    """Both heads by kind, ``diffusion`` and ``clip``."""
    heads = {}
    for kind in ("label", "caption"):
        tensors, frozen = OdiseVectors.parts(f"odise_{kind}")
        heads[kind] = folder / f"odise_{kind}.pth"
        torch.save({"model": tensors}, heads[kind])
    return {**heads, "diffusion": _diffusion(folder / "sd", frozen), "clip": _clip(folder / "clip", frozen)}


def _diffusion(folder: Path, frozen: Frozen) -> Path:
    frozen.unet.save_pretrained(folder / "unet")
    frozen.vae.save_pretrained(folder / "vae")
    given = vectors.folder("diffusion") / "models"
    for part in ("tokenizer", "scheduler"):
        shutil.copytree(given / part, folder / part)
    words = vectors.read_json("diffusion", "models/text_encoder/config.json")["vocab_size"]
    torch.manual_seed(1)
    config = CLIPTextConfig(**TEXT, hidden_size=24, num_attention_heads=2, vocab_size=words)
    CLIPTextModel(config).save_pretrained(folder / "text_encoder")
    return folder


def _clip(folder: Path, frozen: Frozen) -> Path:
    torch.manual_seed(2)
    vision = vectors.read_json(MODEL, "frozen_configs.json")["clip_vision"]
    text = {**TEXT, "hidden_size": 32, "num_attention_heads": 2, "vocab_size": WORDS, "bos_token_id": WORDS - 2}
    config = CLIPConfig(
        vision_config=vision,
        text_config={**text, "eos_token_id": WORDS - 1},
        projection_dim=vision["projection_dim"],
        logit_scale_init_value=3.0,
    )
    model = CLIPModel(config)
    with torch.no_grad():
        for name, parameter in model.text_model.named_parameters():
            if "norm" not in name and parameter.dim() > 1:
                parameter.normal_(0.0, 2 * parameter[0].numel() ** -0.5)
        model.text_projection.weight.normal_(0.0, 0.3)
    model.load_state_dict(frozen.clip.state_dict(), strict=False)
    model.save_pretrained(folder)
    write_word_pieces(folder / "merges.txt")
    return folder
