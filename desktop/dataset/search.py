"""The images of a project that have an instance which passes a filter, asked of SQLite (ux.md §17). Qt-free."""

from __future__ import annotations

import re
from typing import Any

from desktop.dataset.instance_filter import (
    DATE_FIELDS,
    FLAG_FIELDS,
    NUMBER_FIELDS,
    FilterError,
    InstanceFacts,
    InstanceFilter,
    Term,
    day_range,
    parse_filter,
)
from desktop.dataset.store import Project

_ASKS = re.compile(r"[A-Za-z]+(<=|>=|!=|<|>|=|:)")

_COLUMNS = {
    "score": "score", "area": "area", "prompts": "prompt_count", "seconds": "seconds", "edits": "mask_edits",
    "id": "id", "z": "z_order", "source": "source", "engine": "source", "state": "review", "reviewer": "reviewer",
    "created": "created", "edited": "edited", "reviewed": "reviewed",
}  # fmt: skip

_FLAGS = {
    "locked": "locked",
    "crowd": "is_crowd",
    "unlabelled": "category_id IS NULL",
    "commented": "comments != ''",
}


def asks_about_instances(text: str) -> bool:
    """Whether a search has terms such as ``state:done``, so that it is more than a piece of a file name."""
    return _ASKS.search(text) is not None


def matching_images(project: Project, text: str) -> tuple[frozenset[int], str]:
    """The images with an instance that passes the terms of ``text``, and its bare words, for the file name.

    Raises :class:`FilterError` for what is no filter, or asks what only the open image can answer.
    """
    parsed = parse_filter(text)
    words = " ".join(term.value for term in parsed.terms if not term.field)
    terms = [term for term in parsed.terms if term.field]
    conditions, parameters = [], list[Any]()
    for term in terms:
        condition, values = _condition(project, term)
        conditions.append(f"{'NOT ' if term.negated else ''}ifnull({condition}, 0)")
        parameters += values
    query = f"SELECT DISTINCT image_id FROM instances WHERE {' AND '.join(conditions) or '1'}"
    with project.reading() as connection:
        return frozenset(row[0] for row in connection.execute(query, parameters)), words


def _condition(project: Project, term: Term) -> tuple[str, list[Any]]:
    """A condition on the columns of instances that holds when the term does, its negation aside."""
    plain = Term(term.field, term.operator, term.value)
    if term.field == "class":
        # few names, so the filter itself decides about them
        names = {category.id: category.name for category in project.categories()}
        passing = [str(i) for i, name in names.items() if InstanceFilter((plain,)).accepts(InstanceFacts(0, name))]
        none = plain.holds(InstanceFacts(0, ""))
        return f"(category_id IN ({', '.join(passing)}){' OR category_id IS NULL' if none else ''})", []
    if term.field in FLAG_FIELDS and term.value in _FLAGS:
        return f"({_FLAGS[term.value]})", []
    if term.field not in ("editor", "comment", *_COLUMNS):
        asked = f"is:{term.value}" if term.field in FLAG_FIELDS else term.field
        raise FilterError(f"“{asked}” can be asked about the instances of the open image only.")
    if term.field in DATE_FIELDS:
        return _in_time(_COLUMNS[term.field], term)
    if term.field in NUMBER_FIELDS:
        operator = "=" if term.operator == ":" else term.operator
        return f"({_COLUMNS[term.field]} {operator} ?)", [float(term.value)]
    return _text(term)


def _in_time(column: str, term: Term) -> tuple[str, list[Any]]:
    begin, end = day_range(term.value)
    conditions: dict[str, tuple[str, list[Any]]] = {
        "<": (f"{column} < ?", [begin]),
        "<=": (f"{column} < ?", [end]),
        ">": (f"{column} >= ?", [end]),
        ">=": (f"{column} >= ?", [begin]),
        "!=": (f"({column} < ? OR {column} >= ?)", [begin, end]),
    }
    condition, values = conditions.get(term.operator, (f"{column} >= ? AND {column} < ?", [begin, end]))
    return f"({column} != '' AND {condition})", values


def _text(term: Term) -> tuple[str, list[Any]]:
    if term.field == "comment":
        # the texts of the thread, not the names beside them
        within = (
            "(SELECT lower(json_extract(value, '$.text')) AS said FROM json_each(ifnull(nullif(comments, ''), '[]')))"
        )
        if term.operator == ":":
            return f"EXISTS (SELECT 1 FROM {within} WHERE instr(said, ?))", [term.value]
        same = f"(? IN (SELECT said FROM {within}) OR (? = '' AND comments = ''))"
        return (same if term.operator == "=" else f"(NOT {same})"), [term.value, term.value]
    value = term.value.replace("-", " ") if term.field == "state" else term.value
    columns = ["author", "editor"] if term.field == "editor" else [_COLUMNS[term.field]]
    if term.field == "engine":
        columns = ["CASE WHEN source IN ('hand', 'imported') THEN '' ELSE source END"]
    if term.operator == ":":
        start = " = 1" if term.field == "state" else " > 0"
        return f"({' OR '.join(f'instr(lower({c}), ?){start}' for c in columns)})", [value] * len(columns)
    same = f"({' OR '.join(f'lower({c}) = ?' for c in columns)})"
    if term.field == "editor" and not term.value:
        same = "(author || editor = '')"
        return (same if term.operator == "=" else f"(NOT {same})"), []
    return (same if term.operator == "=" else f"(NOT {same})"), [value] * len(columns)
