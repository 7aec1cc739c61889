"""An engine in this process: decoding, looking, answering and packing masks overlap on threads of their own.

The heavy parts (decoders, torch, numpy) let go of Python's lock. The engine is entered by one thread at a time, but for
those that say that they may look at the next image while they answer about this one (``inference.engine.Overlapping``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from desktop.dataset import images
from desktop.dataset.images import LoadedImage
from desktop.prelabel.answers import Question
from desktop.prelabel.looker import Answers, Looker
from desktop.prelabel.request import PrelabelRequest
from desktop.prelabel.work import Control, Outcome, Task
from inference.engine import Engine, Features

DECODERS = max(1, min(4, (os.cpu_count() or 2) - 1))


class LocalFinder:
    """Looks with a loaded engine. ``control`` ends its work; close it after use."""

    def __init__(self, engine: Engine, request: PrelabelRequest, asked: Sequence[Question], control: Control) -> None:
        self._looker, self._control = Looker(engine, request, asked, control), control
        self._decoding = ThreadPoolExecutor(DECODERS, "decode")
        self._encoding = ThreadPoolExecutor(1, "encode")
        self._answering = ThreadPoolExecutor(1, "segment") if self._looker.may_overlap else self._encoding
        self._packing = ThreadPoolExecutor(1, "pack masks")

    @property
    def ahead(self) -> int:
        return DECODERS + 3

    def begin(self, task: Task) -> Future[Outcome]:
        decoded = self._decoding.submit(images.load, task.file, task.page)
        encoded = self._encoding.submit(self._encode, decoded)
        answered = self._answering.submit(self._answer, encoded)
        return self._packing.submit(self._pack, task, decoded, answered)

    def close(self) -> None:
        self._control.stop()
        for pool in (self._decoding, self._encoding, self._answering, self._packing):
            pool.shutdown(wait=True, cancel_futures=True)

    # every step first waits for the one before it, which is on another thread and was begun earlier

    def _encode(self, decoded: Future[LoadedImage]) -> Features:
        return self._looker.encode(decoded.result())

    def _answer(self, encoded: Future[Features]) -> Answers:
        return self._looker.answer(encoded.result())

    def _pack(self, task: Task, decoded: Future[LoadedImage], answered: Future[Answers]) -> Outcome:
        return self._looker.outcome(task.image_id, lambda: (decoded.result(), answered.result()))
