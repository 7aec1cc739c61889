"""Train the toy models on the CPU: ``python -m tests.toyworld.train vae|clip|diffusion|attention --out FOLDER``.

The order is as written, ``clip`` stands by itself. Learning rates fall by the clock, so that ``--minutes`` is kept on
any machine, and every few minutes the folder holds a model that can be used.
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tests.toyworld import attending, models, odise_head, probe, tcl_head
from tests.toyworld.captions import TEMPLATES, caption, name
from tests.toyworld.clock import Clock
from tests.toyworld.descent import KEEP, descend, follow, noise_weights
from tests.toyworld.latents import QuickEncoder, seen_by_vae, unit_pixels, without_pixels
from tests.toyworld.scenes import SIZE, Scene, make_scene, tight_crop

CROP = 96
"""Side of what the VAE learns from, pixels."""

EMPTY_SHARE = 0.1
"""How often the diffusion model is told nothing, which guidance needs."""

WORDS_ONLY_SHARE = 0.5
"""How often it may look at the words only, not at the padding, which repeats the whole text in every place."""

STAGES = ((0.8, 128, 16), (1.0, 256, 16))
"""Until which share of the time, side of scenes, scenes per step: most is learned from small ones, cheaply."""

MOST_PAIRS = 1500
MOST_SCENES = 4000


def make_vae(out: Path, seed: int) -> None:
    """A VAE that needs no descent: a pyramid whose last layers are solved by least squares (seconds)."""
    rng = np.random.default_rng(seed)
    vae: Any = models.new_vae()
    _fit_ends(vae, torch.stack([_view(rng) for _ in range(60)]))
    _equalise(vae, [make_scene(rng).pixels for _ in range(24)])
    with torch.no_grad():
        x = torch.stack([unit_pixels(make_scene(rng).pixels) for _ in range(8)])
        print(f"vae: mean error {(vae.decode(vae.encode(x).latent_dist.mean).sample - x).abs().mean():.4f} of 2")
    vae.save_pretrained(out / "vae")


def train_diffusion(out: Path, minutes: float, seed: int, resume: bool) -> None:
    """Text encoder and UNet together, from random weights, by the plain loss on the noise: masks play no part."""
    rng = np.random.default_rng(seed + 2)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    tokenizer, scheduler = models.make_tokenizer(), models.new_scheduler()
    vae = models.AutoencoderKL.from_pretrained(out / "vae").eval()
    parts = models.Diffusion(vae, models.new_unet(), models.new_text_encoder(tokenizer), tokenizer, scheduler)
    if resume:
        parts = models.load_diffusion(out / models.DIFFUSION)
    if (out / models.CLIP).is_dir():  # as in Stable Diffusion, whose text encoder is CLIP's
        clip: Any = models.load_clip(out / models.CLIP)[0]
        parts.text.load_state_dict(clip.text_model.state_dict())
    both = nn.ModuleDict({"unet": parts.unet, "text": parts.text}).train()
    average = copy.deepcopy(both).requires_grad_(False)
    kept = replace(parts, unet=average["unet"], text=average["text"])
    optimiser = torch.optim.AdamW(both.parameters(), lr=1e-3, weight_decay=1e-3, betas=(0.9, 0.98), fused=True)
    clock = Clock(minutes, 2e-3)
    encode = QuickEncoder(parts.vae, [_drawn(rng) for _ in range(16)])
    weights = noise_weights(scheduler.alphas_cumprod)
    pool: list[Scene] = []
    shown: list[Tensor] = []
    step, losses = 0, []
    while clock.done < 1:
        clock.set(optimiser)
        size, batch = next((size, batch) for until, size, batch in STAGES if clock.done < until or until == 1)
        if pool and pool[0].size != size:
            pool, shown = [], []
        for _ in range(batch // 2 if len(pool) > 10 * batch else batch):  # later most scenes return, in other words
            scene = _drawn(rng, size)
            shown.append(encode(scene))
            pool.append(without_pixels(scene))
        chosen = [int(i) for i in rng.integers(max(0, len(pool) - MOST_SCENES), len(pool), size=batch)]
        texts = ["" if rng.random() < EMPTY_SHARE else _said(rng, pool[i]) for i in chosen]
        clean = torch.stack([shown[i] for i in chosen]).float()
        noise = torch.randn(clean.shape, generator=generator)
        times = _times(rng, batch)
        ids = models.tokens(tokenizer, texts)
        mask = None
        if rng.random() < WORDS_ONLY_SHARE:
            mask = (ids != tokenizer.eos_token_id).float()
            longest = int(mask.sum(1).max())
            ids, mask = ids[:, :longest], mask[:, :longest]
        told = parts.text(ids).last_hidden_state
        noisy = scheduler.add_noise(clean, noise, times)
        guess = parts.unet(noisy, times, encoder_hidden_states=told, encoder_attention_mask=mask).sample
        loss = (weights[times] * (guess - noise).square().mean((1, 2, 3))).mean()
        descend(loss, optimiser, both.parameters())
        follow(average, both, min(KEEP, 1 - 1 / (1 + step / 5)))
        losses.append(float(loss.detach()))
        step += 1
        if step % 20 == 0:
            print(f"diffusion {step} {clock.done:.0%}: loss {np.mean(losses[-20:]):.4f}", flush=True)
        if clock.is_time_to_save():
            models.save_diffusion(kept, out / models.DIFFUSION)
            print(f"probe at {step}: {probe.localisation(kept)}", flush=True)


def train_clip(out: Path, minutes: float, seed: int, resume: bool) -> None:
    """Contrastive training on scenes of one or two things and on single things cut out, as the engines show them."""
    rng = np.random.default_rng(seed + 3)
    torch.manual_seed(seed)
    tokenizer = models.make_tokenizer()
    clip: Any = models.load_clip(out / models.CLIP)[0].train() if resume else models.new_clip(tokenizer)
    optimiser = torch.optim.AdamW(clip.parameters(), lr=1e-3, weight_decay=0.02, betas=(0.9, 0.98))
    clock = Clock(minutes, 4e-4 if resume else 1e-3)
    pool: list[tuple[Tensor, str]] = [_pair(rng) for _ in range(300)]
    step, hits = 0, []
    while clock.done < 1:
        clock.set(optimiser)
        fresh = [_pair(rng) for _ in range(24)]  # most of a batch has been seen before: drawing costs time as well
        pool = [*pool, *fresh][-MOST_PAIRS:]
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
        descend(loss, optimiser, clip.parameters())
        with torch.no_grad():
            clip.logit_scale.clamp_(max=math.log(100))
            hits.append(float(same[torch.arange(len(texts)), logits.argmax(1)].mean()))
        step += 1
        if step % 20 == 0:
            print(f"clip {step} {clock.done:.0%}: loss {loss:.3f} hits {np.mean(hits[-20:]):.3f}", flush=True)
        if clock.is_time_to_save():
            clip.half().save_pretrained(out / models.CLIP)
            clip.float()
            tokenizer.save_pretrained(out / models.CLIP)


@torch.no_grad()
def _fit_ends(vae: Any, x: Tensor) -> None:
    """Solve the last layers of both sides: latents are mean colours and brightness."""
    wanted = seen_by_vae(x)
    _fit(vae.encoder.conv_out, lambda: vae.encoder(x), wanted)
    _fit(vae.decoder.conv_out, lambda: vae.decoder(vae.encode(x).latent_dist.mean), x)


def _fit(layer: nn.Conv2d, run: Callable[[], Tensor], wanted: Tensor) -> None:
    """Set the first outputs of a convolution to what is nearest to ``wanted`` (B, C, H, W) by least squares."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    run()
    handle.remove()
    count, channels = wanted.shape[1], seen[0].shape[1]
    rows = functional.unfold(seen[0], 3, padding=1).transpose(1, 2).reshape(-1, 9 * channels).double()
    rows = torch.cat([rows, torch.ones(len(rows), 1)], 1)
    target = wanted.flatten(2).transpose(1, 2).reshape(-1, count).double()
    square = rows.T @ rows + 1e-3 * len(rows) * torch.eye(rows.shape[1])
    solved = torch.linalg.solve(square, rows.T @ target).float()
    layer.weight[:count] = solved[:-1].T.reshape(count, channels, 3, 3)
    layer.bias[:count] = solved[-1]


