"""Adding weights from elsewhere on this machine, checking them, and removing what was downloaded."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.engine import EngineError, WrongWeights
from inference.weights import finding, places
from inference.weights.fetching import RECEIPT
from inference.weights.finding import Located
from inference.weights.tensors import SUFFIXES, tensors_of
from inference.weights.transfer import BLOCK, Control


class CannotKeep(EngineError):
    """Weights cannot be added or removed; the text says why."""


@dataclass(frozen=True, slots=True)
class FileCheck:
    """``ok`` None: there is no published checksum to compare with, and nothing else is wrong."""

    path: Path
    sha256: str
    ok: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Removal:
    """What :func:`remove` did: bytes deleted, and places that are only no longer looked at."""

    deleted: tuple[Path, ...]
    bytes: int
    forgotten: tuple[Path, ...]


def add(place: Path, copy: bool = False) -> tuple[Located, ...]:
    """Use weights that lie in a file or folder: looked for there from now on, or copied into the model folder.

    Returns what they can serve as. Raises :class:`WrongWeights` when no engine knows them, or when they are unsafe.
    """
    place = place.expanduser().absolute()
    if not place.exists():
        raise CannotKeep(f"{place} does not exist.")
    found = finding.recognise(place)
    if not found:
        if place.is_file() and place.suffix in SUFFIXES:
            tensors_of(place)  # says what is wrong with a damaged or unsafe file
        raise WrongWeights(f"{place.name} holds no weights that are in the catalogue.")
    try:
        if not copy:
            if not place.is_relative_to(places.folder()):
                places.remember(place)
            return found
        return tuple(_copied(each) for each in found)
    except OSError as error:
        raise CannotKeep(f"{places.folder()} cannot be written: {error.strerror or error}.") from error


def remove(name: str) -> Removal:
    """Delete an entry's files from the model folder, and look no longer at added places that hold it.

    Nothing outside the model folder is deleted. Raises :class:`CannotKeep` when there is nothing to remove.
    """
    found = finding.find_all(name)
    if not found:
        raise CannotKeep(f"There are no weights '{name}' on this computer.")
    deleted: list[Path] = []
    size = 0
    ours = [each for each in found if each.is_ours]
    forgotten = [place for place in places.added() if any(each.path.is_relative_to(place) for each in found)]
    if not ours and not forgotten:
        where = ", ".join(str(each.path) for each in found)
        raise CannotKeep(f"'{name}' is in the cache of another program, which is left alone: {where}.")
    try:
        for each in ours:
            size += each.size
            own_folder = places.folder() / each.entry.name
            whole = each.path == own_folder or each.path.is_relative_to(own_folder)
            for path in (own_folder,) if whole else tuple(each.files.values()):
                _delete(path)
                deleted.append(path)
        for place in forgotten:
            places.forget(place)
    except OSError as error:
        raise CannotKeep(f"{error.filename or name} cannot be deleted: {error.strerror or error}.") from error
    return Removal(tuple(deleted), size, tuple(forgotten))


def verify(
    found: Located, control: Control | None = None, report: Callable[[int, int], None] | None = None
) -> tuple[FileCheck, ...]:
    """Read every file to its end and compare it with the published checksum, or the one noted when it was fetched.

    ``report`` gets bytes read and bytes in all. Raises ``Stopped`` when the control says so.
    """
    control = control or Control()
    receipt = receipt_of(found)
    total = found.size
    read = 0
    checks = []
    for file in found.entry.files:
        path = found.files.get(file.path)
        if path is None:
            continue
        try:
            digest = hashlib.sha256()
            with path.open("rb") as stream:
                while block := stream.read(BLOCK):
                    control.check()
                    digest.update(block)
                    read += len(block)
                    if report is not None:
                        report(read, total)
            noted = next((receipt[each] for each in file.paths if each in receipt), {})
            checks.append(_verdict(path, digest.hexdigest(), file.sha256, str(noted.get("sha256", ""))))
        except OSError as error:
            checks.append(FileCheck(path, "", False, f"cannot be read: {error.strerror or error}"))
    return tuple(checks)


def receipt_of(found: Located) -> dict[str, dict[str, Any]]:
    """What was noted when these weights were fetched, by path; empty for weights that came another way."""
    folder = found.path if found.path.is_dir() else found.path.parent
    try:
        rows = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))["files"]
        return {str(path): row for path, row in rows.items() if isinstance(row, dict)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _verdict(path: Path, digest: str, published: str, noted: str) -> FileCheck:
    if published:
        same = digest == published
        return FileCheck(path, digest, same, "as published" if same else "damaged or changed: not the published file")
    if noted:
        same = digest == noted
        return FileCheck(path, digest, same, "as downloaded" if same else "damaged or changed since the download")
    trouble = _inner_trouble(path)
    if trouble:
        return FileCheck(path, digest, False, trouble)
    return FileCheck(path, digest, None, "complete; no checksum is published for it")


def _inner_trouble(path: Path) -> str:
    """What the file itself says about its bytes: archives have checksums, safetensors a length."""
    if path.suffix not in SUFFIXES:
        return ""
    try:
        tensors_of(path)
        if path.suffix != ".safetensors" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                bad = archive.testzip()
                return f"damaged: {bad}" if bad else ""
    except (WrongWeights, zipfile.BadZipFile, OSError) as error:
        return str(error)
    return ""


def _copied(found: Located) -> Located:
    target = places.folder() / found.entry.name
    if target.exists():
        raise CannotKeep(f"{target} is there already; remove '{found.entry.name}' first.")
    staging = places.folder() / places.PARTIAL / f"{found.entry.name}.copy"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for file in found.entry.files:
            path = found.files.get(file.path)
            if path is not None:
                name = path.relative_to(found.path).as_posix() if found.entry.folder else path.name
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, staging / name)
        staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if not any((places.folder() / places.PARTIAL).iterdir()):
            (places.folder() / places.PARTIAL).rmdir()
    return next((each for each in finding.recognise(target) if each.entry == found.entry), found)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
