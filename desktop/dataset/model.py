"""What is being annotated: plain frozen values, free of Qt (design.md §5, words of ux.md §1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop.dataset.masks import Mask


class Kind(StrEnum):
    """Countable thing or uncountable stuff."""

    THING = "thing"
    STUFF = "stuff"


class ImageState(StrEnum):
    EMPTY = "empty"
    DRAFT = "draft"
    DONE = "done"
    REVIEWED = "reviewed"
    REJECTED = "rejected"
    ERROR = "error"


class ReviewState(StrEnum):
    DRAFT = "draft"
    DONE = "done"
    REVIEWED = "reviewed"
    NEEDS_WORK = "needs work"


@dataclass(frozen=True, slots=True)
class Category:
    """A class. ``id`` is stable, exported and never used again; ``position`` is the order in the list."""

    id: int
    name: str
    colour: str
    kind: Kind = Kind.THING
    parent: str | None = None
    position: int = 0
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """One remark of the thread on an image or instance. ``made`` is ISO 8601 UTC; ``author`` is a name, or empty."""

    text: str
    author: str = ""
    made: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """One file or one page of a file. ``width`` and ``height`` are those of the oriented image, in pixels.

    ``path`` is relative to the project's folder where possible, with forward slashes. ``orientation`` is the EXIF
    value (1–8) that the loader applied. ``content_hash`` is empty until the file was first opened. ``editor`` and
    ``changed`` say who set the state last, and when (ISO 8601 UTC); both are empty while nobody did.
    """

    id: int
    path: str
    page: int = 0
    width: int = 0
    height: int = 0
    orientation: int = 1
    content_hash: str = ""
    state: ImageState = ImageState.EMPTY
    comments: tuple[Comment, ...] = ()
    error: str = ""
    editor: str = ""
    changed: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an instance came from: enough to make an engine's mask again. ``source`` is engine name, hand or imported.

    ``prompts`` is the JSON of the prompt history (``desktop.dataset.prompt_json``); times are ISO 8601 UTC. ``author``
    made the instance, ``editor`` was the last to change it (empty: nobody since). ``suggested`` is the class name that
    a model proposed for it. ``seconds`` is the time a person worked on it until it was accepted, None when unknown.
    ``mask_edits`` counts the steps that changed its pixels by hand after that.
    """

    source: str = "hand"
    version: str = ""
    fingerprint: str = ""
    prompts: str = ""
    score: float | None = None
    seed: int = 0
    created: str = ""
    edited: str = ""
    author: str = ""
    editor: str = ""
    suggested: str = ""
    seconds: float | None = None
    mask_edits: int = 0

    @property
    def by_engine(self) -> bool:
        """Whether an engine made the mask."""
        return self.source not in (HAND, IMPORTED)


HAND, IMPORTED = "hand", "imported"
"""Values of :attr:`Provenance.source` that are no engine's name."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One annotated object of one image. ``id`` is the stored, exported annotation id (from 1, never used again).

    ``reviewer`` and ``reviewed`` (ISO 8601 UTC) say who approved it or sent it back, and when. ``found`` is the mask as
    that review found it, where the review or the work after it changed it; None otherwise.
    """

    id: int
    image_id: int
    mask: Mask
    category_id: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    is_crowd: bool = False
    z_order: int = 0
    review: ReviewState = ReviewState.DRAFT
    comments: tuple[Comment, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    locked: bool = False
    reviewer: str = ""
    reviewed: str = ""
    found: Mask | None = None

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody judged the pixels that an engine gave it: it has a score, no edits and no review."""
        waits = self.review in (ReviewState.DRAFT, ReviewState.DONE)
        return waits and self.provenance.score is not None and not self.provenance.mask_edits
