"""Which names the objects of an image are chosen from: the ``label_sets`` of an index, or what follows without them.

``label_sets`` is an object from the set's name to its names, ``["cat", "sky"]`` or ``{"names": […], "stuff": […],
"images": [image ids]}``; a plain list of names is one set for all images. Of an image count, in this order: the set
that it names (``label_set``), sets that list it, the set called like its source, like its domain. An image that none of
this fits has all sets that hold a category of it. Without ``label_sets`` the categories of all images of the same
source (or domain, without sources) are one set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inference.engine import Vocabulary
from inference.evaluation.index import BadIndex, EvaluationIndex, IndexImage


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A named vocabulary; ``images`` are the ids of the images that it was listed for."""

    name: str
    vocabulary: Vocabulary
    images: frozenset[str] = field(default_factory=frozenset)


class LabelSets:
    """The label sets of one index. Raises :class:`BadIndex` when they are no lists of names."""

    def __init__(self, index: EvaluationIndex) -> None:
        stuff = _stuff(index)
        listed = index.document.get("label_sets")
        self._given = listed is not None
        sets = _listed(index, listed, stuff) if listed is not None else _by_group(index, stuff)
        self._sets = {each.name: each for each in sets}

    def of(self, image: IndexImage) -> tuple[LabelSet, ...]:
        """The sets that count for an image; empty when none holds a category of it."""
        if not self._given:
            found = self._sets.get(_group(image))
            return (found,) if found is not None else ()
        if image.label_set:
            if image.label_set not in self._sets:
                raise BadIndex(f"The image {image.id} names the label set {image.label_set!r}, which there is not.")
            return (self._sets[image.label_set],)
        listing = tuple(each for each in self._sets.values() if image.id in each.images)
        if listing:
            return listing
        for name in (image.source, image.domain):
            if name in self._sets:
                return (self._sets[name],)
        categories = {each.category for each in image.objects}
        return tuple(s for s in self._sets.values() if not s.images and not categories.isdisjoint(s.vocabulary.names))


def _group(image: IndexImage) -> str:
    return image.source or image.domain


def _stuff(index: EvaluationIndex) -> frozenset[str]:
    """Names that objects carry as stuff and none carries as a thing."""
    kinds: dict[str, set[bool]] = {}
    for image in index.images:
        for each in image.objects:
            if each.category is not None:
                kinds.setdefault(each.category, set()).add(each.is_thing)
    return frozenset(name for name, things in kinds.items() if True not in things)


def _by_group(index: EvaluationIndex, stuff: frozenset[str]) -> list[LabelSet]:
    names: dict[str, set[str]] = {}
    for image in index.images:
        names.setdefault(_group(image), set()).update(o.category for o in image.objects if o.category is not None)
    return [LabelSet(group, Vocabulary(tuple(sorted(found)), stuff & found)) for group, found in names.items() if found]


def _listed(index: EvaluationIndex, listed: Any, stuff: frozenset[str]) -> list[LabelSet]:
    if isinstance(listed, list) and all(isinstance(name, str) for name in listed):
        listed = {"all": {"names": listed, "images": [image.id for image in index.images]}}
    if isinstance(listed, list) and all(isinstance(entry, Mapping) for entry in listed):
        listed = {str(entry.get("name", number)): entry for number, entry in enumerate(listed)}
    if not isinstance(listed, Mapping):
        raise BadIndex(f"{index.path}: label_sets holds no lists of names.")
    return [_set(index, str(name), entry, stuff) for name, entry in listed.items()]


def _set(index: EvaluationIndex, title: str, entry: Any, stuff: frozenset[str]) -> LabelSet:
    told = entry if isinstance(entry, Mapping) else {"names": entry}
    names = told.get("names", told.get("labels"))
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BadIndex(f"{index.path}: label_sets[{title!r}] is no list of names.")
    own = told.get("stuff")
    vocabulary = Vocabulary(tuple(names), frozenset(own if own is not None else stuff & set(names)))
    return LabelSet(title, vocabulary, frozenset(map(str, told.get("images") or ())))
