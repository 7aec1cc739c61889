"""Concepts: which outputs of the classifiers speak for a name, through synonyms and a table of parents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Concept:
    """A thing with a name, other names, more general concepts, and the ImageNet classes that are examples of it."""

    name: str
    synonyms: tuple[str, ...]
    parents: tuple[str, ...]
    imagenet: frozenset[int]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The outputs that speak for a name: of the class head and of the ImageNet classifier."""

    classes: frozenset[int]
    imagenet: frozenset[int]

    @property
    def is_empty(self) -> bool:
        return not self.classes and not self.imagenet


class Concepts:
    """The table of concepts together with the names that the class head knows."""

    def __init__(self, table: Sequence[Concept], classes: Sequence[str], imagenet: Sequence[str]) -> None:
        self._by_name = {concept.name: concept for concept in table}
        self._canonical = {other: concept.name for concept in table for other in (*concept.synonyms, concept.name)}
        self._children: dict[str, set[str]] = {}
        for concept in table:
            for parent in concept.parents:
                self._children.setdefault(parent, set()).add(concept.name)
        self._classes: dict[str, set[int]] = {}
        for index, name in enumerate(classes):
            self._classes.setdefault(normal(name), set()).add(index)
        self._imagenet: dict[str, set[int]] = {}
        for index, name in enumerate(imagenet):
            self._imagenet.setdefault(normal(name), set()).add(index)

    def evidence(self, name: str) -> Evidence:
        """What speaks for ``name``; empty for a name that nothing here knows."""
        for form in forms(name):
            found = self._evidence(form)
            if not found.is_empty:
                return found
        return Evidence(frozenset(), frozenset())

    def evidence_in_phrase(self, phrase: str) -> tuple[str, Evidence]:
        """The longest run of words of a phrase that is known, the later the better ("red car" is about the car)."""
        words = [word for word in re.split(r"[^\w'-]+", phrase.lower()) if word]
        # what comes after a preposition describes a place, not the thing: "cat on the red sofa"
        head = next((words[:i] for i, word in enumerate(words) if word in _PREPOSITIONS and i > 0), words)
        for part in (head, words):
            for length in range(len(part), 0, -1):
                for start in range(len(part) - length, -1, -1):
                    name = " ".join(part[start : start + length])
                    found = self.evidence(name)
                    if not found.is_empty:
                        return normal(name), found
        return "", Evidence(frozenset(), frozenset())

    def _evidence(self, form: str) -> Evidence:
        canonical = self._canonical.get(form, form)
        classes = set(self._classes.get(form, ())) | set(self._classes.get(canonical, ()))
        imagenet = set(self._imagenet.get(form, ()))
        exact = form in self._imagenet and canonical == form and form not in self._by_name
        if not exact:
            for name in self._family(canonical):
                concept = self._by_name.get(name)
                if concept is not None:
                    imagenet |= concept.imagenet
                    for other in (name, *concept.synonyms):
                        # a synonym that is a class of its own ("blouse" beside "shirt") still is an example
                        classes |= self._classes.get(other, set())
        return Evidence(frozenset(classes), frozenset(imagenet))

    def _family(self, name: str) -> set[str]:
        found, waiting = set(), [name]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self._children.get(each, set())
        return found


_PREPOSITIONS = frozenset(
    ("on", "in", "at", "with", "behind", "under", "over", "near", "of", "from", "by", "beside", "wearing", "holding")
)


def normal(name: str) -> str:
    """Lower case, single spaces, no underscores, no article."""
    plain = re.sub(r"[\s_]+", " ", name.strip().lower())
    return re.sub(r"^(the|a|an|some) ", "", plain)


def forms(name: str) -> list[str]:
    """The name and what its singular might be."""
    plain = normal(name)
    found = [plain]
    if plain.endswith("ies"):
        found.append(plain[:-3] + "y")
    if plain.endswith("es"):
        found.append(plain[:-2])
    if plain.endswith("s"):
        found.append(plain[:-1])
    return found


def parsed(text: str) -> list[Concept]:
    """The concepts of a table: ``name | synonyms | parents | numbers and ranges``, ``#`` starts a comment."""
    found = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, synonyms, parents, numbers = (part.strip() for part in line.split("|"))
            found.append(Concept(normal(name), _names(synonyms), _names(parents), _numbers(numbers)))
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(normal(part) for part in text.split(",") if part.strip())


def _numbers(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        if part.strip():
            low, _, high = part.strip().partition("-")
            found.update(range(int(low), int(high or low) + 1))
    return frozenset(found)


@cache
def packaged(classes: tuple[str, ...]) -> Concepts:
    """The concepts that ship with the program, for a class head of these names."""
    folder = resources.files("resources") / "vocabularies"
    table = parsed((folder / "concepts.txt").read_text("utf-8"))
    return Concepts(table, classes, (folder / "imagenet.txt").read_text("utf-8").splitlines())
