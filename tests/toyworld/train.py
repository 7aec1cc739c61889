"""Train the toy models on the CPU: ``python -m tests.toyworld.train vae|latents|diffusion|clip --out FOLDER``.

The order is as written, ``clip`` stands by itself. Learning rates fall by the clock, so that ``--minutes`` is kept on
any machine, and every few minutes the folder holds a model that can be used.
"""

from __future__ import annotations

import argparse
import copy
import math
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.toyworld import models, probe
from tests.toyworld.captions import TEMPLATES, caption, name
from tests.toyworld.scenes import SIZE, Scene, make_scene, tight_crop

CROP = 96
"""Side of what the VAE learns from, pixels."""

KL_WEIGHT = 1e-6
EMPTY_SHARE = 0.1
"""How often the diffusion model is told nothing, which guidance needs."""

WORDS_ONLY_SHARE = 0.5
"""How often it may look at the words only, not at the padding, which repeats the whole text in every place."""

KEEP = 0.998
"""Of the running average of weights, per step."""


@dataclass(slots=True)
class Clock:
    """Time that is left, the learning rate that belongs to it, and when to save next."""

    minutes: float
    rate: float
    every: float = 150.0
    start: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> float:
        """The share of the time that has passed."""
        return (time.monotonic() - self.start) / (60 * self.minutes)

    def set(self, optimiser: torch.optim.Optimizer) -> None:
        """Warm up for 2 % of the time, then follow half a cosine down to a fiftieth."""
        warm = min(1.0, self.done / 0.02 + 0.05)
        for group in optimiser.param_groups:
            group["lr"] = self.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.done))))

    def is_time_to_save(self) -> bool:
        if time.monotonic() - self.saved < self.every and self.done < 1:
            return False
        self.saved = time.monotonic()
        return True


def train_vae(out: Path, minutes: float, seed: int) -> None:
    """Reconstruction of crops, then latents brought to one deviation per channel."""
    rng = np.random.default_rng(seed)
    vae: Any = models.new_vae()
    optimiser = torch.optim.AdamW(vae.parameters(), lr=1e-4, weight_decay=0, betas=(0.9, 0.99))
    clock = Clock(minutes, 6e-4)
    pool = [_view(rng) for _ in range(100)]
    step, losses = 0, []
    while clock.done < 1:
        clock.set(optimiser)
        pool[step % len(pool)] = _view(rng)
        x = torch.stack([pool[int(i)] for i in rng.integers(len(pool), size=8)])
        posterior = vae.encode(x).latent_dist
        y = vae.decode(posterior.sample()).sample
        loss = functional.mse_loss(y, x) + 0.3 * functional.l1_loss(y, x) + KL_WEIGHT * posterior.kl().mean()
        _descend(loss, optimiser, vae.parameters())
        losses.append(float((y - x).detach().abs().mean()))
        step += 1
        if step % 50 == 0:
            print(f"vae {step} {clock.done:.0%}: mean error {np.mean(losses[-50:]):.4f}", flush=True)
        if clock.is_time_to_save():
            _save_vae(vae, out, rng)


def cache_latents(out: Path, count: int, seed: int) -> None:
    """Encode ``count`` scenes; latents float16, and the things that captions need, without their masks."""
    rng = np.random.default_rng(seed + 1)
    vae: Any = models.AutoencoderKL.from_pretrained(out / "vae").eval()
    latents, scenes = [], []
    for start in range(0, count, 16):
        batch = [_drawn(rng) for _ in range(16)]
        with torch.no_grad():
            mean = vae.encode(torch.stack([_pixels(scene.pixels) for scene in batch])).latent_dist.mean
        latents.append((mean * models.LATENT_SCALE).half())
        for scene in batch:
            bare = tuple(replace(thing, mask=np.zeros((0, 0), bool)) for thing in scene.things)
            scenes.append(Scene(np.zeros((SIZE, 0, 3), np.uint8), bare))
        if start % 1600 == 0:
            print(f"latents {start}: deviation {latents[-1].float().std():.3f}", flush=True)
            _save_latents(out, latents, scenes)
    _save_latents(out, latents, scenes)


