"""A tiny Stable Diffusion and a tiny CLIP with random weights, as folders that the engines find."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from inference.models.diffusion.stable import StableDiffusion, scaled_linear

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


def full_size_parts() -> tuple[UNet2DConditionModel, AutoencoderKL, CLIPTextModel]:
    """Stable Diffusion 1.5's networks, built from its configuration, on torch's current default device."""
    unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8, sample_size=64)
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=2, scaling_factor=0.18215,
    )  # fmt: skip
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
            eos_token_id=49407,
        )
    )  # fmt: skip
    return unet.eval().requires_grad_(False), vae.eval().requires_grad_(False), text.eval().requires_grad_(False)


def full_size() -> StableDiffusion:
    """Stable Diffusion 1.5 with random weights and the small tokenizer, float32 on the CPU."""
    unet, vae, text = full_size_parts()
    return StableDiffusion(vae, unet, text, CLIPTokenizer.from_pretrained(TOKENIZER), scaled_linear())


def full_size_clip() -> CLIPModel:
    """CLIP ViT-B/16 with random weights."""
    return CLIPModel(CLIPConfig(vision_config={"patch_size": 16})).eval().requires_grad_(False)


def operations(work: Callable[[], object]) -> float:
    """TFLOP (multiplications and additions) of some work; on the ``meta`` device it costs nothing."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e12


def peak_gigabytes() -> float:
    """The most memory that the process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


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
