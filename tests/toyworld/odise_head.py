"""A toy ODISE (label model): frozen toy diffusion and CLIP, and the small heads trained with masks of training scenes.

Implicit captioner, projections, Mask2Former (of transformers, with its own loss) and the category head; the file holds
what the released one holds, under its names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import Mask2FormerLoss

from inference.engine import Vocabulary
from inference.models.clip import towers
from inference.models.diffusion import stable
from inference.models.odise import checkpoint
from inference.models.odise.checkpoint import Frozen
from inference.models.odise.classify import MaskEmbedding, cosine_logits
from inference.models.odise.diffusion_features import TAP_LEVELS, Bottleneck, Captioner, DiffusionFeatures
from inference.models.odise.mask_generator import MaskGenerator
from inference.models.odise.model import LABEL_SHARES, Odise, TextHead
from inference.vocabularies import with_background
from tests.toyworld import models, odise_names
from tests.toyworld.clock import Clock
from tests.toyworld.scenes import COLOURS, Scene, make_scene

FILE = Path("odise") / "odise_label.safetensors"
"""In the folder of weights."""

CLASSES = (*(f"{colour} thing" for colour in COLOURS), "background")
"""The toy CLIP tells colours apart and hardly shapes, so these are the classes; the last is stuff."""

CROP, LATENTS = 256, 32
WIDTH, NARROW, QUERIES, HEADS = 64, 32, 12, 4
OTHER_NAMES = 40
"""Names of the program's background lists that a step compares with: none of them is ever right."""

CAPTIONER_SHARE = 0.1
"""Of the time, in which the captioner is trained, through the frozen UNet. Later it stands, and what the networks see
of a scene is kept."""

SMALL_SHARE = 0.6
"""Until which share of the time scenes fill one crop; then four, as in the evaluation."""

MOST_SCENES = 400


@dataclass(frozen=True, slots=True)
class Seen:
    """A scene: its crops' taps, each float16 (crops, C, h, w), masks bool (n, H, W) and classes int64 (n,)."""

    taps: tuple[Tensor, ...]
    masks: Tensor
    classes: Tensor


def frozen_networks(weights: Path = models.WEIGHTS) -> tuple[Frozen, towers.Clip]:
    """The toy networks as the engine's loader takes them."""
    clip = towers.load(weights / models.CLIP)
    parts: Any = stable.load(weights / models.DIFFUSION, torch.device("cpu"), torch.float32)
    empty = parts.embed([""]).float()
    return Frozen(parts.unet, parts.vae, clip.vision, empty, clip.scale, CROP), clip


def new_model(frozen: Frozen) -> Odise:
    """The heads with random weights; the captioner's gates are closed, as in the paper."""
    _, length, text_width = frozen.empty.shape
    unet: Any = frozen.unet
    out = int(frozen.clip.config.projection_dim)
    captioner = Captioner(out, length, text_width, unet.time_embedding.linear_2.out_features)
    probe = DiffusionFeatures(
        frozen.unet, frozen.vae, frozen.clip, captioner, nn.ModuleList(), frozen.empty, frozen.crop
    )
    with torch.no_grad():
        channels = [tap.shape[1] for tap in probe.see(torch.zeros(1, 3, frozen.crop, frozen.crop)).taps]
    assert len(channels) == len(TAP_LEVELS)
    projections = nn.ModuleList(nn.Sequential(Bottleneck(each, NARROW, WIDTH)) for each in channels)
    features = DiffusionFeatures(
        frozen.unet, frozen.vae, frozen.clip, captioner, projections, frozen.empty, frozen.crop
    )
    config = Mask2FormerConfig(
        feature_size=WIDTH, mask_feature_size=WIDTH, hidden_dim=WIDTH, encoder_feedforward_dim=128, encoder_layers=2,
        decoder_layers=4, num_attention_heads=HEADS, dim_feedforward=128, num_queries=QUERIES, dropout=0.0,
        common_stride=4,
    )  # fmt: skip
    generator = MaskGenerator(config, [WIDTH] * 4)
    texts = TextHead(out, WIDTH, with_none=True)
    return Odise(
        features, generator, MaskEmbedding(WIDTH, WIDTH, WIDTH, 2), texts, None, frozen.clip_scale, LABEL_SHARES
    )


