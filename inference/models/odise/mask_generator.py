"""Mask2Former as ODISE uses it, through the modules of transformers, with a map from the official names.

These are inner classes of transformers: the parity tests hold them to the official numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import Tensor, nn
from transformers import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import Mask2FormerPixelDecoder, Mask2FormerTransformerModule

PIXEL_DECODER = "sem_seg_head.pixel_decoder."
PREDICTOR = "sem_seg_head.predictor."
POINTS = 4
"""Sampling points of the deformable attention, per head and level."""

LEVELS = 3
"""Levels that the deformable encoder sees: strides 8, 16, 32."""

_PIXEL_NAMES = (
    (r"input_proj\.(\d+)\.(.+)", r"input_projections.\1.\2"),
    (r"transformer\.level_embed", r"level_embed"),
    (r"transformer\.encoder\.layers\.(\d+)\.self_attn\.(.+)", r"encoder.layers.\1.self_attn.\2"),
    (r"transformer\.encoder\.layers\.(\d+)\.norm1\.(.+)", r"encoder.layers.\1.self_attn_layer_norm.\2"),
    (r"transformer\.encoder\.layers\.(\d+)\.norm2\.(.+)", r"encoder.layers.\1.final_layer_norm.\2"),
    (r"transformer\.encoder\.layers\.(\d+)\.linear([12])\.(.+)", r"encoder.layers.\1.fc\2.\3"),
    (r"mask_features\.(.+)", r"mask_projection.\1"),
    (r"(adapter|layer)_1\.norm\.(.+)", r"\1_1.1.\2"),
    (r"(adapter|layer)_1\.weight", r"\1_1.0.weight"),
)
_PREDICTOR_NAMES = (
    (r"query_feat\.weight", "queries_features.weight"),
    (r"query_embed\.weight", "queries_embedder.weight"),
    (r"level_embed\.weight", "level_embed.weight"),
    (r"transformer_self_attention_layers\.(\d+)\.self_attn\.(.+)", r"decoder.layers.\1.self_attn.\2"),
    (r"transformer_self_attention_layers\.(\d+)\.norm\.(.+)", r"decoder.layers.\1.self_attn_layer_norm.\2"),
    (r"transformer_cross_attention_layers\.(\d+)\.multihead_attn\.(.+)", r"decoder.layers.\1.cross_attn.\2"),
    (r"transformer_cross_attention_layers\.(\d+)\.norm\.(.+)", r"decoder.layers.\1.cross_attn_layer_norm.\2"),
    (r"transformer_ffn_layers\.(\d+)\.linear([12])\.(.+)", r"decoder.layers.\1.fc\2.\3"),
    (r"transformer_ffn_layers\.(\d+)\.norm\.(.+)", r"decoder.layers.\1.final_layer_norm.\2"),
    (r"decoder_norm\.(.+)", r"decoder.layernorm.\1"),
    (r"mask_embed\.layers\.(\d+)\.(.+)", r"decoder.mask_predictor.mask_embedder.\1.0.\2"),
)


def pixel_decoder_name(official: str) -> str | None:
    """The name in transformers of a tensor of the pixel decoder; None when it is not one of its tensors."""
    return _renamed(official, PIXEL_DECODER, _PIXEL_NAMES)


def predictor_name(official: str) -> str | None:
    """The same for the mask decoder. The packed projections of self-attention keep their packed name."""
    return _renamed(official, PREDICTOR, _PREDICTOR_NAMES)


def _renamed(official: str, prefix: str, names: tuple[tuple[str, str], ...]) -> str | None:
    if not official.startswith(prefix):
        return None
    rest = official[len(prefix) :]
    for pattern, ours in names:
        if re.fullmatch(pattern, rest):
            return re.sub(pattern, ours, rest)
    return None


def unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Self-attention's ``in_proj`` split into query, key and value projections; cross-attention stays packed."""
    split: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        found = re.fullmatch(r"(.+\.self_attn)\.in_proj_(weight|bias)", name)
        if not found:
            split[name] = tensor
            continue
        for which, part in zip("qkv", tensor.chunk(3), strict=True):
            split[f"{found[1]}.{which}_proj.{found[2]}"] = part
    return split


