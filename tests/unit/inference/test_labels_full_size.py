"""The label service with CLIP ViT-L/14-336 at its size and random weights: what masks and names cost."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from inference import labels
from inference.engine import Image, Vocabulary, silent
from inference.engines import clip
from inference.models.clip.labeller import ClipLabeller
from inference.models.clip.towers import Clip
from inference.vocabularies import packaged

LARGE = CLIPVisionConfig(
    hidden_size=1024,
    intermediate_size=4096,
    num_hidden_layers=24,
    num_attention_heads=16,
    image_size=336,
    patch_size=14,
    projection_dim=768,
)
MASKS, NAMES = 100, 1000
BUDGET = 1.5
"""Seconds, once image and texts are cached."""


class ReadTexts:
    """Texts whose embeddings are there already."""

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        return np.random.default_rng(len(texts)).normal(size=(len(texts), 768)).astype(np.float32)


@pytest.mark.full_size
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("size", [(480, 640), (3000, 4000)])
def test_a_hundred_masks_and_a_thousand_names(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    tower = CLIPVisionModelWithProjection(LARGE).eval().requires_grad_(False)
    engine = ClipLabeller(clip.SPEC, Clip(tower, ReadTexts(), 100.0, "random"), close_looks=0)  # type: ignore[arg-type]
    rng = np.random.default_rng(1)
    start = time.process_time()
    seen = engine.encode(Image(rng.integers(0, 256, (*size, 3), np.uint8), "hash"), silent)
    encoded = time.process_time() - start
    masks = []
    for _ in range(MASKS):
        mask = np.zeros(size, bool)
        top, left = rng.integers(0, size[0] * 3 // 4), rng.integers(0, size[1] * 3 // 4)
        mask[top : top + size[0] // 6, left : left + size[1] // 6] = True
        masks.append(mask)
    vocabulary = Vocabulary(packaged("everyday").names[:NAMES])
    labels.against(vocabulary)
    start = time.process_time()
    found = engine.label(seen, masks, vocabulary)
    ranked = time.process_time() - start
    print(f"\n{size}: image {encoded:.2f} s of CPU, {seen.nbytes / 1e6:.0f} MB kept; {MASKS} x {NAMES}: {ranked:.2f} s")
    assert found.scores.shape == (MASKS, NAMES)
    assert ranked < 2 * BUDGET
