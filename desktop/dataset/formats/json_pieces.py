"""A large JSON document, written piece by piece: one member of its long lists a line, never all of it in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from desktop.dataset.formats.contract import FormatError

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encoded(value: Any) -> str:
    """One value as JSON without spaces or line breaks."""
    return _ENCODER.encode(value)


def write_document(path: Path, members: Mapping[str, Any | Iterable[str]]) -> None:
    """Write an object. Members that are iterators give the JSON texts of a list's items in turn.

    The file is read back; :class:`FormatError` when the disk did not keep what was written.
    """
    digest = hashlib.sha256()
    with path.open("wb") as stream:

        def put(text: str) -> None:
            data = text.encode("utf-8")
            digest.update(data)
            stream.write(data)

        for number, (name, value) in enumerate(members.items()):
            put(("{\n" if number == 0 else ",\n") + encoded(name) + ":")
            if isinstance(value, Iterable) and not isinstance(value, str | list | dict):
                begun = False
                for text in value:
                    put((",\n" if begun else "[\n") + text)
                    begun = True
                put("\n]" if begun else "[]")
            else:
                put(encoded(value))
        put("\n}\n")
    with path.open("rb") as kept:
        if hashlib.file_digest(kept, "sha256").digest() != digest.digest():
            raise FormatError(f"{path.name} was not written: the disk gives back other bytes.")
