"""The baseline that click figures are set beside: plain GrabCut seeded by disks (Rother et al. 2004, OpenCV's)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine import EngineError, EngineSpec, Features, Image, Report, Speed, UnusablePrompts, Vocabulary
from inference.prompts import MaskArray, Point, PromptKind, PromptSet
from inference.results import Candidate, Frame, LabelScores, Memory, Region, Segmentation

_LONG_SIDE = 320
"""Longer images are reduced to this: a cut of more pixels takes above a second per click."""

_SURE_RADIUS = 0.02
_LIKELY_RADIUS = 0.2
_ITERATIONS = 3

SPEC = EngineSpec(
    name="plain-grabcut",
    title="Plain GrabCut (baseline)",
    prompts=frozenset({PromptKind.POINT}),
    capabilities=frozenset(),
    speed=Speed.SECONDS,
    licence="Apache-2.0",
    citation="Rother, Kolmogorov and Blake, GrabCut (SIGGRAPH 2004)",
    adds="Nothing: a measure for the others",
)


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    small: NDArray[np.uint8]
    height: int
    width: int

    @property
    def nbytes(self) -> int:
        return int(self.small.nbytes)


class PlainGrabCut:
    """Disks round the clicks are sure, a wide disk round positive clicks is likely object, the rest likely not."""

    spec = SPEC
    fingerprint = "plain-grabcut-1"

    def encode(self, image: Image, report: Report) -> _Pixels:
        factor = min(1.0, _LONG_SIDE / max(image.height, image.width))
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        small = cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        return _Pixels(small, image.height, image.width)

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        assert isinstance(features, _Pixels)
        clicks = [each for each in prompts if isinstance(each, Point)]
        if not any(each.positive for each in clicks):
            raise UnusablePrompts("Plain GrabCut needs a positive point.")
        h, w = features.small.shape[:2]
        trimap = np.full((h, w), cv2.GC_PR_BGD, dtype=np.uint8)
        diagonal = float(np.hypot(h, w))
        at = [(int(each.x * w / features.width), int(each.y * h / features.height)) for each in clicks]
        for place, each in zip(at, clicks, strict=True):
            if each.positive:
                cv2.circle(trimap, place, round(_LIKELY_RADIUS * diagonal), cv2.GC_PR_FGD, -1)
        for place, each in zip(at, clicks, strict=True):
            sure = cv2.GC_FGD if each.positive else cv2.GC_BGD
            cv2.circle(trimap, place, max(1, round(_SURE_RADIUS * diagonal)), sure, -1)
        cv2.setRNGSeed(0)
        background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
        if (trimap & 1).all() or not (trimap & 1).any():
            found = (trimap & 1) == 1
        else:
            cv2.grabCut(
                features.small, trimap, (0, 0, 1, 1), background, foreground, _ITERATIONS, cv2.GC_INIT_WITH_MASK
            )
            found = (trimap & 1) == 1
        logits = np.where(found, 4.0, -4.0).astype(np.float32)
        frame = Frame.whole(features.height, features.width)
        return Segmentation((Candidate(logits, frame, 0.5, SPEC.name, calibrated=False),))

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise EngineError("Plain GrabCut needs prompts.")

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise EngineError("Plain GrabCut does not name objects.")
