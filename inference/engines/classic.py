"""Classic: the built-in engine without weights to fetch and without torch (docs/engines/classic.md).

The view (the image, or a crop round the object, reduced to 0.25 megapixel) is cut into watershed regions; for each
region evidence is gathered from the prompts, a small fitted judge turns it into a probability, and the borders are
refined along the edges of the full-resolution crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine import (
    Capability,
    Engine,
    EngineError,
    EngineSpec,
    Features,
    Image,
    Report,
    Speed,
    UnusablePrompts,
    Vocabulary,
)
from inference.models.classic.decide import best_threshold, decide, expected_iou
from inference.models.classic.evidence import Seeds
from inference.models.classic.judge import fitted_judge
from inference.models.classic.prompting import (
    Bounds,
    area,
    bounds_of,
    drawn,
    ordered,
    seeding,
    usable,
)
from inference.models.classic.regions import Values
from inference.models.classic.view import Cut, View, fine_cut, look, soft_edges, surrounding
from inference.prompts import Box, MaskArray, MaskPrompt, Point, Polygon, Prompt, PromptKind, PromptSet, Scribble
from inference.results import Candidate, Frame, LabelScores, Memory, Region, Segmentation

SPEC = EngineSpec(
    name="classic",
    title="Classic",
    prompts=frozenset({PromptKind.POINT, PromptKind.BOX, PromptKind.SCRIBBLE, PromptKind.POLYGON, PromptKind.MASK}),
    capabilities=frozenset({Capability.MEMORY}),
    speed=Speed.INSTANT,
    licence="Apache-2.0",
    citation="Grady, Random walks for image segmentation (2006); He and Sun, Fast guided filter (2015); Maskwright",
    adds="Works at once on any machine: colours, edges and distances, no weights to fetch",
)

_VERSION = "classic-1"
_CERTAIN, _CERTAIN_NOT = 6.0, -8.0
_REPLAYED = 8
_CROP_GAIN = 0.35
"""A crop is looked at anew when it has at most this share of the pixels of a reduced image."""

_SHIFTS = (0.0, 1.4, -1.4)
"""Logit shifts of the candidates: as expected, larger, smaller."""


@dataclass(eq=False)
class ClassicFeatures:
    """The pixels of the image and the view of all of it; the last crop is kept because refinements look at it again."""

    pixels: NDArray[np.uint8]
    whole: View
    crops: dict[tuple[int, int, int, int], View] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return int(self.pixels.nbytes) + 2 * self.whole.regions.nbytes

    def view(self, bounds: Bounds | None) -> View:
        """The view for an object with those bounds: the whole image unless a crop shows it much larger."""
        height, width = self.pixels.shape[:2]
        if bounds is None:
            return self.whole
        crop = surrounding(bounds, height, width)
        share = (crop[2] - crop[0]) * (crop[3] - crop[1]) / (height * width)
        if share > _CROP_GAIN or self.whole.scale[0] == 1:
            return self.whole
        if crop not in self.crops:
            self.crops.clear()
            self.crops[crop] = look(self.pixels, crop)
        return self.crops[crop]


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """What one round found: probabilities of the regions of a view."""

    view: View
    probability: Values


class Classic:
    """See the module's text. Deterministic: nothing is drawn at random."""

    spec = SPEC
    fingerprint = _VERSION

    def encode(self, image: Image, report: Report) -> ClassicFeatures:
        """Cut the whole image, reduced, into regions (some 100 ms on one core)."""
        report(None, "Finding regions")
        height, width = image.pixels.shape[:2]
        return ClassicFeatures(image.pixels, look(image.pixels, (0, 0, width, height)))

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """One round. Several prompts without the memory of earlier rounds are taken one after the other."""
        assert isinstance(features, ClassicFeatures)
        taken = usable(prompts)
        if not any(each.positive for each in taken):
            raise UnusablePrompts("Classic needs a positive point, box, scribble, polygon or mask to start from.")
        before = self._recalled(features, memory)
        first = len(taken) - 1
        if before is None:
            # area prompts say where the object is, whatever their turn
            first = max(0, len(taken) - _REPLAYED)
        for last in range(first, len(taken)):
            report((last - first) / (len(taken) - first), "Cutting out")
            if any(each.positive for each in taken[: last + 1]):
                before = self._round(features, taken[: last + 1], before)
        assert before is not None
        candidates = self._candidates(features, before, taken)
        return Segmentation(candidates, self._remembered(before), SPEC.ignored(prompts))

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise EngineError("Classic does not find objects by itself: it needs prompts.")

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise EngineError("Classic does not name objects.")

    def _round(self, features: ClassicFeatures, taken: Sequence[Prompt], before: _Round | None) -> _Round:
        """Decide in the view that the prompts ask for; when the object turns out small, again in a crop round it."""
        bounds = self._extent(features, taken, before)
        found = self._decided(features.view(bounds), features, taken, before)
        if bounds is None and found.view is features.whole:
            closer = features.view(self._extent(features, taken, found))
            if closer is not found.view:
                found = self._decided(closer, features, taken, None, keep=found)
        return found

    def _decided(
        self,
        view: View,
        features: ClassicFeatures,
        taken: Sequence[Prompt],
        before: _Round | None,
        keep: _Round | None = None,
    ) -> _Round:
        height, width = features.pixels.shape[:2]
        every = [seeding(each, height, width) for each in taken]
        empty = np.zeros((0, 2), dtype=np.float32)
        positive = [view.points(each.points) for each in every if each.positive and len(each.points)]
        negative = [view.points(each.points) for each in every if not each.positive and len(each.points)]
        box = next((each for each in reversed(taken) if isinstance(each, Box) and each.positive), None)
        newest = taken[-1]
        prior = None if before is None else self._carried(before, view)
        outlined = isinstance(newest, MaskPrompt | Polygon) and newest.positive
        if outlined:
            prior = _prior(area(newest, height, width), view, prior)
        seeds = Seeds(
            np.concatenate([empty, *positive]),
            np.concatenate([empty, *negative]),
            view.points(every[-1].points),
            newest.positive,
            None if box is None else _box_in(view, box),
            prior,
            correcting=not outlined,
        )
        probability = decide(view.regions, seeds, fitted_judge())
        if isinstance(newest, MaskPrompt) and prior is not None:
            # a prior mask is the object until a later prompt says otherwise
            probability = prior
        elif keep is not None:
            probability = 0.6 * probability + 0.4 * self._carried(keep, view)
        return _Round(view, probability.astype(np.float32))

    def _extent(self, features: ClassicFeatures, taken: Sequence[Prompt], before: _Round | None) -> Bounds | None:
        """Where the object is as far as known: areas that were drawn, what was found, and every click."""
        height, width = features.pixels.shape[:2]
        known: list[Bounds] = []
        for each in taken:
            if isinstance(each, Box) and each.positive:
                known.append(ordered(each))
            elif isinstance(each, Polygon | MaskPrompt) and each.positive:
                bounds = bounds_of(area(each, height, width))
                known += [] if bounds is None else [bounds]
        if before is not None:
            inside = (before.probability > 0.5)[before.view.regions.labels]
            bounds = bounds_of(inside)
            if bounds is not None:
                (sx, sy), (ax, ay) = before.view.scale, before.view.area[:2]
                known.append((bounds[0] / sx + ax, bounds[1] / sy + ay, bounds[2] / sx + ax, bounds[3] / sy + ay))
        if not known:
            return None
        for each in taken:
            points = seeding(each, height, width).points
            known += [(float(x), float(y), float(x), float(y)) for x, y in points]
        corners = np.array(known)
        x0, y0 = corners[:, :2].min(axis=0)
        x1, y1 = corners[:, 2:].max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    def _carried(self, before: _Round, view: View) -> Values:
        """The probabilities of a round as probabilities of the regions of another view; outside it there was none."""
        if before.view is view:
            return before.probability
        h, w = view.regions.labels.shape
        flat = before.probability[before.view.regions.labels]
        moved = cv2.warpAffine(flat, before.view.matrix(view), (w, h), flags=cv2.INTER_LINEAR, borderValue=0)
        sums = np.bincount(view.regions.labels.ravel(), moved.ravel(), view.regions.count)
        return (sums / view.regions.sizes).astype(np.float32)

    def _remembered(self, found: _Round) -> Memory:
        return Memory(SPEC.name, {"area": np.array(found.view.area), "probability": found.probability})

    def _recalled(self, features: ClassicFeatures, memory: Memory | None) -> _Round | None:
        if memory is None or memory.engine != SPEC.name:
            return None
        x0, y0, x1, y1 = (int(value) for value in memory.arrays["area"])
        crop = (x0, y0, x1, y1)
        view = features.whole
        if crop != view.area:
            view = features.crops.get(crop) or look(features.pixels, crop)
        probability = memory.arrays["probability"].astype(np.float32)
        return _Round(view, probability) if len(probability) == view.regions.count else None

    def _candidates(self, features: ClassicFeatures, found: _Round, taken: Sequence[Prompt]) -> tuple[Candidate, ...]:
        """Masks of several extents, most likely first, without repetitions; after a few prompts there is one."""
        height, width = features.pixels.shape[:2]
        best = best_threshold(found.probability, found.view.regions.sizes)
        asked = [seeding(each, height, width).points for each in taken if each.positive]
        kept = found.view.points(np.concatenate(asked))
        cut = fine_cut(found.view, soft_edges(found.view, found.probability), features.pixels, kept)
        x0, y0, x1, y1 = cut.area
        frame = Frame(height, width, (float(x0), float(y0), float(x1), float(y1)))
        fine = np.clip(cut.probability, 0.001, 0.999)
        logits = np.log(fine / (1 - fine))
        centre = float(np.log(best / (1 - best)))
        box = next((each for each in reversed(taken) if isinstance(each, Box) and each.positive), None)
        # a lone box holds the whole object
        alone = box is not None and sum(each.positive for each in taken) == 1
        result: list[Candidate] = []
        masks: list[MaskArray] = []
        for shift in _SHIFTS if len(taken) <= 2 else _SHIFTS[:1]:
            moved = logits - np.float32(centre - shift)
            if box is not None and alone:
                moved[~drawn(box, cut)] = _CERTAIN_NOT
            _obey(moved, taken, cut, height, width)
            mask = moved > 0
            if not mask.any() or any(_same(mask, other) for other in masks):
                continue
            masks.append(mask)
            threshold = 1 / (1 + float(np.exp(-(centre - shift))))
            score = expected_iou(found.probability, found.view.regions.sizes, threshold)
            result.append(Candidate(moved, frame, min(max(score, 0.01), 0.99), SPEC.name, calibrated=False))
        return (*result[:1], *sorted(result[1:], key=lambda each: -each.score))


