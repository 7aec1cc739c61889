"""A toy TCL: the frozen toy CLIP, and a masker trained with TCL's own losses on images and texts; no mask is seen.

The file holds what the released one holds, under its names; the engine takes the towers from the CLIP folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.models.tcl import checkpoint
from inference.models.tcl.losses import LossWeights, losses
from inference.models.tcl.model import Tcl
from inference.models.tcl.shape import TclShape
from inference.models.tcl.windows import DEVIATION, MEAN
from tests.toyworld import models
from tests.toyworld.captions import TEMPLATES, caption, name
from tests.toyworld.clock import Clock
from tests.toyworld.scenes import COLOURS, make_scene

FILE = Path("tcl") / "tcl.safetensors"
"""In the folder of weights."""

AREA = 0.2
"""The prior of the share that a text's own mask covers. The paper's 0.4 is for photos; things are smaller here."""

SIDE, BATCH = 224, 12
MOST_ZOOM = 3.0
TUNE_BLOCK = 0.3
"""The share of the time after which the copied last block of CLIP is trained too (the paper: three fifths)."""

MOST_PAIRS = 3000
FRESH = 6
"""Pairs drawn per step; the others of a batch have been seen before, as drawing costs time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An image float16 (3, side, side), normalised as the engine does, and a text that is true of it."""

    image: Tensor
    text: str

    @property
    def colours(self) -> frozenset[str]:
        """Those that the text names. The toy CLIP tells texts apart by them and hardly by shapes."""
        return frozenset(COLOURS).intersection(self.text.split())


def new_model() -> tuple[Tcl, Any]:
    """The model before training, with the toy CLIP's towers, and the tokenizer.

    As in the paper the masker starts as CLIP's last block and way out; the decoder's gates are closed.
    """
    clip, tokenizer = models.load_clip()
    vision, text = clip.config.vision_config, clip.config.text_config
    model = Tcl(
        TclShape(
            width=vision.hidden_size,
            layers=vision.num_hidden_layers,
            heads=vision.num_attention_heads,
            patch=vision.patch_size,
            grid=vision.image_size // vision.patch_size,
            out=clip.config.projection_dim,
            text_width=text.hidden_size,
            text_layers=text.num_hidden_layers,
            text_heads=text.num_attention_heads,
            words=text.vocab_size,
            context=text.max_position_embeddings,
        )
    )
    model.load_state_dict(checkpoint.towers_of(clip.state_dict()), strict=False)
    encoder, tower = model.masker.image_encoder, model.clip_image_encoder
    encoder.backbone.block.load_state_dict(tower.clip_visual.transformer.last.state_dict())
    encoder.decoder.image_proj.load_state_dict(tower.clip_proj.state_dict())
    return model, tokenizer


def train(out: Path, minutes: float, seed: int, resume: bool) -> None:
    """Train the masker and write it after every few minutes, and at the end."""
    rng = np.random.default_rng(seed + 5)
    generator = torch.Generator().manual_seed(seed + 5)
    torch.manual_seed(seed + 5)
    model, tokenizer = new_model()
    if resume:
        model.load_state_dict(load_file(out / FILE), strict=False)
    model.requires_grad_(False)
    learned = [model.masker, model.tcli_loss, model.tclf_loss]
    for part in learned:
        part.requires_grad_(True)
    parameters = [parameter for part in learned for parameter in part.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05, betas=(0.9, 0.999), eps=1e-6)
    clock = Clock(minutes, 1e-3, every=180.0)
    weights = LossWeights(positive_area=AREA)
    black = -torch.tensor(MEAN).view(3, 1, 1) / torch.tensor(DEVIATION).view(3, 1, 1)
    pool = [draw(rng) for _ in range(100)]
    notes: list[list[float]] = []
    while clock.done < 1:
        clock.set(optimiser)
        model.masker.image_encoder.backbone.requires_grad_(resume or clock.done > TUNE_BLOCK)
        pool = [*pool, *(draw(rng) for _ in range(FRESH))][-MOST_PAIRS:]
        batch = _different(rng, pool)
        texts = [text if rng.random() < 0.5 else _framed(rng, text) for text in (pair.text for pair in batch)]
        image = torch.stack([pair.image for pair in batch]).float()
        side = 4 * image.shape[-1] // model.shape.patch
        uniform = torch.rand(len(batch), len(batch), side, side, generator=generator).clamp(1e-6, 1 - 1e-6)
        found = losses(model, image, models.tokens(tokenizer, texts), uniform, weights, black)
        optimiser.zero_grad(set_to_none=True)
        found.total.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        noted = (found.image, found.feature, found.positive.mean(), found.negative.mean())
        notes.append([float(each.detach()) for each in noted])
        if len(notes) % 50 == 0:
            means = np.mean(notes[-50:], axis=0).round(3).tolist()
            print(f"tcl {len(notes)} {clock.done:.0%}: TCLv, TCLf, area of own and other texts {means}", flush=True)
        if clock.is_time_to_save():
            save(model, out / FILE)


def save(model: Tcl, path: Path) -> None:
    """Write what TCL learned, 16 bit."""
    kept = {
        key: tensor.half().contiguous()
        for key, tensor in model.state_dict().items()
        if key.startswith("masker.") or key in checkpoint.TEMPERATURES
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(kept, path)


def draw(rng: np.random.Generator) -> Pair:
    """A view of a scene and a caption of all or some of what is in it."""
    zoom = float(np.exp(rng.uniform(0, np.log(MOST_ZOOM))))
    scene = make_scene(rng, int(rng.integers(1, 4)), size=SIDE, zoom=zoom)
    if rng.random() < 0.5:
        thing = scene.things[int(rng.integers(len(scene.things)))]
        text = name(thing.look, bool(rng.random() < 0.3))
    else:
        text = caption(rng, scene)
    mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in (MEAN, DEVIATION))
    image = torch.from_numpy(scene.pixels).permute(2, 0, 1).float() / 255
    return Pair(((image - mean) / deviation).half(), text)


def _different(rng: np.random.Generator, pool: list[Pair]) -> list[Pair]:
    """A batch in which texts differ in their colours: the losses take all other texts for wrong."""
    batch: dict[frozenset[str], Pair] = {}
    while len(batch) < BATCH:
        pair = pool[int(rng.integers(len(pool)))]
        if pair.colours:
            batch.setdefault(pair.colours, pair)
    return list(batch.values())


def _framed(rng: np.random.Generator, text: str) -> str:
    return TEMPLATES[int(rng.integers(len(TEMPLATES)))].format(text)