def train_diffusion(out: Path, minutes: float, seed: int) -> None:
    """Text encoder and UNet together, from random weights, by the plain loss on the noise: masks play no part."""
    rng = np.random.default_rng(seed + 2)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    tokenizer = models.make_tokenizer()
    scheduler = models.new_scheduler()
    parts = models.Diffusion(
        vae=models.AutoencoderKL.from_pretrained(out / "vae").eval(),
        unet=models.new_unet(),
        text=models.new_text_encoder(tokenizer),
        tokenizer=tokenizer,
        scheduler=scheduler,
    )
    both = nn.ModuleDict({"unet": parts.unet, "text": parts.text})
    average = copy.deepcopy(both).requires_grad_(False)
    kept = replace(parts, unet=average["unet"], text=average["text"])
    optimiser = torch.optim.AdamW(both.parameters(), lr=1e-3, weight_decay=1e-3, betas=(0.9, 0.99))
    clock = Clock(minutes, 1.5e-3)
    latents, scenes = _load_latents(out)
    step, losses = 0, []
    while clock.done < 1:
        clock.set(optimiser)
        chosen = rng.integers(len(scenes), size=32)
        texts = ["" if rng.random() < EMPTY_SHARE else _said(rng, scenes[int(i)]) for i in chosen]
        clean = latents[torch.from_numpy(chosen)].float()
        noise = torch.randn(clean.shape, generator=generator)
        times = torch.randint(0, 1000, (len(chosen),), generator=generator)
        ids = models.tokens(tokenizer, texts)
        guess = parts.unet(
            scheduler.add_noise(clean, noise, times),
            times,
            encoder_hidden_states=parts.text(ids).last_hidden_state,
            encoder_attention_mask=_visible(rng, ids, int(tokenizer.eos_token_id or 0)),
        ).sample
        loss = functional.mse_loss(guess, noise)
        _descend(loss, optimiser, both.parameters())
        _follow(average, both, min(KEEP, 1 - 1 / (1 + step / 10)))
        losses.append(float(loss.detach()))
        step += 1
        if step % 50 == 0:
            print(f"diffusion {step} {clock.done:.0%}: loss {np.mean(losses[-50:]):.4f}", flush=True)
        if clock.is_time_to_save():
            models.save_diffusion(kept, out / models.DIFFUSION)
            print(f"probe at {step}: {probe.localisation(kept)}", flush=True)
            latents, scenes = _load_latents(out)  # more may have been made meanwhile


def train_clip(out: Path, minutes: float, seed: int) -> None:
    """Contrastive training on scenes of one or two things and on single things cut out, as the engines show them."""
    rng = np.random.default_rng(seed + 3)
    torch.manual_seed(seed)
    tokenizer = models.make_tokenizer()
    clip: Any = models.new_clip(tokenizer)
    optimiser = torch.optim.AdamW(clip.parameters(), lr=1e-3, weight_decay=0.02, betas=(0.9, 0.98))
    clock = Clock(minutes, 1e-3)
    pool: list[tuple[Tensor, str]] = [_pair(rng) for _ in range(1500)]
    step, hits = 0, []
    while clock.done < 1:
        clock.set(optimiser)
        for _ in range(24):  # most of a batch has been seen before: drawing costs as much as learning
            pool[int(rng.integers(len(pool)))] = _pair(rng)
        batch = [pool[int(i)] for i in rng.choice(len(pool), 64, replace=False)]
        texts = [text for _, text in batch]
        framed = [TEMPLATES[int(rng.integers(len(TEMPLATES)))].format(t) if rng.random() < 0.2 else t for t in texts]
        ids = models.tokens(tokenizer, framed)
        ids = ids[:, : int((ids != tokenizer.eos_token_id).sum(1).max()) + 1]
        found = clip(input_ids=ids, pixel_values=torch.stack([image for image, _ in batch]))
        same = torch.tensor([[a == b for b in texts] for a in texts], dtype=torch.float32)
        wanted = same / same.sum(1, keepdim=True)
        logits = found.logits_per_image
        loss = functional.cross_entropy(logits, wanted) + functional.cross_entropy(logits.T, wanted)
        _descend(loss, optimiser, clip.parameters())
        with torch.no_grad():
            clip.logit_scale.clamp_(max=math.log(100))
            hits.append(float(same[torch.arange(len(texts)), logits.argmax(1)].mean()))
        step += 1
        if step % 50 == 0:
            print(f"clip {step} {clock.done:.0%}: loss {loss:.3f} hits {np.mean(hits[-50:]):.3f}", flush=True)
        if clock.is_time_to_save():
            clip.half().save_pretrained(out / models.CLIP)
            clip.float()
            tokenizer.save_pretrained(out / models.CLIP)


def _descend(loss: Tensor, optimiser: torch.optim.Optimizer, parameters: Iterator[nn.Parameter]) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(list(parameters), 1.0)
    optimiser.step()


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    for ours, theirs in zip(average.parameters(), model.parameters(), strict=True):
        ours.lerp_(theirs, 1 - keep)


