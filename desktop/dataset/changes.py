"""Changes of a project as frozen values: what ``Project.apply`` takes, what undo steps hold, what the journal keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, Instance


@dataclass(frozen=True, slots=True)
class TextPrompt:
    """A phrase of the text-prompt history. ``used`` is ISO 8601 UTC; ``times`` counts how often it was used."""

    text: str
    positive: bool = True
    used: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class StoredReference:
    """A reference region kept with the project: a mask on one of its images, under a name."""

    id: int
    name: str
    image_id: int
    mask: Mask
    created: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A long job as it is resumed after a restart; ``request`` and ``progress`` are JSON texts of its own making."""

    id: int
    kind: str
    state: str
    request: str = "{}"
    progress: str = "{}"
    created: str = ""


@dataclass(frozen=True, slots=True)
class StoredProposal:
    """A candidate instance that waits in the project for a person's review; it is in no export.

    ``score`` is in [0, 1]; ``engine``, ``fingerprint``, ``prompts`` (JSON) and ``seed`` as in the provenance that it
    gets when it is accepted.
    """

    id: int
    image_id: int
    mask: Mask
    label: str = ""
    score: float = 0.0
    is_thing: bool = True
    engine: str = ""
    fingerprint: str = ""
    prompts: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class AddImages:
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class ReplaceImages:
    """New values of images that exist (state, comment, size, relinked path …)."""

    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class DeleteImages:
    """Take images out of the project with their instances; the files stay."""

    image_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AddInstances:
    """New instances, or deleted ones brought back under their old ids."""

    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class ReplaceInstances:
    """New values of instances that exist."""

    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class DeleteInstances:
    instance_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AddCategories:
    categories: tuple[Category, ...]


@dataclass(frozen=True, slots=True)
class ReplaceCategory:
    category: Category


@dataclass(frozen=True, slots=True)
class DeleteCategory:
    """Delete a class; instances that still have it become unlabelled."""

    category_id: int


@dataclass(frozen=True, slots=True)
class AddTextPrompt:
    """Remember a phrase; using the same phrase again counts and moves it to the front."""

    text: str
    positive: bool = True
    used: str = ""


@dataclass(frozen=True, slots=True)
class ClearTextPrompts:
    """Forget the whole text-prompt history."""


@dataclass(frozen=True, slots=True)
class PutReference:
    reference: StoredReference


@dataclass(frozen=True, slots=True)
class DeleteReference:
    reference_id: int


@dataclass(frozen=True, slots=True)
class PutJob:
    job: Job


@dataclass(frozen=True, slots=True)
class DeleteJob:
    job_id: int


@dataclass(frozen=True, slots=True)
class AddProposals:
    """New proposals, or decided ones brought back under their old ids."""

    proposals: tuple[StoredProposal, ...]


@dataclass(frozen=True, slots=True)
class DeleteProposals:
    proposal_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MarkDone:
    """A job is through with an image: how many proposals it ``found`` there, or the sentence why it could not look."""

    job_id: int
    image_id: int
    found: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class PutSetting:
    """A setting of the project; ``value`` is any text (JSON by convention), None removes it."""

    key: str
    value: str | None


Change: TypeAlias = (
    AddImages
    | ReplaceImages
    | DeleteImages
    | AddInstances
    | ReplaceInstances
    | DeleteInstances
    | AddCategories
    | ReplaceCategory
    | DeleteCategory
    | AddTextPrompt
    | ClearTextPrompts
    | PutReference
    | DeleteReference
    | PutJob
    | DeleteJob
    | AddProposals
    | DeleteProposals
    | MarkDone
    | PutSetting
)


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes of one ``apply``: all of them are written, or none. ``number`` counts up within one opening."""

    number: int
    changes: tuple[Change, ...]
    made: str = field(default="")
