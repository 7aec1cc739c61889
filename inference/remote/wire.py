"""How messages travel: JSON for words and numbers, safetensors for arrays. Nothing that could run code when it is read.

One message is ``b"MWR1"``, the length of the JSON as four bytes (little endian), the JSON (UTF-8, an object), and a
safetensors block, which may be empty. A stream is a sequence of messages, each after its length in eight bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from inference.engine import EngineError

MAGIC = b"MWR1"
MOST_JSON = 4 << 20
"""Bytes of JSON in one message."""

Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]
Message: TypeAlias = dict[str, Any]

_SHORT = struct.Struct("<I")
_LONG = struct.Struct("<Q")
_HEAD = len(MAGIC) + _SHORT.size


class Malformed(EngineError):
    """These bytes are no message; the text says in one sentence why."""


def packed(message: Mapping[str, Any], arrays: Arrays | None = None) -> bytes:
    """One message. Raises ValueError for numbers that JSON does not have (NaN, infinity)."""
    words = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    block = (
        safetensors.numpy.save({name: np.asarray(each, order="C") for name, each in arrays.items()}) if arrays else b""
    )
    return b"".join((MAGIC, _SHORT.pack(len(words)), words, block))


def unpacked(data: bytes) -> tuple[Message, dict[str, NDArray[np.generic]]]:
    """The message and its arrays. Raises :class:`Malformed` for anything else than what :func:`packed` makes."""
    if data[: len(MAGIC)] != MAGIC or len(data) < _HEAD:
        raise Malformed("The message does not begin as one of Maskwright's.")
    (length,) = _SHORT.unpack_from(data, len(MAGIC))
    if length > MOST_JSON or _HEAD + length > len(data):
        raise Malformed("The message is cut off, or its first part is too long.")
    try:
        message = json.loads(data[_HEAD : _HEAD + length], parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Malformed("The message's words cannot be read.") from None
    if not isinstance(message, dict):
        raise Malformed("The message's words are no object.")
    block = data[_HEAD + length :]
    try:
        arrays = safetensors.numpy.load(block) if block else {}
    except (SafetensorError, ValueError, KeyError, TypeError, MemoryError):
        raise Malformed("The message's arrays cannot be read.") from None
    return message, dict(arrays)


def framed(data: bytes) -> bytes:
    """A message as a part of a stream."""
    return _LONG.pack(len(data)) + data


class Unframer:
    """Takes a stream in pieces of any size and gives its messages. ``most`` bounds the bytes of one message."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """The messages that this piece completes. Raises :class:`Malformed` when one is announced as too long."""
        self._held += piece
        complete = []
        while len(self._held) >= _LONG.size:
            (length,) = _LONG.unpack_from(self._held)
            if length > self._most:
                raise Malformed(f"A message of {length} bytes was announced; {self._most} are allowed.")
            if len(self._held) < _LONG.size + length:
                break
            complete.append(bytes(self._held[_LONG.size : _LONG.size + length]))
            del self._held[: _LONG.size + length]
        return complete


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON.")
