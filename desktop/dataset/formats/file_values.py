"""Values from files that someone else wrote: what may be an id, a number or a path, before anything is done with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeGuard

MAX_ID = 2**53
"""Ids are below this: the numbers that every JSON reader keeps exactly."""


def is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_ID


def is_number(value: Any) -> TypeGuard[float]:
    """A finite number that a float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def leads_out(name: str) -> bool:
    """Whether a relative path with either kind of slash would leave the folder that it starts from."""
    posix = PurePosixPath(name.replace("\\", "/"))
    return posix.is_absolute() or ".." in posix.parts or bool(PureWindowsPath(name).drive) or "\0" in name


def is_file(path: Path) -> bool:
    """Whether there is such a file; no for a name that the file system cannot even have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; no for a name that the file system cannot even have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


@dataclass(slots=True)
class Ids:
    """Keeps ids of the file that the project never used; gives new ones, above all of the file's, for the rest."""

    first_free: int
    used: set[int] = field(default_factory=set)
    next: int = 0
    changed: int = 0
    """How many could not be kept."""

    @staticmethod
    def of(reserve: Callable[[], int], file_ids: Iterable[Any]) -> Ids:
        first = reserve()
        return Ids(first, next=max([first, *(i + 1 for i in file_ids if is_id(i))]))

    def take(self, wanted: int) -> int:
        if wanted >= self.first_free and wanted not in self.used:
            self.used.add(wanted)
            return wanted
        self.next += 1
        self.changed += 1
        return self.next - 1
