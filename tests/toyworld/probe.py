"""A quick look at whether the diffusion model localises: the attention map of the noun against the mask.

It stands by itself on purpose (no engine code), so that training can be watched and engines compared with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tests.toyworld import models
from tests.toyworld.captions import expressions
from tests.toyworld.scenes import Scene, make_scene

SEED = 900_000
"""Scenes of the probe; training draws from small seeds."""

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
GUIDANCE = 9.0


def clip_pixels(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 (H, W, 3) to CLIP's normalised float (3, H, W)."""
    mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in (CLIP_MEAN, CLIP_DEVIATION))
    return (torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float() / 255 - mean) / deviation


def localisation(
    parts: models.Diffusion, count: int = 24, scale: int = 1, steps: tuple[int, ...] = (51, 1), logits: bool = True
) -> dict[str, float]:
    """Over ``count`` unseen scenes: ``hit`` (the map's peak lies in the mask), ``iou`` (at the map's best level) and
    ``iou_half`` (at 0.5); ``box`` is the IoU of a centred box of half the side. ``scale`` enlarges the scene first."""
    rng = np.random.default_rng(SEED)
    hits, best, half, box = [], [], [], []
    while len(hits) < count:
        scene = make_scene(rng, int(rng.integers(2, 5)))
        said = [each for each in expressions(scene) if each.kind == "look"]
        expression = said[int(rng.integers(len(said)))]
        mask = scene.things[expression.target].mask
        heat = noun_map(parts, scene, expression.text, scale, steps, logits)
        hits.append(bool(mask[np.unravel_index(heat.argmax(), heat.shape)]))
        scores = [_iou(heat >= level, mask) for level in np.arange(0.05, 1, 0.05)]
        best.append(max(scores))
        half.append(_iou(heat >= 0.5, mask))
        side = scene.size // 4
        centre = np.zeros_like(mask)
        centre[side:-side, side:-side] = True
        box.append(_iou(centre, mask))
    figures = {"hit": hits, "iou": best, "iou_half": half, "box": box}
    return {key: round(float(np.mean(values)), 3) for key, values in figures.items()}


@torch.no_grad()
def noun_map(
    parts: models.Diffusion, scene: Scene, text: str, scale: int, steps: tuple[int, ...], logits: bool
) -> NDArray[np.float32]:
    """Where the last word before the end (or before a relation) is seen, float32 (size, size) in [0, 1]."""
    x = torch.from_numpy(scene.pixels).permute(2, 0, 1).float()[None] / 127.5 - 1
    x = functional.interpolate(x, scale_factor=scale, mode="bilinear") if scale > 1 else x
    latent = models.LATENT_SCALE * parts.vae.encode(x).latent_dist.mean
    noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(0))
    context = parts.text(models.tokens(parts.tokenizer, ["", text + ", "])).last_hidden_state
    column = len(text.split())  # each word is one token, and the first token starts the text
    seen: list[Tensor] = []
    plain = dict(parts.unet.attn_processors)
    parts.unet.set_attn_processor(
        {key: _Reader(seen, logits) if _is_recorded(key) else each for key, each in plain.items()}
    )
    try:
        for step in steps:
            kept = parts.scheduler.alphas_cumprod[step]
            noisy = kept.sqrt() * latent + (1 - kept).sqrt() * noise
            parts.unet(noisy.repeat(2, 1, 1, 1), step, encoder_hidden_states=context)
    finally:
        parts.unet.set_attn_processor(plain)
    maps = []
    for each in seen:
        absent, present = each[0, :, column], each[1, :, column]
        side = round(len(present) ** 0.5)
        heat = (GUIDANCE * (present - absent) + absent if logits else present).view(1, 1, side, side)
        maps.append((heat - heat.min()) / (heat.max() - heat.min() + 1e-8))
    total = functional.interpolate(torch.cat(maps).mean(0, keepdim=True), scene.size, mode="bicubic")[0, 0]
    total = (total - total.min()) / (total.max() - total.min() + 1e-8)
    return total.numpy().astype(np.float32)


def read_attention(unet: Any, seen: list[Tensor]) -> None:
    """From now on the recorded layers add their products of queries and keys, (B, N, 77), to ``seen``."""
    plain = dict(unet.attn_processors)
    unet.set_attn_processor({key: _Reader(seen, True) if _is_recorded(key) else each for key, each in plain.items()})


class _Reader:
    """Attention as usual, that also notes the mean over heads of its logits or probabilities."""

    def __init__(self, seen: list[Tensor], logits: bool) -> None:
        self.seen, self.logits = seen, logits

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, attention_mask: Any = None, **_: Any
    ) -> Tensor:
        q, k, v = (
            each.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for each in (attn.to_q(hidden_states), attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states))
        )
        scores = q @ k.transpose(-1, -2) * attn.scale
        shares = scores.softmax(-1)
        self.seen.append((scores if self.logits else shares).mean(1))
        out: Tensor = attn.to_out[0]((shares @ v).transpose(1, 2).flatten(2))
        return out


def _is_recorded(key: str) -> bool:
    return key.endswith("attn2.processor") and key.startswith(("down_blocks.2.", "up_blocks.1."))


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
