"""Quality rules (ux.md §17): what may be wrong with the annotations of an image, and how to put it right.

A mask is pixels inside its image, so two faults of polygon tools cannot occur here and have no rule: outlines that
leave the image and outlines that cross themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations

from desktop.dataset.changes import Change, DeleteInstances, ReplaceInstances
from desktop.dataset.errors import ImageReadError
from desktop.dataset.formats.contract import Progress, Source, silent
from desktop.dataset.images import probe
from desktop.dataset.masks import Mask
from desktop.dataset.model import Image, ImageState, Instance


class Rule(StrEnum):
    """The rules by name, in the order of the list."""

    SMALL = "small"
    DUPLICATE = "duplicate"
    OVERLAP = "overlap"
    STRAY_PARTS = "stray parts"
    PIN_HOLES = "pin-holes"
    UNLABELLED = "unlabelled"
    UNKNOWN_CLASS = "unknown class"
    LOW_SCORE = "low score"
    NO_INSTANCES = "no instances"
    FILE = "file"


DESCRIPTIONS = {
    Rule.SMALL: "No pixels, or fewer than the smallest object has",
    Rule.DUPLICATE: "Two instances of one class on the same pixels",
    Rule.OVERLAP: "Instances of one class that overlap",
    Rule.STRAY_PARTS: "Specks beside the object",
    Rule.PIN_HOLES: "Tiny holes in the object",
    Rule.UNLABELLED: "Instances without a class",
    Rule.UNKNOWN_CLASS: "A class that is not in the list",
    Rule.LOW_SCORE: "The engine was not sure",
    Rule.NO_INSTANCES: "Images that are done but have no instances",
    Rule.FILE: "The file is missing, unreadable or of another size",
}


class Sentence(StrEnum):
    """What a finding says, with gaps for its values: whole texts, so that they can be said in other languages."""

    SMALL = "Instance {id} has {n} px."
    SAME = "Instances {behind} and {front} are the same (IoU {iou})."
    SHARED = "Instances {behind} and {front} share {n} px."
    STRAY_PART = "Instance {id} has {n} part of fewer than {least} px."
    STRAY_PARTS = "Instance {id} has {n} parts of fewer than {least} px."
    PIN_HOLES = "Instance {id} has tiny holes, {n} px in all."
    UNLABELLED = "Instance {id} has no class."
    UNKNOWN_CLASS = "Instance {id} has the class {category}, which is not in the list."
    LOW_SCORE = "Instance {id} has a score of {score} and was not edited since."
    DONE_BUT_EMPTY = "The image is done and has no instances."
    REVIEWED_BUT_EMPTY = "The image is reviewed and has no instances."
    PAGE_GONE = "The file has {n} pages; page {page} is gone."
    OTHER_SIZE = "The file has {width} × {height} pixels, the project {known_width} × {known_height}."
    UNREADABLE = "{problem}"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a rule speaks. Pixels are of the oriented image; ``iou`` and ``score`` lie in [0, 1]."""

    min_pixels: int = 16
    duplicate_iou: float = 0.9
    overlap_pixels: int = 16
    stray_pixels: int = 16
    stray_share: float = 0.02
    hole_pixels: int = 16
    score: float = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may be wrong: one sentence, the instances concerned, and the changes of *Fix* (none: by hand).

    ``values`` fill the gaps of the sentence.
    """

    rule: Rule
    image_id: int
    instance_ids: tuple[int, ...]
    sentence: Sentence
    values: Mapping[str, int | str]
    fix: tuple[Change, ...] = ()

    @property
    def text(self) -> str:
        """The sentence in English."""
        return self.sentence.format_map(self.values)


def check(
    source: Source, limits: Limits | None = None, *, files: bool = True, progress: Progress = silent
) -> Iterator[Finding]:
    """All findings, image by image. ``files`` says whether the image files are looked at too, which costs a read of
    each header. Whatever ``progress`` raises ends the check."""
    known = {category.id for category in source.categories()}
    images = source.images()
    for done, image in enumerate(images):
        progress(done / len(images), image.path)
        instances = source.instances(image.id)
        yield from check_image(image, instances, known, limits)
        if files:
            yield from _file(source, image)
    progress(1.0, "")


def check_image(
    image: Image, instances: Sequence[Instance], known: set[int], limits: Limits | None = None
) -> Iterator[Finding]:
    """The findings of one image; ``known`` are the ids of the project's classes."""
    limits = limits or Limits()
    # most objects are one piece without holes, which is found out in a fraction of the time that their parts take
    intricate = [instance for instance in instances if not _is_plain(instance.mask)]
    yield from _small(image, instances, limits)
    yield from _pairs(image, instances, limits)
    yield from _stray_parts(image, intricate, limits)
    yield from _pin_holes(image, intricate, limits)
    yield from _low_score(image, instances, limits)
    for instance in instances:
        if instance.category_id is None:
            yield Finding(Rule.UNLABELLED, image.id, (instance.id,), Sentence.UNLABELLED, {"id": instance.id})
        elif instance.category_id not in known:
            values = {"id": instance.id, "category": instance.category_id}
            yield Finding(Rule.UNKNOWN_CLASS, image.id, (instance.id,), Sentence.UNKNOWN_CLASS, values)
    empty = {ImageState.DONE: Sentence.DONE_BUT_EMPTY, ImageState.REVIEWED: Sentence.REVIEWED_BUT_EMPTY}
    if not instances and image.state in empty:
        yield Finding(Rule.NO_INSTANCES, image.id, (), empty[image.state], {})


