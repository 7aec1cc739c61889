"""Writing an export: everything is staged in a hidden folder beside its place and moved in when all is there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from desktop.dataset.formats.contract import FormatError, Problem
from desktop.dataset.formats.selection import Chosen

IMAGES = "images"
"""The folder of the export that copied or linked image files go to."""


def existing_files(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    """The files among ``files`` that are there already."""
    return tuple(name for name in files if os.path.lexists(folder / name))


def image_files(images: Sequence[Chosen], how: str) -> list[str]:
    """The image files that an export writes; pages of one file share it."""
    return [] if how == "leave" else list(dict.fromkeys(image_target(chosen) for chosen in images))


def image_target(chosen: Chosen) -> str:
    """Where an image file goes."""
    return f"{IMAGES}/{chosen.name}"


class Staging:
    """A context that collects files. :meth:`publish` moves them in; leaving without it leaves no trace."""

    def __init__(self, folder: Path, files: Sequence[str], *, overwrite: bool) -> None:
        self._folder = folder
        self._overwrite = overwrite
        self._files = list(files)
        self._staged: list[str] = []
        self._made: list[Path] = []

    def __enter__(self) -> Staging:
        taken = existing_files(self._folder, self._files)
        if taken and not self._overwrite:
            others = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
            raise FormatError(f"{taken[0]}{others} exists already in {self._folder}; nothing was written.")
        try:
            missing = [p for p in (self._folder, *self._folder.parents) if not p.exists()]
            self._folder.mkdir(parents=True, exist_ok=True)
            self._made = missing
            self._root = Path(tempfile.mkdtemp(prefix=".export-", dir=self._folder))
        except OSError as error:
            raise FormatError(f"{self._folder} cannot be written: {_reason(error)}.") from None
        return self

    def path(self, name: str) -> Path:
        """Where to write the file that will be ``name``."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._staged.append(name)
        return path

    def put_image(self, chosen: Chosen, how: str) -> Problem | None:
        """Copy or link an image file. A file that is not there is a problem of that image, not of the export."""
        target = self.path(image_target(chosen))
        try:
            if how == "link":
                try:
                    target.symlink_to(chosen.file.resolve(strict=True))
                except (NotImplementedError, PermissionError):
                    os.link(chosen.file, target)
            else:
                shutil.copyfile(chosen.file, target)
        except FileNotFoundError:
            self._staged.remove(image_target(chosen))
            return Problem("The image file was not found, so it was not exported.", chosen.image.path)
        return None

    def publish(self) -> tuple[str, ...]:
        """Move all files to their places; returns their names."""
        for name in self._staged:
            target = self._folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._root / name).replace(target)
        return tuple(self._staged)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        if error is not None:
            for made in self._made:  # innermost first; a folder that is not empty stays
                try:
                    made.rmdir()
                except OSError:
                    break
        if isinstance(error, OSError):
            raise FormatError(f"The export to {self._folder} failed: {_reason(error)}.") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
