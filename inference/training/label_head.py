"""``python -m inference.training.label_head``: fit the class head on mask-pooled features and add it to the weights."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.models.lite.backbone import EfficientNetLite0
from inference.models.lite.label_features import label_features
from inference.models.lite.labels import LabelHead
from inference.models.lite.weights import model_from, read_state, save
from inference.training.data import IGNORED, TrainingImage, load_index

PER_CLASS = 350
PER_IMAGE = 10
FEWEST = 5
"""A class with fewer training objects is left out."""

EPOCHS, BATCH, RATE, DECAY, DROPOUT, SMOOTHING = 20, 256, 2e-3, 0.3, 0.5, 0.05
CLASS_AGNOSTIC = frozenset({"bsds500"})


@dataclass(frozen=True, slots=True)
class Examples:
    """Features (n, C) of objects, their class names, and which are held out and which are things."""

    features: Tensor
    names: list[str]
    held_out: Tensor
    things: Tensor


def collect(backbone: EfficientNetLite0, images: list[TrainingImage], aliases: dict[str, str], seed: int) -> Examples:
    """Features of at most PER_CLASS objects a class (of each side of the split) and PER_IMAGE an image."""
    counts: Counter[tuple[str, bool]] = Counter()
    features, names, held_out, things = [], [], [], []
    order = np.random.default_rng(seed).permutation(len(images))
    for image in (images[int(i)] for i in order):
        chosen: list[tuple[tuple[int, ...], str, bool]] = []
        if image.source in CLASS_AGNOSTIC:
            continue
        if image.union is not None:
            chosen.append((tuple(o.value for o in image.objects), image.union, True))
        for each in sorted(image.objects, key=lambda o: -o.area):
            name = aliases.get(each.category or "", each.category or "")
            key = (name, image.is_validation)
            if name and counts[key] < PER_CLASS and len(chosen) < PER_IMAGE:
                counts[key] += 1
                chosen.append(((each.value,), name, each.is_thing))
        labels = image.labels()
        masks = [np.isin(labels, values) & (labels != IGNORED) for values, _, _ in chosen]
        kept = [index for index, mask in enumerate(masks) if mask.any()]
        if not kept:
            continue
        with torch.autocast("cpu", torch.bfloat16):
            found, _ = label_features(backbone, image.pixels(), [masks[i] for i in kept])
        features.append(found.float())
        names += [chosen[i][1] for i in kept]
        things += [chosen[i][2] for i in kept]
        held_out += [image.is_validation] * len(kept)
    return Examples(torch.cat(features), names, torch.tensor(held_out), torch.tensor(things))


def fit(examples: Examples, seed: int) -> tuple[LabelHead, list[str]]:
    """A calibrated class head and its names, from the examples that are not held out."""
    torch.manual_seed(seed)
    counts = Counter(name for name, out in zip(examples.names, examples.held_out.tolist(), strict=True) if not out)
    classes = sorted(name for name, count in counts.items() if count >= FEWEST)
    number = {name: index for index, name in enumerate(classes)}
    truth = torch.tensor([number.get(name, -1) for name in examples.names])
    trained = (~examples.held_out & (truth >= 0)).nonzero()[:, 0]
    mean, scale = examples.features[trained].mean(0), examples.features[trained].std(0) + 1e-2
    scaled = (examples.features - mean) / scale
    # rare classes count more, but less than in inverse proportion
    weight = torch.tensor([counts[name] ** -0.5 for name in classes])
    head = LabelHead(len(classes))
    nn.init.zeros_(head.linear.weight)
    optimiser = torch.optim.AdamW(head.linear.parameters(), RATE, weight_decay=DECAY)
    steps = EPOCHS * -(-len(trained) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(EPOCHS):
        for batch in torch.split(trained[torch.randperm(len(trained))], BATCH):
            logits = head.linear(F.dropout(scaled[batch], DROPOUT))
            loss = F.cross_entropy(logits, truth[batch], weight=weight / weight.mean(), label_smoothing=SMOOTHING)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    judged = (examples.held_out & (truth >= 0)).nonzero()[:, 0]
    with torch.no_grad():
        divisor = temperature(head.linear(scaled[judged]), truth[judged]) if len(judged) else 1.0
        folded = head.linear.weight / scale / divisor
        head.linear.bias.copy_(head.linear.bias / divisor - folded @ mean)
        head.linear.weight.copy_(folded)
    return head, classes


def temperature(logits: Tensor, truth: Tensor) -> float:
    """The divisor of the logits with the least cross-entropy on held-out objects (Guo et al. 2017)."""
    grid = [0.4 + 0.1 * step for step in range(40)]
    return min(grid, key=lambda t: float(F.cross_entropy(logits / t, truth)))


def accuracy(head: LabelHead, classes: list[str], examples: Examples, rows: Tensor) -> tuple[float, float]:
    """Top-1 and top-5 of the head on some examples; a class that it does not know counts as wrong."""
    number = {name: index for index, name in enumerate(classes)}
    truth = torch.tensor([number.get(name, -1) for name in examples.names])[rows]
    with torch.inference_mode():
        best = head(examples.features[rows]).argsort(1, descending=True)[:, :5]
    hits = best == truth[:, None]
    return float(hits[:, 0].float().mean()), float(hits.any(1).float().mean())


def main(arguments: list[str] | None = None) -> int:
    """Fit, print the accuracy on held-out objects, and write the weights with the head added."""
    parser = argparse.ArgumentParser(prog="python -m inference.training.label_head", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="the weights file to add the head to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--permissive", action="store_true")
    parser.add_argument(
        "--cache", type=Path, help="keep the features of this backbone here, to fit again without images"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    data = options.weights.read_bytes()
    if options.cache is not None and options.cache.exists():
        kept = torch.load(options.cache, weights_only=True)
        examples = Examples(kept["features"].float(), kept["names"], kept["held_out"], kept["things"])
    else:
        path = options.data / "aliases.json"
        aliases: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        images = [i for i in load_index(options.data) if i.is_permissive or not options.permissive]
        backbone = model_from(data, options.weights.name).backbone
        examples = collect(backbone.to(memory_format=torch.channels_last), images, aliases, options.seed)
        if options.cache is not None:
            torch.save({slot: getattr(examples, slot) for slot in Examples.__slots__}, options.cache)
    head, classes = fit(examples, options.seed)
    rows = (examples.held_out & examples.things).nonzero()[:, 0]
    top1, top5 = accuracy(head, classes, examples, rows)
    print(json.dumps({"classes": len(classes), "held_out_things": len(rows), "top1": top1, "top5": top5}))
    state = read_state(data)[0]
    state = {key: value for key, value in state.items() if not key.startswith("labels.")}
    state |= {f"labels.{key}": value for key, value in head.state_dict().items()}
    save(state, options.weights, classes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
