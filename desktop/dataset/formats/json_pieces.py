"""A large JSON document, written piece by piece: one member of its long lists a line, never all of it in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from desktop.dataset.formats.contract import FormatError


def encoded(value: Any) -> bytes:
    """One value as JSON in UTF-8 without spaces or line breaks; arrays of numbers are lists.

    Raises :class:`FormatError` for what JSON cannot hold.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        raise FormatError(f"JSON cannot hold this: {error}.") from None


def write_document(path: Path, members: Mapping[str, Any | Iterable[bytes]]) -> None:
    """Write an object. Members that are iterators give the JSON texts of a list's items in turn.

    The file is read back; :class:`FormatError` when the disk did not keep what was written.
    """
    digest = hashlib.sha256()
    with path.open("wb") as stream:

        def put(data: bytes) -> None:
            digest.update(data)
            stream.write(data)

        for number, (name, value) in enumerate(members.items()):
            put((b"{\n" if number == 0 else b",\n") + encoded(name) + b":")
            if isinstance(value, Iterable) and not isinstance(value, str | list | dict):
                begun = False
                for text in value:
                    put((b",\n" if begun else b"[\n") + text)
                    begun = True
                put(b"\n]" if begun else b"[]")
            else:
                put(encoded(value))
        put(b"\n}\n")
    with path.open("rb") as kept:
        if hashlib.file_digest(kept, "sha256").digest() != digest.digest():
            raise FormatError(f"{path.name} was not written: the disk gives back other bytes.")
