"""Engines made for tests: slow, previewing, crashing and running out of memory on command, in a real worker process.

Plug them in with ``MASKWRIGHT_ENGINES`` set to :data:`ENGINES` and the repository on ``sys.path``. Text prompts steer
a run, in order (``Text("hold /some/file")``):

- ``steps N MS``: N reports with previews, MS milliseconds apart;
- ``hold FILE``: reports until FILE exists;
- ``oom N``: the first N runs of this engine raise out of memory;
- ``raise``, ``unsendable``; ``abort`` (native code), ``exit``: the process ends.

``encode`` waits for the file that the content hash names after ``|hold ``. ``MASKWRIGHT_STUB_MS`` is a latency of
every run in milliseconds (default 0). The answer is a disc round each positive point; its memory counts calls.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inference.engine import (
    Capability,
    Engine,
    EngineError,
    EngineSpec,
    Image,
    Report,
    Speed,
    UnusablePrompts,
    Vocabulary,
    WeightsMissing,
)
from inference.engines import sam, seem, tcl
from inference.prompts import MaskArray, Point, PromptKind, PromptSet, Text
from inference.results import Candidate, Frame, LabelScores, Memory, Region, Segmentation

LATENCY_VARIABLE = "MASKWRIGHT_STUB_MS"
RADIUS = 10.0
STEP = 0.01


@dataclass(frozen=True)
class StubFeatures:
    pixels: np.ndarray
    nbytes: int


class StubEngine:
    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.fingerprint = "stub-1"
        self.encodes = 0
        self.runs = 0
        self.seed = -1

    def reseed(self, seed: int) -> None:
        self.seed = seed

    def encode(self, image: Image, report: Report) -> StubFeatures:
        _, _, gate = image.content_hash.partition("|hold ")
        report(0.0, "encoding")
        if gate:
            _hold(gate.partition("#")[0], report)
        self.encodes += 1
        return StubFeatures(image.pixels, int(image.pixels.nbytes))

    def segment(
        self, features: StubFeatures, prompts: PromptSet, memory: Memory | None, report: Report
    ) -> Segmentation:
        self.runs += 1
        _wait(int(os.environ.get(LATENCY_VARIABLE, "0")), report)
        unsendable: tuple[object, ...] = ()
        for prompt in prompts:
            if isinstance(prompt, Text):
                unsendable += self._obey(prompt.text, features, report)
        height, width = features.pixels.shape[:2]
        points = [prompt for prompt in prompts if isinstance(prompt, Point) and prompt.positive]
        if not points and not prompts.of_kind(PromptKind.TEXT):
            raise UnusablePrompts(f"{self.spec.title} needs a point.")
        logits = np.full((height, width), -9.0, np.float32)
        rows, columns = np.mgrid[:height, :width] + 0.5
        for point in points:
            logits[(columns - point.x) ** 2 + (rows - point.y) ** 2 < RADIUS**2] = 9.0
        candidate = Candidate(logits, Frame.whole(height, width), 0.9, self.spec.name, labels=unsendable)  # type: ignore[arg-type]
        counts = {
            "encodes": np.array(self.encodes),
            "runs": np.array(self.runs),
            "pid": np.array(os.getpid()),
            "seed": np.array(self.seed),
            "rounds": np.array(1 + (int(memory.arrays["rounds"]) if memory is not None else 0)),
        }
        return Segmentation((candidate,), Memory(self.spec.name, counts))

    def everything(self, features: StubFeatures, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        for name in vocabulary.names if vocabulary is not None else ():
            self._obey(name, features, report)
        return [Region(features.pixels[..., 0] >= 0, 0.8, "all")]

    def label(self, features: StubFeatures, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        shape = (len(masks), len(vocabulary.names))
        return LabelScores(vocabulary.names, np.full(shape, 0.5, np.float32), np.zeros(len(masks), np.float32))

    def _obey(self, directive: str, features: StubFeatures, report: Report) -> tuple[object, ...]:
        word, _, rest = directive.partition(" ")
        match word:
            case "steps":
                steps, milliseconds = map(int, rest.split())
                for step in range(steps):
                    report(step / steps, f"step {step + 1} of {steps}", np.full((8, 8), step / steps, np.float32))
                    time.sleep(milliseconds / 1000)
            case "hold":
                _hold(rest, report)
            case "oom" if self.runs <= int(rest):
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.14 GiB. GPU 0 has 8.00 GiB in all.")
            case "raise":
                raise ValueError("a bug")
            case "refuse":
                raise EngineError("This engine refuses.")
            case "unsendable":
                return (threading.Lock(),)
            case "abort":
                os.abort()
            case "exit":
                os._exit(7)
        return ()


def _hold(gate: str, report: Report) -> None:
    while not Path(gate).exists():
        report(None, "holding", np.zeros((8, 8), np.float32))
        time.sleep(STEP)


def _wait(milliseconds: int, report: Report) -> None:
    end = time.monotonic() + milliseconds / 1000
    while (left := end - time.monotonic()) > 0:
        report(1 - left * 1000 / milliseconds, "running", np.zeros((8, 8), np.float32))
        time.sleep(min(left, STEP))


@dataclass(frozen=True)
class StubPlugIn:
    SPEC: EngineSpec
    make: Callable[[EngineSpec], Engine]

    def create(self) -> Engine:
        return self.make(self.SPEC)


def _missing(spec: EngineSpec) -> Engine:
    raise WeightsMissing(f"{spec.title} needs a weights file. None was found in the model folders.")


def _unfit(spec: EngineSpec) -> Engine:
    raise EngineError(f"{spec.title} cannot be loaded here.")


def _plug_in(name: str, speed: Speed, make: Callable[[EngineSpec], Engine] = StubEngine) -> StubPlugIn:
    kinds = frozenset({PromptKind.POINT, PromptKind.TEXT})
    capabilities = frozenset({Capability.EVERYTHING, Capability.LABEL, Capability.MEMORY})
    return StubPlugIn(EngineSpec(name, name.title(), kinds, capabilities, speed, "none", "none", "tests"), make)


quick = _plug_in("stub-quick", Speed.INSTANT)
slow = _plug_in("stub-slow", Speed.SECONDS)
other = _plug_in("stub-other", Speed.INSTANT)
missing = _plug_in("stub-missing", Speed.SECONDS, _missing)
unfit = _plug_in("stub-unfit", Speed.SECONDS, _unfit)


def _like(spec: EngineSpec) -> StubPlugIn:
    """A stub that takes what a real engine takes, under a name of its own and without weights."""
    return StubPlugIn(replace(spec, name=f"stub-{spec.name}", weights=(), speed=Speed.INSTANT), StubEngine)


like_seem, like_sam, like_tcl = _like(seem.SPEC), _like(sam.SPEC), _like(tcl.SPEC)

ENGINES = ",".join(f"tests.e2e.stub_engines:{name}" for name in ("quick", "slow", "other", "missing"))

FAMILY = ",".join(f"tests.e2e.stub_engines:like_{name}" for name in ("seem", "sam", "tcl"))
"""Stubs that take what SEEM, SAM and TCL take."""
