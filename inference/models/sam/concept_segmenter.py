"""SAM 3 as an engine: words find, and everything that SAM takes refines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inference import proposals
from inference.engine import EngineSpec, Features, Report, Vocabulary
from inference.models.sam.candidates import Reading
from inference.models.sam.frame import InputFrame
from inference.models.sam.memories import from_mask, recall, remember
from inference.models.sam.prompting import Corners, Question, negative_points, questions
from inference.models.sam.sam3 import Finds, Sam3
from inference.models.sam.segmenter import SamSegmenter
from inference.models.sam.sight import Sight
from inference.prompts import Box, MaskPrompt, Prompt, PromptSet, Text
from inference.results import Frame, Ignored, Memory, Region, Segmentation, to_image_size

LEAST_SCORE = 0.3
"""Finds below are not shown; the detector's own default."""

MOST_FINDS = 32
OVERLAP = 0.7
"""Of two regions with a larger IoU the one with the better score keeps its name."""


class ConceptSegmenter(SamSegmenter):
    """Without text it is the promptable model alone. With text the boxes are examples, and points refine a find."""

    def __init__(
        self, spec: EngineSpec, model: Sam3, weights: Path, automatic: proposals.Settings = proposals.SAM
    ) -> None:
        super().__init__(spec, model, weights, automatic)
        self._concepts = model

    @torch.inference_mode()
    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """One round. Finds are candidates of their own; a click on one (or beside one) starts its refinement."""
        assert isinstance(features, Sight)
        said = [prompt for prompt in prompts if prompt.kind in self.spec.prompts]
        phrases = [prompt.text for prompt in said if isinstance(prompt, Text) and prompt.positive]
        refused = sum(isinstance(prompt, Text) and not prompt.positive for prompt in said)
        ignored = (*self.spec.ignored(prompts), *((Ignored("text", refused),) if refused else ()))
        if not phrases:
            wordless = PromptSet(tuple(prompt for prompt in prompts if not isinstance(prompt, Text)))
            found = super().segment(features, wordless, memory, report)
            return Segmentation(found.candidates, found.memory, ignored)
        shown = [prompt for prompt in said if not isinstance(prompt, Box | Text)]
        boxes = [((each.x0, each.y0, each.x1, each.y1), each.positive) for each in said if isinstance(each, Box)]
        if not shown:
            return self._all_finds(features, phrases, boxes, ignored, report)
        longer_side = max(features.frame.height, features.frame.width)
        asked = questions(shown, longer_side) or [Question(0, (), negative_points(shown, longer_side))]
        previous = recall(memory, self.spec.name, asked, self._concepts.cells)
        if all(mask is None for mask in previous):
            previous[0] = self._first(features, shown, asked[0], phrases, boxes, report)
        return self._answered(features, shown, asked, previous, ignored, report)

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        """What the vocabulary names, best first; without one, automatic masks without names."""
        assert isinstance(features, Sight)
        if vocabulary is None or not vocabulary.names:
            return super().everything(features, None, report)
        return self._named(features, vocabulary, report)

    @torch.inference_mode()
    def _named(self, features: Sight, vocabulary: Vocabulary, report: Report) -> list[Region]:
        regions: list[Region] = []
        for number, name in enumerate(vocabulary.names):
            report(number / len(vocabulary.names), f"Looking for {name}")
            found = self._concepts.find(features.maps, name)
            if name in vocabulary.stuff:
                if found.presence > LEAST_SCORE:
                    regions.append(Region(self._mask(found.area, features.frame), found.presence, name, False))
                continue
            for low, score in self._sure(found):
                regions.append(Region(self._mask(low, features.frame), score, name))
        kept: list[Region] = []
        for region in sorted(regions, key=lambda each: -each.score):
            if region.mask.any() and not any(_alike(region.mask, other.mask) for other in kept):
                kept.append(region)
        return kept

    def _all_finds(
        self,
        features: Sight,
        phrases: Sequence[str],
        boxes: Sequence[tuple[Corners, bool]],
        ignored: tuple[Ignored, ...],
        report: Report,
    ) -> Segmentation:
        finds = self._finds(features, phrases, boxes, report)
        if not finds:
            return Segmentation((), None, ignored)
        readings = [Reading(low[None], score) for low, score in finds]
        kept = remember(self.spec.name, [self._low(each.low) for each in readings], [Question(0)])
        return Segmentation(tuple(self._candidate(each, features, ()) for each in readings), kept, ignored)

    def _finds(
        self, features: Sight, phrases: Sequence[str], boxes: Sequence[tuple[Corners, bool]], report: Report
    ) -> list[tuple[Tensor, float]]:
        """Logits (h, w) and score of what any of the phrases describes, best first."""
        found: list[tuple[Tensor, float]] = []
        for number, phrase in enumerate(phrases):
            report(number / len(phrases), f"Looking for {phrase}")
            size = features.frame.height, features.frame.width
            found += self._sure(self._concepts.find(features.maps, phrase, boxes, size))
        return sorted(found, key=lambda each: -each[1])[:MOST_FINDS]

    def _sure(self, found: Finds) -> list[tuple[Tensor, float]]:
        count = int((found.scores > LEAST_SCORE).sum())
        return [(found.low[index], float(found.scores[index])) for index in range(min(count, MOST_FINDS))]

    def _first(
        self,
        features: Sight,
        shown: Sequence[Prompt],
        question: Question,
        phrases: Sequence[str],
        boxes: Sequence[tuple[Corners, bool]],
        report: Report,
    ) -> Tensor | None:
        """The mask that the first round refines: a mask that was given, else the find that the points speak for."""
        given = [prompt.mask for prompt in shown if isinstance(prompt, MaskPrompt) and prompt.positive]
        if given:
            return from_mask(given[-1], features.frame, self._concepts.cells)
        finds = self._finds(features, phrases, boxes, report)
        if not finds:
            return None
        agreeing = [self._agreement(low, question, features.frame) for low, _ in finds]
        return self._low(finds[int(np.argmax(agreeing))][0][None])[None]

    def _agreement(self, low: Tensor, question: Question, frame: InputFrame) -> int:
        """How many of the points have the sign of the mask under them."""
        mask = self._mask(low, frame)

        def holds(point: tuple[float, float]) -> bool:
            row = min(max(int(point[1]), 0), frame.height - 1)
            return bool(mask[row, min(max(int(point[0]), 0), frame.width - 1)])

        return sum(map(holds, question.inside)) + sum(not holds(point) for point in question.outside)

    def _low(self, logits: Tensor) -> Tensor:
        """Logits (1, h, w) of the detector at the size that the promptable half remembers."""
        cells = self._concepts.cells
        return F.interpolate(logits[None], (cells, cells), mode="bilinear", align_corners=False)[0]

    def _mask(self, low: Tensor, frame: InputFrame) -> NDArray[np.bool_]:
        logits = low.float().cpu().numpy()
        return np.asarray(to_image_size(logits, Frame.whole(frame.height, frame.width)) > 0)


def _alike(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> bool:
    return bool((first & second).sum() > OVERLAP * (first | second).sum())