@torch.no_grad()
def _equalise(vae: Any, pictures: list[Any]) -> None:
    """Fold a shift and a scale per channel into the VAE: scaled latents get mean 0 and the wanted deviation."""
    means = torch.cat([vae.encode(unit_pixels(picture)[None]).latent_dist.mean for picture in pictures])
    centre, spread = means.mean((0, 2, 3)), means.std((0, 2, 3))
    factor = models.LATENT_DEVIATION / models.LATENT_SCALE / spread
    into, outof = vae.quant_conv, vae.post_quant_conv
    channels = len(centre)
    into.weight[:channels] *= factor.view(-1, 1, 1, 1)
    into.bias[:channels] = (into.bias[:channels] - centre) * factor
    into.bias[channels:] += 2 * factor.log()
    outof.bias += outof.weight[:, :, 0, 0] @ centre
    outof.weight /= factor.view(1, -1, 1, 1)


def _drawn(rng: np.random.Generator, size: int = SIZE) -> Scene:
    """At times with twins, so that words of position are worth learning; mostly seen from near, because engines enlarge
    what they show the model, and small scenes most of all."""
    chance = rng.random()
    if chance < 0.15:
        return make_scene(rng, int(rng.integers(2, 5)), "horizontal" if chance < 0.075 else "vertical", size)
    zoom = 1.0 if chance < (0.3 if size < SIZE else 0.6) else float(np.exp(rng.uniform(0, np.log(3.5))))
    return make_scene(rng, size=size, zoom=zoom)


