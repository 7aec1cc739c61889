"""The recipe of the judges: play clicks on labelled images, gather evidence, fit small perceptrons; all in numpy.

``python -m inference.models.classic.fit INDEX.json FOLDER [WORKERS]`` uses the half of the images that
:func:`is_for_fitting` picks; the other half is for reports. It writes ``judge.npz`` (regions) and ``borders.npz``
(pixels). Deterministic for the seed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.evaluation.clicks import iou, next_click
from inference.evaluation.index import VOID, ClickTask, IndexImage, load_index, load_mask, load_pixels, tasks
from inference.models.classic.borders import Band
from inference.models.classic.decide import best_threshold, tallied
from inference.models.classic.judge import Judge, Judges
from inference.models.classic.regions import Values
from inference.models.classic.rounds import Round, Sight, play
from inference.models.classic.view import View, look
from inference.prompts import Box, MaskArray, Point, Prompt

EVIDENCE = 50
"""How many numbers the judge of the regions is given."""

_REGION_WIDTHS, _PIXEL_WIDTHS = (64, 32), (40, 20)
_REGION_SAMPLES, _PIXEL_SAMPLES = 160, 160
_SEQUENCE_SALT = "sequence "
_TASKS = {"photo": 130, "people": 38, "street": 32, "nonphoto": 17, "thin": 13}
_ROUNDS = (1, 6, 7)
"""How many rounds each pass plays: first clicks under a judge that knows nothing, then against the judges so far."""

_BOXES = 0.25
_ENOUGH = 0.94
_IGNORANT = Judge(
    np.zeros(EVIDENCE, dtype=np.float32),
    np.ones(EVIDENCE, dtype=np.float32),
    [(np.zeros((EVIDENCE, 1), dtype=np.float32), np.zeros(1, dtype=np.float32))],
)

Samples = tuple[Values, Values, Values]
"""Evidence (s, k), target share of the object (s,), weight (s,)."""


def is_for_fitting(image: IndexImage) -> bool:
    """Half of the images by a hash of the id, video sequences as a whole by a hash of the sequence's name."""
    name = image.id
    if name.startswith("camvid"):
        # with a salt of its own: the bare names of all three sequences happen to fall on one side
        name = _SEQUENCE_SALT + name.rsplit("_", 1)[0]
    return hashlib.sha1(name.encode()).digest()[0] % 2 == 0


def fit(index: Path, workers: int = 1, seed: int = 0) -> Judges:
    """Fit the judges in three passes; each judge learns from what the passes so far have seen."""
    chosen = _balanced([task for task in tasks(load_index(index)) if is_for_fitting(task.image)], seed)
    judges = Judges(_IGNORANT, None)
    of_regions: list[Samples] = []
    of_pixels: list[Samples] = []
    with ProcessPoolExecutor(workers) as pool:
        for number, rounds in enumerate(_ROUNDS):
            # the first passes only have to bring the judges into the neighbourhood
            part = chosen if number == len(_ROUNDS) - 1 else chosen[::2]
            work = partial(_play, judges=judges, seed=seed + number, rounds=rounds)
            for done, (regions, pixels) in enumerate(pool.map(work, part, chunksize=4), 1):
                of_regions += regions
                of_pixels += pixels if number else []
                if done % 25 == 0:
                    print(f"pass {number + 1}: {done} of {len(part)} tasks", file=sys.stderr, flush=True)
            fitted = train(of_regions, seed, _REGION_WIDTHS)
            judges = Judges(fitted, train(of_pixels, seed, _PIXEL_WIDTHS) if number else None)
    return judges


def train(gathered: Sequence[Samples], seed: int, widths: Sequence[int], epochs: int = 14) -> Judge:
    """Fit the perceptron to samples by Adam on the weighted cross-entropy."""
    generator = np.random.default_rng(seed)
    x, y, w = (np.concatenate([sample[part] for sample in gathered]) for part in range(3))
    mean, scale = x.mean(axis=0), x.std(axis=0)
    # a column that never changes says nothing yet
    scale = np.where(scale < 1e-4, 1e6, scale).astype(np.float32)
    sizes = (x.shape[1], *widths, 1)
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
    """Write a judge where :func:`inference.models.classic.judge.fitted_judges` can read it (half precision)."""
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
    """So many tasks of each domain and at most two of one image, so that crowded sources do not rule."""
    generator = np.random.default_rng(seed)
    counts: dict[str, int] = {}
    chosen = []
    for number in generator.permutation(len(candidates)):
        task = candidates[int(number)]
        domain = f"domain {task.domain}"
        if counts.get(domain, 0) >= _TASKS.get(task.domain, 50) or counts.get(task.image.id, 0) >= 2:
            continue
        counts[domain] = counts.get(domain, 0) + 1
        counts[task.image.id] = counts.get(task.image.id, 0) + 1
        chosen.append(task)
    return chosen