def _is_plain(mask: Mask) -> bool:
    """Whether a mask is one piece without holes."""
    outlines = mask.flat_outlines()
    return outlines is not None and len(outlines) == 1


def _small(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    for instance in instances:
        if instance.mask.area < limits.min_pixels:
            values = {"id": instance.id, "n": instance.mask.area}
            fix = (DeleteInstances((instance.id,)),)
            yield Finding(Rule.SMALL, image.id, (instance.id,), Sentence.SMALL, values, fix)


def _pairs(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    """Duplicates lose the one that lies behind; overlaps are taken from the one that lies behind. Crowds may overlap
    anything."""
    ordered = sorted((i for i in instances if not i.is_crowd), key=lambda i: (i.z_order, i.id))
    for behind, front in combinations(ordered, 2):
        if behind.category_id != front.category_id or behind.mask.is_empty or front.mask.is_empty:
            continue
        both = behind.mask.overlap(front.mask)
        if both <= limits.overlap_pixels:
            continue
        pair = (behind.id, front.id)
        iou = both / (behind.mask.area + front.mask.area - both)
        if iou > limits.duplicate_iou:
            same: dict[str, int | str] = {"behind": behind.id, "front": front.id, "iou": f"{iou:.2f}"}
            yield Finding(Rule.DUPLICATE, image.id, pair, Sentence.SAME, same, (DeleteInstances((behind.id,)),))
            continue
        shared = {"behind": behind.id, "front": front.id, "n": both}
        rest = behind.mask.subtract(front.mask)
        fix = () if rest.is_empty or behind.locked else (_with_mask(behind, rest),)
        yield Finding(Rule.OVERLAP, image.id, pair, Sentence.SHARED, shared, fix)


def _stray_parts(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    for instance in instances:
        parts = instance.mask.parts() if not instance.is_crowd else []
        if len(parts) < 2:
            continue
        areas = [part.area for part in parts]
        least = min(max(limits.stray_pixels, limits.stray_share * max(areas)), max(areas))
        strays = sum(area < least for area in areas)
        if strays:
            said = Sentence.STRAY_PART if strays == 1 else Sentence.STRAY_PARTS
            values = {"id": instance.id, "n": strays, "least": round(least)}
            fix = _fix(instance, instance.mask.remove_small(round(least)))
            yield Finding(Rule.STRAY_PARTS, image.id, (instance.id,), said, values, fix)


def _pin_holes(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    for instance in instances:
        filled = instance.mask.fill_holes(limits.hole_pixels)
        added = filled.area - instance.mask.area
        if added:
            values = {"id": instance.id, "n": added}
            yield Finding(Rule.PIN_HOLES, image.id, (instance.id,), Sentence.PIN_HOLES, values, _fix(instance, filled))


def _low_score(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    for instance in instances:
        score = instance.provenance.score
        if score is not None and score < limits.score and not instance.provenance.mask_edits:
            values: dict[str, int | str] = {"id": instance.id, "score": f"{score:.2f}"}
            yield Finding(Rule.LOW_SCORE, image.id, (instance.id,), Sentence.LOW_SCORE, values)


def _file(source: Source, image: Image) -> Iterator[Finding]:
    """The file behind an image; images whose size was never read are not compared."""
    try:
        found = probe(source.folder / image.path)
    except ImageReadError as error:
        yield Finding(Rule.FILE, image.id, (), Sentence.UNREADABLE, {"problem": str(error)})
        return
    if image.page >= len(found.sizes):
        pages = {"n": len(found.sizes), "page": image.page + 1}
        yield Finding(Rule.FILE, image.id, (), Sentence.PAGE_GONE, pages)
    elif image.width and found.sizes[image.page] != (image.width, image.height):
        width, height = found.sizes[image.page]
        sizes = {"width": width, "height": height, "known_width": image.width, "known_height": image.height}
        yield Finding(Rule.FILE, image.id, (), Sentence.OTHER_SIZE, sizes)


def _fix(instance: Instance, mask: Mask) -> tuple[Change, ...]:
    """A locked instance is not touched."""
    return () if instance.locked or mask.is_empty else (_with_mask(instance, mask),)


def _with_mask(instance: Instance, mask: Mask) -> ReplaceInstances:
    return ReplaceInstances((replace(instance, mask=mask),))