@dataclass(frozen=True, slots=True)
class MaskPredictions:
    """What the mask generator found in a batch of one.

    ``masks`` float (1, Q, H/4, W/4) logits and ``queries`` float (1, Q, hidden), the normed outputs, of the last
    layer; ``pixels`` float (1, hidden, H/4, W/4); ``scales``: the pixel decoder's maps, coarsest first;
    ``earlier``: masks and queries before the first layer and after each but the last.
    """

    masks: Tensor
    queries: Tensor
    pixels: Tensor
    scales: tuple[Tensor, ...]
    earlier: tuple[tuple[Tensor, Tensor], ...]


class MaskGenerator(nn.Module):
    """Pixel decoder and mask decoder."""

    def __init__(self, config: Mask2FormerConfig, feature_channels: list[int]) -> None:
        super().__init__()
        self.pixel_decoder = Mask2FormerPixelDecoder(config, feature_channels=feature_channels)
        self.predictor = Mask2FormerTransformerModule(in_features=config.feature_size, config=config)

    def forward(self, features: list[Tensor]) -> MaskPredictions:
        """``features``: maps float (1, C, H/s, W/s) of the strides s = 4, 8, 16, 32, finest first."""
        decoded = self.pixel_decoder(features, output_attentions=False, output_hidden_states=False, return_dict=True)
        scales = tuple(decoded.multi_scale_features)
        found = self.predictor(scales, decoded.mask_features, output_hidden_states=True)
        masks = found.masks_queries_logits
        queries = [state.transpose(0, 1) for state in found.intermediate_hidden_states]
        return MaskPredictions(
            masks=masks[-1],
            queries=queries[-1],
            pixels=decoded.mask_features,
            scales=scales,
            earlier=tuple(zip(masks[:-1], queries[:-1], strict=True)),
        )


def configuration(tensors: dict[str, Tensor]) -> tuple[Mask2FormerConfig, list[int]]:
    """The configuration and the feature channels, finest first, of the model with these official tensors.

    The heads of the mask decoder cannot be read off a file: they are taken to be as many as the pixel decoder has.
    """
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    encoder = f"{PIXEL_DECODER}transformer.encoder.layers."
    attention = f"{PREDICTOR}transformer_self_attention_layers."
    pixel_heads = shapes[f"{encoder}0.self_attn.attention_weights.weight"][0] // (LEVELS * POINTS)
    pixel_width = shapes[f"{PIXEL_DECODER}transformer.level_embed"][1]
    queries, hidden = shapes[f"{PREDICTOR}query_feat.weight"]
    coarse_first = [shapes[f"{PIXEL_DECODER}input_proj.{level}.0.weight"][1] for level in range(LEVELS)]
    channels = [shapes[f"{PIXEL_DECODER}adapter_1.weight"][1], *reversed(coarse_first)]
    config = Mask2FormerConfig(
        feature_size=pixel_width,
        mask_feature_size=shapes[f"{PIXEL_DECODER}mask_features.weight"][0],
        hidden_dim=hidden,
        encoder_feedforward_dim=shapes[f"{encoder}0.linear1.weight"][0],
        encoder_layers=_layers(tensors, encoder, ".norm1.weight"),
        # transformers counts the prediction before the first layer as one.
        decoder_layers=_layers(tensors, attention, ".norm.weight") + 1,
        num_attention_heads=pixel_heads,
        dim_feedforward=shapes[f"{PREDICTOR}transformer_ffn_layers.0.linear1.weight"][0],
        num_queries=queries,
        dropout=0.0,
        common_stride=4,
    )
    return config, channels


def load(tensors: dict[str, Tensor]) -> MaskGenerator:
    """The mask generator with the official tensors that belong to it, in evaluation mode; others are not looked at.

    Raises KeyError or RuntimeError when a tensor is missing or has another shape.
    """
    config, channels = configuration(tensors)
    generator = MaskGenerator(config, channels)
    pixel = {name: tensor for key, tensor in tensors.items() if (name := pixel_decoder_name(key))}
    predictor = {name: tensor for key, tensor in tensors.items() if (name := predictor_name(key))}
    generator.pixel_decoder.load_state_dict(pixel, strict=True)
    generator.predictor.load_state_dict(unpacked(predictor), strict=True)
    return generator.eval().requires_grad_(False)


def _layers(tensors: dict[str, Tensor], prefix: str, suffix: str) -> int:
    return sum(name.startswith(prefix) and name.endswith(suffix) for name in tensors)
