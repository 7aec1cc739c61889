"""Proposals for the toy world without a model: regions of even colour, as a person would cut them with a wand.

The background, holes and parts of textures are proposals as well, so that there is something to choose wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine import Capability, EngineError, EngineSpec, Image, Report, Speed, Vocabulary
from inference.engine import Features as AnyFeatures
from inference.prompts import MaskArray, PromptSet
from inference.results import LabelScores, Memory, Region, Segmentation

TOLERANCE = 7
"""Steps of 255 between neighbours that still belong together: gradients flow together, edges stop."""

LEAST = 0.002
"""Smallest region, as a share of the image."""

CLOSING = 0.05
"""Width of the gaps that are bridged for a second proposal, as a share of the side: a texture's dark tone."""


def colour_regions(pixels: NDArray[np.uint8]) -> list[MaskArray]:
    """Masks bool (H, W), largest first, of an image uint8 (H, W, 3)."""
    height, width = pixels.shape[:2]
    canvas = np.ascontiguousarray(pixels)
    taken = np.zeros((height + 2, width + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    found: list[MaskArray] = []
    for y in range(2, height, 4):
        for x in range(2, width, 4):
            if taken[y + 1, x + 1]:
                continue
            before = taken.copy()
            area, *_ = cv2.floodFill(canvas, taken, (x, y), 0, (TOLERANCE,) * 3, (TOLERANCE,) * 3, flags)
            if area < LEAST * height * width:
                continue
            region = (taken != before)[1:-1, 1:-1].astype(np.uint8)
            found.append(cv2.dilate(region, np.ones((3, 3), np.uint8)).astype(bool))
    gap = max(3, int(CLOSING * height)) | 1
    found += [
        closed
        for region in found[:]
        if np.count_nonzero(closed := _bridged(region, gap)) > 1.1 * np.count_nonzero(region)
    ]
    return sorted(found, key=np.count_nonzero, reverse=True)


def _bridged(region: MaskArray, gap: int) -> MaskArray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap))
    padded = np.pad(region.astype(np.uint8), gap)
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[gap:-gap, gap:-gap].astype(bool)


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """An image as it is."""

    pixels: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        return int(self.pixels.nbytes)


class ColourRegions:
    """The proposals as an engine, for engines that ask another one for regions."""

    spec = EngineSpec(
        name="colour-regions",
        title="Regions of even colour",
        prompts=frozenset(),
        capabilities=frozenset({Capability.EVERYTHING}),
        speed=Speed.INSTANT,
        licence="Apache-2.0",
        citation="This project's tests",
        adds="Proposals for the toy world",
    )
    fingerprint = "colour-regions-1"

    def encode(self, image: Image, report: Report) -> Pixels:
        return Pixels(image.pixels)

    def everything(self, features: AnyFeatures, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        """Regions, largest first, all of the same score."""
        assert isinstance(features, Pixels)
        return [Region(mask, 1.0) for mask in colour_regions(features.pixels)]

    def segment(self, features: AnyFeatures, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        raise EngineError("Regions of even colour take no prompts.")

    def label(self, features: AnyFeatures, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise EngineError("Regions of even colour have no names.")
