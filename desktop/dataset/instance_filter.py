"""The filter language for instances: ``class:car score<0.5 area<200 source:seem state:draft`` (ux.md §2.4, §17).

Free of Qt. A filter is a row of terms that must all hold. A term is a *field* with an operator and a value, or a bare
word that is looked for in class and source. Values with spaces are put in double quotes; ``-`` before a term negates
it. Text is compared without case; ``state:`` matches from the beginning, the other text fields anywhere. Days are
written 2026, 2026-11 or 2026-11-01, in local time: ``edited>2026-11-01`` begins with the second of November.
The list asks about the instances of one image; :mod:`desktop.dataset.search` finds the images of a project.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from desktop.dataset.model import HAND, IMPORTED, Instance
from desktop.dataset.prompt_json import count_prompts

NUMBER_FIELDS = ("score", "area", "prompts", "seconds", "edits", "parts", "holes", "id", "z")
TEXT_FIELDS = ("class", "source", "engine", "state", "editor", "reviewer", "comment")
DATE_FIELDS = ("created", "edited", "reviewed")
FLAG_FIELDS = ("is",)
FLAGS = ("locked", "hidden", "crowd", "unlabelled", "commented")

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


_IN_TIME: Mapping[str, Callable[[str, str, str], bool]] = {
    "<": lambda moment, begin, _end: moment < begin,
    "<=": lambda moment, _begin, end: moment < end,
    ">": lambda moment, _begin, end: moment >= end,
    ">=": lambda moment, begin, _end: moment >= begin,
    "=": lambda moment, begin, end: begin <= moment < end,
    ":": lambda moment, begin, end: begin <= moment < end,
    "!=": lambda moment, begin, end: not begin <= moment < end,
}


class FilterError(ValueError):
    """The text is not a filter; its text says which term and why, in one sentence."""


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """What can be asked about one instance. ``area`` is in pixels; ``score`` in [0, 1] or None without one; times are
    ISO 8601 UTC, empty when unknown; ``editor`` are those who made and changed it, one a line."""

    id: int
    category: str = ""
    source: str = "hand"
    state: str = "draft"
    comment: str = ""
    editor: str = ""
    reviewer: str = ""
    created: str = ""
    edited: str = ""
    reviewed: str = ""
    prompts: int = 0
    seconds: float | None = None
    edits: int = 0
    score: float | None = None
    area: int = 0
    parts: int = 1
    holes: int = 0
    z: int = 0
    locked: bool = False
    hidden: bool = False
    crowd: bool = False

    @property
    def engine(self) -> str:
        """The engine that made it; empty for what a person drew or a file brought."""
        return "" if self.source in (HAND, IMPORTED) else self.source

    @property
    def commented(self) -> bool:
        return bool(self.comment)

    @classmethod
    def of(
        cls, instance: Instance, category: str, *, hidden: bool = False, shape: tuple[int, int] = (1, 0)
    ) -> InstanceFacts:
        """The facts of an instance of the class ``category`` (empty: none); ``shape`` are its parts and holes."""
        made = instance.provenance
        return cls(
            id=instance.id,
            category=category,
            source=made.source,
            state=instance.review.value,
            comment="\n".join(comment.text for comment in instance.comments),
            editor=f"{made.author}\n{made.editor}".strip(),
            reviewer=instance.reviewer,
            created=made.created,
            edited=made.edited,
            reviewed=instance.reviewed,
            prompts=count_prompts(made.prompts),
            seconds=made.seconds,
            edits=made.mask_edits,
            score=made.score,
            area=instance.mask.area,
            parts=shape[0],
            holes=shape[1],
            z=instance.z_order,
            locked=instance.locked,
            hidden=hidden,
            crowd=instance.is_crowd,
        )


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
        if self.field in DATE_FIELDS:
            moment, (begin, end) = getattr(facts, self.field), day_range(self.value)
            return bool(moment) and _IN_TIME[self.operator](moment, begin, end)
        if self.field in FLAG_FIELDS:
            return not facts.category if self.value == "unlabelled" else bool(getattr(facts, self.value))
        if not self.field:
            return self.value in facts.category.lower() or self.value in facts.source.lower()
        text = (facts.category if self.field == "class" else str(getattr(facts, self.field))).lower()
        value = self.value.replace("-", " ") if self.field == "state" else self.value
        if self.operator in ("=", "!="):
            return (value in text.split("\n")) is (self.operator == "=")
        return text.startswith(value) if self.field == "state" else value in text


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
    if name and name not in NUMBER_FIELDS + TEXT_FIELDS + DATE_FIELDS + FLAG_FIELDS:
        known = ", ".join((*TEXT_FIELDS, *NUMBER_FIELDS, *DATE_FIELDS, *FLAG_FIELDS))
        raise FilterError(f"“{name}” is not a field; there are {known}.")
    if not value and operator not in ("=", "!="):
        raise FilterError(f"“{written}” needs a value.")
    if name in NUMBER_FIELDS:
        if _as_number(value) is None:
            raise FilterError(f"“{written}” compares with {value or 'nothing'}, which is not a number.")
    elif name in DATE_FIELDS:
        try:
            day_range(value)
        except (ValueError, OverflowError):
            raise FilterError(f"“{written}” needs a day such as 2026-11-01, a month or a year.") from None
    elif operator in ("<", "<=", ">", ">="):
        raise FilterError(f"“{name}” is text and can be compared with : or = only.")
    if name in FLAG_FIELDS and (value not in FLAGS or operator not in (":", "=")):
        raise FilterError(f"“{written}” should be one of {', '.join(f'is:{flag}' for flag in FLAGS)}.")
    return Term(name, operator, value, bool(match["minus"]))


@lru_cache(maxsize=256)
def day_range(text: str) -> tuple[str, str]:
    """A year, month or day in local time as the first moment in it and the first after it, ISO 8601 UTC.

    Raises ValueError for anything else, OverflowError for the last year there is.
    """
    if not re.fullmatch(r"\d{4}(-\d{2}){0,2}", text):
        raise ValueError(text)
    year, month, day = ([int(part) for part in text.split("-")] + [0, 0])[:3]
    begin = datetime(year, month or 1, day or 1)
    if day:
        end = begin.fromordinal(begin.toordinal() + 1)
    else:
        end = datetime(year + 1, 1, 1) if month in (0, 12) else datetime(year, month + 1, 1)
    first, last = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (begin, end))
    return first, last


def _as_number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number == number else None


def _quoted(value: str) -> str:
    plain = value and not re.search(r"[\s:<>=!]", value) and not value.startswith("-")
    return value if plain else f'"{value}"'
