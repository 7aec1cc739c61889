"""CLIP's view of masks: of crops of the image ("hard") and by masked attention ("soft") (refdiff.md §4).

Features are float32 of length 1. The position table is resized as in the released code, whose scale factors carry an
excess of 0.1 patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import Tensor
from torch.nn import functional

from inference.engine import WrongWeights
from inference.models.diffusion.stable import first_line, quietly, tokens
from inference.prompts import MaskArray

CROP_SIDE = 224
LONGEST = 8
"""Crops more elongated than this are padded with black: the released code lets them grow without limit."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


class MaskClip:
    """A CLIP model and the tokenizer of its texts."""

    def __init__(self, clip: Any, tokenizer: Any) -> None:
        self.clip = clip
        self.tokenizer = tokenizer
        self.tower = clip.vision_model
        self.patch = int(clip.config.vision_config.patch_size)

    @property
    def device(self) -> torch.device:
        device: torch.device = self.clip.device
        return device

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Features (n, D) of texts, cut off at the encoder's length."""
        context = int(self.clip.config.text_config.max_position_embeddings)
        ids = tokens(self.tokenizer, list(texts), context).to(self.device)
        found: Tensor = self.clip.get_text_features(input_ids=ids).pooler_output
        return functional.normalize(found.float(), dim=-1)

    @torch.no_grad()
    def crop(self, pixels: NDArray[np.uint8]) -> Tensor:
        """The feature (1, D) of a picture uint8 (H, W, 3), its shorter side brought to 224, without a centre crop."""
        height, width = pixels.shape[:2]
        short, long = min(height, width), max(height, width)
        sizes = {True: CROP_SIDE, False: int(CROP_SIDE * long / short)}
        size = (sizes[width == short], sizes[height == short])
        shown = np.asarray(Pillow.fromarray(pixels).resize(size, Pillow.Resampling.BILINEAR))
        patches, rows, columns = self._patches(shown)
        start = self.tower.embeddings.class_embedding.reshape(1, 1, -1)
        x = torch.cat([start, patches], 1) + self.positions(rows, columns)
        return self._read(self.tower.encoder(inputs_embeds=self.tower.pre_layrnorm(x)).last_hidden_state[:, :1])[0]

    @torch.no_grad()
    def masked(self, pixels: NDArray[np.uint8], masks: MaskArray) -> tuple[Tensor, NDArray[np.bool_]]:
        """Features (n, D) of masks bool (n, H, W) in one forward over the picture, and which of them mean anything.

        There is a class token for each mask. It sees itself and the patches in its mask; patches see patches. A mask
        that covers no patch's sample has a token that sees itself alone, and therefore no meaning.
        """
        patches, rows, columns = self._patches(pixels)
        small = torch.from_numpy(masks).float()[:, None]
        seen = functional.interpolate(small, (rows, columns), mode="nearest")[:, 0].flatten(1).bool()
        positions = self.positions(rows, columns)
        count = len(masks)
        start = self.tower.embeddings.class_embedding.reshape(1, 1, -1) + positions[:, :1]
        x = torch.cat([start.expand(1, count, -1), patches + positions[:, 1:]], 1)
        allowed = torch.zeros(x.shape[1], x.shape[1], dtype=torch.bool)
        allowed[:count, :count] = torch.eye(count, dtype=torch.bool)
        allowed[:count, count:] = seen
        allowed[count:, count:] = True
        barred = torch.zeros(allowed.shape).masked_fill(~allowed, float("-inf")).to(self.device)
        x = self.tower.encoder(inputs_embeds=self.tower.pre_layrnorm(x), attention_mask=barred[None, None])
        return self._read(x.last_hidden_state[:, :count])[0], seen.any(1).numpy()

    def positions(self, rows: int, columns: int) -> Tensor:
        """The position table (1, 1 + rows * columns, C) for a grid of patches."""
        table: Tensor = self.tower.embeddings.position_embedding.weight
        side = round((len(table) - 1) ** 0.5)
        if (rows, columns) == (side, side):
            return table[None]
        square = table[1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        factors = ((rows + 0.1) / side, (columns + 0.1) / side)
        grown = functional.interpolate(square, scale_factor=factors, mode="bicubic", align_corners=False)
        return torch.cat([table[:1], grown[0].flatten(1).T])[None]

    def _patches(self, pixels: NDArray[np.uint8]) -> tuple[Tensor, int, int]:
        """Embedded patches (1, rows * columns, C) without positions; what is less than a patch is cut off."""
        x = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None].to(self.device)
        x = (x - x.new_tensor(MEAN).reshape(3, 1, 1)) / x.new_tensor(DEVIATION).reshape(3, 1, 1)
        grid = self.tower.embeddings.patch_embedding(x)
        return grid.flatten(2).transpose(1, 2), grid.shape[2], grid.shape[3]

    def _read(self, x: Tensor) -> Tensor:
        found: Tensor = self.clip.visual_projection(self.tower.post_layernorm(x))
        return functional.normalize(found.float(), dim=-1)


def load_clip(folder: Path, tokenizer: Any, device: torch.device) -> MaskClip:
    """CLIP in single precision from a folder as transformers writes it. Raises :class:`WrongWeights`."""
    from transformers import CLIPModel

    try:
        with quietly():
            model: Any = CLIPModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    except Exception as problem:  # the library has its own errors for damaged files
        raise WrongWeights(f"{folder.name} cannot be loaded: {first_line(problem)}") from problem
    words = int(model.config.text_config.vocab_size)
    if words != len(tokenizer):
        raise WrongWeights(f"{folder.name} has {words} tokens; the tokenizer of Stable Diffusion has {len(tokenizer)}.")
    return MaskClip(model.requires_grad_(False).eval().to(device), tokenizer)


def cut_out(picture: NDArray[np.floating] | NDArray[np.uint8], mask: MaskArray) -> NDArray[np.uint8]:
    """What the mask shows of a picture (H, W, 3) in 0..255, on black, cropped to the mask's box."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    shown: NDArray[np.uint8] = (picture[box] * mask[box][:, :, None]).astype(np.uint8)
    return shown


def less_elongated(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop with black added until its sides are at most 1:8."""
    height, width = crop.shape[:2]
    down, right = max(0, -(-width // LONGEST) - height), max(0, -(-height // LONGEST) - width)
    return np.pad(crop, ((down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0)))


def at_most(pixels: NDArray[np.uint8], longest: int, patch: int) -> NDArray[np.uint8]:
    """The picture with sides of at least a patch and at most ``longest`` pixels."""
    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(height, width))
    size = (max(patch, round(width * scale)), max(patch, round(height * scale)))
    if size == (width, height):
        return pixels
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(pixels, size, interpolation=method).astype(np.uint8)
