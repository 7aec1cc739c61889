"""A tiny Stable Diffusion and a tiny CLIP with random weights, as folders that the engines find."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel

TOKENIZER = Path(__file__).parents[2] / "data" / "parity" / "diffusion" / "models" / "tokenizer"
WORDS, START, END = 629, 627, 628
WIDTH = 16


def write_models(root: Path) -> Path:
    """Write ``root/sd`` and ``root/clip``; returns ``root``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        write_diffusion(root / "sd")
        write_clip(root / "clip")
    return root


def write_diffusion(folder: Path) -> None:
    """Stable Diffusion's layout: 8 pixels per latent cell, attention to words where Ref-Diff reads it."""
    AutoencoderKL(
        block_out_channels=(4, 4, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=1, norm_num_groups=4,
        mid_block_add_attention=False, scaling_factor=0.18215,
    ).save_pretrained(folder / "vae")  # fmt: skip
    UNet2DConditionModel(
        block_out_channels=(8, 8, 16, 16), layers_per_block=2, norm_num_groups=4, cross_attention_dim=WIDTH,
        attention_head_dim=2, mid_block_type="UNetMidBlock2D",
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    ).save_pretrained(folder / "unet")  # fmt: skip
    CLIPTextModel(CLIPTextConfig(**_text())).save_pretrained(folder / "text_encoder")
    shutil.copytree(TOKENIZER, folder / "tokenizer", dirs_exist_ok=True)
    schedule = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "epsilon"}
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule), encoding="utf-8")
    (folder / "model_index.json").write_text("{}", encoding="utf-8")


def write_clip(folder: Path) -> None:
    vision = {
        "hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": 64, "patch_size": 16, "projection_dim": WIDTH,
    }  # fmt: skip
    CLIPModel(CLIPConfig(text_config=_text(), vision_config=vision, projection_dim=WIDTH)).save_pretrained(folder)


def changed(config: Path, **values: object) -> None:
    """Change values of a JSON file."""
    content = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**content, **values}), encoding="utf-8")


def _text() -> dict[str, object]:
    return {
        "vocab_size": WORDS, "hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 77, "projection_dim": WIDTH, "bos_token_id": START,
        "eos_token_id": END, "pad_token_id": END,
    }  # fmt: skip