def _save_vae(vae: Any, out: Path, rng: np.random.Generator) -> None:
    vae = copy.deepcopy(vae).eval()
    _equalise(vae, [make_scene(rng).pixels for _ in range(24)])
    vae.save_pretrained(out / "vae")


@torch.no_grad()
def _equalise(vae: Any, pictures: list[Any]) -> None:
    """Fold a shift and a scale per channel into the VAE: scaled latents get mean 0 and the wanted deviation."""
    means = torch.cat([vae.encode(_pixels(picture)[None]).latent_dist.mean for picture in pictures])
    centre, spread = means.mean((0, 2, 3)), means.std((0, 2, 3))
    factor = models.LATENT_DEVIATION / models.LATENT_SCALE / spread
    into, outof = vae.quant_conv, vae.post_quant_conv
    channels = len(centre)
    into.weight[:channels] *= factor.view(-1, 1, 1, 1)
    into.bias[:channels] = (into.bias[:channels] - centre) * factor
    into.bias[channels:] += 2 * factor.log()
    outof.bias += outof.weight[:, :, 0, 0] @ centre
    outof.weight /= factor.view(1, -1, 1, 1)


def _drawn(rng: np.random.Generator) -> Scene:
    """One scene of three has twins, so that words of position are worth learning."""
    chance = rng.random()
    if chance < 0.3:
        return make_scene(rng, int(rng.integers(2, 5)), "horizontal" if chance < 0.15 else "vertical")
    return make_scene(rng)


def _said(rng: np.random.Generator, scene: Scene) -> str:
    """A caption, at times with a comma at its end, as Ref-Diff writes it."""
    return caption(rng, scene) + ("," if rng.random() < 0.25 else "")


def _visible(rng: np.random.Generator, ids: Tensor, end: int) -> Tensor:
    """Which tokens may be looked at, float (B, 77): all, or only those before the end of the text."""
    words = (ids != end).float()
    all_of_it = torch.from_numpy(rng.random(len(ids)) >= WORDS_ONLY_SHARE)[:, None]
    return torch.where(all_of_it, torch.ones_like(words), words)


def _pair(rng: np.random.Generator) -> tuple[Tensor, str]:
    """An image for CLIP, float (3, side, side), and its text."""
    side = models.CLIP_SIDE
    if rng.random() < 0.5:
        scene = make_scene(rng, int(rng.integers(1, 3)), size=side)
        return probe.clip_pixels(scene.pixels), caption(rng, scene, 0.9)
    scene = make_scene(rng, 1, size=side)
    if rng.random() < 0.5:
        pixels = tight_crop(scene, 0, side, masked=bool(rng.random() < 0.8))
    else:
        pixels = scene.pixels * scene.things[0].mask[..., None]
    return probe.clip_pixels(pixels), name(scene.things[0].look, bool(rng.random() < 0.5))


def _pixels(picture: Any) -> Tensor:
    """uint8 (H, W, 3) to float (3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).float() / 127.5 - 1


def _view(rng: np.random.Generator) -> Tensor:
    """A small scene as a whole or a window of a large one, float (3, CROP, CROP) in [-1, 1]."""
    if rng.random() < 0.5:
        return _pixels(make_scene(rng, size=CROP).pixels)
    y, x = (int(v) for v in rng.integers(0, SIZE - CROP, 2))
    return _pixels(make_scene(rng).pixels[y : y + CROP, x : x + CROP])


def _save_latents(out: Path, latents: list[Tensor], scenes: list[Scene]) -> None:
    part = out / "latents.part"
    part.write_bytes(pickle.dumps((torch.cat(latents).numpy(), scenes)))
    part.replace(out / "latents.pickle")


def _load_latents(out: Path) -> tuple[Tensor, list[Scene]]:
    latents, scenes = pickle.loads((out / "latents.pickle").read_bytes())  # our own file of a minute ago
    return torch.from_numpy(latents), scenes


def main() -> None:
    """Run one step of the training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["vae", "latents", "diffusion", "clip"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--count", type=int, default=12_000, help="scenes to encode")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(wanted.seed)
    match wanted.step:
        case "vae":
            train_vae(wanted.out, wanted.minutes, wanted.seed)
        case "latents":
            cache_latents(wanted.out, wanted.count, wanted.seed)
        case "diffusion":
            train_diffusion(wanted.out, wanted.minutes, wanted.seed)
        case _:
            train_clip(wanted.out, wanted.minutes, wanted.seed)


if __name__ == "__main__":
    main()
