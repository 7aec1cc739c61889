"""The values that the workspace hands to panels, canvas and actions: frozen, so that a panel may keep what it drew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.masks import Mask
from inference.engine import EngineSpec
from inference.messages import EngineState
from inference.prompts import PromptSet
from inference.results import Candidate, Ignored, Label


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine of the chooser: what it is, its state, a sentence about the state, progress in [0, 1] or None.

    ``features_here`` says that the features of the current image are in the cache; ``fingerprint`` identifies the
    weights, empty before they were loaded.
    """

    spec: EngineSpec
    state: EngineState
    message: str = ""
    fraction: float | None = None
    features_here: bool = False
    fingerprint: str = ""

    @property
    def usable(self) -> bool:
        """Whether a prompt may be sent to it (it may still have to be loaded)."""
        return self.state not in (EngineState.NOT_INSTALLED, EngineState.FAILED)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """The open session as the panels show it.

    ``candidates`` already respect the text threshold; ``chosen`` is an index into them (-1 without any); ``engine``
    is the name of the engine that answers; ``message`` is the sentence to show ("Nothing found — …") or empty;
    ``notes`` are the engine's sentences about its answer; ``refines`` is the id of the instance whose mask the session
    replaces; ``previous`` is True when the prompts rest on a previous mask.
    """

    id: str
    prompts: PromptSet = field(default_factory=PromptSet)
    candidates: tuple[Candidate, ...] = ()
    chosen: int = -1
    kept: frozenset[int] = frozenset()
    busy: bool = False
    busy_text: str = ""
    fraction: float | None = None
    preview: NDArray[np.float32] | None = None
    engine: str = ""
    ignored: tuple[Ignored, ...] = ()
    message: str = ""
    refines: int | None = None
    can_undo: bool = False
    can_redo: bool = False
    notes: tuple[str, ...] = ()

    @property
    def candidate(self) -> Candidate | None:
        return self.candidates[self.chosen] if 0 <= self.chosen < len(self.candidates) else None


@dataclass(frozen=True, slots=True)
class LabelSuggestion:
    """What a candidate probably is: names best first, and the one to take, None when no name fits well enough.

    ``unknown`` in [0, 1] is the probability that no name fits; ``engine`` is who was asked.
    """

    labels: tuple[Label, ...]
    best: Label | None
    engine: str = ""
    unknown: float = 0.0


@dataclass(frozen=True, slots=True)
class ParkedSession:
    """A session that waits on another image (badge "1 open session")."""

    session: str
    image_id: int
    prompts: int


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A line of the Jobs popover; ``id`` goes to :meth:`Workspace.cancel_job`. ``started`` is ``time.monotonic()``."""

    id: str
    title: str
    state: JobState = JobState.WAITING
    fraction: float | None = None
    message: str = ""
    started: float = 0.0
    finished: float | None = None
    lossy: bool = False
    """True when closing the window would lose its work."""
    pausable: bool = False
    left: float | None = None
    """Seconds to the end, where the job knows better than its fraction."""

    @property
    def active(self) -> bool:
        return self.state not in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class SavedState(StrEnum):
    NOTHING = "nothing"
    SAVED = "saved"
    SAVING = "saving"
    UNSAVED = "unsaved"


@dataclass(frozen=True, slots=True)
class Saved:
    """For the status bar: ``Saved 10:42:07`` / ``Saving…`` / ``NOT SAVED — click for details``."""

    state: SavedState = SavedState.NOTHING
    when: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate instance of a whole-image run, waiting for review. ``overlap`` is the largest IoU with an instance.

    Drawn hatched. ``checked`` is what "accept all" takes; proposals with overlap ≥ 0.5 start unchecked.
    """

    id: int
    image_id: int
    mask: Mask
    label: str
    score: float
    engine: str
    is_thing: bool = True
    overlap: float = 0.0
    checked: bool = True
    prompts: str = ""
    """How it was found, as JSON of prompts; empty for a whole-image run."""
    stored: int = 0
    """Its id in the project file, 0 for one that is only shown until the program ends."""
    fingerprint: str = ""
    seed: int = 0


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class NoticeAction:
    label: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the notice bar: what happened, one or two actions, and the full report behind *Details*."""

    text: str
    severity: Severity = Severity.INFO
    actions: tuple[NoticeAction, ...] = ()
    details: str = ""


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """What the image strip shows. ``chip`` is one of all, unlabelled, draft, done, to review, needs work, proposals,
    issues.

    ``name`` matches anywhere in the path, case-insensitively, or asks about instances ("state:done editor:ann");
    ``category_id`` keeps images with that class; ``order`` is name, time or uncertainty.
    """

    chip: str = "all"
    name: str = ""
    category_id: int | None = None
    order: str = "name"


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many instances of a class there are in the current image and in the project."""

    image: int = 0
    project: int = 0


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A row of the history list: its name and whether it is done (else it can be redone)."""

    name: str
    done: bool


class ColourBy(StrEnum):
    CLASS = "class"
    INSTANCE = "instance"
    SOURCE = "source"
    REVIEW = "review"
