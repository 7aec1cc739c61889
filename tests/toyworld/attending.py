"""Teach the UNet's attention where the thing is that an expression means: here masks of training scenes are used.

Stable Diffusion comes to it by itself, over billions of pairs. Only the UNet learns. The loss on the noise stays, on
whole scenes at the times and the size at which Peekaboo asks.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tests.toyworld import models, probe
from tests.toyworld.captions import Expression, caption, expressions
from tests.toyworld.clock import Clock
from tests.toyworld.descent import KEEP, descend, follow, noise_weights
from tests.toyworld.latents import QuickEncoder, without_pixels
from tests.toyworld.scenes import SHAPES, Scene, Twins, make_scene

SHOWN = 512
"""Side at which Ref-Diff's ``fast`` shows an image to the model, pixels."""

TIMES = ((51, 1), (51, 1), (51, 1), (101, 51), (51, 51), (201, 201))
"""Of what noise there is, and what the UNet is told: most often as in Ref-Diff's last call."""

SCENES, EACH = 4, 2
"""Scenes per step whose attention is looked at, and expressions for each."""

NOISY = 12
"""Scenes per step of the loss on the noise."""

PARTIAL, EMPTY = 0.2, 0.12
"""Of captions that end with a comma and may leave things out (all others name all there is), and of empty ones."""

LEVELS = 0.05 * torch.arange(1, 20)
SOFTNESS = 0.08
MOST_SCENES = 4000


def teach(out: Path, minutes: float, seed: int) -> None:
    """Go on with the diffusion model in ``out``."""
    rng = np.random.default_rng(seed + 4)
    generator = torch.Generator().manual_seed(seed + 4)
    parts = models.load_diffusion(out / models.DIFFUSION)
    parts.text.requires_grad_(False)
    unet = parts.unet.train()
    average = copy.deepcopy(unet).requires_grad_(False)
    optimiser = torch.optim.AdamW(unet.parameters(), lr=1e-3, weight_decay=1e-3, betas=(0.9, 0.98), fused=True)
    clock = Clock(minutes, 1.2e-3, every=240.0)
    encode = QuickEncoder(parts.vae, [make_scene(rng) for _ in range(16)])
    noises = _Noises(parts, encode, rng, generator)
    step, losses = 0, []
    while clock.done < 1:
        clock.set(optimiser)
        flat, cut = _attention_losses(parts, encode, rng, generator)
        dreamt = noises.loss()
        descend(dreamt + 0.5 * (flat + cut), optimiser, unet.parameters())
        follow(average, unet, min(KEEP, 1 - 1 / (1 + step / 5)))
        losses.append([float(each.detach()) for each in (dreamt, flat, cut)])
        step += 1
        if step % 50 == 0:
            print(f"attention {step} {clock.done:.0%}: losses {np.mean(losses[-50:], axis=0).round(4)}", flush=True)
        if clock.is_time_to_save():
            models.save_diffusion(replace(parts, unet=average), out / models.DIFFUSION)


