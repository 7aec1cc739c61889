"""What travels between the window and the inference worker: immutable, picklable, torch-free (design.md §4).

Requests go to the server, events come back. Pixels do not travel in messages but through :class:`ImageRef`: the
server (not the caller) puts them into shared memory once per image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.engine import Image, Options, Preview, Vocabulary
from inference.prompts import MaskArray, PromptSet
from inference.results import LabelScores, Memory, Region, Segmentation


class Priority(IntEnum):
    """Lower runs first. A prompt pre-empts lower work at that work's next ``report``."""

    PROMPT = 0
    ENCODE = 1
    PREFETCH = 2
    BATCH = 3


@dataclass(frozen=True, slots=True, eq=False)
class Encode:
    """Compute and cache the features of an image; nothing else. ``prefetch`` marks the next image of the strip."""

    engine: str
    image: Image
    prefetch: bool = False
    options: Options = field(default_factory=dict)
    give: bool = False
    """Answer with the features themselves, for a decoder that runs elsewhere, instead of with nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One round of a session. A newer revision of the same session replaces a pending older one (latest wins)."""

    engine: str
    image: Image
    prompts: PromptSet
    session: str
    revision: int
    memory: Memory | None = None
    seed: int = 0
    region_of_interest: tuple[int, int, int, int] | None = None
    as_job: bool = False
    """Run at batch priority (engines of the *minutes* class): a background job with previews."""
    options: Options = field(default_factory=dict)
    """Of the engine's options those that differ from their defaults, as in the other requests."""


@dataclass(frozen=True, slots=True, eq=False)
class Everything:
    """A whole-image run: regions that become proposals."""

    engine: str
    image: Image
    vocabulary: Vocabulary | None = None
    seed: int = 0
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class RankLabels:
    """Rank a vocabulary for masks of any origin."""

    engine: str
    image: Image
    masks: tuple[MaskArray, ...]
    vocabulary: Vocabulary
    session: str = ""
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class GivenFeatures:
    """The features of one image as arrays that the engine of this ``fingerprint`` can take anywhere, or None when
    they cannot leave the process that made them."""

    fingerprint: str
    arrays: Mapping[str, NDArray[np.generic]] | None


Request: TypeAlias = Encode | Segment | Everything | RankLabels
Result: TypeAlias = Segmentation | list[Region] | LabelScores | GivenFeatures | None


class EngineState(StrEnum):
    """The states of the engine panel (ux.md §2.1)."""

    NOT_INSTALLED = "not installed"
    AVAILABLE = "available"
    LOADING = "loading"
    READY = "ready"
    ENCODING = "encoding"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, eq=False)
class Started:
    job: int


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """``fraction`` in [0, 1] or None; ``preview`` is an intermediate mask of a slow engine."""

    job: int
    fraction: float | None
    message: str
    preview: Preview | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """``encode_ms`` is 0 when the features came from the cache."""

    job: int
    request: Request
    result: Result
    encode_ms: float = 0.0
    run_ms: float = 0.0


class FailureKind(StrEnum):
    ENGINE = "engine"
    WEIGHTS_MISSING = "weights missing"
    WRONG_WEIGHTS = "wrong weights"
    OUT_OF_MEMORY = "out of memory"
    UNUSABLE_PROMPTS = "unusable prompts"
    WORKER_DIED = "worker died"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """``message`` is one sentence for a person; ``details`` the full report for *Details*."""

    job: int
    request: Request
    kind: FailureKind
    message: str
    details: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Dropped:
    """The job did not run to its end: cancelled, or replaced by a newer revision of its session."""

    job: int
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class EngineChanged:
    """``fingerprint`` identifies the weights of an engine that is ready (:attr:`Engine.fingerprint`)."""

    engine: str
    state: EngineState
    message: str = ""
    fraction: float | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class CacheChanged:
    """Counters of the feature cache for the status bar. ``encoded`` are (engine, content hash) pairs held in memory;
    ``disk_bytes`` what the disk tier holds."""

    images: int
    used_bytes: int
    budget_bytes: int
    encoded: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    disk_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """The status line of the device: "CUDA:0, 6.1 of 8.0 GB", or "CPU" with the reason why no GPU is used."""

    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WorkerRestarted:
    """The worker process died and a new one is up; running work was reported :class:`Failed`."""

    reason: str


Event: TypeAlias = (
    Started | Progress | Finished | Failed | Dropped | EngineChanged | CacheChanged | DeviceInfo | WorkerRestarted
)
