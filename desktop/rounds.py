"""What a session asks of engines and what they answered. Qt-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from inference.prompts import PromptSet
from inference.results import Candidate, Ignored, Memory

CHOSEN = "chosen"
"""Key of :attr:`Memory.arrays` under which the index of the chosen candidate travels (int64 scalar array)."""


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """One request to an engine. ``prompts`` are what the engine gets, ``about`` the prompts of the person behind it."""

    engine: str
    prompts: PromptSet
    about: PromptSet
    revision: int
    memory: Memory | None = None
    as_job: bool = False


@dataclass(slots=True)
class Round:
    """An answer and what the person chose in it."""

    candidates: tuple[Candidate, ...]
    memory: Memory | None = None
    ignored: tuple[Ignored, ...] = ()
    chosen: int = 0
    kept: frozenset[int] = field(default_factory=frozenset)
    notes: tuple[str, ...] = ()


Rounds = Mapping[tuple[str, PromptSet], Round]
"""The answers known, by engine and prompts."""


def memory_for(rounds: Rounds, engine: str, about: PromptSet) -> Memory | None:
    """The engine's own memory of the longest beginning of these prompts, with the person's choice in it."""
    for length in range(len(about.prompts) - 1, 0, -1):
        start = PromptSet(about.prompts[:length], frozenset(m for m in about.muted if m < length))
        known = rounds.get((engine, start))
        if known is not None and known.memory is not None and known.memory.engine == engine:
            return replace(known.memory, arrays={**known.memory.arrays, CHOSEN: np.array(known.chosen, np.int64)})
    return None
