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
class Image:
    """One file or one page of a file. ``width`` and ``height`` are those of the oriented image, in pixels.

    ``path`` is relative to the project's folder where possible, with forward slashes. ``orientation`` is the EXIF
    value (1–8) that the loader applied. ``content_hash`` is empty until the file was first opened.
    """

    id: int
    path: str
    page: int = 0
    width: int = 0
    height: int = 0
    orientation: int = 1
    content_hash: str = ""
    state: ImageState = ImageState.EMPTY
    comment: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an instance came from: enough to make an engine's mask again. ``source`` is engine name, hand or imported.

    ``prompts`` is the JSON of the prompt history (``desktop.dataset.prompt_json``); times are ISO 8601 UTC.
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


@dataclass(frozen=True, slots=True)
class Instance:
    """One annotated object of one image. ``id`` is the stored, exported annotation id (from 1, never used again)."""

    id: int
    image_id: int
    mask: Mask
    category_id: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    is_crowd: bool = False
    z_order: int = 0
    review: ReviewState = ReviewState.DRAFT
    comment: str = ""
    provenance: Provenance = field(default_factory=Provenance)
    locked: bool = False
