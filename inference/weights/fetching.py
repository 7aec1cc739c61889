"""Fetching an entry of the catalogue: staged below the model folder, checked, then published in one step.

Runs only when a person asks for it. Until everything of an entry is there and was checked, the model folder does not
change; what arrived of a paused or cut download is kept apart and the next try goes on from it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference.engine import WrongWeights
from inference.weights import finding, hub, places
from inference.weights.entries import Entry, EntryFile, catalogue, readable
from inference.weights.tensors import tensors_of
from inference.weights.transfer import (
    Control,
    Damaged,
    FetchProblem,
    NetworkTrouble,
    NoSpace,
    Source,
    Stopped,
    ask_size,
    transfer,
)

OFFLINE_VARIABLES = ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE")
RECEIPT = "maskwright.json"
SPARE = 64 << 20
"""Bytes of the disk that a download leaves free."""


class Offline(FetchProblem):
    """The network was switched off by the person."""


class Busy(FetchProblem):
    """Another Maskwright is downloading the same weights."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file to fetch: the catalogue's file, the path that the source has it under, and the source."""

    file: EntryFile
    path: str
    source: Source


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of all files of an entry; ``total`` None while the size is not known. ``file``: the one under way."""

    entry: str
    file: str
    done: int
    total: int | None


def offline_reason() -> str:
    """Why nothing can be downloaded, or an empty text."""
    for name in OFFLINE_VARIABLES:
        if os.environ.get(name, "").strip().lower() in ("1", "true", "yes", "on"):
            return f"{name} is set: nothing is downloaded."
    return ""


def missing_entries(name: str) -> tuple[Entry, ...]:
    """What has to be fetched for an entry, or the first of a family: itself and companions, but for what is here."""
    known = catalogue()
    wanted = [known.serving(name)[0]]
    for entry in wanted:
        wanted += [each for each in map(known.entry, entry.companions) if each not in wanted]
    asked = finding.find(name)
    served = asked is not None and asked.exact
    return tuple(
        entry for entry in wanted if not (served if entry is wanted[0] else finding.find(entry.name) is not None)
    )


def partial_bytes(entry: Entry) -> int:
    """Bytes of an entry that arrived in an earlier try."""
    return sum(path.stat().st_size for path in _staging(entry).rglob("*") if path.is_file() and path.name != _STATE)


def discard(entry: Entry) -> None:
    """Delete what arrived of an entry that was not finished."""
    shutil.rmtree(_staging(entry), ignore_errors=True)
    with contextlib.suppress(OSError):
        _staging(entry).parent.rmdir()


def ask(entry: Entry) -> tuple[Item, ...]:
    """The files of an entry with address, size and checksum. Asks the servers. Raises :class:`FetchProblem`."""
    items = []
    for file in entry.files:
        if file.url:
            told = Source(file.url, file.size, file.sha256) if file.size is not None else ask_size(file.url)
            items.append(Item(file, file.path, Source(told.url, told.size, file.sha256, tag=told.tag)))
        elif entry.repository:
            found = hub.ask(entry, file)
            if found is not None:
                items.append(Item(file, *found))
        else:
            raise FetchProblem(f"{entry.title} cannot be downloaded from here; get it at {entry.home} and add it.")
    return tuple(items)


def fetch(
    entry: Entry, control: Control | None = None, report: Callable[[Progress], None] | None = None
) -> finding.Located:
    """Download an entry into the model folder. ``report`` is called for every block, so it must be quick.

    Raises :class:`Stopped` when the control says so, else a :class:`FetchProblem` whose text says what happened to what
    had arrived.
    """
    reason = offline_reason()
    if reason:
        raise Offline(f"{reason} {_by_hand(entry)}")
    control = control or Control()
    try:
        with _alone(entry):
            return _fetch(entry, control, report or _unheard)
    except Stopped as stop:
        if not stop.keep:
            discard(entry)
        raise
    except NetworkTrouble as error:
        kept = partial_bytes(entry)
        if not kept:
            discard(entry)
        rest = f"{readable(kept)} that arrived are kept; try again to go on." if kept else "Nothing was changed."
        raise type(error)(f"{error} {rest} {_by_hand(entry)}") from error
    except Damaged as error:
        if not partial_bytes(entry):
            discard(entry)
        raise type(error)(f"{error} The model folder is as it was; try again.") from error
    except OSError as error:
        discard(entry)
        text = f"{error.filename or places.folder()} cannot be written: {error.strerror or error}."
        raise FetchProblem(f"{text} The model folder is as it was.") from error
    except Busy:
        raise
    except FetchProblem as error:
        discard(entry)
        raise type(error)(f"{error} Nothing was changed.") from error


def _fetch(entry: Entry, control: Control, report: Callable[[Progress], None]) -> finding.Located:
    report(Progress(entry.name, "", 0, entry.size))
    control.check()
    items = ask(entry)
    sizes = [item.source.size for item in items]
    total = None if None in sizes else sum(size for size in sizes if size is not None)
    staging = _staging(entry)
    staging.mkdir(parents=True, exist_ok=True)
    _check_space(entry, total)
    state = _state_of(staging)
    before = 0
    for item in items:
        target = staging / item.path
        row = state.get(item.path, {})
        version = {"url": item.source.url, "tag": item.source.tag, "size": item.source.size}
        if {key: row.get(key) for key in version} != version:
            target.unlink(missing_ok=True)
            _part(target).unlink(missing_ok=True)
            row = dict(version)
        if not (target.exists() and row.get("sha256")):
            state[item.path] = row
            _write_state(staging, state)
            said = _Saying(report, entry.name, item.path, before, total)
            row["sha256"] = transfer(item.source, _part(target), control, said)
            _check_tensors(entry, item, _part(target))
            _part(target).replace(target)
            row["checked"] = bool(item.source.sha256 or item.source.git_sha1)
            _write_state(staging, state)
        before += target.stat().st_size
        report(Progress(entry.name, item.path, before, total))
    control.check()
    published = _publish(entry, staging, {item.path: state[item.path] for item in items})
    found = next((each for each in finding.recognise(published) if each.entry.name == entry.name), None)
    if found is None:
        shutil.rmtree(published, ignore_errors=True)
        raise Damaged(f"What arrived is not {entry.title}. It was deleted.")
    return found


@dataclass(frozen=True, slots=True)
class _Saying:
    """Progress of one file as that of the entry."""

    report: Callable[[Progress], None]
    entry: str
    file: str
    before: int
    total: int | None

    def __call__(self, done: int, of: int | None) -> None:
        self.report(Progress(self.entry, self.file, self.before + done, self.total))


def _check_space(entry: Entry, total: int | None) -> None:
    if total is None:
        return
    need = total - partial_bytes(entry) + SPARE
    free = shutil.disk_usage(places.folder()).free
    if need > free:
        raise NoSpace(
            f"No space left on the disk: {entry.title} needs {readable(need)} in {places.folder()}, "
            f"{readable(free)} are free."
        )


def _check_tensors(entry: Entry, item: Item, part: Path) -> None:
    """A page of a login portal, or another model, is not published, whatever its checksum."""
    if not item.file.tensors:
        return
    plain = part.with_name(part.name.removesuffix(_SUFFIX))
    part.replace(plain)  # the suffix tells the form
    try:
        found = tensors_of(plain)
        fits = all(found.get(name) == shape for name, shape in item.file.tensors.items())
        trouble = "" if fits else f"{plain.name} is not {entry.title}: its tensors are others."
    except WrongWeights as error:
        trouble = str(error)
    if trouble:
        plain.unlink()
        raise Damaged(f"{trouble} What arrived was deleted.")
    plain.replace(part)


def _publish(entry: Entry, staging: Path, state: dict[str, dict[str, Any]]) -> Path:
    receipt = {
        "name": entry.name,
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "licence": entry.licence,
        "files": state,
    }
    (staging / RECEIPT).write_text(json.dumps(receipt, indent=1), encoding="utf-8")
    (staging / _STATE).unlink(missing_ok=True)
    target = places.folder() / entry.name
    old = staging.with_name(f"{staging.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    staging.replace(target)
    shutil.rmtree(old, ignore_errors=True)
    with contextlib.suppress(OSError):
        staging.parent.rmdir()
    return target


_STATE = ".state.json"
_SUFFIX = ".part"


def _part(target: Path) -> Path:
    return target.with_name(target.name + _SUFFIX)


def _staging(entry: Entry) -> Path:
    return places.folder() / places.PARTIAL / entry.name


def _state_of(staging: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads((staging / _STATE).read_text(encoding="utf-8"))
        return {path: row for path, row in found.items() if isinstance(row, dict)}
    except (OSError, ValueError, AttributeError):
        return {}


def _write_state(staging: Path, state: dict[str, dict[str, Any]]) -> None:
    (staging / _STATE).write_text(json.dumps(state), encoding="utf-8")


def _by_hand(entry: Entry) -> str:
    where = entry.home or entry.files[0].url or entry.repository
    return (
        f"Without a network: get it on another computer ({where}) and add the file with `maskwright weights add FILE`."
    )


def _unheard(progress: Progress) -> None:
    pass


@contextlib.contextmanager
def _alone(entry: Entry) -> Iterator[None]:
    """One download of an entry at a time on this machine; the lock ends with the process that holds it."""
    root = places.folder() / places.PARTIAL
    root.mkdir(parents=True, exist_ok=True)
    path = root / f"{entry.name}.lock"
    with path.open("w") as stream:
        try:
            _lock(stream.fileno())
        except OSError as error:
            raise Busy(f"{entry.title} is being downloaded by another Maskwright.") from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                root.rmdir()


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
