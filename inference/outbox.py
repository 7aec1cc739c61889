"""Answers on their way out: in order, but progress at most 20 times a second with only the newest kept."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from inference.commands import Answer, Broke, Done, Stopped, Yielded
from inference.messages import EngineChanged, Progress

INTERVAL = 0.05


class Outbox:
    """A thread that hands answers to ``deliver``, so that the work never waits for its reader."""

    def __init__(self, deliver: Callable[[Answer], None], interval: float = INTERVAL) -> None:
        self._deliver = deliver
        self._interval = interval
        self._changed = threading.Condition()
        self._ready: deque[Answer] = deque()
        self._newest: dict[int | str, Progress | EngineChanged] = {}
        self._due = 0.0
        self._closed = False
        self._delivering = False
        self._thread = threading.Thread(target=self._run, name="inference outbox", daemon=True)
        self._thread.start()

    def put(self, answer: Answer) -> None:
        with self._changed:
            slot = _slot(answer)
            if slot is not None and isinstance(answer, Progress | EngineChanged):
                self._newest[slot] = answer
            else:
                # what was waiting is out of date now: it must not arrive after the end it led to
                superseded = _superseded(answer)
                if superseded is not None:
                    self._newest.pop(superseded, None)
                self._ready.append(answer)
            self._changed.notify_all()

    def flush(self, timeout: float = 1.0) -> None:
        """Wait until everything but progress is delivered."""
        with self._changed:
            self._changed.wait_for(lambda: not self._ready and not self._delivering, timeout)

    def close(self) -> None:
        """Deliver what is left and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while (answer := self._take()) is not None:
            self._deliver(answer)

    def _take(self) -> Answer | None:
        with self._changed:
            self._delivering = False
            self._changed.notify_all()
            while True:
                if self._ready:
                    self._delivering = True
                    return self._ready.popleft()
                wait = self._due - time.monotonic()
                if self._newest and (wait <= 0 or self._closed):
                    self._due = time.monotonic() + self._interval
                    self._ready.extend(self._newest.values())
                    self._newest.clear()
                elif self._closed:
                    return None
                else:
                    self._changed.wait(wait if self._newest else None)


def _slot(answer: Answer) -> int | str | None:
    """Where only the newest counts: the progress of a job, the percentage of an engine."""
    if isinstance(answer, Progress):
        return answer.job
    if isinstance(answer, EngineChanged) and answer.fraction is not None:
        return answer.engine
    return None


def _superseded(answer: Answer) -> int | str | None:
    if isinstance(answer, Done | Broke | Stopped | Yielded):
        return answer.job
    return answer.engine if isinstance(answer, EngineChanged) else None
