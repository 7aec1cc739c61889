"""What an export would lose of a project, counted: said before it is written, never dropped silently (ux.md §18)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from desktop.dataset.formats.contract import Problem
from desktop.dataset.formats.painting import hidden_pixels
from desktop.dataset.formats.selection import Chosen, Selection
from desktop.dataset.formats.traits import Trait
from desktop.dataset.model import Category, Instance, Kind


def _is_bridged(instance: Instance) -> bool:
    parts = instance.mask.parts()
    return len(parts) > 1 or any(part.holes for part in parts)


_OF_INSTANCES: dict[Trait, tuple[Callable[[Instance], bool], str, str]] = {
    Trait.Z_ORDER: (
        lambda i: i.z_order != 0,
        "1 instance has a z-order, which is not written.",
        "{} instances have a z-order, which is not written.",
    ),
    Trait.HOLES: (
        _is_bridged,
        "1 instance has holes or several parts; its outline has bridges of no width.",
        "{} instances have holes or several parts; their outline has bridges of no width.",
    ),
    Trait.CROWDS: (
        lambda i: i.is_crowd,
        "1 instance is a crowd and becomes a plain object.",
        "{} instances are crowds and become plain objects.",
    ),
    Trait.ATTRIBUTES: (
        lambda i: bool(i.attributes),
        "The attributes of 1 instance are not written.",
        "The attributes of {} instances are not written.",
    ),
    Trait.SCORES: (
        lambda i: i.provenance.score is not None,
        "The score of 1 instance is not written.",
        "The scores of {} instances are not written.",
    ),
}
_OF_CLASSES: dict[Trait, tuple[Callable[[Category], bool], str, str]] = {
    Trait.KINDS: (
        lambda c: c.kind is Kind.STUFF,
        "1 class is stuff and becomes a plain class.",
        "{} classes are stuff and become plain classes.",
    ),
    Trait.PARENTS: (
        lambda c: bool(c.parent),
        "The parent of 1 class is not written.",
        "The parents of {} classes are not written.",
    ),
}


def losses(selection: Selection, keeps: frozenset[Trait], overlap_rule: str = "z-order") -> tuple[Problem, ...]:
    """One sentence with a count for each trait that the selection has and ``keeps`` does not.

    Ids, colours and sources are in every project: formats without them say so in :attr:`ExportFormat.keeps` only.
    """
    found: list[Problem] = []
    instances = [instance for item in selection.images for instance in item.instances]
    for trait, (has, one, many) in _OF_CLASSES.items():
        if trait not in keeps:
            found += _counted(sum(map(has, selection.categories)), one, many)
    if Trait.UNUSED_CLASSES not in keeps:
        used = {instance.category_id for instance in instances}
        unused = sum(category.id not in used for category in selection.categories)
        found += _counted(
            unused,
            "1 class has no instances in this export and is not written.",
            "{} classes have no instances in this export and are not written.",
        )
    for trait, (has_trait, one, many) in _OF_INSTANCES.items():
        if trait not in keeps:
            found += _counted(sum(map(has_trait, instances)), one, many)
    if Trait.COMMENTS not in keeps:
        comments = sum(len(i.comments) for i in instances) + sum(len(i.image.comments) for i in selection.images)
        found += _counted(comments, "1 comment is not written.", "{} comments are not written.")
    if Trait.OVERLAPS not in keeps:
        for item in selection.images:
            if hidden := hidden_pixels(item):
                found.append(Problem(f"{hidden} pixels are claimed twice; the {overlap_rule} decides.", item.name))
    return tuple(found)


def merged_instances(items: Iterable[Chosen], merges: Callable[[Instance], object]) -> tuple[Problem, ...]:
    """The sentence for instances that share a key of ``merges`` (None: stays alone) with another one of their image."""
    count = 0
    for item in items:
        keys = [key for key in map(merges, item.instances) if key is not None]
        count += len(keys) - len(set(keys))
    return _counted(
        count,
        "1 instance becomes one with another of its class.",
        "{} instances become one with others of their class.",
    )


def _counted(count: int, one: str, many: str) -> tuple[Problem, ...]:
    return (Problem(one if count == 1 else many.format(count)),) if count else ()
