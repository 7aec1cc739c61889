"""A server with the stub engines, and a listener that waits for events instead of sleeping."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from inference.engine import Image
from inference.messages import Dropped, Encode, Event, Failed, Finished, Progress, Request, Segment, Started
from inference.prompts import Point, Prompt, PromptSet
from inference.server import Server

PATIENCE = 30.0
"""Seconds until a test gives up; a busy machine must not make it fail."""

T = TypeVar("T")
HERE = Point(50.5, 50.5)


def image(name: str = "a", width: int = 200, height: int = 100) -> Image:
    return Image(np.zeros((height, width, 3), np.uint8), name)


def segment(
    *prompts: Prompt, engine: str = "stub-quick", of: str = "a", session: str = "s", revision: int = 1, **more: object
) -> Segment:
    return Segment(engine, image(of), PromptSet((HERE, *prompts)), session, revision, **more)  # type: ignore[arg-type]


def encode(of: str, engine: str = "stub-quick", prefetch: bool = False) -> Encode:
    return Encode(engine, image(of), prefetch)


class Ears:
    """Hears everything a server says, and keeps it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.heard: list[Event] = []
        self._new: queue.SimpleQueue[Event] = queue.SimpleQueue()
        server.subscribe(self._new.put)

    def submit(self, request: Request) -> int:
        return self.server.submit(request)

    def wait(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event, also among those heard before, that is wanted."""
        for event in self.heard:
            if wanted(event):
                return event
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0:
            try:
                event = self._new.get(timeout=left)
            except queue.Empty:
                break
            self.heard.append(event)
            if wanted(event):
                return event
        raise AssertionError(f"never heard; heard: {[type(event).__name__ for event in self.heard]}")

    def of(self, job: int, kind: type[T]) -> T:
        event = self.wait(lambda event: isinstance(event, kind) and getattr(event, "job", None) == job)
        assert isinstance(event, kind)
        return event

    def end(self, job: int) -> Finished | Failed | Dropped:
        event = self.wait(lambda e: isinstance(e, Finished | Failed | Dropped) and e.job == job)
        assert isinstance(event, Finished | Failed | Dropped)
        return event

    def running(self, job: int) -> None:
        """Wait until the job has reported from inside the engine."""
        self.wait(lambda event: isinstance(event, Progress) and event.job == job and "hold" in event.message)

    def order(self) -> list[int]:
        """Jobs in the order in which they finished."""
        return [event.job for event in self.heard if isinstance(event, Finished)]

    def starts(self, job: int) -> int:
        return sum(isinstance(event, Started) and event.job == job for event in self.heard)
