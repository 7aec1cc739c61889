"""Semantic labels of ``lite``: how well each name of a vocabulary fits a mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.models.lite.concepts import Concepts, Evidence
from inference.models.lite.label_features import LABEL_CHANNELS

IMAGENET_SHARE = 0.25
"""What the ImageNet classifier's word counts for names that the class head knows as well; alone it counts fully."""


class LabelHead(nn.Module):
    """Linear classifier over the features of ``label_features``; its softmax is calibrated."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(LABEL_CHANNELS, classes)

    def forward(self, features: Tensor) -> Tensor:
        """(n, LABEL_CHANNELS) to probabilities (n, classes)."""
        chances: Tensor = self.linear(features).softmax(-1)
        return chances


def name_scores(
    concepts: Concepts, names: Sequence[str], classes: NDArray[np.float32], imagenet: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores (n, names) in [0, 1] and the probability (n,) that no name fits.

    ``classes`` (n, C) and ``imagenet`` (n, 1000) are the probabilities of the two classifiers. A name's score is the
    mass of the outputs that speak for it. When the names overlap and claim more than everything, they share it.
    """
    count = len(classes)
    scores = np.zeros((count, len(names)), np.float32)
    for column, name in enumerate(names):
        scores[:, column] = evidence_score(concepts.evidence(name), classes, imagenet)
    total = scores.sum(1, keepdims=True)
    unknown = np.clip(1.0 - total[:, 0], 0.0, 1.0)
    return scores / np.maximum(total, 1.0), unknown.astype(np.float32)


def evidence_score(
    evidence: Evidence, classes: NDArray[np.float32], imagenet: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The probability (n,) that the outputs named by ``evidence`` give; 0 when there are none."""
    zero = np.zeros(len(classes), np.float32)
    by_class = classes[:, sorted(evidence.classes)].sum(1) if evidence.classes else zero
    by_imagenet = imagenet[:, sorted(evidence.imagenet)].sum(1) if evidence.imagenet else zero
    if evidence.classes and evidence.imagenet:
        return np.asarray((1 - IMAGENET_SHARE) * by_class + IMAGENET_SHARE * by_imagenet, np.float32)
    return np.asarray(by_class + by_imagenet, np.float32)


def probabilities(head: LabelHead, features: Tensor, logits: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of the class head and of the ImageNet classifier, as arrays."""
    with torch.inference_mode():
        classes = head(features)
    return classes.float().cpu().numpy(), logits.softmax(-1).float().cpu().numpy()
