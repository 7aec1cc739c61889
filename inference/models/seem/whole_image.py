"""Regions of a whole image from all object queries: panoptic, semantic or by instance (one forward serves all three).

Class logits are (queries, names + 1), the last for "background"; mask logits (queries, H, W) at image size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inference.engine import Vocabulary
from inference.models.seem.finish import instances, panoptic, semantic
from inference.results import Region

SCORE_THRESHOLD, OVERLAP = 0.4, 0.8
"""Least score of a query and least share of its mask that a panoptic segment owns, as in the official demo."""

DETECTIONS = 100
STRIP = 64
"""Rows that are decided at once: all names at image size would take gigabytes."""


def regions(kind: str, class_logits: Tensor, masks: Tensor, vocabulary: Vocabulary) -> list[Region]:
    """The regions of a kind: ``panoptic``, ``semantic`` or ``instance``."""
    made = {"panoptic": panoptic_regions, "semantic": semantic_regions, "instance": instance_regions}
    return made[kind](class_logits, masks, vocabulary)


def panoptic_regions(class_logits: Tensor, masks: Tensor, vocabulary: Vocabulary) -> list[Region]:
    """Things one by one and stuff by name; no two share a pixel."""
    ids, segments = panoptic(class_logits, masks, _things(vocabulary), SCORE_THRESHOLD, OVERLAP)
    return [
        Region((ids == each.id).cpu().numpy(), each.score, vocabulary.names[each.category], each.is_thing)
        for each in segments
    ]


def semantic_regions(class_logits: Tensor, masks: Tensor, vocabulary: Vocabulary) -> list[Region]:
    """One region a name; every pixel belongs to the name with the highest score, which is what its pixels score."""
    rows = [semantic(class_logits, strip).max(0) for strip in torch.split(masks, STRIP, 1)]
    best, scores = torch.cat([row.indices for row in rows]), torch.cat([row.values for row in rows])
    things = _things(vocabulary)
    found = []
    for index in torch.unique(best).tolist():
        inside = best == index
        score = float(scores[inside].mean().clamp(0, 1))
        found.append(Region(inside.cpu().numpy(), score, vocabulary.names[index], index in things))
    return sorted(found, key=lambda region: -region.score)


def instance_regions(class_logits: Tensor, masks: Tensor, vocabulary: Vocabulary) -> list[Region]:
    """Things only, best first; they may overlap."""
    scores, labels, inside = instances(class_logits, masks, DETECTIONS, _things(vocabulary))
    order = scores.argsort(descending=True, stable=True)
    kept = [int(i) for i in order if scores[i] > SCORE_THRESHOLD and inside[i].any()]
    return [Region(inside[i].cpu().numpy(), min(float(scores[i]), 1.0), vocabulary.names[int(labels[i])]) for i in kept]


def by_class(logits: Tensor, owners: Sequence[int]) -> Tensor:
    """Logits (…, names said + 1) with several names of a class brought to the best one: (…, classes + 1).

    ``owners`` is the class of each name that was said, ascending.
    """
    classes = owners[-1] + 1
    if len(owners) == classes:
        return logits
    index = torch.tensor([*owners, classes], device=logits.device).expand(logits.shape)
    best = logits.new_full((*logits.shape[:-1], classes + 1), -torch.inf)
    return best.scatter_reduce(-1, index, logits, "amax")


def _things(vocabulary: Vocabulary) -> frozenset[int]:
    return frozenset(i for i, name in enumerate(vocabulary.names) if name not in vocabulary.stuff)
