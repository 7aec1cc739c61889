"""Which weights there are: names, sources, sizes, checksums, licences, and the tensors that tell them apart.

The catalogue is ``inference/weights.toml``. Packages add to it through entry points of the group
``maskwright.weights``: an object that is TOML text of the same form, or a function that returns it.
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.metadata import entry_points
from pathlib import PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from inference.engine import EngineError

log = logging.getLogger(__name__)

ENTRY_POINTS = "maskwright.weights"
Shape: TypeAlias = tuple[int, ...]

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class UnknownWeights(EngineError):
    """No weights of that name are in the catalogue."""


class BadCatalogue(ValueError):
    """An entry of the catalogue cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class EntryFile:
    """One file. ``path``: its place in the entry's folder, with forward slashes; ``alternatives``: other such places.

    ``tensors``: names and shapes that only this file has (empty: recognised by its name). ``size`` in bytes or None,
    ``sha256`` empty where it is not published. Without ``url`` it comes from the entry's repository.
    """

    path: str
    alternatives: tuple[str, ...] = ()
    tensors: Mapping[str, Shape] = field(default_factory=dict)
    url: str = ""
    size: int | None = None
    sha256: str = ""
    optional: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """All places that it may have, the preferred one first."""
        return (self.path, *self.alternatives)


@dataclass(frozen=True, slots=True)
class Entry:
    """Weights that can be had or found. ``family``: what engines ask for when several entries serve them.

    ``repository`` and ``revision``: on the Hugging Face hub. ``folder``: the files belong together in one folder, else
    there is one file of any name. ``notice``: shown before a download. ``companions``: entries fetched along with it.
    ``about``: bytes by the number of parameters, for where the true size is not known.
    """

    name: str
    title: str
    family: str
    files: tuple[EntryFile, ...]
    licence: str
    notice: str = ""
    home: str = ""
    repository: str = ""
    revision: str = "main"
    folder: bool = False
    companions: tuple[str, ...] = ()
    about: int | None = None

    @property
    def key_file(self) -> EntryFile:
        """The file that it is recognised by."""
        return next((file for file in self.files if file.tensors), self.files[0])

    @property
    def size(self) -> int | None:
        """Bytes of all files, or None when the size of one is not known."""
        sizes = [file.size for file in self.files if not file.optional]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def size_text(self) -> str:
        """For people: "375 MB", "about 660 MB", or an empty text."""
        if self.size is not None:
            return readable(self.size)
        return f"about {readable(self.about)}" if self.about is not None else ""

    @property
    def can_be_fetched(self) -> bool:
        return bool(self.repository) or all(file.url for file in self.files)


@dataclass(frozen=True, slots=True)
class Family:
    """Entries that serve the same engine. ``mark``: a tensor name that only files of this family have (or empty)."""

    name: str
    title: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Entries and families by name, in the order of the page."""

    entries: Mapping[str, Entry]
    families: Mapping[str, Family]

    def entry(self, name: str) -> Entry:
        """Raises :class:`UnknownWeights`, naming what there is."""
        if name not in self.entries:
            raise UnknownWeights(f"There are no weights named '{name}'; there are: {', '.join(self.entries)}.")
        return self.entries[name]

    def serving(self, name: str) -> tuple[Entry, ...]:
        """The entry of that name, or all of the family of that name. Raises :class:`UnknownWeights`."""
        members = tuple(entry for entry in self.entries.values() if entry.family == name)
        return members if name not in self.entries and members else (self.entry(name),)

    def title(self, name: str) -> str:
        """Of an entry or a family."""
        return self.families[name].title if name in self.families else self.entry(name).title


@cache
def catalogue() -> Catalogue:
    """All weights, the built-in ones first; the first to claim a name keeps it."""
    found = parsed((resources.files("inference") / "weights.toml").read_text(encoding="utf-8"))
    entries, families = dict(found.entries), dict(found.families)
    for point in entry_points(group=ENTRY_POINTS):
        try:
            offered = point.load()
            more = parsed(offered() if callable(offered) else offered)
        except Exception:  # another package's fault must not take the built-in entries away
            log.exception("The weights '%s' of %s could not be added to the catalogue", point.name, point.value)
            continue
        entries = entries | {name: entry for name, entry in more.entries.items() if name not in entries}
        families = families | {name: family for name, family in more.families.items() if name not in families}
    return Catalogue(entries, families)


def parsed(text: str) -> Catalogue:
    """A catalogue from TOML text. Raises :class:`BadCatalogue`, naming the entry and what is wrong with it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadCatalogue(f"This is not a catalogue of weights: {error}.") from error
    families = {name: Family(name, row["title"], row.get("mark", "")) for name, row in table.get("family", {}).items()}
    entries: dict[str, Entry] = {}
    for row in table.get("weights", ()):
        name = str(row.get("name", "?"))
        try:
            entry = _entry(row)
        except (KeyError, TypeError, ValueError) as error:
            raise BadCatalogue(f"The weights '{name}' in the catalogue cannot be used: {error}.") from error
        if name in entries:
            raise BadCatalogue(f"The weights '{name}' are in the catalogue twice.")
        entries[name] = entry
    return Catalogue(entries, families)


def readable(size: float) -> str:
    """Bytes for people: "375 MB"."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            amount = size / scale
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{size:.0f} bytes"


def _entry(row: Mapping[str, Any]) -> Entry:
    rest = dict(row)
    files = tuple(_file(each) for each in rest.pop("files"))
    companions = tuple(rest.pop("companions", ()))
    name = rest["name"]
    if not _NAME.fullmatch(name):
        raise ValueError("a name consists of small letters, digits, dots and dashes")
    if not files:
        raise ValueError("it has no files")
    if not rest.get("folder") and len(files) != 1:
        raise ValueError("several files need folder = true")
    rest.setdefault("family", name)
    return Entry(files=files, companions=companions, **rest)


def _file(row: Mapping[str, Any]) -> EntryFile:
    tensors = {name: tuple(shape) for name, shape in row.get("tensors", {}).items()}
    rest = {key: value for key, value in row.items() if key not in ("tensors", "alternatives")}
    file = EntryFile(tensors=tensors, alternatives=tuple(row.get("alternatives", ())), **rest)
    for path in file.paths:
        check_inside(path)
    if file.sha256 and not _SHA256.fullmatch(file.sha256):
        raise ValueError(f"the sha256 of {file.path} does not have 64 hexadecimal digits")
    if file.url:
        check_url(file.url)
    return file


def check_inside(path: str) -> None:
    """A relative path that stays below its folder on every system. Raises ValueError."""
    parts = PurePosixPath(path).parts
    bad = not parts or path.startswith(("/", "~")) or ".." in parts or any(c in path for c in '\\:*?"<>|\0')
    if bad or any(part.startswith(".") for part in parts):
        raise ValueError(f"'{path}' does not stay within the folder of the weights")


def check_url(url: str) -> None:
    """https, or http on this machine. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError(f"'{url}' is not an https address")
