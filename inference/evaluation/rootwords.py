"""How many root words the rules find on a list of referring expressions with the word to be found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.models.refdiff.root_word import root_word


class BadWordList(Exception):
    """The list cannot be used; the text is one sentence with the file and the reason."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A text, its root word and other words that are accepted too."""

    text: str
    root: str
    also_ok: tuple[str, ...] = ()


def read_list(path: Path) -> list[Expression]:
    """Read a JSON file ``{"items": [{"text", "root", "also_ok"?}, …]}``. Raises BadWordList."""
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadWordList(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    except ValueError as problem:
        raise BadWordList(f"{path} is no JSON file: {problem}.") from problem
    items = parsed.get("items") if isinstance(parsed, dict) else parsed
    if not isinstance(items, list):
        raise BadWordList(f'{path} has no list "items".')
    expressions = []
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict) or not all(isinstance(item.get(key), str) for key in ("text", "root")):
            raise BadWordList(f'{path}: item {number} needs the texts "text" and "root".')
        others = item.get("also_ok") or []
        if not isinstance(others, list) or not all(isinstance(other, str) for other in others):
            raise BadWordList(f'{path}: "also_ok" of item {number} is no list of words.')
        expressions.append(Expression(item["text"], item["root"], tuple(others)))
    return expressions


def evaluate(expressions: Sequence[Expression]) -> dict[str, Any]:
    """``correct`` (the root or an accepted other word, case ignored), ``n``, and the ``wrong`` ones with the answer."""
    wrong = []
    for expression in expressions:
        found = root_word(expression.text).word
        if found.lower() not in {word.lower() for word in (expression.root, *expression.also_ok)}:
            wrong.append({"text": expression.text, "root": expression.root, "found": found})
    return {"correct": len(expressions) - len(wrong), "n": len(expressions), "wrong": wrong}
