"""How long a person worked on something: pauses count only so far. Qt-free."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST_PAUSE = 60.0
"""Seconds without a touch that still count as work; a longer pause counts for this much."""


class WorkTime:
    """Adds up the time between touches. ``now`` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last = now()
        self._worked = 0.0

    def touch(self) -> None:
        """The person did something."""
        moment = self._now()
        self._worked += min(moment - self._last, LONGEST_PAUSE)
        self._last = moment

    @property
    def seconds(self) -> float:
        """Time worked up to now."""
        return self._worked + min(self._now() - self._last, LONGEST_PAUSE)
