"""ODISE and words: the classes that masks are told apart by, their texts, and what new masks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference import vocabularies
from inference.engine import Vocabulary
from inference.models.clip.labeller import patches
from inference.models.clip.towers import ClipTexts
from inference.models.odise import classify
from inference.models.odise.classify import PHOTO
from inference.models.odise.model import Odise, OdiseFeatures, Scores
from inference.prompts import MaskArray

TRAINED = "coco-synonyms"
"""The packaged list with the names of ODISE's training classes: those with such a name trust CLIP less."""

MATCHING_IOU = 0.5
"""A mask that overlaps a query's by so much is taken for what that query found."""


@dataclass(frozen=True, slots=True)
class Words:
    """Classes with the embeddings (S, D) of all their names, plain and in the photo prompt. The first ``wanted``
    classes were asked for; the others are there to compare with."""

    classes: classify.Vocabulary
    names: Tensor
    photos: Tensor
    wanted: int


def words(
    vocabulary: Vocabulary, wanted: int, texts: ClipTexts, device: torch.device, trained: frozenset[str] | None = None
) -> Words:
    """The classes of a vocabulary for the model; only texts that are new cost anything.

    ``trained``: the names of the classes that the heads have learned, by default those of the released heads.
    """
    classes = classify.Vocabulary(
        tuple(vocabulary.all_names(index) for index in range(len(vocabulary.names))),
        frozenset(index for index, name in enumerate(vocabulary.names) if name not in vocabulary.stuff),
        _trained() if trained is None else trained,
    )
    flat = classes.flat
    embedded = torch.from_numpy(texts.embed([*flat, *(PHOTO.replace("{}", name) for name in flat)])).to(device)
    return Words(classes, embedded[: len(flat)], embedded[len(flat) :], wanted)


def scores(model: Odise, features: OdiseFeatures, said: Words) -> Scores:
    """Of the image's own masks; runs no image network."""
    return model.classify(features, said.classes, said.names, said.photos)


def name_masks(model: Odise, features: OdiseFeatures, masks: Sequence[MaskArray], said: Words) -> Tensor:
    """Probabilities (M, K + 1), the last of "none of the classes", of masks of the image that are not empty.

    CLIP looks at each mask. Where one of the image's own masks is much the same, its query, with the mask's pixels,
    answers for the diffusion side; elsewhere CLIP alone does.
    """
    clip = model.masked_clip
    visible = np.stack([patches(mask, clip.size, clip.patch) for mask in masks])
    seen = torch.from_numpy(np.concatenate([np.ones_like(visible[:, :1]), visible], 1)).to(said.photos.device)
    embedded = clip.embed_seen(features.tokens, seen).float()
    small = torch.from_numpy(_on_grid(masks, features)).to(said.photos.device)
    overlap = _overlaps(small > 0.5, features.masks > 0)
    best, query = overlap.max(1)
    stand_in = torch.where(small > 0.5, 1.0, -1.0)[None]
    pooled = model.embedding.pooled(stand_in, features.queries[query][None], features.pixels[None].float())[0]
    there = OdiseFeatures(
        masks=stand_in[0],
        queries=features.queries[query],
        pooled=pooled,
        embeddings=model.embedding(pooled[None])[0],
        clip_embeddings=embedded,
        pixels=features.pixels,
        tokens=features.tokens,
        padded=features.padded,
        image=features.image,
    )
    found = scores(model, there, said)
    of_both = found.log_probs.softmax(-1)
    of_clip = torch.cat([found.clip.softmax(-1), torch.zeros_like(of_both[:, :1])], 1)
    return torch.where((best >= MATCHING_IOU)[:, None], of_both, of_clip)


def _on_grid(masks: Sequence[MaskArray], features: OdiseFeatures) -> NDArray[np.float32]:
    """The masks on the padded grid of the image's own, float32 (M, h, w) in 0..1."""
    height, width = features.masks.shape[-2:]
    rows = round(height * features.image[0] / features.padded[0])
    columns = round(width * features.image[1] / features.padded[1])
    found = np.zeros((len(masks), height, width), np.float32)
    for number, mask in enumerate(masks):
        small = cv2.resize(mask.view(np.uint8) * np.uint8(255), (columns, rows), interpolation=cv2.INTER_AREA)
        found[number, :rows, :columns] = small / np.float32(255)
    return found


def _overlaps(some: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of masks bool (M, h, w) and (Q, h, w): (M, Q)."""
    left, right = some.flatten(1).float(), others.flatten(1).float()
    shared = left @ right.T
    either = left.sum(1)[:, None] + right.sum(1) - shared
    return shared / either.clamp(min=1)


@cache
def _trained() -> frozenset[str]:
    known = vocabularies.packaged(TRAINED)
    return frozenset(name for index in range(len(known.names)) for name in known.all_names(index))
