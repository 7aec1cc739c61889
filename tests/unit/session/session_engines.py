"""Engine specs and answers for session tests."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from desktop.rounds import Ask
from desktop.session import Session
from inference.engine import Capability, EngineSpec, Speed
from inference.prompts import PromptKind
from inference.results import Candidate, Frame, Label, Memory, Segmentation

SIZE = 32


def spec(name: str, kinds: Iterable[PromptKind], speed: Speed = Speed.INSTANT) -> EngineSpec:
    return EngineSpec(name, name.upper(), frozenset(kinds), frozenset({Capability.MEMORY}), speed, "", "", "")


TOUCH = (PromptKind.POINT, PromptKind.BOX, PromptKind.SCRIBBLE)
SPECS = {
    "clicks": spec("clicks", (*TOUCH, PromptKind.MASK)),
    "blind": spec("blind", TOUCH),
    "words": spec("words", (PromptKind.TEXT,), Speed.SECONDS),
    "both": spec("both", (*TOUCH, PromptKind.TEXT, PromptKind.MASK)),
    "slow": spec("slow", (*TOUCH, PromptKind.TEXT), Speed.MINUTES),
}


def candidate(score: float, side: int = 8, engine: str = "clicks", label: str = "") -> Candidate:
    """A square of ``side`` pixels in the corner."""
    logits = np.full((SIZE, SIZE), -5.0, np.float32)
    logits[:side, :side] = 5.0
    labels = (Label(label, score),) if label else ()
    return Candidate(logits, Frame.whole(SIZE, SIZE), score, engine, labels)


def answer(ask: Ask, *scores: float) -> Segmentation:
    """Candidates whose size tells the number of prompts, and a memory that names the revision."""
    side = max(1, min(len(ask.about.prompts), SIZE))
    found = tuple(candidate(score, side + n, ask.engine) for n, score in enumerate(scores or (0.9, 0.5)))
    return Segmentation(found, Memory(ask.engine, {"revision": np.array(ask.revision, np.int64)}))


def settle(session: Session, limit: int = 5) -> int:
    """Answer everything the session asks; returns how often it asked."""
    asked = 0
    while (ask := session.next_ask()) is not None and asked < limit:
        asked += 1
        session.take(ask.revision, answer(ask))
    return asked


def opened(find: str = "clicks", refine: str = "clicks", **more: object) -> Session:
    return Session(1, SPECS, find, refine, **more)  # type: ignore[arg-type]
