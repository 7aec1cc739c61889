"""A worker that records requests and answers when the test says so; the size of the test images."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Signal

from desktop.dataset.masks import Mask
from inference.engine import Capability, EngineSpec, Speed
from inference.messages import Dropped, Encode, Failed, FailureKind, Finished, Request, Segment, Started
from inference.prompts import Box, Point, PromptKind
from inference.results import Candidate, Frame, Memory, Segmentation

WIDTH, HEIGHT = 64, 48


def rectangle(x0: int, y0: int, x1: int, y1: int) -> Mask:
    """A mask of the test images' size with one box in it."""
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[y0:y1, x0:x1] = True
    return Mask.from_array(pixels)


def specs() -> list[EngineSpec]:
    touch = frozenset({PromptKind.POINT, PromptKind.BOX, PromptKind.SCRIBBLE, PromptKind.MASK})
    able = frozenset({Capability.EVERYTHING})
    return [
        EngineSpec("classic", "Classic", touch, able, Speed.INSTANT, "", "", "built in"),
        EngineSpec("words", "Words", frozenset({PromptKind.TEXT}), frozenset(), Speed.SECONDS, "", "", "text"),
        EngineSpec("pairs", "Pairs", frozenset({PromptKind.REFERENCE}), frozenset(), Speed.SECONDS, "", "", "pairs"),
    ]


class FakeWorker(QObject):
    """Records requests; :meth:`answer` answers the oldest with a square per positive prompt."""

    event = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[int, Request]] = []
        self.sent: list[Request] = []
        self.cancelled: list[int] = []
        self.restarted: list[str] = []
        self.moved: list[str] = []

    def submit(self, request: Request) -> int:
        self.sent.append(request)
        job = len(self.sent)
        if isinstance(request, Encode):
            return job
        self.waiting.append((job, request))
        self.event.emit(Started(job))
        return job

    def cancel(self, job: int) -> None:
        self.cancelled.append(job)
        self.waiting = [row for row in self.waiting if row[0] != job]
        self.event.emit(Dropped(job))

    def close_session(self, session: str) -> None: ...

    def pin(self, content_hash: str) -> None: ...

    def restart_engine(self, name: str) -> None:
        self.restarted.append(name)

    def use_cpu(self, reason: str) -> None:
        self.moved.append(reason)

    @property
    def segments(self) -> list[Segment]:
        return [request for request in self.sent if isinstance(request, Segment)]

    def answer(self, *scores: float) -> None:
        job, request = self.waiting.pop(0)
        assert isinstance(request, Segment)
        found = tuple(self.candidate(request, score, n) for n, score in enumerate(scores or (0.9, 0.4)))
        self.event.emit(Finished(job, request, Segmentation(found, Memory(request.engine))))

    def fail(self, kind: FailureKind = FailureKind.ENGINE) -> None:
        job, request = self.waiting.pop(0)
        self.event.emit(Failed(job, request, kind, "The engine broke.", "a trace"))

    @staticmethod
    def candidate(request: Segment, score: float, more: int = 0) -> Candidate:
        height, width = request.image.height, request.image.width
        logits = np.full((height, width), -5.0, np.float32)
        for prompt in request.prompts:
            if isinstance(prompt, Point):
                x, y = int(prompt.x), int(prompt.y)
                logits[max(y - 3, 0) : y + 3 + more, max(x - 3, 0) : x + 3] = 5.0 if prompt.positive else -5.0
            elif isinstance(prompt, Box):
                logits[int(prompt.y0) : int(prompt.y1), int(prompt.x0) : int(prompt.x1)] = 5.0
            elif prompt.kind is PromptKind.TEXT:
                logits[: 5 + more, :5] = 5.0
            elif prompt.kind is PromptKind.REFERENCE:
                logits[10:20, 10:20] = 5.0
            elif prompt.kind is PromptKind.MASK:
                logits[prompt.mask] = 5.0  # type: ignore[union-attr]
        return Candidate(logits, Frame.whole(height, width), score, request.engine)
