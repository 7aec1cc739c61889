"""The engine class of ``lite``: the contract of ``inference.engine`` on top of rounds and features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch

from inference.device import torch_device
from inference.engine import EngineError, EngineSpec, Features, Image, Report, UnusablePrompts, Vocabulary
from inference.models.lite.finding import proposals_of
from inference.models.lite.looks import Answer, VisualPrompt
from inference.models.lite.meaning import Meaning
from inference.models.lite.reading import Reading, read
from inference.models.lite.rounds import digest, play, rounds_of
from inference.models.lite.sight import Sight
from inference.models.lite.view import LiteFeatures
from inference.models.lite.weights import fingerprint, model_from
from inference.prompts import MaskArray, MaskPrompt, PromptSet
from inference.results import Candidate, Frame, Ignored, LabelScores, Memory, Region, Segmentation

GIVEN_LOGIT = 6.0
"""The certainty of a mask that was given and not predicted."""

PREPROCESSING = "5"
"""Part of the fingerprint: to be raised when the same weights answer differently."""


class LiteSegmenter:
    """The engine. ``data`` is the content of a weights file."""

    may_overlap = True
    """All that changes while it works are the features of one image."""

    def __init__(self, spec: EngineSpec, data: bytes) -> None:
        self._spec = spec
        self._fingerprint = f"{fingerprint(data)}-{PREPROCESSING}"
        self._device = torch_device()
        model = model_from(data).to(self._device)
        self._model = model.to(memory_format=torch.channels_last)
        self._labels = Meaning(self._model, model.labels) if model.labels is not None else None

    @property
    def spec(self) -> EngineSpec:
        return self._spec

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def encode(self, image: Image, report: Report) -> Features:
        report(0.0, "Reading the image")
        return LiteFeatures(self._model, image.pixels, self._device)

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        view = cast(LiteFeatures, features)
        reading = read(view, prompts, self._meaning, report)
        ignored = (*self._spec.ignored(prompts), *reading.unread)
        if reading.searches_only:
            return self._finds(view, reading, ignored)
        rounds = rounds_of(reading.said)
        if not rounds:
            raise UnusablePrompts(
                "Lite needs at least one positive prompt: a click, a box, a stroke, a word or a mask."
            )
        done, last = self._remembered(memory, rounds)
        for number in range(done, len(rounds)):
            report(number / len(rounds), "Segmenting")
            last = play(view, rounds[: number + 1], number, last)
        if last is None:
            raise EngineError("The memory of Lite holds no mask.")
        answered = rounds[-1][-1]
        if isinstance(answered, MaskPrompt) and answered.positive:
            logits = np.where(answered.mask, GIVEN_LOGIT, -GIVEN_LOGIT).astype(np.float32)
            whole = Frame.whole(view.height, view.width)
            candidates: tuple[Candidate, ...] = (Candidate(logits, whole, 1.0, self._spec.name),)
        else:
            candidates = self._candidates(view, last)
        return Segmentation(candidates, _memory(self._spec.name, last, rounds), ignored)

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        view = cast(LiteFeatures, features)
        found = proposals_of(view, report)
        labels: list[str | None] = [None] * len(found.masks)
        if vocabulary is not None and found.masks:
            scores, unknown = self._meaning().scores(found.features, found.logits, vocabulary.names)
            best = scores.argmax(1)
            labels = [
                vocabulary.names[name] if scores[row, name] > unknown[row] else None for row, name in enumerate(best)
            ]
        stuff = vocabulary.stuff if vocabulary is not None else frozenset()
        return [
            Region(mask, float(score), label, is_thing=label not in stuff)
            for mask, score, label in zip(found.masks, found.scores, labels, strict=True)
        ]

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        return self._meaning().label(cast(LiteFeatures, features), masks, vocabulary)

    def _meaning(self) -> Meaning:
        if self._labels is None:
            raise EngineError("These weights of Lite have no class head, so they cannot name anything.")
        return self._labels

    def _finds(self, view: LiteFeatures, reading: Reading, ignored: tuple[Ignored, ...]) -> Segmentation:
        """The answer to a phrase or reference alone: every find is a candidate, best first."""
        if not reading.found:
            return Segmentation((), None, ignored)
        candidates = tuple(
            Candidate(answer.logits[0], Frame(view.height, view.width, answer.sight.region), score, self._spec.name)
            for score, answer in reading.found
        )
        rounds = rounds_of(reading.said)
        return Segmentation(candidates, _memory(self._spec.name, play(view, rounds, 0, None), rounds), ignored)

    def _candidates(self, view: LiteFeatures, answer: Answer) -> tuple[Candidate, ...]:
        frame = Frame(view.height, view.width, answer.sight.region)
        return tuple(
            Candidate(plane, frame, float(score), self._spec.name)
            for plane, score in zip(answer.logits, answer.quality, strict=True)
        )

    def _remembered(self, memory: Memory | None, rounds: list[list[VisualPrompt]]) -> tuple[int, Answer | None]:
        """How many rounds the memory has behind it, and its answer; (0, None) when it is of another history."""
        if memory is None or memory.engine != self._spec.name:
            return 0, None
        arrays = memory.arrays
        done = int(arrays["rounds"][0])
        if done > len(rounds) or done < 1:
            return 0, None
        if digest([p for group in rounds[:done] for p in group]) != arrays["digest"].tobytes():
            return 0, None
        x0, y0, x1, y1 = (float(v) for v in arrays["region"])
        height, width = (int(v) for v in arrays["size"])
        sight = Sight((x0, y0, x1, y1), height, width)
        return done, Answer(sight, arrays["logits"].astype(np.float32), arrays["quality"].astype(np.float32))


def _memory(engine: str, answer: Answer, rounds: list[list[VisualPrompt]]) -> Memory:
    history = digest([p for group in rounds for p in group])
    return Memory(
        engine,
        {
            "logits": answer.logits,
            "quality": answer.quality,
            "region": np.array(answer.sight.region, np.float64),
            "size": np.array([answer.sight.height, answer.sight.width], np.int64),
            "rounds": np.array([len(rounds)], np.int64),
            "digest": np.frombuffer(history, np.uint8),
        },
    )
