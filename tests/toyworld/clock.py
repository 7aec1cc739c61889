"""Training by the clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import torch


@dataclass(slots=True)
class Clock:
    """Time that is left, the learning rate that belongs to it, and when to save next."""

    minutes: float
    rate: float
    every: float = 480.0
    start: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> float:
        """The share of the time that has passed."""
        return (time.monotonic() - self.start) / (60 * self.minutes)

    def set(self, optimiser: torch.optim.Optimizer) -> None:
        """Warm up for 2 % of the time, then follow half a cosine down to a fiftieth."""
        warm = min(1.0, self.done / 0.02 + 0.05)
        for group in optimiser.param_groups:
            group["lr"] = self.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.done))))

    def is_time_to_save(self) -> bool:
        if time.monotonic() - self.saved < self.every and self.done < 1:
            return False
        self.saved = time.monotonic()
        return True
