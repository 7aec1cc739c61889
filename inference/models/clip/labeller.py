"""CLIP as a ranker of names: an image is seen once, then any masks and any names cost little.

Masks become tokens of a masked attention, as in ODISE's second classifier (odise.md, section 6): a mask token sees the
class token and the patches that the mask touches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference import labels
from inference.device import chosen, torch_device, torch_dtype
from inference.engine import EngineError, EngineSpec, Features, Image, Report, Vocabulary
from inference.models.clip.towers import PHOTO, Clip
from inference.models.odise.masked_clip import ImageTokens, MaskedClip
from inference.prompts import MaskArray, PromptSet
from inference.results import LabelScores, Memory, Region, Segmentation

MASKS_AT_ONCE = 64
FEW_PATCHES = 9
"""A mask that shows in fewer patches gets a close look, where there is a GPU for it."""

CLOSE_LOOKS = 32
"""At most so many per request: each is an image pass."""

SURROUNDINGS, SMALLEST = 2.0, 64
"""A close look is a square so many times the mask's longer side, and at least so many pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipFeatures:
    """Keys and values of the image, in half precision; the pixels are the caller's and serve close looks."""

    tokens: ImageTokens
    pixels: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        return self.tokens.nbytes


class ClipLabeller:
    """An engine that takes no prompts and ranks names."""

    def __init__(self, spec: EngineSpec, clip: Clip, close_looks: int | None = None) -> None:
        """``close_looks`` None: :data:`CLOSE_LOOKS` on a GPU, none on the CPU, where one takes seconds."""
        self.spec = spec
        self._clip = clip
        self._masked = MaskedClip(clip.vision)
        self._grid = self._masked.size // self._masked.patch
        self._close_looks = (0 if chosen().is_cpu else CLOSE_LOOKS) if close_looks is None else close_looks
        self.fingerprint = f"clip-1-{clip.fingerprint}"

    @torch.inference_mode()
    def encode(self, image: Image, report: Report) -> ClipFeatures:
        """Keys and values of all image tokens, once per image."""
        report(None, "Looking at the image")
        return ClipFeatures(self._look(image.pixels).halved(), image.pixels)

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        raise EngineError("CLIP ranks names; it finds no masks.")

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise EngineError("CLIP ranks names; it finds no masks.")

    @torch.inference_mode()
    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        """Rank the names for each mask; an empty mask is unknown."""
        seen = cast(ClipFeatures, features)
        scores = np.zeros((len(masks), len(vocabulary.names)), np.float32)
        unknown = np.ones(len(masks), np.float32)
        rows = [row for row, mask in enumerate(masks) if mask.any()]
        if rows and vocabulary.names:
            embedded = self.embed(seen, [masks[row] for row in rows])
            logits = self.logits(embedded, labels.against(vocabulary))
            scores[rows], unknown[rows] = labels.chances(logits, len(vocabulary.names))
        return LabelScores(vocabulary.names, scores, unknown)

    def embed(self, features: ClipFeatures, masks: Sequence[MaskArray]) -> Tensor:
        """Unit vectors float32 (len(masks), D) of masks that are not empty."""
        visible = np.stack([patches(mask, self._masked.size, self._masked.patch) for mask in masks])
        found = self._embedded(features.tokens, visible)
        small = np.flatnonzero(visible.sum(1) < FEW_PATCHES)[: self._close_looks]
        for row in small:
            cut, inside = close_look(features.pixels, masks[row])
            close = patches(inside, self._masked.size, self._masked.patch)
            found[row] = self._embedded(self._look(cut), close[None])[0]
        return torch.nn.functional.normalize(found, dim=-1)

    def logits(self, embedded: Tensor, vocabulary: Vocabulary) -> NDArray[np.float32]:
        """Scaled cosines (masks, names); of a class's names the best one counts."""
        said = [[PHOTO.format(name) for name in vocabulary.all_names(i)] for i in range(len(vocabulary.names))]
        texts = self._clip.texts.embed([text for texts in said for text in texts])
        texts /= np.linalg.norm(texts, axis=1, keepdims=True)
        similar = embedded.cpu().numpy() @ texts.T
        starts = np.cumsum([0, *(len(texts) for texts in said[:-1])])
        best: NDArray[np.float32] = np.maximum.reduceat(similar, starts, axis=1)
        return self._clip.scale * best

    def _look(self, pixels: NDArray[np.uint8]) -> ImageTokens:
        """Squashed to CLIP's square; photos much larger are averaged first, so that no pixels are skipped."""
        size = self._masked.size
        height, width = pixels.shape[:2]
        small = (min(width, 2 * size), min(height, 2 * size))
        if small != (width, height):
            pixels = np.asarray(cv2.resize(pixels, small, interpolation=cv2.INTER_AREA), np.uint8)
        tensor = torch.from_numpy(np.ascontiguousarray(pixels)).to(torch_device())
        return self._masked.encode(tensor.permute(2, 0, 1)[None].to(torch_dtype()) / 255)

    def _embedded(self, tokens: ImageTokens, visible: NDArray[np.bool_]) -> Tensor:
        seen = np.concatenate([np.ones_like(visible[:, :1]), visible], axis=1)
        portions = torch.split(torch.from_numpy(seen).to(tokens.start.device), MASKS_AT_ONCE)
        return torch.cat([self._masked.embed_seen(tokens, portion).float() for portion in portions])


def patches(mask: MaskArray, size: int, patch: int) -> NDArray[np.bool_]:
    """Which of CLIP's patches a mask shows in, row by row, when the image is squashed to ``size`` pixels squared.

    Those with a pixel that the mask covers by half or more, else the one it covers most: in the official rule a mask
    too thin for that sees the whole image.
    """
    # every n-th pixel of large masks: half of an output pixel stays twice as wide as what is skipped
    sampled = mask[:: max(1, mask.shape[0] // (2 * size)), :: max(1, mask.shape[1] // (2 * size))]
    covered = cv2.resize(sampled.astype(np.uint8) * np.uint8(255), (size, size), interpolation=cv2.INTER_AREA)
    grid = size // patch
    blocks = covered[: grid * patch, : grid * patch].reshape(grid, patch, grid, patch)
    visible: NDArray[np.bool_] = (blocks.max((1, 3)) >= 128).ravel()
    if not visible.any():
        rows, columns = np.nonzero(mask)
        row, column = rows.mean() / mask.shape[0], columns.mean() / mask.shape[1]
        shares = blocks.mean((1, 3)).ravel()
        centre = min(int(row * grid), grid - 1) * grid + min(int(column * grid), grid - 1)
        visible[int(shares.argmax()) if shares.max() > 0 else centre] = True
    return visible


def close_look(pixels: NDArray[np.uint8], mask: MaskArray) -> tuple[NDArray[np.uint8], MaskArray]:
    """The mask's surroundings in the image, and the mask there."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    side = max(SURROUNDINGS * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1), SMALLEST)
    top, bottom = _span(rows, side, mask.shape[0])
    left, right = _span(columns, side, mask.shape[1])
    return pixels[top:bottom, left:right], np.ascontiguousarray(mask[top:bottom, left:right])


def _span(places: NDArray[np.intp], side: float, length: int) -> tuple[int, int]:
    """A span of about ``side`` round the places, within the length."""
    size = min(round(side), length)
    start = min(max(round((places[0] + places[-1] + 1 - size) / 2), 0), length - size)
    return start, start + size
