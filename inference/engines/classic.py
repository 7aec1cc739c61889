"""Classic: the built-in engine without weights to fetch and without torch (docs/engines/classic.md).

The view (the image, or a crop round the object, reduced to 0.25 megapixel) is cut into watershed regions; for each
region evidence is gathered from the prompts and a small fitted judge turns it into a probability; a second one judges
the pixels near the border, and the borders are refined along the edges of the full-resolution crop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
from inference.models.classic.decide import best_threshold, boxed_threshold, expected_iou, tallied
from inference.models.classic.judge import fitted_judges
from inference.models.classic.prompting import drawn, seeding, usable
from inference.models.classic.regions import Values
from inference.models.classic.rounds import Round, Sight, inside, play
from inference.models.classic.view import Cut, fine_cut, look, soft_edges
from inference.prompts import Box, MaskArray, Point, Prompt, PromptKind, PromptSet, Scribble
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

_VERSION = "classic-2"
_CERTAIN, _CERTAIN_NOT = 6.0, -8.0
_REPLAYED = 8

_SHIFTS = (0.0, 1.4, -1.4)
"""Logit shifts of the candidates: as expected, larger, smaller."""


class Classic:
    """See the module's text. Deterministic: nothing is drawn at random."""

    spec = SPEC
    fingerprint = _VERSION

    def encode(self, image: Image, report: Report) -> Sight:
        """Cut the whole image, reduced, into regions (some 100 ms on one core)."""
        report(None, "Finding regions")
        height, width = image.pixels.shape[:2]
        whole = look(image.pixels, (0, 0, width, height))
        whole.regions.prepare()
        return Sight(image.pixels, whole)

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """One round. Several prompts without the memory of earlier rounds are taken one after the other."""
        assert isinstance(features, Sight)
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
                before = play(features, taken[: last + 1], before, fitted_judges())
        assert before is not None
        candidates = self._candidates(features, before, taken)
        return Segmentation(candidates, self._remembered(before), SPEC.ignored(prompts))

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        raise EngineError("Classic does not find objects by itself: it needs prompts.")

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise EngineError("Classic does not name objects.")

    def _remembered(self, found: Round) -> Memory:
        # half precision: a session keeps many of these
        probability = found.probability.astype(np.float16)
        return Memory(SPEC.name, {"area": np.array(found.view.area), "probability": probability})

    def _recalled(self, features: Sight, memory: Memory | None) -> Round | None:
        if memory is None or memory.engine != SPEC.name:
            return None
        x0, y0, x1, y1 = (int(value) for value in memory.arrays["area"])
        view = features.at((x0, y0, x1, y1))
        probability = memory.arrays["probability"].astype(np.float32)
        return Round(view, probability) if probability.shape == view.regions.labels.shape else None

    def _candidates(self, features: Sight, found: Round, taken: Sequence[Prompt]) -> tuple[Candidate, ...]:
        """Masks of several extents, most likely first, without repetitions; after a few prompts there is one."""
        height, width = features.pixels.shape[:2]
        box = next((each for each in reversed(taken) if isinstance(each, Box) and each.positive), None)
        # a lone box holds the whole object
        alone = box if sum(each.positive for each in taken) == 1 else None
        looked_at = found.probability if alone is None else inside(found, alone)
        values, counts = tallied(looked_at)
        best = best_threshold(values, counts) if alone is None else boxed_threshold(looked_at)
        asked = [seeding(each, height, width).points for each in taken if each.positive]
        kept = found.view.points(np.concatenate(asked))
        cut = fine_cut(found.view, soft_edges(found.view, found.probability), features.pixels, kept)
        x0, y0, x1, y1 = cut.area
        frame = Frame(height, width, (float(x0), float(y0), float(x1), float(y1)))
        fine = np.clip(cut.probability, 0.001, 0.999)
        logits = np.log(fine / (1 - fine))
        centre = float(np.log(best / (1 - best)))
        result: list[Candidate] = []
        masks: list[MaskArray] = []
        for shift in _SHIFTS if len(taken) <= 2 else _SHIFTS[:1]:
            moved = logits - np.float32(centre - shift)
            if alone is not None:
                moved[~drawn(alone, cut)] = _CERTAIN_NOT
            _obey(moved, taken, cut, height, width)
            mask = moved > 0
            if not mask.any() or any(_same(mask, other) for other in masks):
                continue
            masks.append(mask)
            threshold = 1 / (1 + float(np.exp(-(centre - shift))))
            score = expected_iou(values, counts, threshold)
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


def create() -> Engine:
    """The engine; cheap, it holds nothing."""
    return Classic()
