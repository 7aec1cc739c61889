"""Finding weights on this machine by what is in the files: tensor names and shapes, never the file's name alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from inference.engine import WeightsMissing, WrongWeights
from inference.weights import places
from inference.weights.entries import Catalogue, Entry, EntryFile, catalogue
from inference.weights.tensors import SUFFIXES, Tensors, tensors_of


@dataclass(frozen=True, slots=True)
class Located:
    """Weights on this machine. ``path``: the file, or the folder of entries that are folders; ``files``: by catalogue
    path. ``exact`` False: only the family's mark is there, so loading will name the tensors that differ."""

    entry: Entry
    path: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    exact: bool = True

    @property
    def size(self) -> int:
        """Bytes of the files on disk."""
        return sum(path.stat().st_size for path in self.files.values() if path.exists())

    @property
    def is_ours(self) -> bool:
        """Whether it lies in the model folder, where this program may remove it."""
        return self.path.is_relative_to(places.folder())


class NoWeights(WeightsMissing):
    """As :class:`WeightsMissing`; ``names``: entries of the catalogue that would help, one for each need."""

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.names = names

    def __reduce__(self) -> tuple[type[NoWeights], tuple[str, tuple[str, ...]]]:
        return NoWeights, (str(self), self.names)


def locate(name: str, engine: str = "") -> Located:
    """Weights by the name of an entry (``sam-vit-b``) or a family (``sam``: the first entry of it that is there).

    ``engine``: its title, for the sentence. Raises :class:`NoWeights` (a ``WeightsMissing``) when there are none, and
    :class:`UnknownWeights` for a name that is not in the catalogue.
    """
    found = find(name)
    if found is None:
        known = catalogue()
        title = engine or known.title(name)
        raise NoWeights(f"{title} needs a weights file. None was found in the model folders.", names_for((name,)))
    return found


def find(name: str) -> Located | None:
    """As :func:`locate`, but None when there are none."""
    known = catalogue()
    for entry in known.serving(name):
        found = next(_everywhere(entry, known), None)
        if found is not None:
            return found
    return _by_mark(name, known)


def names_for(needs: Sequence[str]) -> tuple[str, ...]:
    """The entries to get for needs (names of entries or families) that nothing on this machine serves."""
    known = catalogue()
    listed = [need for need in needs if need in known.entries or need in known.families]
    return tuple(known.serving(need)[0].name for need in listed if find(need) is None)


def find_all(name: str) -> tuple[Located, ...]:
    """Every copy on this machine, of all entries of a family."""
    known = catalogue()
    return tuple(found for entry in known.serving(name) for found in _everywhere(entry, known))


def recognise(place: Path) -> tuple[Located, ...]:
    """What the files at a place, or a file itself, can serve as. Reads tables of contents only."""
    known = catalogue()
    return tuple(found for entry in known.entries.values() for found in _at(place, entry, known))


def _everywhere(entry: Entry, known: Catalogue) -> Iterator[Located]:
    seen: set[Path] = set()
    searched = [places.folder() / entry.name, places.folder(), *places.added()]
    if entry.repository:
        searched += places.snapshots(entry.repository)
    for place in searched:
        for found in _at(place, entry, known):
            if found.path not in seen:
                seen.add(found.path)
                yield found


def _at(place: Path, entry: Entry, known: Catalogue) -> Iterator[Located]:
    key = entry.key_file
    for path in places.files_below(place):
        if key.tensors and path.suffix not in SUFFIXES:
            continue
        found = _folder_round(path, entry) if entry.folder else _single(path, entry)
        if found is not None and not _is_another(found, known):
            yield found


def _single(path: Path, entry: Entry) -> Located | None:
    file = entry.files[0]
    fits = _fits(path, file) if file.tensors else path.name in {PurePosixPath(each).name for each in file.paths}
    return Located(entry, path, {file.path: path}) if fits else None


def _folder_round(path: Path, entry: Entry) -> Located | None:
    """The folder that holds all files of an entry, when ``path`` is the one that tells."""
    key = entry.key_file
    tail = next((each for each in key.paths if path.as_posix().endswith(f"/{each}")), None)
    if tail is None:
        return None
    root = path.parents[len(PurePosixPath(tail).parts) - 1]
    files: dict[str, Path] = {}
    for file in entry.files:
        there = next((root / each for each in file.paths if (root / each).is_file()), None)
        if there is not None and (not file.tensors or _fits(there, file)):
            files[file.path] = there
        elif not file.optional:
            return None
    return Located(entry, root, files)


def _fits(path: Path, file: EntryFile) -> bool:
    found = _tensors(path)
    return all(found.get(name) == shape for name, shape in file.tensors.items())


def _tensors(path: Path) -> Tensors:
    try:
        return tensors_of(path)
    except WrongWeights:
        return {}


def _is_another(found: Located, known: Catalogue) -> bool:
    """Whether path or folder names say that these are the weights of another entry with the same tensors."""
    entry = found.entry
    if _is_named(found.path, entry):
        return False
    tensors = entry.key_file.tensors
    alike = (other for other in known.entries.values() if other is not entry and other.key_file.tensors == tensors)
    return bool(tensors) and any(_is_named(found.path, other) for other in alike)


def _is_named(path: Path, entry: Entry) -> bool:
    names = {entry.name, f"models--{entry.repository.replace('/', '--')}", entry.repository.rpartition("/")[2]}
    if not entry.folder:
        names = {entry.name, *entry.files[0].paths}
    return not names.isdisjoint(path.parts)


def _by_mark(name: str, known: Catalogue) -> Located | None:
    """A file of the family but of no size that is known, so that the engine can say what differs."""
    family = known.families.get(name)
    members = known.serving(name)
    if family is None or not family.mark:
        return None
    for place in (places.folder(), *places.added()):
        for path in places.files_below(place):
            if path.suffix in SUFFIXES and family.mark in _tensors(path):
                return Located(members[0], path, {members[0].files[0].path: path}, exact=False)
    return None
