"""Ways to damage a file: byte by byte, and by its structure where it has one."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from hypothesis import strategies as st

_HUGE = 10**400
STRANGE: list[Any] = [
    None, True, False, 0, -1, 1, 2, 7.0, 0.5, float("nan"), float("inf"), 2**31, 2**53, 2**63, 2**64, -(2**63), _HUGE,
    -_HUGE, 1e308, "", " ", "7", "x" * 300, "../../../etc/passwd", "/etc/passwd", "C:\\x.png", "a\0b", "\ufeff", "NaN",
    "\ud800", [], {}, [[]], [None], {"": None}, [1, 2], [1, 2, 3, 4], [1e9] * 6, [0, 0, _HUGE, 1, 1, _HUGE], ["1"] * 8,
    {"size": [1, 1], "counts": [1]}, {"size": [40, 60], "counts": "é"},
    {"size": [2**40, 2**40], "counts": [2**80]},
]  # fmt: skip
"""Values that a reader may not expect where they stand."""

TOKENS = [
    "", "-1", "0", "1e400", "nan", "99999999999999999999", "x" * 200_000, '"', "'", ",", ":", "{", "[", "&a [*a]", "\0",
    "\r", "\n\n", "\t", "#", "../../x", "<!ENTITY a 'a'>", "!!python/object:os.system", "é", "\u2028", "9" * 5000,
]  # fmt: skip
"""Texts to put into texts: of YAML, CSV, lists of numbers."""


def png_header(width: int, height: int, rest: bytes = b"") -> bytes:
    """A PNG of a few bytes that claims to be of that size."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            (b"IDAT", rest or zlib.compress(b"\0" * 1000)),
            (b"IEND", b""),
        )
    )


@st.composite
def damaged(draw: st.DrawFn, name: str, content: bytes) -> bytes | None:
    """The content of a file after one accident; None: the file is gone."""
    ways = ["cut", "flip", "other", "encoding", "gone", "nested", "twice"]
    ways += ["tree"] * 6 if name.endswith(".json") else []
    ways += ["token"] * 4 if name.endswith((".txt", ".csv", ".yaml", ".xml")) else []
    ways += ["bomb"] * 2 if name.endswith(".png") else []
    place = draw(st.integers(0, max(len(content) - 1, 0)))
    match draw(st.sampled_from(ways)):
        case "cut":
            return content[:place]
        case "flip":
            flipped = bytearray(content)
            for at in draw(st.lists(st.integers(0, max(len(content) - 1, 0)), min_size=1, max_size=8)):
                if flipped:
                    flipped[at] ^= draw(st.integers(1, 255))
            return bytes(flipped)
        case "other":
            return draw(st.binary(max_size=40))
        case "encoding":
            return content.decode("utf-8", "replace").encode(
                draw(st.sampled_from(["utf-16", "cp949", "utf-8-sig"])), "replace"
            )
        case "gone":
            return None
        case "nested":
            return content[:place] + b"[" * 50_000
        case "twice":
            return content + content
        case "tree":
            return _tree(draw, json.loads(content))
        case "token":
            text = content.decode("utf-8")
            place = min(place, len(text))
            end = draw(st.integers(place, min(place + 12, len(text))))
            return (text[:place] + draw(st.sampled_from(TOKENS)) + text[end:]).encode("utf-8")
        case _:
            side = st.sampled_from([1, 60, 40, 13_000, 2**31 - 1, 0])
            return png_header(draw(side), draw(side))


def _tree(draw: st.DrawFn, root: Any) -> bytes:
    """JSON with up to three values replaced, dropped, doubled, or hung into themselves."""
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(root))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["strange", "strange", "drop", "double", "nest", "move"])):
            case "strange":
                holder[key] = draw(st.sampled_from(STRANGE))
            case "drop":
                del holder[key]
            case "double" if isinstance(holder, list):
                holder.append(holder[key])
            case "nest":
                for _ in range(draw(st.sampled_from([1, 5, 300]))):
                    holder[key] = [holder[key]]
            case _:
                other, there = draw(st.sampled_from(places))
                holder[key] = json.loads(json.dumps(other[there])) if there in _keys(other) else None
    return json.dumps(root).encode()


def _places(value: Any) -> Any:
    for key in _keys(value):
        yield value, key
        yield from _places(value[key])


def _keys(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []
