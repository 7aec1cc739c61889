"""Prompts, memories and results as messages and back. Everything is checked on the way in: a client may be anyone.

Masks travel as packed bits, maps of logits and memories exactly as they are. Arrays are named ``a0``, ``a1`` … and the
JSON refers to them by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine import Options, OptionValue, Vocabulary
from inference.prompts import (
    Box,
    MaskArray,
    MaskPrompt,
    Point,
    Polygon,
    Prompt,
    PromptSet,
    Reference,
    Scribble,
    Text,
    Vertices,
)
from inference.remote.wire import Arrays, Malformed, Message
from inference.results import Candidate, Frame, Ignored, Label, LabelScores, Memory, Region, Segmentation

MOST_PROMPTS = 10_000
MOST_VERTICES = 200_000
MOST_NAMES = 20_000


class Packing:
    """Collects the arrays of one message."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[np.generic]] = {}

    def array(self, array: NDArray[np.generic]) -> str:
        name = f"a{len(self.arrays)}"
        self.arrays[name] = array
        return name

    def mask(self, mask: MaskArray) -> Message:
        return {"bits": self.array(np.packbits(mask)), "size": [int(side) for side in mask.shape]}


class Unpacking:
    """Reads one message with its arrays. ``pixels`` bounds every picture and mask. Raises :class:`Malformed`."""

    def __init__(self, arrays: Arrays, pixels: int) -> None:
        self._arrays = arrays
        self._pixels = pixels

    def array(self, name: object) -> NDArray[np.generic]:
        if not isinstance(name, str) or name not in self._arrays:
            raise Malformed("The message refers to an array that it does not hold.")
        return self._arrays[name]

    def size(self, value: object) -> tuple[int, int]:
        """(height, width) within the bound."""
        if not (isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value)):
            raise Malformed("A size in the message is not two whole numbers above 0.")
        height, width = value
        if height * width > self._pixels:
            raise Malformed(f"A picture of {width} × {height} pixels is too large; {self._pixels} pixels are allowed.")
        return height, width

    def mask(self, value: object) -> MaskArray:
        row = _object(value)
        height, width = self.size(row.get("size"))
        bits = self.array(row.get("bits"))
        if bits.dtype != np.uint8 or bits.shape != (-(-height * width // 8),):
            raise Malformed("A mask in the message does not fit its size.")
        return (
            np.unpackbits(bits.astype(np.uint8, copy=False), count=height * width).reshape(height, width).astype(bool)
        )

    def picture(self, name: object) -> NDArray[np.uint8]:
        """Pixels uint8 (height, width, 3)."""
        pixels = self.array(name)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise Malformed("A picture in the message is not height × width × 3 bytes.")
        self.size([int(pixels.shape[0]), int(pixels.shape[1])])
        return pixels.astype(np.uint8, copy=False)

    def floats(self, name: object, dimensions: int) -> NDArray[np.float32]:
        array = self.array(name)
        if array.dtype != np.float32 or array.ndim != dimensions or array.size > 4 * self._pixels:
            raise Malformed("An array of numbers in the message is of another kind or too large.")
        return array.astype(np.float32, copy=False)


# --- prompts


def prompts_out(prompts: PromptSet, packing: Packing) -> list[Message]:
    """The prompts that count; muted ones stay at home."""
    return [{"kind": prompt.kind.value, "positive": prompt.positive, **_said(prompt, packing)} for prompt in prompts]


def prompts_in(value: object, arrays: Unpacking) -> PromptSet:
    rows = _list(value, MOST_PROMPTS, "prompts")
    return PromptSet(tuple(_prompt(_object(row), arrays) for row in rows))


def _said(prompt: Prompt, packing: Packing) -> Message:
    match prompt:
        case Point(x, y, _, part):
            return {"at": [x, y], "part": part}
        case Box(x0, y0, x1, y1, _, part):
            return {"at": [x0, y0, x1, y1], "part": part}
        case Scribble(vertices, width):
            return {"vertices": [list(vertex) for vertex in vertices], "width": width}
        case Polygon(vertices):
            return {"vertices": [list(vertex) for vertex in vertices]}
        case MaskPrompt(mask):
            return {"mask": packing.mask(mask)}
        case Text(text):
            return {"text": text}
        case Reference(pixels, mask, name):
            return {"pixels": packing.array(pixels), "mask": packing.mask(mask), "name": name}


def _prompt(row: Message, arrays: Unpacking) -> Prompt:
    positive = row.get("positive")
    if not isinstance(positive, bool):
        raise Malformed("A prompt does not say whether it is positive.")
    match row.get("kind"):
        case "point":
            x, y = _numbers(row.get("at"), 2)
            return Point(x, y, positive, _whole(row.get("part")))
        case "box":
            x0, y0, x1, y1 = _numbers(row.get("at"), 4)
            return Box(x0, y0, x1, y1, positive, _whole(row.get("part")))
        case "scribble":
            (width,) = _numbers([row.get("width")], 1)
            return Scribble(_vertices(row.get("vertices")), width, positive)
        case "polygon":
            return Polygon(_vertices(row.get("vertices")), positive)
        case "mask":
            return MaskPrompt(arrays.mask(row.get("mask")), positive)
        case "text":
            return Text(_text(row.get("text")), positive)
        case "reference":
            pixels, mask = arrays.picture(row.get("pixels")), arrays.mask(row.get("mask"))
            if pixels.shape[:2] != mask.shape:
                raise Malformed("A reference and its region are of different sizes.")
            return Reference(pixels, mask, _text(row.get("name")), positive)
    raise Malformed("The message has a prompt of an unknown kind.")


# --- what else is asked with


def memory_out(memory: Memory | None, packing: Packing) -> Message | None:
    if memory is None:
        return None
    return {"engine": memory.engine, "arrays": {name: packing.array(each) for name, each in memory.arrays.items()}}


def memory_in(value: object, arrays: Unpacking) -> Memory | None:
    if value is None:
        return None
    row = _object(value)
    names = _object(row.get("arrays"))
    return Memory(_text(row.get("engine")), {_text(name): arrays.array(each) for name, each in names.items()})


def vocabulary_out(vocabulary: Vocabulary | None) -> Message | None:
    if vocabulary is None:
        return None
    return {
        "names": list(vocabulary.names),
        "stuff": sorted(vocabulary.stuff),
        "synonyms": [list(each) for each in vocabulary.synonyms],
    }


def vocabulary_in(value: object) -> Vocabulary | None:
    if value is None:
        return None
    row = _object(value)
    names = _texts(row.get("names"))
    synonyms = tuple(_texts(each) for each in _list(row.get("synonyms"), MOST_NAMES, "synonyms"))
    if synonyms and len(synonyms) != len(names):
        raise Malformed("The vocabulary has not as many lists of synonyms as names.")
    return Vocabulary(names, frozenset(_texts(row.get("stuff"))), synonyms)


def options_in(value: object) -> Options:
    row = _object(value)
    options: dict[str, OptionValue] = {}
    for name, each in row.items():
        if not isinstance(each, str | int | float | bool):
            raise Malformed("An option has a value that is neither text nor number.")
        options[name] = each
    return options


# --- results


def segmentation_out(found: Segmentation, packing: Packing) -> Message:
    return {
        "candidates": [_candidate_out(each, packing) for each in found.candidates],
        "memory": memory_out(found.memory, packing),
        "ignored": [[each.kind, each.count] for each in found.ignored],
        "notes": list(found.notes),
    }


def segmentation_in(value: object, arrays: Unpacking) -> Segmentation:
    row = _object(value)
    return Segmentation(
        tuple(_candidate_in(_object(each), arrays) for each in _list(row.get("candidates"), 1000, "candidates")),
        memory_in(row.get("memory"), arrays),
        tuple(Ignored(_text(kind), _whole(count)) for kind, count in _pairs(row.get("ignored"))),
        _texts(row.get("notes")),
    )


def _candidate_out(candidate: Candidate, packing: Packing) -> Message:
    return {
        "logits": packing.array(candidate.logits),
        "size": [candidate.frame.height, candidate.frame.width],
        "region": list(candidate.frame.region),
        "score": float(candidate.score),
        "engine": candidate.engine,
        "labels": [[label.name, float(label.score)] for label in candidate.labels],
        "calibrated": candidate.calibrated,
    }


def _candidate_in(row: Message, arrays: Unpacking) -> Candidate:
    height, width = arrays.size(row.get("size"))
    x0, y0, x1, y1 = _numbers(row.get("region"), 4)
    (score,) = _numbers([row.get("score")], 1)
    return Candidate(
        arrays.floats(row.get("logits"), 2),
        Frame(height, width, (x0, y0, x1, y1)),
        score,
        _text(row.get("engine")),
        tuple(Label(_text(name), _numbers([value], 1)[0]) for name, value in _pairs(row.get("labels"))),
        bool(row.get("calibrated")),
    )


def regions_out(regions: Sequence[Region], packing: Packing) -> list[Message]:
    return [
        {"mask": packing.mask(each.mask), "score": float(each.score), "label": each.label, "thing": each.is_thing}
        for each in regions
    ]


def regions_in(value: object, arrays: Unpacking) -> list[Region]:
    found = []
    for each in _list(value, MOST_NAMES, "regions"):
        row = _object(each)
        label = row.get("label")
        (score,) = _numbers([row.get("score")], 1)
        found.append(
            Region(arrays.mask(row.get("mask")), score, None if label is None else _text(label), bool(row.get("thing")))
        )
    return found


def scores_out(scores: LabelScores, packing: Packing) -> Message:
    return {
        "names": list(scores.names),
        "scores": packing.array(scores.scores.astype(np.float32, copy=False)),
        "unknown": packing.array(scores.unknown.astype(np.float32, copy=False)),
    }


def scores_in(value: object, arrays: Unpacking) -> LabelScores:
    row = _object(value)
    names = _texts(row.get("names"))
    scores, unknown = arrays.floats(row.get("scores"), 2), arrays.floats(row.get("unknown"), 1)
    if scores.shape != (len(unknown), len(names)):
        raise Malformed("The scores do not fit the names.")
    return LabelScores(names, scores, unknown)


# --- checks of single values


def _object(value: object) -> Message:
    if not isinstance(value, dict):
        raise Malformed("A part of the message is no object.")
    return value


def _list(value: object, most: int, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed(f"The {what} of the message are no list.")
    if len(value) > most:
        raise Malformed(f"The message has {len(value)} {what}; {most} are allowed.")
    return value


def _pairs(value: object) -> list[tuple[Any, Any]]:
    rows = _list(value, MOST_NAMES, "pairs")
    if not all(isinstance(row, list) and len(row) == 2 for row in rows):
        raise Malformed("A part of the message is no pair.")
    return [(row[0], row[1]) for row in rows]


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 10_000:
        raise Malformed("A text in the message is missing or too long.")
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(each) for each in _list(value, MOST_NAMES, "texts"))


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise Malformed("A number in the message is no whole number.")
    return value


def _numbers(value: object, count: int) -> tuple[float, ...]:
    rows = _list(value, count, "numbers")
    if len(rows) != count or not all(type(each) in (int, float) and math.isfinite(each) for each in rows):
        raise Malformed("A number in the message is missing or not finite.")
    return tuple(float(each) for each in rows)


def _vertices(value: object) -> Vertices:
    rows = _list(value, MOST_VERTICES, "vertices")
    corners = [_numbers(row, 2) for row in rows]
    return tuple((x, y) for x, y in corners)
