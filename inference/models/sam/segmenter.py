"""The engine class of the SAM family: the contract of ``inference.engine`` on top of a promptable model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from inference import proposals
from inference.engine import EngineError, EngineSpec, Features, Image, Report, UnusablePrompts, Vocabulary
from inference.models.sam.candidates import Reading, readings
from inference.models.sam.files import digest
from inference.models.sam.memories import GIVEN_LOGIT, from_mask, recall, remember
from inference.models.sam.probing import GridProbe
from inference.models.sam.promptable import Asked, Decoded, Promptable, reporting
from inference.models.sam.prompting import Question, excluded, negative_points, questions
from inference.models.sam.sight import SIZE, Sight, maps_of
from inference.prompts import MaskArray, MaskPrompt, Prompt, PromptSet
from inference.results import (
    OUTSIDE_LOGIT,
    Candidate,
    Frame,
    Ignored,
    LabelScores,
    Memory,
    Region,
    Segmentation,
)

PREPROCESSING = "1"
"""Part of the fingerprint: to be raised when the same weights answer differently."""

CUT_SCALE = 4
"""Masks that are left at low resolution are enlarged this much before areas are cut out of them."""


class SamSegmenter:
    """An engine round a model and the file that its weights are from. Deterministic."""

    def __init__(
        self, spec: EngineSpec, model: Promptable, weights: Path, automatic: proposals.Settings = proposals.SAM
    ) -> None:
        self.spec = spec
        self.fingerprint = f"{spec.name}-{PREPROCESSING}-{digest(weights)}"
        self._model = model
        self._automatic = automatic

    @torch.inference_mode()
    def encode(self, image: Image, report: Report) -> Sight:
        """The image encoder, once per image."""
        with reporting(self._model.steps, report, "Looking at the image"):
            return Sight(self._model.frame(image.height, image.width), self._model.look(image.pixels))

    @torch.inference_mode()
    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """One round: every part of the object is decoded with its prompts and its mask of the round before."""
        assert isinstance(features, Sight)
        said = [prompt for prompt in prompts if prompt.kind in self.spec.prompts]
        ignored = self.spec.ignored(prompts)
        if said and isinstance(said[-1], MaskPrompt) and said[-1].positive:
            return self._given(said[-1].mask, features, ignored)
        asked, previous = self._asked(features, said, memory)
        return self._answered(features, said, asked, previous, ignored, report)

    def _answered(
        self,
        features: Sight,
        said: Sequence[Prompt],
        asked: Sequence[Question],
        previous: Sequence[Tensor | None],
        ignored: tuple[Ignored, ...],
        report: Report,
    ) -> Segmentation:
        """Decode the questions and make candidates of the answers. ``previous``: the masks that they refine."""
        answers = []
        for number, (question, mask) in enumerate(zip(asked, previous, strict=True)):
            report(number / len(asked), "Segmenting")
            answers.append(self._decoded(features, question, mask))
        found = readings(asked, answers, [mask is not None for mask in previous], self._model.trusts_unstable)
        kept = remember(self.spec.name, [each.low for each in found], asked)
        return Segmentation(tuple(self._candidate(each, features, said) for each in found), kept, ignored)

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        """Automatic masks without names, best first; a vocabulary changes nothing."""
        assert isinstance(features, Sight)
        return [Region(each.mask, min(max(each.score, 0.0), 1.0)) for each in self._found(features, report)]

    @torch.inference_mode()
    def automatic(self, image: Image, settings: proposals.Settings, report: Report) -> list[proposals.Proposal]:
        """Automatic masks of an image by settings of one's own, which may include a closer look at crops."""
        return proposals.automatic_masks(GridProbe(self._model), image.pixels, settings, report)

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise EngineError(f"{self.spec.title} finds masks but cannot name them.")

    def features_from_arrays(self, arrays: Mapping[str, NDArray[np.generic]]) -> Sight:
        """Features that were kept on disk; their half precision is not noticeable in masks (docs/engines/sam.md)."""
        height, width = (int(value) for value in arrays[SIZE])
        return Sight(self._model.frame(height, width), maps_of(arrays))

    @torch.inference_mode()
    def _found(self, features: Sight, report: Report) -> list[proposals.Proposal]:
        return proposals.whole_image_masks(GridProbe(self._model), features, self._automatic, report)

    def _asked(
        self, features: Sight, said: Sequence[Prompt], memory: Memory | None
    ) -> tuple[list[Question], list[Tensor | None]]:
        """The questions of a round, and for each of them the mask that it refines, if any."""
        frame, cells = features.frame, self._model.cells
        longer_side = max(frame.height, frame.width)
        masks = [prompt.mask for prompt in said if isinstance(prompt, MaskPrompt) and prompt.positive]
        asked = questions(said, longer_side)
        only_refines = not asked
        if only_refines:
            asked = [Question(0, (), negative_points(said, longer_side))]
        previous = recall(memory, self.spec.name, asked, cells)
        if masks and all(mask is None for mask in previous):
            previous[0] = from_mask(masks[-1], frame, cells)
        if not said or (only_refines and previous[0] is None):
            raise UnusablePrompts(f"{self.spec.title} needs a positive point, box, scribble, polygon or mask.")
        return asked, previous

    def _decoded(self, features: Sight, question: Question, previous: Tensor | None) -> Decoded:
        frame = features.frame
        asked = Asked(question.points(frame), question.labels(), question.boxes(frame), previous)
        return self._model.decode(features.maps, asked)

    def _given(self, mask: MaskArray, features: Sight, ignored: tuple[Ignored, ...]) -> Segmentation:
        """A mask is taken as it is: it is the prompts after it that change it."""
        logits = np.where(mask, GIVEN_LOGIT, -GIVEN_LOGIT).astype(np.float32)
        candidate = Candidate(logits, Frame.whole(*mask.shape), 1.0, self.spec.name)
        low = from_mask(mask, features.frame, self._model.cells)[0]
        return Segmentation((candidate,), remember(self.spec.name, [low], [Question(0)]), ignored)

    def _candidate(self, found: Reading, features: Sight, said: Sequence[Prompt]) -> Candidate:
        frame = features.frame
        grid = self._model.enlarged(found.low, frame).amax(0, keepdim=True)
        cut = excluded(said, frame, 1, 1) is not None
        if cut and grid.shape[1] < frame.rows:
            size = (CUT_SCALE * grid.shape[1], CUT_SCALE * grid.shape[2])
            grid = F.interpolate(grid[None], size, mode="bilinear", align_corners=False)[0]
        logits: NDArray[np.float32] = grid[0].float().cpu().numpy().astype(np.float32)
        outside = excluded(said, frame, *logits.shape)
        if outside is not None:
            logits[outside] = OUTSIDE_LOGIT
        return Candidate(logits, Frame.whole(frame.height, frame.width), found.score, self.spec.name)
