"""Automatic masks: a grid of clicks, the sure and stable answers, each object once (Kirillov et al. 2023, appendix B).

The steps and the numbers are those of the official generator; the model that is asked is not part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools import mask as run_lengths
from torch import Tensor
from torchvision.ops import nms  # type: ignore[import-untyped]

from inference.engine import Preview, Report
from inference.prompts import MaskArray

Rectangle = tuple[int, int, int, int]
Seen = TypeVar("Seen")

FINDING = "Finding masks"


@dataclass(frozen=True, slots=True)
class Settings:
    """``points`` per side of the grid; the least predicted IoU and stability; how much the bounding boxes of two masks
    may overlap (IoU), within a crop and between crops; ``layers`` of crops beyond the whole image, each with four times
    as many and, by ``fewer_points``, a coarser grid; ``overlap`` of crops in parts of the shorter side.
    """

    points: int = 32
    least_score: float = 0.88
    least_stability: float = 0.95
    stability_offset: float = 1.0
    box_overlap: float = 0.7
    layers: int = 0
    crop_overlap: float = 0.7
    overlap: float = 512 / 1500
    fewer_points: int = 1


SAM = Settings()
"""The official defaults, chosen for ViT-H."""

EDGE = 20.0
"""A mask whose box ends this close to the edge of a crop is cut off there: another crop has it whole."""

PIXELS_AT_ONCE = 32_000_000
"""Masks are brought to image size in batches of this many pixels."""


class Probe(Protocol[Seen]):
    """A model that can be asked. ``Seen`` is what it keeps of an image or crop."""

    @property
    def at_once(self) -> int:
        """Clicks in a batch: the time between two reports."""
        ...

    def look(self, pixels: NDArray[np.uint8]) -> Seen: ...

    def size(self, seen: Seen) -> tuple[int, int]:
        """Height and width of what was looked at, in pixels."""
        ...

    def click(self, seen: Seen, points: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """One mask per click and reading: logits (n, readings, h, w) and predicted IoUs (n, readings)."""
        ...

    def enlarged(self, seen: Seen, low: Tensor) -> Tensor:
        """Logits (k, h, w) at the size of what was looked at."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A mask at image size, its predicted IoU and stability, and the click and crop it is from (image coordinates)."""

    mask: MaskArray
    score: float
    stability: float
    point: tuple[float, float]
    crop: Rectangle


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A mask that passed: run lengths within its crop, and its box (first and last pixel) in the image."""

    runs: dict[str, object]
    box: Rectangle
    score: float
    stability: float
    point: tuple[float, float]
    crop: Rectangle


def automatic_masks(
    probe: Probe[Seen], pixels: NDArray[np.uint8], settings: Settings, report: Report
) -> list[Proposal]:
    """Masks of what can be seen in RGB pixels (height, width, 3), small crops before large, best first within each."""
    height, width = pixels.shape[:2]
    crops = crop_boxes(height, width, settings.layers, settings.overlap)
    kept: list[_Kept] = []
    for number, (crop, layer) in enumerate(crops):
        report(number / len(crops), "Looking at the image")
        x0, y0, x1, y1 = crop
        seen = probe.look(np.ascontiguousarray(pixels[y0:y1, x0:x1]))
        kept += _in_crop(probe, seen, crop, layer, (height, width), settings, _part_of(report, number, len(crops)))
    if len(crops) > 1:
        kept = _without_repeats(kept, [1 / _area(each.crop) for each in kept], settings.crop_overlap)
    return [_proposal(each, height, width) for each in kept]


def whole_image_masks(probe: Probe[Seen], seen: Seen, settings: Settings, report: Report) -> list[Proposal]:
    """Masks from features that are already there; crops need pixels, so there are none."""
    height, width = probe.size(seen)
    kept = _in_crop(probe, seen, (0, 0, width, height), 0, (height, width), settings, report)
    return [_proposal(each, height, width) for each in kept]


def point_grid(count: int, height: int, width: int) -> NDArray[np.float64]:
    """``count`` by ``count`` clicks (n, 2), row by row, in the middles of equal cells.

    As officially, where pixels are counted from their centres: half a pixel right of and below the true middles.
    """
    middles = np.linspace(1 / (2 * count), 1 - 1 / (2 * count), count)
    x, y = np.meshgrid(middles, middles)
    return np.stack([x, y], -1).reshape(-1, 2) * (width, height) + 0.5


def crop_boxes(height: int, width: int, layers: int, overlap: float) -> list[tuple[Rectangle, int]]:
    """The whole image, then layers of 2 by 2, 4 by 4 and so on overlapping crops, xyxy, each with its layer."""
    boxes: list[tuple[Rectangle, int]] = [((0, 0, width, height), 0)]
    for layer in range(1, layers + 1):
        count = 2**layer
        shared = int(overlap * min(height, width) * 2 / count)
        across, down = (math.ceil((shared * (count - 1) + length) / count) for length in (width, height))
        boxes += [
            ((x0, y0, min(x0 + across, width), min(y0 + down, height)), layer)
            for x0 in ((across - shared) * i for i in range(count))
            for y0 in ((down - shared) * i for i in range(count))
        ]
    return boxes


def stability(logits: Tensor, offset: float) -> Tensor:
    """IoU of the masks at thresholds ``offset`` above and below zero: (…, h, w) to (…), not a number for no mask."""
    # sums of rows fit into int16, which takes half the time
    inner = (logits > offset).sum(-1, dtype=torch.int16).sum(-1, dtype=torch.int32)
    outer = (logits > -offset).sum(-1, dtype=torch.int16).sum(-1, dtype=torch.int32)
    return inner / outer


def bounding_boxes(masks: Tensor) -> Tensor:
    """First and last column and row of masks bool (n, h, w) as int64 (n, 4), xyxy; zeros for an empty mask."""
    rows, columns = masks.any(2), masks.any(1)
    height, width = masks.shape[1:]
    left, top = columns.int().argmax(1), rows.int().argmax(1)
    right = width - 1 - columns.flip(1).int().argmax(1)
    bottom = height - 1 - rows.flip(1).int().argmax(1)
    return torch.stack([left, top, right, bottom], 1) * rows.any(1)[:, None]


def _in_crop(
    probe: Probe[Seen],
    seen: Seen,
    crop: Rectangle,
    layer: int,
    image: tuple[int, int],
    settings: Settings,
    report: Report,
) -> list[_Kept]:
    """The masks of one crop, each object once, best first. ``image`` is (height, width)."""
    height, width = probe.size(seen)
    points = point_grid(int(settings.points / settings.fewer_points**layer), height, width)
    at_once = max(1, PIXELS_AT_ONCE // (height * width))
    kept: list[_Kept] = []
    for start in range(0, len(points), probe.at_once):
        report(start / len(points), FINDING)
        clicks = points[start : start + probe.at_once]
        low, scores = probe.click(seen, clicks)
        places = np.repeat(clicks, scores.shape[1], axis=0) + crop[:2]
        # official code enlarges all masks first; it is most of the time, and most are not sure enough
        sure_ones = (scores.flatten() > settings.least_score).nonzero()[:, 0]
        for first in range(0, len(sure_ones), at_once):
            sure = sure_ones[first : first + at_once]
            report(start / len(points), FINDING)
            logits = probe.enlarged(seen, low.flatten(0, 1)[sure])
            kept += _passing(logits, scores.flatten()[sure], places[sure.cpu().numpy()], crop, image, settings)
    return _without_repeats(kept, [each.score for each in kept], settings.box_overlap)


def _passing(
    logits: Tensor,
    scores: Tensor,
    points: NDArray[np.float64],
    crop: Rectangle,
    image: tuple[int, int],
    settings: Settings,
) -> list[_Kept]:
    """Those of the masks, logits (k, h, w) of a crop, that are stable and not cut off by its edge."""
    steady = stability(logits, settings.stability_offset)
    masks = logits > 0
    boxes = bounding_boxes(masks) + torch.tensor([*crop[:2], *crop[:2]], device=masks.device)
    passing = (steady >= settings.least_stability) & ~_cut_off(boxes, crop, image)
    found = []
    for index in passing.nonzero()[:, 0].tolist():
        left, top, right, bottom = boxes[index].tolist()
        found.append(
            _Kept(
                run_lengths.encode(np.asfortranarray(masks[index].cpu().numpy().astype(np.uint8))),
                (left, top, right, bottom),
                float(scores[index]),
                float(steady[index]),
                (float(points[index, 0]), float(points[index, 1])),
                crop,
            )
        )
    return found


def _cut_off(boxes: Tensor, crop: Rectangle, image: tuple[int, int]) -> Tensor:
    """Which boxes (n, 4) end at an edge of the crop that is none of the image, bool (n,)."""
    near_crop = (boxes - torch.tensor(crop, device=boxes.device)).abs() <= EDGE
    near_image = (boxes - torch.tensor([0, 0, image[1], image[0]], device=boxes.device)).abs() <= EDGE
    return (near_crop & ~near_image).any(1)


def _without_repeats(kept: list[_Kept], order: list[float], overlap: float) -> list[_Kept]:
    """Non-maximum suppression by boxes: of two that overlap more than ``overlap``, the one of the higher ``order``."""
    if not kept:
        return []
    boxes = torch.tensor([each.box for each in kept], dtype=torch.float32)
    return [kept[index] for index in nms(boxes, torch.tensor(order), overlap).tolist()]


def _proposal(kept: _Kept, height: int, width: int) -> Proposal:
    x0, y0, x1, y1 = kept.crop
    mask = np.zeros((height, width), np.bool_)
    mask[y0:y1, x0:x1] = run_lengths.decode(kept.runs)
    return Proposal(mask, kept.score, kept.stability, kept.point, kept.crop)


def _part_of(report: Report, number: int, count: int) -> Report:
    """The report of one of several crops."""

    def part(fraction: float | None, message: str, preview: Preview | None = None) -> None:
        report((number + (fraction or 0.0)) / count, message, preview)

    return part


def _area(box: Rectangle) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
