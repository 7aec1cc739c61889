"""CLIP's embedding of a region of an image, by masked attention (section 6 of MaskCLIP; ODISE's second classifier).

Image tokens ignore mask tokens, so their keys and values are computed once per image and serve any masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPVisionModelWithProjection
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from inference.models.odise.diffusion_features import clip_pixels


@dataclass(frozen=True, slots=True)
class ImageTokens:
    """Keys and values of each layer, float (heads, 1 + patches, width), and the class token (1, C) at the start."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    start: Tensor

    @property
    def nbytes(self) -> int:
        return sum(each.nbytes for each in (*self.keys, *self.values, self.start))

    def halved(self) -> ImageTokens:
        """In half precision, to be kept; computing goes on in the precision of the network."""
        return ImageTokens(
            tuple(each.half() for each in self.keys), tuple(each.half() for each in self.values), self.start
        )


class MaskedClip:
    """A CLIP image tower that embeds masks."""

    def __init__(self, clip: CLIPVisionModelWithProjection) -> None:
        self.clip = clip
        self.tower = clip.vision_model
        self.size = cast(int, clip.config.image_size)
        self.patch = cast(int, clip.config.patch_size)
        self.heads: int = clip.config.num_attention_heads

    def encode(self, image: Tensor) -> ImageTokens:
        """``image`` float (1, 3, H, W) in 0..1, without padding; it is squashed to CLIP's square."""
        x = self.tower.embeddings(clip_pixels(image, self.size, "bilinear").to(self.clip.dtype))
        x = self.tower.pre_layrnorm(x)[0]
        start = x[:1]
        keys, values = [], []
        for layer in self.tower.encoder.layers:
            normed = layer.layer_norm1(x)
            keys.append(self._split(layer.self_attn.k_proj(normed)))
            values.append(self._split(layer.self_attn.v_proj(normed)))
            x = self._layer(layer, x, normed, keys[-1], values[-1], None)
        return ImageTokens(tuple(keys), tuple(values), start)

    def embed(self, tokens: ImageTokens, masks: Tensor) -> Tensor:
        """Embeddings float (M, D), not normalised, of masks given as logits float (M, h, w) over the image.

        A mask token sees the class token and the patches that the mask touches. A mask that touches none sees the
        class token alone, that is, the whole image, as in the official code.
        """
        return self.embed_seen(tokens, self.visible(masks))

    def embed_seen(self, tokens: ImageTokens, visible: Tensor) -> Tensor:
        """Embeddings float (M, D), not normalised, of mask tokens that see what ``visible`` bool (M, 1 + patches) says:
        the class token first, then the patches row by row."""
        x = tokens.start.expand(len(visible), -1)
        for layer, keys, values in zip(self.tower.encoder.layers, tokens.keys, tokens.values, strict=True):
            x = self._layer(layer, x, layer.layer_norm1(x), keys.to(x.dtype), values.to(x.dtype), visible)
        embedded: Tensor = self.clip.visual_projection(self.tower.post_layernorm(x))
        return embedded

    def visible(self, masks: Tensor) -> Tensor:
        """Bool (M, 1 + patches): which tokens the masks, as logits float (M, h, w), let a mask token see."""
        square = functional.interpolate(masks[None], size=(self.size, self.size), mode="bilinear", align_corners=False)
        touched = functional.max_pool2d(square.sigmoid(), self.patch, self.patch)[0].flatten(1) >= 0.5
        return torch.cat([torch.ones_like(touched[:, :1]), touched], dim=1)

    def _split(self, x: Tensor) -> Tensor:
        """(L, C) to (heads, L, C / heads)."""
        return x.reshape(len(x), self.heads, -1).transpose(0, 1)

    def _layer(
        self, layer: CLIPEncoderLayer, x: Tensor, normed: Tensor, keys: Tensor, values: Tensor, visible: Tensor | None
    ) -> Tensor:
        queries = self._split(layer.self_attn.q_proj(normed))
        attended = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=visible)
        x = x + layer.self_attn.out_proj(attended.transpose(0, 1).flatten(1))
        fed: Tensor = x + layer.mlp(layer.layer_norm2(x))
        return fed
