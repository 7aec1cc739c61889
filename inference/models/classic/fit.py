"""The recipe of the judge: play clicks on labelled images, gather evidence, fit a small perceptron; all in numpy.

``python -m inference.models.classic.fit INDEX.json OUT.npz`` uses the half of the images that :func:`is_for_fitting`
picks; the other half is for reports. Deterministic for the seed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.evaluation.clicks import next_click
from inference.evaluation.index import VOID, ClickTask, IndexImage, load_index, load_mask, load_pixels, tasks
from inference.models.classic.decide import best_threshold, decide
from inference.models.classic.evidence import Seeds, gather
from inference.models.classic.judge import Judge
from inference.models.classic.regions import Regions, Values, build_regions

WIDTHS = (64, 32)
_ROUNDS = 6
_SAMPLES = 160
_TASKS_OF_A_DOMAIN = 110

Samples = tuple[Values, Values, Values]
"""Evidence (s, k), target share of the object (s,), weight (s,)."""


def is_for_fitting(image: IndexImage) -> bool:
    """Half of the images by a hash of the id; frames of one video sequence stay together."""
    name = image.id.rsplit("_", 1)[0] if image.id.startswith("camvid") else image.id
    return hashlib.sha1(name.encode()).digest()[0] % 2 == 0


def fit(index: Path, passes: int = 3, seed: int = 0) -> Judge:
    """Fit a judge: the first pass sees first clicks only, the later ones play rounds with the judge so far."""
    chosen = _balanced([task for task in tasks(load_index(index)) if is_for_fitting(task.image)], seed)
    judge: Judge | None = None
    gathered: list[Samples] = []
    with ProcessPoolExecutor(2) as pool:
        for number in range(passes):
            work = partial(_play, judge=judge, seed=seed + number)
            gathered += list(chain.from_iterable(pool.map(work, chosen, chunksize=8)))
            judge = train(gathered, seed)
    assert judge is not None
    return judge


def train(gathered: Sequence[Samples], seed: int, epochs: int = 14) -> Judge:
    """Fit the perceptron to samples by Adam on the weighted cross-entropy."""
    generator = np.random.default_rng(seed)
    x, y, w = (np.concatenate([sample[part] for sample in gathered]) for part in range(3))
    mean, scale = x.mean(axis=0), x.std(axis=0)
    # a column that never changes says nothing yet
    scale = np.where(scale < 1e-4, 1e6, scale).astype(np.float32)
    sizes = (x.shape[1], *WIDTHS, 1)
    weights = [generator.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32) for a, b in pairwise(sizes)]
    parameters = [part for each in weights for part in (each, np.zeros(each.shape[1], dtype=np.float32))]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
    batch, step = 4096, 0
    total = epochs * (len(x) // batch + 1)
    for _ in range(epochs):
        order = generator.permutation(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            step += 1
            rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * step / total))
            gradients = _gradients(parameters, np.clip((x[rows] - mean) / scale, -6, 6), y[rows], w[rows])
            for p, g, (m, v) in zip(parameters, gradients, moments, strict=True):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                p -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8) + rate * 1e-4 * p
    pairs = list(zip(parameters[0::2], parameters[1::2], strict=True))
    return Judge(mean.astype(np.float32), scale, pairs)


def save(judge: Judge, path: Path) -> None:
    """Write a judge where :func:`inference.models.classic.judge.fitted_judge` can read it (half precision)."""
    arrays: dict[str, NDArray[np.generic]] = {"mean": judge.mean, "scale": judge.scale}
    for number, (weights, bias) in enumerate(judge.layers):
        arrays |= {f"weights{number}": weights.astype(np.float16), f"bias{number}": bias.astype(np.float16)}
    np.savez_compressed(path, allow_pickle=False, **arrays)


def _gradients(parameters: Sequence[Values], x: Values, y: Values, w: Values) -> list[Values]:
    activations = [x]
    for weights, bias in zip(parameters[0:-2:2], parameters[1:-2:2], strict=True):
        activations.append(np.maximum(activations[-1] @ weights + bias, 0))
    logits = (activations[-1] @ parameters[-2] + parameters[-1])[:, 0]
    error = ((1 / (1 + np.exp(-np.clip(logits, -30, 30))) - y) * w / w.sum())[:, None]
    gradients: list[Values] = []
    for layer in reversed(range(len(activations))):
        gradients = [activations[layer].T @ error, error.sum(axis=0), *gradients]
        error = (error @ parameters[2 * layer].T) * (activations[layer] > 0)
    return gradients


def _balanced(candidates: Sequence[ClickTask], seed: int) -> list[ClickTask]:
    """At most so many tasks of one source and two of one image, so that crowded sources do not rule."""
    generator = np.random.default_rng(seed)
    counts: dict[str, int] = {}
    chosen = []
    for number in generator.permutation(len(candidates)):
        task = candidates[int(number)]
        source = task.image.id.split("_")[0]
        if counts.get(source, 0) >= _TASKS_OF_A_DOMAIN or counts.get(task.image.id, 0) >= 2:
            continue
        counts[source] = counts.get(source, 0) + 1
        counts[task.image.id] = counts.get(task.image.id, 0) + 1
        chosen.append(task)
    return chosen


def _play(task: ClickTask, judge: Judge | None, seed: int) -> list[Samples]:
    cv2.setNumThreads(1)
    digest = hashlib.sha1(f"{seed} {task.image.id} {task.object_id}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    regions = build_regions(load_pixels(task.image))
    values = load_mask(task.image)
    truth, valid = values == task.object_id, values != VOID
    return list(_rounds(regions, truth, valid, judge, generator)) if truth.any() else []


def _rounds(
    regions: Regions,
    truth: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    judge: Judge | None,
    generator: np.random.Generator,
) -> Iterator[Samples]:
    flat = regions.labels.ravel()
    known = np.bincount(flat, valid.ravel(), regions.count)
    share = np.bincount(flat, truth.ravel(), regions.count) / np.maximum(known, 1)
    predicted, clicked = np.zeros_like(truth), np.zeros_like(truth)
    positive, negative = np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    before: Values | None = None
    box = None
    for turn in range(1 if judge is None else _ROUNDS):
        click = next_click(truth, predicted, valid, clicked)
        if click is None:
            return
        newest = np.array([[click.x, click.y]], dtype=np.float32)
        if turn == 0 and generator.random() < 0.15:
            box = _jittered_box(truth, generator)
            newest = np.array([[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]], dtype=np.float32)
        elif turn == 0:
            # people do not hit the very middle
            newest += generator.normal(0, 1.5, newest.shape).astype(np.float32)
        clicked[int(click.y), int(click.x)] = True
        positive, negative = (
            (np.vstack([positive, newest]), negative) if click.positive else (positive, np.vstack([negative, newest]))
        )
        seeds = Seeds(positive, negative, newest, click.positive, box, before)
        evidence = gather(regions, seeds)
        weight = known / max(float(truth.sum()), 40.0)
        likely = (share > 0) | (before > 0.3 if before is not None else False)
        chance = np.where(likely, 0.6, 0.4) * _SAMPLES / np.where(likely, max(likely.sum(), 1), max((~likely).sum(), 1))
        chance = np.minimum(chance, 1)
        rows = np.flatnonzero((generator.random(regions.count) < chance) & (known > 0))
        balance = (weight / chance)[rows]
        # far background is much of the weight and little of the mistake
        yield evidence[rows], share[rows].astype(np.float32), np.minimum(balance, 0.3).astype(np.float32)
        if judge is not None:
            before = decide(regions, seeds, judge)
            predicted = (before > best_threshold(before, regions.sizes))[regions.labels]


def _jittered_box(truth: NDArray[np.bool_], generator: np.random.Generator) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    x0, y0, x1, y1 = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    jitter = generator.normal(0, 0.04, 4) * (x1 - x0, y1 - y0, x1 - x0, y1 - y0)
    return (float(x0 + jitter[0]), float(y0 + jitter[1]), float(x1 + jitter[2]), float(y1 + jitter[3]))


if __name__ == "__main__":
    save(fit(Path(sys.argv[1])), Path(sys.argv[2]))
