"""What every export and import format has in common: what it reads, what it promises beforehand, what it reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from desktop.dataset.changes import Change
from desktop.dataset.errors import DatasetError
from desktop.dataset.formats.traits import Trait
from desktop.dataset.model import Category, Image, Instance

Progress: TypeAlias = Callable[[float, str], None]
"""Called with a fraction in [0, 1] and the name of the current file. Whatever it raises cancels the job cleanly."""


def silent(fraction: float, message: str) -> None:
    """Progress that no one reads."""


class FormatError(DatasetError):
    """A file cannot be exported or imported; the text is one sentence that names it and the reason."""


class Source(Protocol):
    """What formats read of a project (``desktop.dataset.store.Project`` is one)."""

    @property
    def folder(self) -> Path:
        """The folder that relative image paths start from."""
        ...

    def images(self) -> Sequence[Image]: ...
    def categories(self) -> Sequence[Category]: ...
    def instances(self, image_id: int) -> Sequence[Instance]: ...


class Target(Source, Protocol):
    """What an import needs of a project besides: ids that were never used. Every id above one is free too."""

    def reserve_image_id(self) -> int: ...
    def reserve_instance_id(self) -> int: ...
    def reserve_category_id(self) -> int: ...


class Scope(StrEnum):
    """Which images are exported; *done* includes the reviewed ones."""

    ALL = "all"
    DONE = "done"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option as dialogs and the command line offer it. Without ``choices`` the default's type is the type."""

    name: str
    title: str
    default: Any
    choices: tuple[str, ...] = ()

    def checked(self, value: Any) -> Any:
        """The value in the option's type. Raises :class:`FormatError` when it cannot be one."""
        if self.choices:
            if str(value) not in self.choices:
                raise FormatError(f"{self.title} can be {', '.join(self.choices)}, not '{value}'.")
            return str(value)
        if isinstance(self.default, bool):
            known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            text = str(value).lower()
            if text not in known:
                raise FormatError(f"{self.title} can be yes or no, not '{value}'.")
            return known[text]
        if isinstance(self.default, int | float):
            try:
                return type(self.default)(value)
            except (TypeError, ValueError, OverflowError):
                raise FormatError(f"{self.title} must be a number, not '{value}'.") from None
        if self.default is None and isinstance(value, str):  # from a command line
            try:
                return json.loads(value)
            except ValueError:
                raise FormatError(f"{self.title} must be written as JSON, not '{value}'.") from None
        return value


def checked_options(fields: Sequence[OptionField], options: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a format, defaults filled in. Raises :class:`FormatError` for one that it does not have."""
    known = {field.name: field for field in fields}
    for name in options:
        if name not in known:
            raise FormatError(f"There is no option '{name}'; the options are: {', '.join(known)}.")
    return {name: field.checked(options.get(name, field.default)) for name, field in known.items()}


COMMON_FIELDS = (
    OptionField("scope", "Images", "all", tuple(Scope)),
    OptionField("image_ids", "Only these images", None),
    OptionField("split", "Split", "none", ("none", "seed", "folder")),
    OptionField("split_shares", "Shares of the split", "train=0.8,val=0.2"),
    OptionField("split_seed", "Seed of the split", 0),
    OptionField("images", "Image files", "leave", ("leave", "copy", "link")),
    OptionField("overwrite", "Replace existing files", False),
)
"""Options of every export. ``image_ids`` (a list, or None for no filter) is what a filtered strip hands over.

A split ``seed`` draws each image's part by a hash of the seed and its path: shares are reached on average, and an image
stays in its part when others come or go. ``folder`` takes the folder called train, val or test, else the first one.
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person should know: one sentence, and the file it is about (empty: the whole export)."""

    text: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What an export would do, before it does it. ``files`` and ``existing`` are relative to the target folder."""

    images: int
    instances: int
    classes: int
    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    existing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export did; ``warnings`` are listed per file."""

    folder: Path
    files: tuple[str, ...]
    images: int
    instances: int
    warnings: tuple[Problem, ...]


class ExportFormat(Protocol):
    @property
    def name(self) -> str:
        """The word on the command line."""
        ...

    @property
    def title(self) -> str: ...

    @property
    def fields(self) -> tuple[OptionField, ...]: ...

    @property
    def keeps(self) -> frozenset[Trait]:
        """What survives an export with the options' defaults and an import; the rest is the format's limits."""
        ...

    def preflight(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Preflight:
        """Look, write nothing. Raises :class:`FormatError` for options that make no sense."""
        ...

    def write(
        self, source: Source, folder: Path, options: Mapping[str, Any], progress: Progress = silent
    ) -> ExportReport:
        """Write all files or, when it fails or is cancelled, none. Raises :class:`FormatError`."""
        ...


class ClassAction(StrEnum):
    """What an import does with a class of the file."""

    USE = "use"
    CREATE = "create"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of the file: ``target`` is the id that it has, or will have, in the project."""

    file_id: int
    name: str
    action: ClassAction
    target: int
    instances: int


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image of the file; ``image_id`` is its id in the project, ``new`` when the import adds it."""

    name: str
    image_id: int
    new: bool
    instances: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item of the file that will not be imported, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The dry-run table of an import, and the changes that carry it out as one undoable step.

    ``notes`` are about items that are imported, but not quite as the file has them.
    """

    source: Path
    images: tuple[ImageRow, ...]
    classes: tuple[ClassRow, ...]
    rejected: tuple[Rejected, ...]
    changes: tuple[Change, ...]
    instances: int
    notes: tuple[Problem, ...] = ()


class ImportFormat(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def fields(self) -> tuple[OptionField, ...]: ...

    def plan(self, project: Target, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> ImportPlan:
        """Read and check the file, change nothing. Raises :class:`FormatError` when it cannot be read at all.

        What ``progress`` raises ends it.
        """
        ...
