"""Lists of class names: the packaged ones, files of a person's own, and names joined with a background of others.

A list is a text file, one class a line: ``name, other name, …``. ``[things]`` and ``[stuff]`` on lines of their own
say what follows; things come first where neither is said. ``#`` starts a comment. A leading ``12:`` is skipped, so
that lists of the form ``id:name,name`` read as well; there, ``invalid_class_id`` marks lines without a class.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path

from inference.engine import EngineError, Vocabulary

BACKGROUND = ("coco-synonyms", "ade150")
"""What else an image may show: the lists against which names of a person's own have to prove themselves."""

_SECTIONS = {"[things]": False, "[stuff]": True}
_NO_CLASS = "invalid_class_id"


class BadVocabulary(EngineError):
    """A list of names cannot be read; the text says which and why."""


def parse(text: str, source: str) -> Vocabulary:
    """The names of a list, in its order; a class that comes twice counts once. Raises :class:`BadVocabulary`.

    ``source`` names the list in the error.
    """
    classes: dict[str, tuple[str, ...]] = {}
    stuff: set[str] = set()
    in_stuff = False
    for line in text.splitlines():
        content = line.partition("#")[0].strip()
        if content.lower() in _SECTIONS:
            in_stuff = _SECTIONS[content.lower()]
            continue
        names = list(dict.fromkeys(_spaced(part) for part in re.sub(r"^\d+\s*:", "", content).split(",")))
        names = [name for name in names if name]
        if not names or names[0] == _NO_CLASS or names[0] in classes:
            continue
        classes[names[0]] = tuple(names[1:])
        if in_stuff:
            stuff.add(names[0])
    if not classes:
        raise BadVocabulary(f"{source} holds no names.")
    return Vocabulary(tuple(classes), frozenset(stuff), tuple(classes.values()))


def read(path: Path) -> Vocabulary:
    """The list in a file. Raises :class:`BadVocabulary`, naming the file and the reason."""
    try:
        return parse(path.read_text(encoding="utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        raise BadVocabulary(f"{path.name} is not a text file in UTF-8.") from error
    except OSError as error:
        raise BadVocabulary(f"{path.name} cannot be read: {error.strerror}.") from error


def packaged_names() -> tuple[str, ...]:
    """The names of the lists that ship with the program, sorted."""
    folder = resources.files("resources") / "vocabularies"
    found = (entry.name for entry in folder.iterdir() if entry.name.endswith(".txt"))
    return tuple(sorted(name.removesuffix(".txt") for name in found if name != "concepts.txt"))


@cache
def packaged(name: str) -> Vocabulary:
    """A list that ships with the program. Raises :class:`BadVocabulary` for another name."""
    if name not in packaged_names():
        raise BadVocabulary(f"There is no list '{name}'; the lists are: {', '.join(packaged_names())}.")
    return parse((resources.files("resources") / "vocabularies" / f"{name}.txt").read_text("utf-8"), name)


def joined(first: Vocabulary, others: Iterable[Vocabulary]) -> Vocabulary:
    """``first``, then the classes of the others that share no name with what stands before them.

    Classes are compared by all their names, so that a person's own "couch" is not opposed by a list's "sofa, couch".
    """
    names, synonyms = list(first.names), [first.all_names(index)[1:] for index in range(len(first.names))]
    stuff = set(first.stuff)
    taken = {plain(name) for index in range(len(names)) for name in first.all_names(index)}
    for other in others:
        added: set[str] = set()
        for index, name in enumerate(other.names):
            same = {plain(each) for each in other.all_names(index)}
            if same & taken:
                continue
            added |= same
            names.append(name)
            synonyms.append(other.all_names(index)[1:])
            if name in other.stuff:
                stuff.add(name)
        taken |= added
    return Vocabulary(tuple(names), frozenset(stuff), tuple(synonyms))


def with_background(wanted: Vocabulary) -> Vocabulary:
    """``wanted``, then every other class of :data:`BACKGROUND`."""
    return joined(wanted, [packaged(name) for name in BACKGROUND if name in packaged_names()])


def plain(name: str) -> str:
    """How names are compared: lower case, single spaces, no underscores, no article."""
    return re.sub(r"^(the|a|an|some) ", "", _spaced(name).lower())


def _spaced(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name.replace(_NO_CLASS, "\0")).strip().replace("\0", _NO_CLASS)
