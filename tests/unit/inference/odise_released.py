"""The tensors of the released ODISE files: official names and shapes (odise.md, section 10), with random values."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

PARAMETERS = {"label": 28_067_009, "caption": 28_066_755}
TAPS = (512, 512, 2560, 1920, 960, 640, 512, 512)
NARROW, WIDE, HIDDEN, TEXT, TIME = 128, 512, 256, 768, 1280

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def released_tensors(kind: str) -> dict[str, Tensor]:
    """All tensors of the ``label`` or the ``caption`` file."""
    torch.manual_seed(7)
    return {name: _random(name, shape) for name, shape in _shapes(kind)}


def _random(name: str, shape: tuple[int, ...]) -> Tensor:
    """Norms near one, the rest so small that nothing overflows."""
    if "norm" in name and name.endswith("weight"):
        return torch.ones(shape)
    fan = torch.Size(shape[1:]).numel() if len(shape) > 1 else 100
    return torch.randn(shape) * fan**-0.5


def _shapes(kind: str) -> Shapes:
    yield from _backbone()
    yield from _pixel_decoder("sem_seg_head.pixel_decoder.")
    yield from _predictor("sem_seg_head.predictor.")
    head = "category_head" if kind == "label" else "word_head"
    yield from _linear(f"{head}.text_proj", HIDDEN, TEXT)
    if kind == "label":
        yield "category_head.null_embed", (1, TEXT)
    else:
        yield from _linear("sem_seg_head.predictor.class_embed", 2, HIDDEN)


def _backbone() -> Shapes:
    extractor = "backbone.feature_extractor."
    for name, length, width in (("clip_project", 77, TEXT), ("time_embed_project", 1, TIME)):
        yield from _linear(f"{extractor}{name}.linear", width, TEXT)
        yield f"{extractor}{name}.positional_embedding", (1, length, width)
    yield f"{extractor}alpha_cond", (1, 77, TEXT)
    yield f"{extractor}alpha_cond_time_embed", (TIME,)
    for number, channels in enumerate(TAPS):
        block = f"backbone.feature_projections.{number}.0."
        convolutions = [("conv1", channels, NARROW, 1), ("conv2", NARROW, NARROW, 3), ("conv3", NARROW, WIDE, 1)]
        if channels != WIDE:
            convolutions.append(("shortcut", channels, WIDE, 1))
        for name, before, after, kernel in convolutions:
            yield f"{block}{name}.weight", (after, before, kernel, kernel)
            yield from _pair(f"{block}{name}.norm", after)


def _pixel_decoder(prefix: str) -> Shapes:
    for level in range(3):
        yield f"{prefix}input_proj.{level}.0.weight", (HIDDEN, WIDE, 1, 1)
        yield f"{prefix}input_proj.{level}.0.bias", (HIDDEN,)
        yield from _pair(f"{prefix}input_proj.{level}.1", HIDDEN)
    yield f"{prefix}transformer.level_embed", (3, HIDDEN)
    for number in range(6):
        layer = f"{prefix}transformer.encoder.layers.{number}."
        for name, out in (
            ("sampling_offsets", 192),
            ("attention_weights", 96),
            ("value_proj", HIDDEN),
            ("output_proj", HIDDEN),
        ):
            yield from _linear(f"{layer}self_attn.{name}", out, HIDDEN)
        yield from _linear(f"{layer}linear1", 1024, HIDDEN)
        yield from _linear(f"{layer}linear2", HIDDEN, 1024)
        yield from _pair(f"{layer}norm1", HIDDEN)
        yield from _pair(f"{layer}norm2", HIDDEN)
    yield f"{prefix}mask_features.weight", (HIDDEN, HIDDEN, 1, 1)
    yield f"{prefix}mask_features.bias", (HIDDEN,)
    yield f"{prefix}adapter_1.weight", (HIDDEN, WIDE, 1, 1)
    yield f"{prefix}layer_1.weight", (HIDDEN, HIDDEN, 3, 3)
    yield from _pair(f"{prefix}adapter_1.norm", HIDDEN)
    yield from _pair(f"{prefix}layer_1.norm", HIDDEN)


def _predictor(prefix: str) -> Shapes:
    for number in range(9):
        for name, attention in (("self", "self_attn"), ("cross", "multihead_attn")):
            layer = f"{prefix}transformer_{name}_attention_layers.{number}."
            yield f"{layer}{attention}.in_proj_weight", (3 * HIDDEN, HIDDEN)
            yield f"{layer}{attention}.in_proj_bias", (3 * HIDDEN,)
            yield from _linear(f"{layer}{attention}.out_proj", HIDDEN, HIDDEN)
            yield from _pair(f"{layer}norm", HIDDEN)
        layer = f"{prefix}transformer_ffn_layers.{number}."
        yield from _linear(f"{layer}linear1", 2048, HIDDEN)
        yield from _linear(f"{layer}linear2", HIDDEN, 2048)
        yield from _pair(f"{layer}norm", HIDDEN)
    yield from _pair(f"{prefix}decoder_norm", HIDDEN)
    for name, rows in (("query_feat", 100), ("query_embed", 100), ("level_embed", 3)):
        yield f"{prefix}{name}.weight", (rows, HIDDEN)
    embed = f"{prefix}post_mask_embed."
    for number in range(3):
        yield from _linear(f"{prefix}mask_embed.layers.{number}", HIDDEN, HIDDEN)
        yield from _linear(f"{embed}mask_embed.1.layers.{number}", HIDDEN, HIDDEN)
    yield from _pair(f"{embed}pool_proj.0", HIDDEN)
    yield from _linear(f"{embed}pool_proj.1", HIDDEN, HIDDEN)
    yield from _pair(f"{embed}mask_embed.0", HIDDEN)
    yield f"{embed}logit_scale", ()


def _linear(name: str, out: int, width: int) -> Shapes:
    yield f"{name}.weight", (out, width)
    yield f"{name}.bias", (out,)


def _pair(name: str, width: int) -> Shapes:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)
