"""The heads of an ODISE under the names of the released files: the way back of what the engine's loader does."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from inference.models.odise.checkpoint import CAPTIONER, EMBEDDING, LABEL_TEXTS, PROJECTIONS
from inference.models.odise.mask_generator import PIXEL_DECODER, PREDICTOR, pixel_decoder_name, predictor_name
from inference.models.odise.model import Odise

BOTH = ("weight", "bias")


def tensors_of(model: Odise) -> dict[str, Tensor]:
    """All tensors of a label model that are not frozen. Every tensor of the heads is there exactly once."""
    parts = {
        CAPTIONER: model.features.captioner,
        PROJECTIONS: model.features.projections,
        EMBEDDING: model.embedding,
        LABEL_TEXTS: model.texts,
    }
    found = {prefix + name: each for prefix, part in parts.items() for name, each in part.state_dict().items()}
    generator = model.generator
    pixel, predictor = generator.pixel_decoder.state_dict(), _packed(generator.predictor.state_dict())
    for official in _pixel_names(len(generator.pixel_decoder.encoder.layers)):
        name = pixel_decoder_name(PIXEL_DECODER + official)
        assert name is not None
        found[PIXEL_DECODER + official] = pixel.pop(name)
    for official in _predictor_names(len(generator.predictor.decoder.layers)):
        name = predictor_name(PREDICTOR + official)
        assert name is not None
        found[PREDICTOR + official] = predictor.pop(name)
    if pixel or predictor:
        raise ValueError(f"No official name for {[*pixel, *predictor]}")
    return found


def _pixel_names(layers: int) -> Iterator[str]:
    yield "transformer.level_embed"
    for kind in BOTH:
        for level in range(3):
            yield f"input_proj.{level}.0.{kind}"
            yield f"input_proj.{level}.1.{kind}"
        for layer in range(layers):
            for part in ("sampling_offsets", "attention_weights", "value_proj", "output_proj"):
                yield f"transformer.encoder.layers.{layer}.self_attn.{part}.{kind}"
            for part in ("norm1", "norm2", "linear1", "linear2"):
                yield f"transformer.encoder.layers.{layer}.{part}.{kind}"
        yield f"mask_features.{kind}"
        yield f"adapter_1.norm.{kind}"
        yield f"layer_1.norm.{kind}"
    yield "adapter_1.weight"
    yield "layer_1.weight"


def _predictor_names(layers: int) -> Iterator[str]:
    for table in ("query_feat", "query_embed", "level_embed"):
        yield f"{table}.weight"
    for kind in BOTH:
        for layer in range(layers):
            for way, attention in (("self", "self_attn"), ("cross", "multihead_attn")):
                block = f"transformer_{way}_attention_layers.{layer}"
                yield from (f"{block}.{attention}.{part}{kind}" for part in ("in_proj_", "out_proj."))
                yield f"{block}.norm.{kind}"
            yield from (f"transformer_ffn_layers.{layer}.{part}.{kind}" for part in ("linear1", "linear2", "norm"))
        yield f"decoder_norm.{kind}"
        yield from (f"mask_embed.layers.{number}.{kind}" for number in range(3))


def _packed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Self-attention's three projections as one ``in_proj``, as officially."""
    packed = {name: each for name, each in tensors.items() if not name.endswith(_SPLIT)}
    for name in tensors:
        for kind in BOTH:
            if name.endswith(f"self_attn.q_proj.{kind}"):
                stem = name.removesuffix(f"q_proj.{kind}")
                packed[f"{stem}in_proj_{kind}"] = torch.cat([tensors[f"{stem}{which}_proj.{kind}"] for which in "qkv"])
    return packed


_SPLIT = tuple(f"self_attn.{which}_proj.{kind}" for which in "qkv" for kind in BOTH)
