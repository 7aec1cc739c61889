"""Proposals out of the attention map alone: pieces that hold together over many of its levels.

The published weight-free proposals are the whole map cut at 19 levels (``scores.level_masks``); two things of one look
are then one mask. The specification allows connected components as an addition of ours (refdiff.md §3). A nest of such
pieces, one within the other from level to level, is one thing seen at several extents: of each nest one extent is kept,
the one whose attention score and persistence are best together, much as maximally stable regions are found.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.refdiff.scores import LEVELS
from inference.prompts import MaskArray

SMALLEST = 0.005
"""Share of the picture that a piece must have."""

SAME = 0.8
"""Pieces of two levels with a larger IoU are the same piece, which persists."""

NESTED = 0.9
"""Of two pieces of one nest this share of the smaller lies in the larger one."""

PERSISTENCE = 0.3
"""Weight of the share of levels at which a piece persists, beside its attention score. Chosen on toy scenes."""

BACKGROUND = 0.25
"""A piece on more than this share of the picture's border is taken for background as long as there are others."""

MOST = 40
"""Pieces that are offered at most."""

_SIDE = 128
"""Pieces are compared on a grid of at most this many points a side: the map has 32 cells a side at most."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A component: its label (H, W) among those of its level, and its number there."""

    labels: NDArray[np.int32]
    number: int

    def mask(self, step: int = 1) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.labels[::step, ::step] == self.number
        return found


def pieces(heat: NDArray[np.floating]) -> MaskArray:
    """Pieces bool (n, H, W), n >= 1, of a map (H, W) in [0, 1], best first; the whole picture of a map without any."""
    found = _components(heat)
    if not found:
        return np.ones((1, *heat.shape), bool)
    step = -(-max(heat.shape) // _SIDE)
    seen = np.stack([each.mask(step).ravel() for each in found]).astype(np.float32)
    sizes = np.maximum(seen.sum(1), 1)
    both = seen @ seen.T
    persists = (both > SAME * (sizes[:, None] + sizes - both)).sum(1) / len(LEVELS)
    values = heat[::step, ::step].ravel().astype(np.float32)
    inside = seen @ values
    attention = inside / sizes - (values.sum() - inside) / np.maximum(values.size - sizes, 1)
    quality = attention + PERSISTENCE * persists
    outside = np.array([_on_border(each.mask()) > BACKGROUND for each in found])
    if not outside.all():
        quality[outside] = -np.inf
    nested = both > NESTED * np.minimum(sizes[:, None], sizes)
    chosen: list[int] = []
    for index in np.argsort(-quality, kind="stable"):
        if quality[index] == -np.inf or len(chosen) == MOST:
            break
        if not nested[index, chosen].any():
            chosen.append(int(index))
    return np.stack([found[index].mask() for index in chosen])


def _components(heat: NDArray[np.floating]) -> list[_Piece]:
    """The 8-connected components of the map cut at each level, without tiny ones."""
    found = []
    for level in LEVELS:
        above = (heat.astype(np.float64) >= level).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
        areas = stats[:, cv2.CC_STAT_AREA]
        found += [_Piece(np.asarray(labels, np.int32), n) for n in range(1, count) if areas[n] >= SMALLEST * heat.size]
    return found


def _on_border(mask: NDArray[np.bool_]) -> float:
    """Which share of the pixels along the picture's border is in the mask."""
    border = np.concatenate((mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    return float(border.mean())
