"""From a request to the questions that an engine is asked about every image, and from its answers to finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.masks import Mask
from desktop.dataset.prompt_json import to_json
from desktop.prelabel.request import PrelabelError, PrelabelRequest, Region, looks_at_once
from inference.engine import EngineSpec, Vocabulary
from inference.prompts import PromptSet, Reference, Text
from inference.results import Region as EngineRegion
from inference.results import Segmentation

SAME = 0.7
"""IoU above which two finds of phrases or references are one region: the better one stays."""

PixelsOf: TypeAlias = Callable[[Region], NDArray[np.uint8]]
"""From a reference to the pixels of its image, RGB uint8 (H, W, 3). Raises DatasetError."""


@dataclass(frozen=True, slots=True)
class WholeImage:
    """All regions; with a vocabulary only those that one of its names fits."""

    vocabulary: Vocabulary | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prompted:
    """What a phrase or a reference means. ``label`` is what finds are called; ``json`` are the prompts as stored."""

    prompts: PromptSet
    label: str
    json: str


Question: TypeAlias = WholeImage | Prompted


@dataclass(frozen=True, slots=True)
class Find:
    """A candidate instance: ``score`` in [0, 1], ``prompts`` as JSON (empty for a whole-image run)."""

    mask: Mask
    label: str
    score: float
    is_thing: bool = True
    prompts: str = ""


def questions(request: PrelabelRequest, spec: EngineSpec, pixels_of: PixelsOf) -> tuple[Question, ...]:
    """What to ask about each image. Raises :class:`PrelabelError` when the request does not fit the engine."""
    request.check(spec)
    if request.everything:
        return (WholeImage(),)
    if looks_at_once(request, spec):
        return (WholeImage(request.classes),)
    words = request.classes.names if request.classes is not None else request.texts
    stated = [_prompted(PromptSet((Text(text),)), text) for text in words]
    for region in request.references:
        pixels = pixels_of(region)
        if pixels.shape[:2] != (region.mask.height, region.mask.width):
            raise PrelabelError(f"The reference on {region.image} has another size than its image.")
        stated.append(_prompted(PromptSet((Reference(pixels, region.mask.to_array(), region.image),)), region.label))
    return tuple(stated)


def _prompted(prompts: PromptSet, label: str) -> Prompted:
    return Prompted(prompts, label, to_json(prompts))


def hows(asked: Iterable[Question]) -> frozenset[str]:
    """The ``prompts`` that finds of these questions can have."""
    return frozenset(question.json if isinstance(question, Prompted) else "" for question in asked)


def finds(
    asked: Sequence[Question], answers: Sequence[list[EngineRegion] | Segmentation], least_score: float
) -> tuple[Find, ...]:
    """What the answers to ``asked`` hold, best first, without empty masks and repeats."""
    found: list[Find] = []
    prompted = False
    for question, answer in zip(asked, answers, strict=True):
        if isinstance(question, WholeImage) and isinstance(answer, list):
            found += _of_regions(question, answer, least_score)
        elif isinstance(question, Prompted) and isinstance(answer, Segmentation):
            prompted = True
            found += _of_candidates(question, answer, least_score)
    found.sort(key=lambda find: -find.score)
    return tuple(_without_repeats(found) if prompted else found)


def _of_regions(question: WholeImage, regions: Iterable[EngineRegion], least_score: float) -> list[Find]:
    kept = []
    for region in regions:
        if region.score < least_score or (question.vocabulary is not None and region.label is None):
            continue
        mask = Mask.from_array(region.mask)
        if not mask.is_empty:
            kept.append(Find(mask, region.label or "", float(region.score), region.is_thing))
    return kept


def _of_candidates(question: Prompted, answer: Segmentation, least_score: float) -> list[Find]:
    kept = []
    for candidate in answer.candidates:
        if candidate.score < least_score:
            continue
        mask = Mask.from_array(candidate.mask())
        if not mask.is_empty:
            kept.append(Find(mask, question.label, float(candidate.score), True, question.json))
    return kept


def _without_repeats(ordered: Iterable[Find]) -> list[Find]:
    """Best first: a region that two phrases mean gets the name that fits better."""
    kept: list[Find] = []
    for find in ordered:
        if all(find.mask.iou(other.mask) <= SAME for other in kept):
            kept.append(find)
    return kept
