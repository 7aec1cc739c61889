"""What TCL keeps of an image: the features of its windows, in half precision, and what any texts make of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.models.tcl import pamr
from inference.models.tcl.model import PRESERVED, Tcl, TclFeatures
from inference.models.tcl.windows import averaged
from inference.prompts import MaskArray

TEXTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Window:
    """A window's place in the resized image, and its features."""

    rows: slice
    columns: slice
    features: TclFeatures

    def single(self) -> TclFeatures:
        """The features to compute with."""
        kept = self.features
        return replace(kept, grounded=kept.grounded.float(), frozen=kept.frozen.float(), affinity=kept.affinity.float())


@dataclass(frozen=True, slots=True, eq=False)
class TclSight:
    """All windows of an image of ``height`` x ``width`` pixels that was resized to ``rows`` x ``columns``."""

    windows: tuple[Window, ...]
    height: int
    width: int
    rows: int
    columns: int

    @property
    def nbytes(self) -> int:
        return sum(
            each.nbytes
            for window in self.windows
            for each in (window.features.grounded, window.features.frozen, window.features.affinity)
        )

    def counts(self) -> NDArray[np.float32]:
        """How many windows show each pixel of the resized image."""
        counts = np.zeros((self.rows, self.columns), np.float32)
        for window in self.windows:
            counts[window.rows, window.columns] += 1
        return counts


def halved(features: TclFeatures) -> TclFeatures:
    """The features as they are kept."""
    return replace(
        features, grounded=features.grounded.half(), frozen=features.frozen.half(), affinity=features.affinity.half()
    )


def probabilities(
    model: Tcl, sight: TclSight, texts: Tensor, refined: bool, least: float = 0.0
) -> tuple[Tensor, list[int]]:
    """Probabilities float (n, rows, columns) in 0..1 of the texts (N, D) that may exceed ``least`` anywhere, and
    which these are. The others are not refined at all: refining never raises a mask's maximum.
    """
    seen = [
        (window, model.soft_masks(features, texts), model.frozen_masks(features, texts))
        for window, features in ((window, window.single()) for window in sight.windows)
    ]
    most = torch.stack(
        [(1 - PRESERVED) * soft.amax((0, 2, 3)) + PRESERVED * frozen.amax((0, 2, 3)) for _, soft, frozen in seen]
    ).amax(0)
    hopeful = (most > least).nonzero()[:, 0]
    if not len(hopeful):
        return torch.zeros(0, sight.rows, sight.columns, device=texts.device), []
    rounds = pamr.ITERATIONS if refined else 0

    def parts() -> Iterator[tuple[slice, slice, Tensor]]:
        for window, soft, frozen in seen:
            kept = window.features
            features = replace(kept, affinity=kept.affinity.float())
            found = model.finished(features, soft[:, hopeful], frozen[:, hopeful], rounds)
            yield window.rows, window.columns, found[0]

    return averaged(parts(), sight.rows, sight.columns), hopeful.tolist()


def winning(model: Tcl, sight: TclSight, texts: Tensor, refined: bool, least: float) -> tuple[Tensor, list[int]]:
    """As :func:`probabilities`, but only of the texts that are the best somewhere and exceed ``least`` there.

    Texts are taken in portions, so that long lists need no more memory than short ones.
    """
    maps, order = torch.zeros(0, sight.rows, sight.columns, device=texts.device), list[int]()
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        found, which = probabilities(model, sight, texts[start : start + TEXTS_AT_ONCE], refined, least)
        maps, order = torch.cat([maps, found]), [*order, *(start + index for index in which)]
        if order:
            most, owner = maps.max(0)
            kept = [int(row) for row in torch.unique(owner[most > least])]
            maps, order = maps[kept], [order[row] for row in kept]
    return maps, order


def pooled(model: Tcl, sight: TclSight, masks: list[MaskArray], texts: Tensor) -> tuple[Tensor, Tensor]:
    """How well texts (N, D) name masks that are not empty: cosines (M, N) of the embeddings averaged inside each mask,
    and the mean probability (M,) there of the best text. Pixels that several windows show count once.

    The cosines are the quantity that the loss TCLf trains.
    """
    small = np.stack([_resized(mask, sight.rows, sight.columns) for mask in masks]) / sight.counts()
    coverage = torch.from_numpy(small).to(texts.device)
    sums = torch.zeros(len(masks), texts.shape[1], device=texts.device)
    weights: list[tuple[Window, Tensor]] = []
    for window in sight.windows:
        inside = model.on_grid(window.features, coverage[:, window.rows, window.columns])
        weights.append((window, inside))
        sums += torch.einsum("dhw,mhw->md", window.features.grounded[0].float(), inside)
    cosines = torch.nn.functional.normalize(sums, dim=-1, eps=1e-6) @ texts.T
    named, places = torch.unique(cosines.argmax(1), return_inverse=True)
    found, total = torch.zeros(2, len(masks), device=texts.device)
    for window, inside in weights:
        chances = model.soft_masks(window.single(), texts[named])[0]
        found += (chances[places] * inside).sum((1, 2))
        total += inside.sum((1, 2))
    return cosines, found / (total + 1e-6)


def _resized(mask: MaskArray, rows: int, columns: int) -> NDArray[np.float32]:
    """The share of each pixel of the resized image that the mask covers."""
    small = cv2.resize(mask.view(np.uint8) * np.uint8(255), (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)
