"""PromptSet to JSON and back, for provenance and the prompt history: masks as RLE, references by image name and RLE."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.errors import PromptFormatError
from desktop.dataset.masks import Mask
from inference.prompts import Box, MaskPrompt, Point, Polygon, Prompt, PromptSet, Reference, Scribble, Text, Vertices

FORMAT = 1

Resolve = Callable[[str], NDArray[np.uint8] | None]
"""From the name of a reference to the pixels of its image, RGB uint8 (H, W, 3), or None when it is not there."""


def to_json(prompts: PromptSet) -> str:
    """The prompts in their order, muted ones marked."""
    items = []
    for index, prompt in enumerate(prompts.prompts):
        item = {"kind": prompt.kind.value, "positive": prompt.positive, **_fields(prompt)}
        if index in prompts.muted:
            item["muted"] = True
        items.append(item)
    return json.dumps({"format": FORMAT, "prompts": items}, ensure_ascii=False, separators=(",", ":"))


def count_prompts(text: str) -> int:
    """How many prompts a person gave, told from the JSON without reading it; a mask that was refined is none."""
    # a quotation mark inside a person's text is escaped, so the key is never found there
    return text.count('"kind":') - text.count('"kind":"mask"')


def from_json(text: str, resolve: Resolve | None = None) -> PromptSet:
    """Read prompts back. ``resolve`` finds the pixels of references.

    Raises :class:`PromptFormatError` when the text is no prompt history or a reference's image is not available.
    """
    try:
        content = json.loads(text)
        items = content["prompts"]
        if content["format"] > FORMAT:
            raise PromptFormatError("The prompt history was written by a newer Maskwright.")
        prompts = tuple(_prompt(item, resolve) for item in items)
        muted = frozenset(index for index, item in enumerate(items) if item.get("muted"))
    except PromptFormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PromptFormatError(f"The prompt history cannot be read ({error}).") from error
    return PromptSet(prompts, muted)


def _fields(prompt: Prompt) -> dict[str, Any]:
    match prompt:
        case Point(x, y, _, part):
            return {"at": [x, y], "part": part}
        case Box(x0, y0, x1, y1, _, part):
            return {"box": [x0, y0, x1, y1], "part": part}
        case Scribble(vertices, width):
            return {"vertices": [list(v) for v in vertices], "width": width}
        case Polygon(vertices):
            return {"vertices": [list(v) for v in vertices]}
        case MaskPrompt(mask):
            return {"mask": Mask.from_array(mask).rle()}
        case Text(text):
            return {"text": text}
        case Reference(_, mask, name):
            return {"image": name, "mask": Mask.from_array(mask).rle()}


def _prompt(item: dict[str, Any], resolve: Resolve | None) -> Prompt:
    positive = bool(item["positive"])
    match item["kind"]:
        case "point":
            x, y = item["at"]
            return Point(float(x), float(y), positive, int(item.get("part", 0)))
        case "box":
            x0, y0, x1, y1 = map(float, item["box"])
            return Box(x0, y0, x1, y1, positive, int(item.get("part", 0)))
        case "scribble":
            return Scribble(_vertices(item), float(item["width"]), positive)
        case "polygon":
            return Polygon(_vertices(item), positive)
        case "mask":
            return MaskPrompt(Mask.from_rle(item["mask"]).to_array(), positive)
        case "text":
            return Text(str(item["text"]), positive)
        case "reference":
            return _reference(item, positive, resolve)
        case other:
            raise PromptFormatError(f"The prompt history has a prompt of unknown kind '{other}'.")


def _vertices(item: dict[str, Any]) -> Vertices:
    return tuple((float(x), float(y)) for x, y in item["vertices"])


def _reference(item: dict[str, Any], positive: bool, resolve: Resolve | None) -> Reference:
    name = str(item["image"])
    mask = Mask.from_rle(item["mask"]).to_array()
    pixels = resolve(name) if resolve is not None else None
    if pixels is None:
        raise PromptFormatError(f"The reference image '{name}' is not available.")
    if pixels.shape[:2] != mask.shape:
        raise PromptFormatError(f"The reference image '{name}' has another size than its region.")
    return Reference(pixels, mask, name, positive)