@dataclass(eq=False)
class _Learner:
    """Sees the evidence of every round and notes samples of it with what the labels say."""

    truth: MaskArray
    valid: MaskArray
    generator: np.random.Generator
    regions: list[Samples] = field(default_factory=list)
    pixels: list[Samples] = field(default_factory=list)

    def __call__(self, view: View, evidence: Values, doubted: Band | None) -> None:
        x0, y0, x1, y1 = view.area
        h, w = view.regions.labels.shape

        def seen(mask: MaskArray) -> Values:
            part = mask[y0:y1, x0:x1].astype(np.float32)
            return cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)

        truth, valid = seen(self.truth), seen(self.valid)
        known = view.regions.averages(valid) * view.regions.sizes
        share = view.regions.averages(truth) * view.regions.sizes / np.maximum(known, 1e-3)
        size = max(float(truth.sum()), 40.0)
        likely = share > 0
        chance = np.where(likely, 0.6, 0.4) * _REGION_SAMPLES / np.where(likely, likely.sum(), (~likely).sum())
        chance = np.minimum(chance, 1)
        rows = np.flatnonzero((self.generator.random(len(share)) < chance) & (known >= 0.5))
        # far background is much of the weight and little of the mistake
        weights = np.minimum(known[rows] / size / chance[rows], 0.3)
        self.regions.append((evidence[rows], share[rows].astype(np.float32), weights.astype(np.float32)))
        if doubted is not None and len(doubted.at):
            usable = np.flatnonzero(valid.ravel()[doubted.at] > 0.5)
            rows = self.generator.permutation(usable)[:_PIXEL_SAMPLES]
            weight = min(len(usable) / size, 1.0) / _PIXEL_SAMPLES
            targets = truth.ravel()[doubted.at[rows]]
            self.pixels.append((doubted.evidence[rows], targets, np.full(len(rows), weight, dtype=np.float32)))


def _play(task: ClickTask, judges: Judges, seed: int, rounds: int) -> tuple[list[Samples], list[Samples]]:
    cv2.setNumThreads(1)
    digest = hashlib.sha1(f"{seed} {task.image.id} {task.object_id}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    pixels, values = load_pixels(task.image), load_mask(task.image)
    truth, valid = values == task.object_id, values != VOID
    height, width = truth.shape
    sight = Sight(pixels, look(pixels, (0, 0, width, height)))
    learner = _Learner(truth, valid, generator)
    predicted, clicked = np.zeros_like(truth), np.zeros_like(truth)
    taken: list[Prompt] = []
    found: Round | None = None
    for turn in range(rounds):
        click = next_click(truth, predicted, valid, clicked)
        if click is None:
            break
        clicked[int(click.y), int(click.x)] = True
        if turn == 0 and generator.random() < _BOXES:
            taken.append(_jittered_box(truth, generator))
        else:
            # people do not hit the very middle
            x, y = np.array([click.x, click.y]) + generator.normal(0, 1.5 if turn == 0 else 0.5, 2)
            taken.append(
                Point(float(np.clip(x, 0.5, width - 0.5)), float(np.clip(y, 0.5, height - 0.5)), click.positive)
            )
        found = play(sight, taken, found, judges, learner)
        predicted = _shown(found, height, width)
        if iou(predicted, truth, valid) > _ENOUGH:
            break
    return learner.regions, learner.pixels


def _shown(found: Round, height: int, width: int) -> MaskArray:
    """The mask of a round at image size."""
    mask = found.probability > best_threshold(*tallied(found.probability))
    x0, y0, x1, y1 = found.view.area
    shown = np.zeros((height, width), dtype=np.bool_)
    shown[y0:y1, x0:x1] = cv2.resize(mask.astype(np.uint8), (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST) > 0
    return shown


def _jittered_box(truth: NDArray[np.bool_], generator: np.random.Generator) -> Box:
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    x0, y0, x1, y1 = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    jitter = generator.normal(0, 0.04, 4) * (x1 - x0, y1 - y0, x1 - x0, y1 - y0)
    left, top, right, bottom = (np.array([x0, y0, x1, y1]) + jitter).tolist()
    return Box(left, top, max(right, left + 1), max(bottom, top + 1))


if __name__ == "__main__":
    result = fit(Path(sys.argv[1]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    save(result.regions, Path(sys.argv[2]) / "judge.npz")
    assert result.pixels is not None
    save(result.pixels, Path(sys.argv[2]) / "borders.npz")
