"""Finding objects without being shown where: a grid of clicks, overlapping answers removed, the rest named.

The proposals of an image and their features are made once and kept with its features, so that every further phrase or
reference costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.engine import Report
from inference.models.lite.label_features import label_features
from inference.models.lite.looks import Answer
from inference.models.lite.prompt_maps import Canvas
from inference.models.lite.rounds import closer_look
from inference.models.lite.view import LiteFeatures
from inference.prompts import MaskArray
from inference.results import Frame, to_image_size

GRID = 9
"""Clicks along the longer side of the image."""

BATCH = 12
OVERLAP = 0.6
"""Of two answers with a larger IoU the better one stays."""

MOST = 32
SMALLEST_SHARE = 0.0008
LARGEST_SHARE = 0.95
UNSURE = 1.0
"""A mask is stable when raising and lowering its threshold by this logit changes it little (Kirillov et al. 2023)."""

LEAST_SCORE = 0.08


@dataclass(frozen=True, slots=True)
class Proposals:
    """Answers, best first; their masks at image size, scores in [0, 1], features for labels and ImageNet logits."""

    answers: tuple[Answer, ...]
    masks: tuple[MaskArray, ...]
    scores: NDArray[np.float32]
    features: Tensor
    logits: Tensor


def proposals_of(view: LiteFeatures, report: Report) -> Proposals:
    """The proposals of an image, from what is kept or made now."""
    if view.proposals is None:
        view.proposals = _found(view, report)
    return view.proposals


def grid_clicks(view: LiteFeatures) -> list[tuple[float, float]]:
    """Image coordinates of an even grid, GRID clicks along the longer side."""
    step = max(view.width, view.height) / GRID
    columns, rows = max(1, round(view.width / step)), max(1, round(view.height / step))
    return [
        ((column + 0.5) * view.width / columns, (row + 0.5) * view.height / rows)
        for row in range(rows)
        for column in range(columns)
    ]


def _found(view: LiteFeatures, report: Report) -> Proposals:
    clicks = grid_clicks(view)
    planes, scores = [], []
    for start in range(0, len(clicks), BATCH):
        report(0.6 * start / len(clicks), "Looking for objects")
        canvases = []
        for x, y in clicks[start : start + BATCH]:
            canvas = Canvas(*view.whole.grid)
            canvas.click(*view.whole.point(x, y), positive=True)
            canvases.append(canvas)
        logits, quality = view.answers(view.whole, canvases)
        planes.append(logits.reshape(-1, *logits.shape[2:]))
        scores.append((quality * stability(logits)).reshape(-1))
    kept = suppressed(np.concatenate(planes), np.concatenate(scores))
    refined: list[tuple[float, Answer]] = []
    for number, (plane, score) in enumerate(kept):
        report(0.6 + 0.3 * number / max(len(kept), 1), "Looking closer")
        coarse = Answer(view.whole, plane[None], np.array([score], np.float32))
        refined.append((score, closer_look(view, coarse) or coarse))
    answers: list[Answer] = []
    masks: list[MaskArray] = []
    for _, answer in sorted(refined, key=lambda pair: -pair[0]):
        mask = to_image_size(answer.logits[0], Frame(view.height, view.width, answer.sight.region)) > 0
        share = mask.mean()
        if SMALLEST_SHARE <= share <= LARGEST_SHARE and not _known(mask, masks):
            answers.append(answer)
            masks.append(mask)
    report(0.9, "Naming")
    features, imagenet = described(view, masks)
    found = np.array([float(a.quality[0]) for a in answers], np.float32)
    return Proposals(tuple(answers), tuple(masks), found, features, imagenet)


def stability(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU of the masks at thresholds UNSURE above and below zero: (n, candidates, h, w) to (n, candidates)."""
    inner = (logits > UNSURE).sum((2, 3))
    outer = (logits > -UNSURE).sum((2, 3))
    return np.asarray(inner / np.maximum(outer, 1), np.float32)


def suppressed(planes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], float]]:
    """Mask non-maximum suppression: the best planes (n, h, w) by score, at most MOST, none too like a better one."""
    masks = (planes > 0).reshape(len(planes), -1)
    areas = masks.sum(1)
    flat = masks.astype(np.float32)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        share = areas[index] / masks.shape[1]
        if scores[index] < LEAST_SCORE or not SMALLEST_SHARE <= share <= LARGEST_SHARE:
            continue
        if kept:
            shared = flat[kept] @ flat[index]
            if (shared / (areas[kept] + areas[index] - shared)).max() > OVERLAP:
                continue
        kept.append(int(index))
        if len(kept) == MOST:
            break
    return [(planes[index], float(scores[index])) for index in kept]


def _known(mask: MaskArray, masks: list[MaskArray]) -> bool:
    """Whether looking closer made two proposals the same."""
    return any((mask & other).sum() > OVERLAP * (mask | other).sum() for other in masks)


def described(view: LiteFeatures, masks: list[MaskArray]) -> tuple[Tensor, Tensor]:
    """Features and ImageNet logits of masks, in small batches."""
    parts = [label_features(view.model.backbone, view.pixels, masks[i : i + 8]) for i in range(0, len(masks), 8)]
    if not parts:
        empty = torch.zeros(0, 1)
        return empty, empty
    return torch.cat([features for features, _ in parts]), torch.cat([logits for _, logits in parts])
