"""The recovery journal: changes that could not be saved, kept in the user's state folder until they are.

One JSON file per project, replaced atomically. Values are written by their field names, so a journal of an older
version can be read as long as the fields exist.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import platformdirs

from desktop.dataset import changes
from desktop.dataset.changes import AddInstances, Batch, Change, DeleteInstances, ReplaceInstances
from desktop.dataset.errors import DatasetError
from desktop.dataset.masks import Mask


@dataclass(frozen=True, slots=True)
class Recovery:
    """What an earlier run could not save: the changes, and when the last was made (ISO 8601 UTC)."""

    changes: tuple[Change, ...]
    made: str

    @property
    def image_ids(self) -> tuple[int, ...]:
        """The images whose instances the changes add or replace, in order."""
        ids: dict[int, None] = {}
        for change in self.changes:
            if isinstance(change, AddInstances | ReplaceInstances):
                ids.update((instance.image_id, None) for instance in change.instances)
        return tuple(ids)

    @property
    def count(self) -> int:
        """How many single changes there are, an instance counting as one."""
        total = 0
        for change in self.changes:
            if isinstance(change, AddInstances | ReplaceInstances):
                total += len(change.instances)
            elif isinstance(change, DeleteInstances):
                total += len(change.instance_ids)
            else:
                total += 1
        return total


def journal_path(project: Path, folder: Path | None = None) -> Path:
    """The journal of a project: in ``folder``, by default in the user's state folder."""
    base = folder if folder is not None else Path(platformdirs.user_state_dir("maskwright")) / "recovery"
    digest = hashlib.sha256(os.fsencode(os.path.realpath(project))).hexdigest()[:16]
    return base / f"{project.stem}-{digest}.json"


def write_journal(path: Path, project: Path, batches: Sequence[Batch]) -> None:
    """Write the batches atomically. Raises OSError when that cannot be done either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "project": str(project),
        "made": batches[-1].made,
        "changes": [_encode(change) for batch in batches for change in batch.changes],
    }
    partial = path.with_suffix(".part")
    with partial.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, ensure_ascii=False)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def read_journal(path: Path) -> Recovery | None:
    """What a journal holds; None without one or when it cannot be read (it is left where it is)."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Recovery(tuple(_decode_change(item) for item in content["changes"]), str(content["made"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DatasetError):
        return None


def set_aside(journal: Path) -> Recovery | None:
    """Move a journal out of the way of new ones, and read all that were set aside and not yet discarded, in order.

    A journal that cannot be read stays on disk beside the others, for a person to look at.
    """
    if journal.exists():
        number = 1 + max((int(path.suffix[6:]) for path in _aside(journal)), default=0)
        journal.replace(journal.with_suffix(f".found{number}"))
    found = [recovery for path in _aside(journal) if (recovery := read_journal(path)) is not None]
    if not found:
        return None
    return Recovery(tuple(change for recovery in found for change in recovery.changes), found[-1].made)


def discard_set_aside(journal: Path) -> None:
    """Delete the journals that :func:`set_aside` reads; those that cannot be read stay."""
    for path in _aside(journal):
        if read_journal(path) is not None:
            path.unlink()


def _aside(journal: Path) -> list[Path]:
    """The journals set aside, oldest first."""
    found = [
        path for path in journal.parent.glob("*.found*") if path.stem == journal.stem and path.suffix[6:].isdigit()
    ]
    return sorted(found, key=lambda path: int(path.suffix[6:]))


_TYPES: dict[str, type[Any]] = {kind.__name__: kind for kind in typing.get_args(changes.Change)}


def _encode(value: Any) -> Any:
    if isinstance(value, Mask):
        return value.rle()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: _encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        name = type(value).__name__
        return {"type": name, **fields} if name in _TYPES else fields
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _decode_change(item: Mapping[str, Any]) -> Change:
    change: Change = _decode({key: value for key, value in item.items() if key != "type"}, _TYPES[item["type"]])
    return change


def _decode(value: Any, kind: Any) -> Any:
    """Rebuild a value of the annotated type ``kind`` from JSON."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if value is None or kind in (str, int, float, bool):
        return value
    if origin is tuple:
        return tuple(_decode(item, arguments[0]) for item in value)
    if origin in (types.UnionType, typing.Union):
        return _decode(value, next(argument for argument in arguments if argument is not type(None)))
    if kind is Mask:
        return Mask.from_rle(value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    if dataclasses.is_dataclass(kind):
        # the model imports Mask for type checkers only, so its hints need the name
        hints = typing.get_type_hints(kind, localns={"Mask": Mask})
        fields = {name: _decode(item, hints[name]) for name, item in value.items() if name in hints}
        return typing.cast("Any", kind)(**fields)
    return value
