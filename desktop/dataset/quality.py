"""Quality rules (ux.md §17): what may be wrong with the annotations of an image, and how to put it right.

A mask is pixels inside its image, so two faults of polygon tools cannot occur here and have no rule: outlines that
leave the image and outlines that cross themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """One thing that may be wrong: one sentence, the instances concerned, and the changes of *Fix* (none: by hand)."""

    rule: Rule
    image_id: int
    instance_ids: tuple[int, ...]
    text: str
    fix: tuple[Change, ...] = ()


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
            yield Finding(Rule.UNLABELLED, image.id, (instance.id,), f"Instance {instance.id} has no class.")
        elif instance.category_id not in known:
            text = f"Instance {instance.id} has the class {instance.category_id}, which is not in the list."
            yield Finding(Rule.UNKNOWN_CLASS, image.id, (instance.id,), text)
    if not instances and image.state in (ImageState.DONE, ImageState.REVIEWED):
        yield Finding(Rule.NO_INSTANCES, image.id, (), f"The image is {image.state} and has no instances.")


def _is_plain(mask: Mask) -> bool:
    """Whether a mask is one piece without holes."""
    outlines = mask.flat_outlines()
    return outlines is not None and len(outlines) == 1


def _small(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    for instance in instances:
        if instance.mask.area < limits.min_pixels:
            text = f"Instance {instance.id} has {_pixels(instance.mask.area)}."
            yield Finding(Rule.SMALL, image.id, (instance.id,), text, (DeleteInstances((instance.id,)),))


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
            text = f"Instances {behind.id} and {front.id} are the same (IoU {iou:.2f})."
            yield Finding(Rule.DUPLICATE, image.id, pair, text, (DeleteInstances((behind.id,)),))
            continue
        text = f"Instances {behind.id} and {front.id} share {_pixels(both)}."
        rest = behind.mask.subtract(front.mask)
        fix = () if rest.is_empty or behind.locked else (_with_mask(behind, rest),)
        yield Finding(Rule.OVERLAP, image.id, pair, text, fix)


def _stray_parts(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    for instance in instances:
        parts = instance.mask.parts() if not instance.is_crowd else []
        if len(parts) < 2:
            continue
        areas = [part.area for part in parts]
        least = min(max(limits.stray_pixels, limits.stray_share * max(areas)), max(areas))
        strays = sum(area < least for area in areas)
        if strays:
            noun = "part" if strays == 1 else "parts"
            text = f"Instance {instance.id} has {strays} {noun} of fewer than {round(least)} pixels."
            fixed = instance.mask.remove_small(round(least))
            yield Finding(Rule.STRAY_PARTS, image.id, (instance.id,), text, _fix(instance, fixed))


def _pin_holes(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    for instance in instances:
        filled = instance.mask.fill_holes(limits.hole_pixels)
        added = filled.area - instance.mask.area
        if added:
            text = f"Instance {instance.id} has tiny holes, {_pixels(added)} in all."
            yield Finding(Rule.PIN_HOLES, image.id, (instance.id,), text, _fix(instance, filled))


def _low_score(image: Image, instances: Sequence[Instance], limits: Limits) -> Iterator[Finding]:
    for instance in instances:
        score = instance.provenance.score
        if score is not None and score < limits.score and not instance.provenance.mask_edits:
            text = f"Instance {instance.id} has a score of {score:.2f} and was not edited since."
            yield Finding(Rule.LOW_SCORE, image.id, (instance.id,), text)


def _file(source: Source, image: Image) -> Iterator[Finding]:
    """The file behind an image; images whose size was never read are not compared."""
    try:
        found = probe(source.folder / image.path)
    except ImageReadError as error:
        yield Finding(Rule.FILE, image.id, (), str(error))
        return
    if image.page >= len(found.sizes):
        yield Finding(Rule.FILE, image.id, (), f"The file has {len(found.sizes)} pages; page {image.page + 1} is gone.")
    elif image.width and found.sizes[image.page] != (image.width, image.height):
        width, height = found.sizes[image.page]
        text = f"The file has {width} × {height} pixels, the project {image.width} × {image.height}."
        yield Finding(Rule.FILE, image.id, (), text)


def _fix(instance: Instance, mask: Mask) -> tuple[Change, ...]:
    """A locked instance is not touched."""
    return () if instance.locked or mask.is_empty else (_with_mask(instance, mask),)


def _with_mask(instance: Instance, mask: Mask) -> ReplaceInstances:
    return ReplaceInstances((replace(instance, mask=mask),))


def _pixels(count: int) -> str:
    return "1 pixel" if count == 1 else f"{count} pixels"
