"""The filter language of the instance list: ``class:car score<0.5 area<200 source:seem state:draft`` (ux.md §2.4).

Free of Qt. A filter is a row of terms that must all hold. A term is a *field* with an operator and a value, or a bare
word that is looked for in class and source. Values with spaces are put in double quotes; ``-`` before a term negates
it. Text is compared without case; ``class:`` and ``source:`` match anywhere, ``state:`` from the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

NUMBER_FIELDS = ("score", "area", "parts", "holes", "id", "z")
TEXT_FIELDS = ("class", "source", "state", "note")
FLAG_FIELDS = ("is",)
FLAGS = ("locked", "hidden", "crowd", "unlabelled")

_TERM = re.compile(r'(?P<minus>-?)(?:(?P<field>[A-Za-z]+)(?P<op><=|>=|!=|<|>|=|:))?(?P<value>"[^"]*"?|[^\s"]+|)')

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    ":": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class FilterError(ValueError):
    """The text is not a filter; its text says which term and why, in one sentence."""


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """What can be asked about one instance. ``area`` is in pixels; ``score`` in [0, 1] or None without one."""

    id: int
    category: str = ""
    source: str = "hand"
    state: str = "draft"
    note: str = ""
    score: float | None = None
    area: int = 0
    parts: int = 1
    holes: int = 0
    z: int = 0
    locked: bool = False
    hidden: bool = False
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. ``field`` is empty for a bare word; ``value`` is lower case."""

    field: str
    operator: str
    value: str
    negated: bool = False

    def holds(self, facts: InstanceFacts) -> bool:
        return self._matches(facts) is not self.negated

    def _matches(self, facts: InstanceFacts) -> bool:
        if self.field in NUMBER_FIELDS:
            number = getattr(facts, self.field)
            # without a score no comparison of scores is true
            return number is not None and _COMPARE[self.operator](float(number), float(self.value))
        if self.field in FLAG_FIELDS:
            return not facts.category if self.value == "unlabelled" else bool(getattr(facts, self.value))
        if not self.field:
            return self.value in facts.category.lower() or self.value in facts.source.lower()
        text = (facts.category if self.field == "class" else str(getattr(facts, self.field))).lower()
        if self.operator == "=":
            return text == self.value
        if self.operator == "!=":
            return text != self.value
        return text.startswith(self.value) if self.field == "state" else self.value in text


@dataclass(frozen=True, slots=True)
class InstanceFilter:
    """Terms that must all hold; an empty filter lets everything pass."""

    terms: tuple[Term, ...] = ()

    def accepts(self, facts: InstanceFacts) -> bool:
        return all(term.holds(facts) for term in self.terms)

    def __str__(self) -> str:
        """The canonical text: parsing it again gives an equal filter."""
        return " ".join(
            f"{'-' if term.negated else ''}{term.field}{term.operator}{_quoted(term.value)}" for term in self.terms
        )


def parse_filter(text: str) -> InstanceFilter:
    """Read a filter. Raises :class:`FilterError` for unknown fields, operators that do not fit, and bad numbers."""
    terms: list[Term] = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _TERM.match(text, position)
        if match is None or match.end() == position:
            raise FilterError(f"The filter cannot be read from “{text[position:]}” on.")
        position = match.end()
        terms.append(_term(match))
    return InstanceFilter(tuple(terms))


def _term(match: re.Match[str]) -> Term:
    name = (match["field"] or "").lower()
    operator = match["op"] or ""
    value = match["value"].strip('"').lower()
    written = match[0]
    if name and name not in NUMBER_FIELDS + TEXT_FIELDS + FLAG_FIELDS:
        known = ", ".join((*TEXT_FIELDS, *NUMBER_FIELDS, *FLAG_FIELDS))
        raise FilterError(f"“{name}” is not a field; there are {known}.")
    if not value and operator not in ("=", "!="):
        raise FilterError(f"“{written}” needs a value.")
    if name in NUMBER_FIELDS:
        if _as_number(value) is None:
            raise FilterError(f"“{written}” compares with {value or 'nothing'}, which is not a number.")
    elif operator in ("<", "<=", ">", ">="):
        raise FilterError(f"“{name}” is text and can be compared with : or = only.")
    if name in FLAG_FIELDS and (value not in FLAGS or operator not in (":", "=")):
        raise FilterError(f"“{written}” should be one of {', '.join(f'is:{flag}' for flag in FLAGS)}.")
    return Term(name, operator, value, bool(match["minus"]))


def _as_number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number == number else None


def _quoted(value: str) -> str:
    plain = value and not re.search(r"[\s:<>=!]", value) and not value.startswith("-")
    return value if plain else f'"{value}"'
