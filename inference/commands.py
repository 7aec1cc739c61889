"""What the server tells its worker, and what the worker answers besides the events of ``messages``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from inference.features import Budgets
from inference.messages import (
    CacheChanged,
    DeviceInfo,
    EngineChanged,
    FailureKind,
    Priority,
    Progress,
    Request,
    Result,
    Started,
)


@dataclass(frozen=True, slots=True)
class Configure:
    budgets: Budgets


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    job: int
    priority: Priority
    request: Request


@dataclass(frozen=True, slots=True)
class Stop:
    """``keep_features``: an encoding in progress goes on to its end, because the newer revision needs it too."""

    job: int
    keep_features: bool


@dataclass(frozen=True, slots=True)
class Pin:
    content_hash: str | None


@dataclass(frozen=True, slots=True)
class Unload:
    engine: str


@dataclass(frozen=True, slots=True)
class Attach:
    """The pixels of an image follow as shared memory (see ``shared_pixels``)."""

    content_hash: str
    height: int
    width: int
    name: str


@dataclass(frozen=True, slots=True)
class Detach:
    content_hash: str


@dataclass(frozen=True, slots=True)
class Quit:
    pass


Command: TypeAlias = Configure | Run | Stop | Pin | Unload | Attach | Detach | Quit


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    job: int
    result: Result
    encode_ms: float
    run_ms: float


@dataclass(frozen=True, slots=True)
class Broke:
    job: int
    kind: FailureKind
    message: str
    details: str


@dataclass(frozen=True, slots=True)
class Stopped:
    job: int


@dataclass(frozen=True, slots=True)
class Yielded:
    """The job makes way for a more urgent one and has to be sent again."""

    job: int


Answer: TypeAlias = Done | Broke | Stopped | Yielded | Started | Progress | EngineChanged | CacheChanged | DeviceInfo
