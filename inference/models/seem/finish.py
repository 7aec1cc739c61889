"""From mask logits at 1/4 of the padded input to masks at another size, and from queries to regions of the image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.models.seem.sight import resized


@dataclass(frozen=True, slots=True)
class Segment:
    """One region of a panoptic map: ``id`` in the map, index of its name, thing or stuff, score in [0, 1]."""

    id: int
    category: int
    is_thing: bool
    score: float


def cropped(logits: Tensor, padded: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Logits (B, n, h, w) of the padded input, at input resolution without the padding: (B, n, *size)."""
    return resized(logits, padded)[:, :, : size[0], : size[1]]


def enlarged(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic with antialiasing, as the official whole-image and referring results are brought to image size."""
    return F.interpolate(logits, size=size, mode="bicubic", align_corners=False, antialias=True)


def semantic(class_logits: Tensor, masks: Tensor) -> Tensor:
    """Scores (classes, H, W) of class logits (Q, classes + 1, the last for "background") and mask logits (Q, H, W)."""
    return torch.einsum("qc,qhw->chw", class_logits.softmax(-1)[:, :-1], masks.sigmoid())


def panoptic(
    class_logits: Tensor, masks: Tensor, things: frozenset[int], threshold: float, overlap: float
) -> tuple[Tensor, list[Segment]]:
    """Ids int32 (H, W), 0 where no one owns a pixel, and the segments.

    ``threshold`` is the least score of a query; ``overlap`` the least share of its mask that a segment must own.
    Stuff segments of one class are merged.
    """
    scores, labels = class_logits.softmax(-1).max(-1)
    keep = (labels != class_logits.shape[1] - 1) & (scores > threshold)
    ids = torch.zeros(masks.shape[1:], dtype=torch.int32, device=masks.device)
    if not keep.any():
        return ids, []
    scores, labels, probabilities = scores[keep], labels[keep], masks[keep].sigmoid()
    owners = (scores[:, None, None] * probabilities).argmax(0)
    segments: list[Segment] = []
    merged: dict[int, int] = {}
    for index, (score, label) in enumerate(zip(scores.tolist(), labels.tolist(), strict=True)):
        inside = probabilities[index] >= 0.5
        owned = owners == index
        segment = owned & inside
        whole = int(inside.sum())
        if not whole or not segment.any() or int(owned.sum()) / whole < overlap:
            continue
        is_thing = label in things
        if not is_thing and label in merged:
            ids[segment] = merged[label]
            continue
        segments.append(Segment(len(segments) + 1, label, is_thing, score))
        ids[segment] = len(segments)
        if not is_thing:
            merged[label] = len(segments)
    return ids, segments


def instances(
    class_logits: Tensor, masks: Tensor, count: int, things: frozenset[int] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The ``count`` best pairs of query and class: scores (n,), classes (n,) and bool masks (n, H, W).

    The score is that of the class times the mean probability inside the mask. ``things`` keeps only those classes.
    """
    probabilities = class_logits.softmax(-1)[:, :-1]
    classes = probabilities.shape[1]
    scores, order = probabilities.flatten().topk(min(count, probabilities.numel()), sorted=False)
    labels, logits = order % classes, masks[order // classes]
    if things is not None:
        kept = torch.tensor([label in things for label in labels.tolist()], dtype=torch.bool, device=labels.device)
        scores, labels, logits = scores[kept], labels[kept], logits[kept]
    inside = logits > 0
    weight = inside.float()
    quality = (logits.sigmoid() * weight).sum((1, 2)) / (weight.sum((1, 2)) + 1e-6)
    return scores * quality, labels, inside
