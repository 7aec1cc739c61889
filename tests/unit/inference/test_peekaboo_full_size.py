"""Stable Diffusion 1.5's size: what one iteration of Peekaboo costs."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from inference.models.peekaboo.marks import Marks
from inference.models.peekaboo.presets import PRESETS
from inference.models.peekaboo.search import Search
from tests.unit.inference.diffusion_model import full_size, full_size_parts, operations, peak_gigabytes


def test_size_and_operations_of_an_iteration() -> None:
    """The figures of docs/engines/peekaboo.md, counted without computing them."""
    with torch.device("meta"):
        unet, vae, text = full_size_parts()
        millions = [sum(each.numel() for each in part.parameters()) / 1e6 for part in (unet, vae, text)]
        assert millions == pytest.approx([859.5, 83.7, 123.1], abs=0.1)
    picture = torch.zeros(1, 3, 512, 512, device="meta", requires_grad=True)
    latents, words = torch.zeros(2, 4, 64, 64, device="meta"), torch.zeros(2, 77, 768, device="meta")
    latent: list[torch.Tensor] = []
    forward = operations(lambda: latent.append(vae.encode(picture).latent_dist.mean))
    backward = operations(lambda: latent[0].sum().backward())
    pair = operations(lambda: unet(latents, 1, encoder_hidden_states=words))
    assert (forward, backward, pair) == pytest.approx((1.12, 1.15, 1.61), abs=0.03)


@pytest.mark.full_size
@pytest.mark.timeout(3600)
def test_one_iteration_at_full_size() -> None:
    torch.manual_seed(0)
    diffusion = full_size()
    loaded = peak_gigabytes()
    empty = np.zeros((256, 256), bool)
    marks = Marks((0, 0, 256, 256), empty, empty, None)
    diffusion_embeddings = torch.randn(2, 77, 768)
    search = Search(diffusion, PRESETS["code"], torch.rand(3, 256, 256), [diffusion_embeddings], marks, 0)
    before = search.alphas()
    start = time.process_time()
    search.step()
    seconds = time.process_time() - start
    print(
        f"\nPeekaboo, code preset, {torch.get_num_threads()} thread(s), float32: {seconds:.0f} s "
        f"of processor time per iteration, peak {peak_gigabytes():.1f} GB ({loaded:.1f} GB once loaded)"
    )
    assert torch.isfinite(search.alphas()).all()
    assert not torch.equal(search.alphas(), before)
    assert peak_gigabytes() < 14
