"""Results: what an engine answers (design.md §3). Everything here is immutable, picklable and free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.prompts import MaskArray

Logits: TypeAlias = NDArray[np.float32]
"""Mask logits, float32 (h, w); the object is where the value is > 0; sigmoid gives the probability."""

OUTSIDE_LOGIT = -20.0
"""The logit of pixels that a map does not cover: certainly background."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a map lies in the image: it is stretched over ``region`` (xyxy, image coordinates)."""

    height: int
    width: int
    region: tuple[float, float, float, float]

    @staticmethod
    def whole(height: int, width: int) -> Frame:
        """The frame of a map that covers the whole image of that size."""
        return Frame(height, width, (0.0, 0.0, float(width), float(height)))


def to_image_size(logits: Logits, frame: Frame) -> Logits:
    """Resample a map to the image: the one place where masks change size.

    Pixel centres are mapped by the corner convention (bilinear, ``align_corners=False``); pixels outside the frame's
    region get :data:`OUTSIDE_LOGIT`. Returns float32 (frame.height, frame.width).
    """
    x0, y0, x1, y1 = frame.region
    h, w = logits.shape
    if (x0, y0, x1, y1) == (0.0, 0.0, frame.width, frame.height):
        if (h, w) == (frame.height, frame.width):
            return logits
        return cv2.resize(logits, (frame.width, frame.height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    sx, sy = w / (x1 - x0), h / (y1 - y0)
    # cv2 samples at pixel indices, ours are corners: index = (i + 0.5 - origin) * scale - 0.5
    matrix = np.array([[sx, 0, (0.5 - x0) * sx - 0.5], [0, sy, (0.5 - y0) * sy - 0.5]], dtype=np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    full = cv2.warpAffine(logits, matrix, (frame.width, frame.height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    rows = np.arange(frame.height) + 0.5
    columns = np.arange(frame.width) + 0.5
    full[(rows < y0) | (rows >= y1), :] = OUTSIDE_LOGIT
    full[:, (columns < x0) | (columns >= x1)] = OUTSIDE_LOGIT
    return full.astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class Label:
    """A class name with its score in [0, 1]."""

    name: str
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One mask proposed for the session: logits at any size, their place in the image, and the expected IoU.

    ``score`` is in [0, 1]; ``calibrated`` says whether the logits are real probabilities (then the uncertainty view
    may show them); ``engine`` names who made it.
    """

    logits: Logits
    frame: Frame
    score: float
    engine: str
    labels: tuple[Label, ...] = ()
    calibrated: bool = True

    def mask(self) -> MaskArray:
        """The boolean mask at image size, bool (height, width)."""
        return to_image_size(self.logits, self.frame) > 0

    def probability(self) -> Logits:
        """Foreground probability at image size, float32 in [0, 1]."""
        return (1.0 / (1.0 + np.exp(-to_image_size(self.logits, self.frame)))).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What an engine wants back in the next round (SEEM's memory prompt, SAM's low-resolution logits, …).

    Opaque to the caller, who keeps one per round so that undo restores it. An engine ignores another engine's memory.
    """

    engine: str
    arrays: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ignored:
    """Prompts that the engine does not take: how many of which kind, for the sentence of ux.md §13."""

    kind: str
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """The answer to one round: candidates, best first (empty when nothing was found), and the memory for the next.

    ``notes`` are sentences for the person about this answer: what was understood, why it may be wrong.
    """

    candidates: tuple[Candidate, ...]
    memory: Memory | None = None
    ignored: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One region of a whole-image run: a boolean mask at image size, score, optional label; stuff or thing."""

    mask: MaskArray
    score: float
    label: str | None = None
    is_thing: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class LabelScores:
    """Scores of shape (masks, names) in [0, 1], float32, in the order of the vocabulary's names.

    ``unknown`` (masks,) is the probability that no name of the vocabulary fits.
    """

    names: tuple[str, ...]
    scores: NDArray[np.float32]
    unknown: NDArray[np.float32]

    def ranked(self, row: int, count: int = 5) -> tuple[Label, ...]:
        """The ``count`` best names for one mask, best first."""
        order = np.argsort(-self.scores[row], kind="stable")[:count]
        return tuple(Label(self.names[i], float(self.scores[row, i])) for i in order)
