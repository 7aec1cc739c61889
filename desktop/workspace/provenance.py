"""Prompts as JSON for the provenance of an instance. Pixels of masks and references are not stored, only their size."""

from __future__ import annotations

import json
from typing import Any

from inference.prompts import Box, MaskPrompt, Point, Polygon, Prompt, PromptSet, Reference, Scribble, Text


def prompts_json(prompts: PromptSet) -> str:
    """The prompt history, oldest first; coordinates are image coordinates."""
    rows = [{**_row(p), **({"muted": True} if i in prompts.muted else {})} for i, p in enumerate(prompts.prompts)]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def _row(prompt: Prompt) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": prompt.kind.value, "positive": prompt.positive}
    match prompt:
        case Point(x=x, y=y, part=part):
            row |= {"xy": [x, y], "part": part}
        case Box(x0=x0, y0=y0, x1=x1, y1=y1, part=part):
            row |= {"xyxy": [x0, y0, x1, y1], "part": part}
        case Scribble(vertices=vertices, width=width):
            row |= {"vertices": [list(v) for v in vertices], "width": width}
        case Polygon(vertices=vertices):
            row |= {"vertices": [list(v) for v in vertices]}
        case Text(text=text):
            row |= {"text": text}
        case MaskPrompt(mask=mask):
            row |= {"size": list(mask.shape), "area": int(mask.sum())}
        case Reference(name=name, mask=mask):
            row |= {"name": name, "size": list(mask.shape), "area": int(mask.sum())}
    return row
