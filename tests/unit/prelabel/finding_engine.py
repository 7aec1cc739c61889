"""An engine that finds bright squares: quick, exact, and slow or fatal on request. Registered by MASKWRIGHT_ENGINES."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine import (
    Capability,
    EngineOption,
    EngineSpec,
    Image,
    Options,
    Report,
    Speed,
    UnusablePrompts,
    Vocabulary,
)
from inference.prompts import MaskArray, PromptKind, PromptSet, Reference, Text
from inference.results import Candidate, Frame, LabelScores, Memory, Region, Segmentation

SPEC = EngineSpec(
    "squares",
    "Squares",
    frozenset({PromptKind.TEXT, PromptKind.REFERENCE}),
    frozenset({Capability.EVERYTHING, Capability.VOCABULARY}),
    Speed.SECONDS,
    "",
    "",
    "",
    options=(
        EngineOption("seconds", "Seconds", 0.0, least=0.0),
        EngineOption("dies_once", "File that says that it died already", ""),
    ),
)

WORDS = {"dim": (60, 120), "grey": (120, 190), "bright": (190, 256)}
FATAL = 45
"""The grey value of an image that kills the process when ``dies_once`` is set."""


@dataclass(frozen=True)
class Seen:
    pixels: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes


class SquaresEngine:
    spec = SPEC
    fingerprint = "squares-1"

    def __init__(self) -> None:
        self.settled = SPEC.settled({})

    def configure(self, options: Options) -> None:
        self.settled = SPEC.settled(options)

    def encode(self, image: Image, report: Report) -> Seen:
        said = str(self.settled["dies_once"])
        if said and image.pixels[0, 0, 0] == FATAL and not Path(said).exists():
            if not said.startswith("/dev/null"):
                Path(said).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Seen(image.pixels)

    def segment(self, features: Seen, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        (prompt,) = prompts
        if isinstance(prompt, Text):
            if prompt.text not in WORDS:
                raise UnusablePrompts(f"Squares does not know “{prompt.text}”.")
            low, high = WORDS[prompt.text]
        else:
            assert isinstance(prompt, Reference)
            level = float(prompt.pixels[..., 0][prompt.mask].mean())
            low, high = next(pair for pair in WORDS.values() if pair[0] <= level < pair[1])
        found = [region for region in self._squares(features, report) if low <= region[1] < high]
        height, width = features.pixels.shape[:2]
        frame = Frame.whole(height, width)
        return Segmentation(
            tuple(
                Candidate(np.where(mask, 5, -5).astype(np.float32), frame, level / 255, SPEC.name)
                for mask, level in found
            )
        )

    def everything(self, features: Seen, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        names = vocabulary.names if vocabulary is not None else ()
        return [
            Region(mask, level / 255, next((n for n in names if n in WORDS and _is(n, level)), None))
            for mask, level in self._squares(features, report)
        ]

    def label(self, features: Seen, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise NotImplementedError

    def _squares(self, features: Seen, report: Report) -> list[tuple[MaskArray, float]]:
        until = time.monotonic() + float(self.settled["seconds"])
        report(0.0, "Looking")
        while time.monotonic() < until:
            report(0.5, "Looking")
            time.sleep(0.005)
        grey = features.pixels[..., 0]
        count, parts = cv2.connectedComponents((grey >= WORDS["dim"][0]).astype(np.uint8))
        return [(parts == n, float(np.median(grey[parts == n]))) for n in range(1, count)]


def _is(name: str, level: float) -> bool:
    low, high = WORDS[name]
    return low <= level < high


def create() -> SquaresEngine:
    return SquaresEngine()