def _times(rng: np.random.Generator, count: int) -> Tensor:
    """Diffusion times, mostly of the half where a scene can be guessed at and words help."""
    narrow = rng.random(count) < 0.6
    return torch.from_numpy(np.where(narrow, rng.integers(0, 500, count), rng.integers(0, 1000, count)))


def _said(rng: np.random.Generator, scene: Scene) -> str:
    """A caption, at times with a comma at its end, as Ref-Diff writes it."""
    return caption(rng, scene) + ("," if rng.random() < 0.25 else "")


def _pair(rng: np.random.Generator) -> tuple[Tensor, str]:
    """An image for CLIP, float (3, side, side), and its text: a scene, one thing cut out or alone on black, or a
    background whose things are cut out; at times dimmed, as by Ref-Diff's ramps."""
    side, kind = models.CLIP_SIDE, rng.random()
    if kind < 0.3:
        scene = make_scene(rng, int(rng.integers(1, 3)), size=side)
        return probe.clip_pixels(scene.pixels), caption(rng, scene, 0.9)
    if kind < 0.45:
        scene = make_scene(rng, size=side)
        covered = np.any([thing.mask for thing in scene.things], axis=0)
        return probe.clip_pixels(_dimmed(rng, scene.pixels * ~covered[..., None])), "background"
    scene = make_scene(rng, 1, size=side)
    if kind < 0.75:
        pixels = tight_crop(scene, 0, side, masked=bool(rng.random() < 0.8))
    else:
        pixels = scene.pixels * scene.things[0].mask[..., None]
    return probe.clip_pixels(_dimmed(rng, pixels)), name(scene.things[0].look, bool(rng.random() < 0.5))


def _dimmed(rng: np.random.Generator, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half of the time as it is, else darker towards one side."""
    if rng.random() < 0.5:
        return pixels
    line = np.linspace(*rng.uniform(0.2, 1.0, 2), pixels.shape[0])
    return (pixels * (line[:, None, None] if rng.random() < 0.5 else line[None, :, None])).astype(np.uint8)


def _view(rng: np.random.Generator) -> Tensor:
    """A small scene as a whole or a window of a large one, float (3, CROP, CROP) in [-1, 1]."""
    if rng.random() < 0.5:
        return unit_pixels(make_scene(rng, size=CROP).pixels)
    y, x = (int(v) for v in rng.integers(0, SIZE - CROP, 2))
    return unit_pixels(make_scene(rng).pixels[y : y + CROP, x : x + CROP])


def main() -> None:
    """Run one step of the training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["vae", "clip", "diffusion", "attention", "tcl", "odise"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--resume", action="store_true", help="go on with what the folder holds")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    wanted.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(wanted.seed)
    match wanted.step:
        case "vae":
            make_vae(wanted.out, wanted.seed)
        case "diffusion":
            train_diffusion(wanted.out, wanted.minutes, wanted.seed, wanted.resume)
        case "attention":
            attending.teach(wanted.out, wanted.minutes, wanted.seed)
        case "odise":
            odise_head.train(wanted.out, models.WEIGHTS, wanted.minutes, wanted.seed, wanted.resume)
        case "tcl":
            tcl_head.train(wanted.out, wanted.minutes, wanted.seed, wanted.resume)
        case _:
            train_clip(wanted.out, wanted.minutes, wanted.seed, wanted.resume)


if __name__ == "__main__":
    main()
