"""Stable Diffusion 1.5's and CLIP ViT-B/16's size: what an image and an expression cost Ref-Diff."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from inference.models.diffusion.stable import StableDiffusion, scaled_linear
from inference.models.refdiff.attention import word_maps
from inference.models.refdiff.clip import MaskClip
from inference.models.refdiff.heat import as_input
from tests.unit.inference.diffusion_model import (
    full_size,
    full_size_clip,
    full_size_parts,
    operations,
    peak_gigabytes,
)


def test_operations_of_an_expression() -> None:
    """The figures of docs/engines/refdiff.md, counted without computing them."""
    with torch.device("meta"):
        unet, vae, text = full_size_parts()
    diffusion = StableDiffusion(vae, unet, text, None, scaled_linear())
    words, picture = torch.zeros(1, 77, 768, device="meta"), torch.zeros(1, 3, 1024, 1024, device="meta")
    latent, small = (torch.zeros(1, 4, side, side, device="meta") for side in (128, 64))
    reading = operations(lambda: diffusion.posterior(picture))
    asking = operations(lambda: word_maps(diffusion, latent, latent, words, words))
    whole = operations(lambda: word_maps(diffusion, latent, latent, words, words, watch=lambda step: None))
    fast = operations(lambda: word_maps(diffusion, small, small, words, words, steps=1))
    print(
        f"TFLOP: reading {reading:.2f}, two steps {whole:.2f}, without what is not needed {asking:.2f}, fast {fast:.2f}"
    )
    assert (reading, whole) == pytest.approx((4.9, 18.7), abs=0.2)
    assert asking == pytest.approx(14.1, abs=0.5)
    assert fast < 1.0


@pytest.mark.full_size
@pytest.mark.timeout(3600)
def test_an_expression_at_full_size() -> None:
    torch.manual_seed(0)
    diffusion, clip = full_size(), MaskClip(full_size_clip(), None)
    pixels = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    masks = np.zeros((20, 480, 640), bool)
    masks[:, 100:300, 200:400] = True
    with torch.no_grad():
        start = time.process_time()
        mean, _ = diffusion.posterior(as_input(pixels))
        latent_s = time.process_time() - start
        start = time.process_time()
        words = torch.randn(1, 77, 768)
        (maps,) = word_maps(diffusion, mean, torch.randn_like(mean), words, words + 1, steps=1)
        words_s = time.process_time() - start
        start = time.process_time()
        picture = np.resize(pixels, (480, 640, 3))
        soft, _ = clip.masked(picture, masks)
        soft_s = time.process_time() - start
        start = time.process_time()
        clip.crop(picture[100:300, 200:400])
        hard_s = time.process_time() - start
    print(
        f"\nRef-Diff, fast (512 px, one step), {torch.get_num_threads()} thread(s), float32, processor time: latent "
        f"{latent_s:.1f} s, words {words_s:.1f} s, CLIP of 20 masks {soft_s:.1f} s, a crop {hard_s:.2f} s, "
        f"peak {peak_gigabytes():.1f} GB"
    )
    assert maps.logits.shape == (5, 256, 77)
    assert torch.isfinite(maps.logits).all()
    assert torch.isfinite(soft).all()
