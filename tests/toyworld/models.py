"""The toy models: Stable Diffusion's and CLIP's classes and block layout, with few channels.

What the engines rely on is kept: a VAE of four blocks (one latent pixel per 8 pixels), a UNet of four blocks per side
whose cross-attention sits in ``down_blocks.2`` and ``up_blocks.1`` (the layers that Ref-Diff records), text padded to
77 tokens, noise scheduled as in Stable Diffusion 1.x. The other places of Stable Diffusion's cross-attention have none
here: it saves time, and all that the text can say goes through the recorded layers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from tests.toyworld.scenes import SIZE
from tests.toyworld.words import LENGTH, make_tokenizer

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "toyworld"
DIFFUSION, CLIP = "stable-diffusion", "clip"
"""Folders in :data:`WEIGHTS`, laid out as ``save_pretrained`` does."""

STRIDE = 8
LATENT_SCALE = 0.18215
LATENT_DEVIATION = 0.3
"""Of scaled latents over scenes. Less than Stable Diffusion's 1, so that noise hides more and words matter earlier."""

TEXT_WIDTH = 64
CLIP_SIDE, CLIP_PATCH, CLIP_WIDTH = 224, 28, 128


@dataclass(frozen=True, slots=True)
class Diffusion:
    """The parts of the toy text-to-image model."""

    # diffusers gives its modules no types.
    vae: Any
    unet: Any
    text: Any
    tokenizer: CLIPTokenizer
    scheduler: Any


def new_vae() -> AutoencoderKL:
    """3 x 8h x 8w in [-1, 1] to latents 4 x h x w."""
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=1,
        mid_block_add_attention=False,  # so that what it learns on small crops holds for whole scenes
        sample_size=SIZE,
        scaling_factor=LATENT_SCALE,
    )
    _start_as_pyramid(vae)
    return vae


@torch.no_grad()
def _start_as_pyramid(vae: AutoencoderKL) -> None:
    """Start the VAE as one that only halves and doubles images: training then takes minutes, not hours.

    Of every eight channels three carry the colours, three their negatives and two plus and minus a constant: their
    mean is 0 and their deviation nearly the same everywhere, so that group norms, which would take a plain colour
    away, hardly change anything.
    """
    parts: Any = vae
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            module.conv2.weight.mul_(0.1)
            module.conv2.bias.zero_()
            if module.conv_shortcut is not None:
                out, channels = module.conv_shortcut.weight.shape[:2]
                module.conv_shortcut.weight.zero_()
                module.conv_shortcut.weight[torch.arange(out), torch.arange(out) % channels] = 1.0
                module.conv_shortcut.bias.zero_()
        elif isinstance(module, Downsample2D):
            each = torch.arange(module.conv.weight.shape[0])
            module.conv.weight.zero_()
            module.conv.weight[each, each, :2, :2] = 0.25
            module.conv.bias.zero_()
        elif isinstance(module, Upsample2D):
            torch.nn.init.dirac_(module.conv.weight)
            module.conv.bias.zero_()
    for side in (parts.encoder, parts.decoder):
        side.conv_in.weight.zero_()
        side.conv_in.bias.zero_()
        for channel in range(side.conv_in.weight.shape[0]):
            kind, sign = divmod(channel % 8, 2)
            if kind < 3:
                side.conv_in.weight[channel, kind, 1, 1] = 1.0 - 2 * sign
            else:
                side.conv_in.bias[channel] = 4.0 - 8 * sign
        side.conv_norm_out.bias.fill_(2.0)  # where the activation that follows is nearly a line
        side.conv_out.weight.mul_(0.05)
        side.conv_out.bias.zero_()
    for mix in (parts.quant_conv, parts.post_quant_conv):
        torch.nn.init.dirac_(mix.weight)
        mix.bias.zero_()
    parts.quant_conv.bias[4:] = -6.0  # hardly any noise at first


def new_unet() -> UNet2DConditionModel:
    """Predicts the noise in latents 4 x 32 x 32 (any multiple of 8), told an encoded text 77 x TEXT_WIDTH."""
    return UNet2DConditionModel(
        sample_size=SIZE // STRIDE,
        block_out_channels=(16, 32, 64, 64),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        mid_block_type="UNetMidBlock2D",
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,  # in this generation of models: the number of heads
        norm_num_groups=8,
    )


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Two layers of CLIP's text transformer."""
    return CLIPTextModel(_text_config(tokenizer))


def new_clip(tokenizer: CLIPTokenizer) -> CLIPModel:
    """A vision transformer of 224 x 224 pixels in 8 x 8 patches, and a text tower of its own."""
    text = _text_config(tokenizer)
    vision = {
        "hidden_size": CLIP_WIDTH,
        "intermediate_size": 4 * CLIP_WIDTH,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "image_size": CLIP_SIDE,
        "patch_size": CLIP_PATCH,
        "projection_dim": CLIP_WIDTH,
        "hidden_act": "quick_gelu",
    }
    return CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision, projection_dim=CLIP_WIDTH))


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion 1.x's schedule."""
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1, prediction_type="epsilon",
    )  # fmt: skip


def save_diffusion(parts: Diffusion, folder: Path, half: bool = True) -> None:
    """Write a pipeline folder (safetensors); ``half`` as 16 bit, which halves it."""
    dtype = torch.float16 if half else torch.float32
    pipeline = StableDiffusionPipeline(
        vae=parts.vae.to(dtype), text_encoder=parts.text.to(dtype), unet=parts.unet.to(dtype),
        tokenizer=parts.tokenizer, scheduler=parts.scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder, safe_serialization=True)
    for module in (parts.vae, parts.unet, parts.text):
        module.float()
    for config in folder.glob("*/config.json"):  # where it was loaded from is nobody's business
        kept = {key: value for key, value in json.loads(config.read_text()).items() if key != "_name_or_path"}
        config.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def load_diffusion(folder: Path = WEIGHTS / DIFFUSION) -> Diffusion:
    """Read what :func:`save_diffusion` wrote, as 32 bit."""
    return Diffusion(
        vae=AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).eval(),
        unet=UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32).eval(),
        text=CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval(),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        scheduler=DDIMScheduler.from_pretrained(folder / "scheduler"),
    )


def load_clip(folder: Path = WEIGHTS / CLIP) -> tuple[CLIPModel, CLIPTokenizer]:
    """The toy CLIP as 32 bit, and its tokenizer."""
    return CLIPModel.from_pretrained(folder, dtype=torch.float32).eval(), CLIPTokenizer.from_pretrained(folder)


def tokens(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """int64 (len(texts), 77), padded and cut as Stable Diffusion does."""
    encoded = tokenizer(texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
    ids: torch.Tensor = encoded.input_ids
    return ids


def _text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=LENGTH, hidden_act="quick_gelu", projection_dim=CLIP_WIDTH,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


__all__ = [
    "CLIP", "CLIP_SIDE", "DIFFUSION", "LATENT_DEVIATION", "LATENT_SCALE", "STRIDE", "WEIGHTS", "Diffusion", "load_clip",
    "load_diffusion", "make_tokenizer", "new_clip", "new_scheduler", "new_text_encoder", "new_unet", "new_vae",
    "save_diffusion", "tokens",
]  # fmt: skip