def train(out: Path, weights: Path, minutes: float, seed: int, resume: bool) -> None:
    """Train the heads on the networks in ``weights`` and write them every few minutes, and at the end."""
    rng = np.random.default_rng(seed + 6)
    torch.manual_seed(seed + 6)
    frozen, clip = frozen_networks(weights)
    model = checkpoint.load(load_file(out / FILE), frozen) if resume else new_model(frozen)
    model.requires_grad_(False)
    learned = _learned(model)
    for part in learned:
        part.requires_grad_(True)
    parameters = [each for part in learned for each in part.parameters()] + [model.texts.null_embed]
    with torch.no_grad():
        assert model.texts.null_embed is not None
        if not resume:
            model.texts.null_embed.copy_(torch.from_numpy(clip.texts.embed([""])))
        model.texts.null_embed.requires_grad_(True)
    names = torch.from_numpy(clip.texts.embed(with_background(Vocabulary(CLASSES)).names))
    criterion = _criterion()
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05)
    clock = Clock(minutes, 1e-3, every=180.0)
    pool: list[Seen] = []
    losses: list[float] = []
    crops = 1
    while clock.done < 1:
        clock.set(optimiser)
        tuning = not resume and clock.done < CAPTIONER_SHARE
        wanted = 1 if clock.done < SMALL_SHARE else 4
        if wanted != crops or tuning or any(tap.requires_grad for each in pool for tap in each.taps):
            pool, crops = [], wanted
        batch = 8 if crops == 1 else 3
        with torch.set_grad_enabled(tuning):
            batch = 4 if tuning else batch
            fresh = batch if len(pool) < 6 * batch else 1
            pool = [*pool, *(look(model, drawn(rng, crops), crops) for _ in range(fresh))][-MOST_SCENES:]
        chosen = [pool[int(i)] for i in rng.choice(len(pool), batch, replace=False)]
        others = len(CLASSES) + rng.choice(len(names) - len(CLASSES), OTHER_NAMES, replace=False)
        compared = torch.cat([names[: len(CLASSES)], names[others]])
        loss = _loss(model, criterion, chosen, compared)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        if len(losses) % 20 == 0:
            print(f"odise {len(losses)} {clock.done:.0%}: loss {np.mean(losses[-20:]):.3f}", flush=True)
        if clock.is_time_to_save():
            save(model, out / FILE)


def save(model: Odise, path: Path) -> None:
    """Write the heads, 16 bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: each.half().contiguous() for name, each in odise_names.tensors_of(model).items()}, path)


def drawn(rng: np.random.Generator, crops: int) -> Scene:
    """A scene for one crop, seen from as near as a quarter of an enlarged one, or a whole one for four crops."""
    if crops == 1:
        return make_scene(rng, size=CROP, zoom=float(np.exp(rng.uniform(0, np.log(2.5)))))
    return make_scene(rng, size=2 * CROP)


def look(model: Odise, scene: Scene, crops: int) -> Seen:
    """What the frozen networks see of a scene of one crop, or of two by two."""
    image = torch.from_numpy(scene.pixels).permute(2, 0, 1)[None].float() / 255
    windows = image if crops == 1 else torch.cat([row for half in image.chunk(2, 2) for row in half.chunk(2, 3)])
    taps = tuple(tap if tap.requires_grad else tap.half() for tap in model.features.see(windows).taps)
    covered = np.any([thing.mask for thing in scene.things], axis=0)
    masks = np.stack([*(thing.mask for thing in scene.things), ~covered])
    classes = [list(COLOURS).index(thing.look.colour) for thing in scene.things]
    present = masks.any((1, 2))
    return Seen(
        taps, torch.from_numpy(masks[present]), torch.tensor([*classes, len(CLASSES) - 1])[torch.from_numpy(present)]
    )


def _loss(model: Odise, criterion: Mask2FormerLoss, chosen: list[Seen], names: Tensor) -> Tensor:
    crops = len(chosen[0].taps[0])
    taps = tuple(torch.cat([each.taps[number].float() for each in chosen]) for number in range(len(TAP_LEVELS)))
    levels = model.features.project(taps, CROP)
    if crops == 4:
        levels = [_joined(level) for level in levels]
    found = model.generator(levels)
    texts = model.texts.text_proj(torch.cat([names, model.texts.null_embed]))
    predictions = []
    for masks, queries in (*found.earlier, (found.masks, found.queries)):
        embedded = model.embedding(model.embedding.pooled(masks, queries, found.pixels))
        scores = cosine_logits(embedded, texts, model.embedding.scale)
        predictions.append({"masks_queries_logits": masks, "class_queries_logits": scores})
    last = predictions.pop()
    terms = criterion(
        **last,
        mask_labels=[each.masks.float() for each in chosen],
        class_labels=[each.classes for each in chosen],
        auxiliary_predictions=predictions,
    )
    weights = criterion.weight_dict
    return torch.stack(
        [weight * term for key, term in terms.items() for name, weight in weights.items() if name in key]
    ).sum()


def _joined(level: Tensor) -> Tensor:
    """Maps (4 * B, C, h, w) of two by two crops as (B, C, 2 * h, 2 * w)."""
    count, channels, height, width = level.shape
    grid = level.reshape(count // 4, 2, 2, channels, height, width)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(count // 4, channels, 2 * height, 2 * width)


def _criterion() -> Mask2FormerLoss:
    """Weights of the paper: class 2, mask 5, dice 5, "none" 0.1."""
    config = Mask2FormerConfig(
        num_labels=len(CLASSES) + OTHER_NAMES, class_weight=2.0, mask_weight=5.0, dice_weight=5.0,
        no_object_weight=0.1, train_num_points=1000,
    )  # fmt: skip
    return Mask2FormerLoss(config, {"loss_cross_entropy": 2.0, "loss_mask": 5.0, "loss_dice": 5.0})


def _learned(model: Odise) -> list[nn.Module]:
    return [
        model.features.captioner, model.features.projections, model.generator, model.embedding, model.texts.text_proj,
    ]  # fmt: skip
