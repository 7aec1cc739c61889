"""Meaning: labels for masks, and proposals ranked by a phrase or by a region of another image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inference.engine import Report, UnusablePrompts, Vocabulary
from inference.models.lite import concepts
from inference.models.lite.backbone import HEAD_CHANNELS
from inference.models.lite.finding import Proposals, described, proposals_of
from inference.models.lite.label_features import label_features
from inference.models.lite.labels import LabelHead, evidence_score, name_scores, probabilities
from inference.models.lite.looks import Answer
from inference.models.lite.model import LiteModel
from inference.models.lite.view import LiteFeatures
from inference.prompts import MaskArray, Reference, Text
from inference.results import LabelScores

SHOWN = 5
"""So many finds are offered at most."""

QUALITY_WEIGHT = 0.5
"""The exponent of the expected IoU in the rank of a find: what it is counts more than how clean it is."""

LEAST_LIKELY = 0.02
"""Finds less likely than this to be what was asked for are not offered."""

DIRECTIONS = {
    frozenset({"left", "leftmost"}): (-1.0, 0.0),
    frozenset({"right", "rightmost"}): (1.0, 0.0),
    frozenset({"top", "upper", "topmost", "above"}): (0.0, -1.0),
    frozenset({"bottom", "lower", "bottommost", "below"}): (0.0, 1.0),
}
"""Words about the place in the image and where they point (across, down)."""

LARGE, SMALL = frozenset({"largest", "biggest", "big", "large"}), frozenset({"smallest", "small", "tiny"})
STEEPNESS = 8.0
"""How decided the words about places are: at a quarter of the image off the centre they give 0.88."""


class Meaning:
    """The label side of one model."""

    def __init__(self, model: LiteModel, head: LabelHead) -> None:
        self._model, self._head = model, head
        self._concepts = concepts.packaged(model.classes)

    def label(self, view: LiteFeatures, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        """Scores of every name for every mask; an empty mask is unknown."""
        scores = np.zeros((len(masks), len(vocabulary.names)), np.float32)
        unknown = np.ones(len(masks), np.float32)
        rows = [row for row, mask in enumerate(masks) if mask.any()]
        if rows:
            features, logits = described(view, [masks[row] for row in rows])
            scores[rows], unknown[rows] = self.scores(features, logits, vocabulary.names)
        return LabelScores(vocabulary.names, scores, unknown)

    def scores(
        self, features: Tensor, logits: Tensor, names: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores (n, names) and the unknown's share (n,) of described masks."""
        return name_scores(self._concepts, names, *probabilities(self._head, features, logits))

    def find_text(self, view: LiteFeatures, text: Text, report: Report) -> list[tuple[float, Answer]]:
        """What a phrase means in this image, best first, with scores in [0, 1]. Raises UnusablePrompts."""
        name, evidence = self._concepts.evidence_in_phrase(text.text)
        if evidence.is_empty:
            raise UnusablePrompts(f"Lite does not know any word of “{text.text}”.")
        report(0.0, f"Looking for {name}")
        found = proposals_of(view, report)
        if not found.answers:
            return []
        likely = evidence_score(evidence, *probabilities(self._head, found.features, found.logits))
        return _ranked(found, likely, place_weights(text.text, found.masks))

    def find_like(self, view: LiteFeatures, reference: Reference, report: Report) -> list[tuple[float, Answer]]:
        """What looks like a region of another image, best first, with scores in [0, 1]. Raises UnusablePrompts."""
        if not reference.mask.any():
            raise UnusablePrompts("The region of the reference image is empty.")
        found = proposals_of(view, report)
        if not found.answers:
            return []
        features, logits = label_features(self._model.backbone, reference.pixels, [reference.mask])
        wanted, _ = probabilities(self._head, features, logits)
        classes, _ = probabilities(self._head, found.features, found.logits)
        same_class = np.sqrt(classes * wanted).sum(1)
        looks = found.features[:, :HEAD_CHANNELS]
        centre = looks.mean(0) if len(looks) > 1 else torch.zeros_like(looks[0])
        cosine = F.cosine_similarity(looks - centre, features[:, :HEAD_CHANNELS] - centre).clamp(min=0).cpu().numpy()
        return _ranked(found, np.asarray((same_class + cosine) / 2, np.float32))


def place_weights(phrase: str, masks: Sequence[MaskArray]) -> NDArray[np.float32]:
    """How well each mask's place and size fit the words of a phrase about them, float32 (n,) in (0, 1]."""
    weights = np.ones(len(masks), np.float32)
    words = set(phrase.lower().replace(",", " ").split())
    shares = np.array([mask.mean() for mask in masks])
    centres = np.array([_centre(mask) for mask in masks])
    for names, direction in DIRECTIONS.items():
        if words & names:
            weights *= 1 / (1 + np.exp(-STEEPNESS * ((centres - 0.5) @ np.array(direction))))
    if words & LARGE:
        weights *= shares / shares.max()
    if words & SMALL:
        weights *= shares.min() / shares
    return weights


def _centre(mask: MaskArray) -> tuple[float, float]:
    """The mean column and row of a mask that is not empty, as parts of the image's width and height."""
    rows, columns = np.nonzero(mask)
    return float(columns.mean()) / mask.shape[1], float(rows.mean()) / mask.shape[0]


def _ranked(
    found: Proposals, likely: NDArray[np.float32], fits: NDArray[np.float32] | float = 1.0
) -> list[tuple[float, Answer]]:
    rank = likely * found.scores**QUALITY_WEIGHT * fits
    order = [int(i) for i in np.argsort(-rank, kind="stable") if likely[i] >= LEAST_LIKELY]
    return [(float(rank[i]), found.answers[i]) for i in order[:SHOWN]]