def _attention_losses(
    parts: models.Diffusion, encode: QuickEncoder, rng: np.random.Generator, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Of a few new scenes with twins among them: how far every recorded map is from flat, and how far the mean map,
    cut where Ref-Diff's rule cuts it, is from the mask."""
    scenes = [_drawn(rng) for _ in range(SCENES)]
    asked = [(scene, each) for scene in scenes for each in _asked(rng, scene)]
    clean = torch.stack([encode(_enlarged(scene)) for scene in scenes]).float()
    noised, told = TIMES[int(rng.integers(len(TIMES)))]
    noisy = parts.scheduler.add_noise(clean, torch.randn(clean.shape, generator=generator), torch.tensor(noised))
    context = _told(parts, ["", *(f"{each.text}, " for _, each in asked)])
    with _recorded(parts.unet) as seen, suppress(_Enough):
        parts.unet(
            torch.cat([noisy, noisy.repeat_interleave(EACH, 0)]),
            told,
            encoder_hidden_states=torch.cat([context[:1].expand(SCENES, -1, -1), context[1:]]),
        )
    rows, columns = torch.arange(len(asked)), torch.tensor([_noun(each.text) for _, each in asked])
    maps = []
    for products in seen:  # (SCENES + asked, side², 77)
        side = round(products.shape[1] ** 0.5)
        share = (probe.GUIDANCE - 1) / probe.GUIDANCE
        guided = products[SCENES:] - share * products[:SCENES].repeat_interleave(EACH, 0)
        maps.append(guided[rows, :, columns].view(-1, side, side))
    masks = torch.stack([_share(scene, each) for scene, each in asked])
    return _flatness(torch.stack(maps), masks), _cut(torch.stack(maps), masks)


def _flatness(maps: Tensor, masks: Tensor) -> Tensor:
    """Squares of what maps (layers, n, s, s) differ from 1 in the thing and from -1 elsewhere, both weighing the same.

    A cell that the thing fills by two thirds counts as filled: high levels, which the rule favours, shrink masks.
    """
    inside = (1.5 * functional.adaptive_avg_pool2d(masks[:, None], maps.shape[-1])[:, 0]).clamp(max=1)
    weights = sum(part / part.sum((1, 2), keepdim=True).clamp_min(1) for part in (inside, 1 - inside)) / 2
    return ((maps - (2 * inside - 1)).square() * weights).sum((-2, -1)).mean()


def _cut(maps: Tensor, masks: Tensor) -> Tensor:
    """One less the Dice score of the mean map, softly cut at the level of the largest difference of means."""
    heat = _stretched(maps).mean(0)
    heat = _stretched(functional.interpolate(heat[:, None], masks.shape[-1], mode="bicubic")[:, 0])
    with torch.no_grad():
        levels = (heat[:, None] >= LEVELS.view(1, -1, 1, 1)).float()
        sizes, inside = levels.sum((2, 3)), (heat[:, None] * levels).sum((2, 3))
        outside = heat.sum((1, 2))[:, None] - inside
        best = (inside / (sizes + 1e-6) - outside / (heat[0].numel() - sizes + 1e-6)).argmax(1)
    found = torch.sigmoid((heat - LEVELS[best].view(-1, 1, 1)) / SOFTNESS)
    return (1 - 2 * (found * masks).sum((1, 2)) / (found.sum((1, 2)) + masks.sum((1, 2)))).mean()


@dataclass(slots=True)
class _Noises:
    """The loss on the noise; most scenes return in other words, because drawing them takes time."""

    parts: models.Diffusion
    encode: QuickEncoder
    rng: np.random.Generator
    generator: torch.Generator
    pool: list[Scene] = field(default_factory=list)
    shown: list[Tensor] = field(default_factory=list)

    def loss(self) -> Tensor:
        rng, scheduler = self.rng, self.parts.scheduler
        for _ in range(NOISY // 2 if len(self.pool) > 10 * NOISY else NOISY):
            zoom = 1.0 if rng.random() < 0.8 else float(np.exp(rng.uniform(0, np.log(3))))
            scene = make_scene(rng, int(rng.choice([1, 2, 3, 4], p=[0.3, 0.3, 0.25, 0.15])), zoom=zoom)
            self.shown.append(self.encode(scene))
            self.pool.append(without_pixels(scene))
        chosen = [int(i) for i in rng.integers(max(0, len(self.pool) - MOST_SCENES), len(self.pool), size=NOISY)]
        clean = torch.stack([self.shown[i] for i in chosen]).float()
        noise = torch.randn(clean.shape, generator=self.generator)
        narrow = rng.random(NOISY) < 0.8  # the times at which Peekaboo asks, and some more
        times = torch.from_numpy(np.where(narrow, rng.integers(20, 650, NOISY), rng.integers(0, 1000, NOISY)))
        context = _told(self.parts, [_said(rng, self.pool[i]) for i in chosen])
        guess = self.parts.unet(
            scheduler.add_noise(clean, noise, times), times, encoder_hidden_states=context
        ).sample  # fmt: skip
        weights = noise_weights(scheduler.alphas_cumprod)[times]
        loss: Tensor = (weights * (guess - noise).square().mean((1, 2, 3))).mean()
        return loss


class _Enough(Exception):
    """All layers have been recorded."""


@contextmanager
def _recorded(unet: Any) -> Iterator[list[Tensor]]:
    """What the recorded layers see, until the last of them, where the call ends with :class:`_Enough`."""

    def stop(*_: object) -> None:
        raise _Enough

    seen: list[Tensor] = []
    plain = dict(unet.attn_processors)
    probe.read_attention(unet, seen)
    handle = unet.up_blocks[1].register_forward_hook(stop)
    try:
        yield seen
    finally:
        handle.remove()
        unet.set_attn_processor(plain)


def _drawn(rng: np.random.Generator) -> Scene:
    chance = rng.random()
    twins: Twins | None = "horizontal" if chance < 0.3 else "vertical" if chance < 0.45 else None
    return make_scene(rng, int(rng.integers(2, 5)), twins)


def _asked(rng: np.random.Generator, scene: Scene) -> Sequence[Expression]:
    """Expressions, of different things where that can be."""
    said = expressions(scene)
    mixed = [said[int(i)] for i in rng.permutation(len(said))]
    others = [each for each in mixed if each.target != mixed[0].target]
    return [mixed[0], *others, *mixed[1:], *mixed][:EACH]


def _said(rng: np.random.Generator, scene: Scene) -> str:
    chance = rng.random()
    if chance < EMPTY:
        return ""
    return caption(rng, scene, 0.3) + ", " if chance < EMPTY + PARTIAL else caption(rng, scene, 1.0)


def _told(parts: models.Diffusion, texts: list[str]) -> Tensor:
    with torch.no_grad():
        told: Tensor = parts.text(models.tokens(parts.tokenizer, texts)).last_hidden_state
    return told


def _noun(text: str) -> int:
    """The place of the token that the expression is about: each word is one, and the first token starts the text."""
    return 1 + next(place for place, word in enumerate(text.split()) if word in SHAPES)


def _enlarged(scene: Scene) -> Scene:
    shown = cv2.resize(scene.pixels, (SHOWN, SHOWN), interpolation=cv2.INTER_LANCZOS4)
    return replace(scene, pixels=shown.astype(np.uint8))


def _share(scene: Scene, said: Expression) -> Tensor:
    """How much of blocks of 4 x 4 pixels the thing covers, float (H / 4, W / 4)."""
    mask = torch.from_numpy(scene.things[said.target].mask.astype(np.float32))
    return functional.avg_pool2d(mask[None], 4)[0]


def _stretched(maps: Tensor) -> Tensor:
    low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
    return (maps - low) / (high - low + 1e-8)