def _obey(logits: Values, taken: Sequence[Prompt], cut: Cut, height: int, width: int) -> None:
    """Pixels at prompts are as asked, the later prompt last; in place."""
    for each in taken:
        if isinstance(each, Point):
            x, y = min(max(each.x, 0.5), width - 0.5), min(max(each.y, 0.5), height - 0.5)
            logits[drawn(Point(x, y, each.positive), cut)] = _CERTAIN if each.positive else _CERTAIN_NOT
        elif isinstance(each, Scribble) or not each.positive:
            logits[drawn(each, cut)] = _CERTAIN if each.positive else _CERTAIN_NOT


def _same(mask: MaskArray, other: MaskArray) -> bool:
    return bool(np.count_nonzero(mask & other) > 0.97 * np.count_nonzero(mask | other))


def _box_in(view: View, box: Box) -> Bounds:
    x0, y0, x1, y1 = ordered(box)
    corners = view.points(np.array([[x0, y0], [x1, y1]], dtype=np.float32))
    return float(corners[0, 0]), float(corners[0, 1]), float(corners[1, 0]), float(corners[1, 1])


def _prior(mask: MaskArray, view: View, before: Values | None) -> Values:
    """A mask at image size as probabilities of regions; joined to what was there before."""
    x0, y0, x1, y1 = view.area
    h, w = view.regions.labels.shape
    small = cv2.resize(mask[y0:y1, x0:x1].astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)
    covered = np.bincount(view.regions.labels.ravel(), small.ravel(), view.regions.count) / view.regions.sizes
    share: Values = np.clip(covered, 0.03, 0.97).astype(np.float32)
    joined: Values = share if before is None else np.maximum(share, before).astype(np.float32)
    return joined


def create() -> Engine:
    """The engine; cheap, it holds nothing."""
    return Classic()
