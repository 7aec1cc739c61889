"""One image as a piece of work, and the order in which results come back: that of the images, whoever is quicker."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from desktop.prelabel.answers import Find
from inference.engine import Cancelled, Preview

_LOOK = 0.2
"""Seconds between two looks at whether the job was stopped."""


@dataclass(frozen=True, slots=True)
class Task:
    """One image (or page of a file) to look at."""

    image_id: int
    file: Path
    page: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found on an image, best first, or the sentence why it could not be looked at.

    ``width``, ``height`` and ``orientation`` are those of the oriented image; ``fingerprint`` is the engine's.
    """

    image_id: int
    finds: tuple[Find, ...] = ()
    error: str = ""
    width: int = 0
    height: int = 0
    orientation: int = 1
    content_hash: str = ""
    fingerprint: str = ""


class Finder(Protocol):
    """Who looks. ``ahead`` images are under way at the same time: more than that would only cost memory."""

    @property
    def ahead(self) -> int: ...

    def begin(self, task: Task) -> Future[Outcome]:
        """Start to look. What is wrong with the image is in the outcome; what is wrong with the request is raised."""
        ...

    def close(self) -> None:
        """End at once; what is under way is given up."""
        ...


class Control:
    """How a person holds a job, from any thread."""

    def __init__(self) -> None:
        self._going = threading.Event()
        self._going.set()
        self._stopped = threading.Event()

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def pause(self) -> None:
        """Begin no further image; those under way are finished."""
        self._going.clear()

    def resume(self) -> None:
        self._going.set()

    def stop(self) -> None:
        """End at the engine's next report."""
        self._stopped.set()
        self._going.set()

    def wait(self) -> None:
        """Until it goes on or is stopped."""
        self._going.wait()

    def report(self, fraction: float | None, message: str, preview: Preview | None = None) -> None:
        """A :class:`inference.engine.Report` that ends the engine's work when the job was stopped."""
        if self._stopped.is_set():
            raise Cancelled


def in_order(tasks: Iterable[Task], finder: Finder, control: Control) -> Iterator[Outcome]:
    """The outcomes in the order of the tasks, ``finder.ahead`` of them under way. Raises Cancelled when stopped."""
    left = iter(tasks)
    under_way: deque[Future[Outcome]] = deque()
    more = True
    while True:
        while more and len(under_way) < finder.ahead and not control.paused:
            task = next(left, None)
            if task is None:
                more = False
            else:
                under_way.append(finder.begin(task))
        if under_way:
            while not control.stopped and not under_way[0].done():
                wait([under_way[0]], _LOOK)
            if control.stopped:
                raise Cancelled
            yield under_way.popleft().result()
        elif more:
            control.wait()
            if control.stopped:
                raise Cancelled
        else:
            return
