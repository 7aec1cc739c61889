"""What an import will do: a dry-run table first, then one set of changes (ux.md §18).

Nothing in a file is trusted: what cannot be right is rejected with its reason, the rest is imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from desktop.dataset.changes import AddCategories, AddImages, AddInstances, Change, ReplaceImages
from desktop.dataset.errors import DatasetError
from desktop.dataset.formats import coco_segmentation
from desktop.dataset.formats.contract import (
    ClassAction,
    ClassRow,
    FormatError,
    ImageRow,
    ImportPlan,
    OptionField,
    Problem,
    Progress,
    Rejected,
    Target,
    silent,
)
from desktop.dataset.formats.file_values import Ids, is_id, is_number
from desktop.dataset.formats.image_match import ImageMatch
from desktop.dataset.masks import Mask
from desktop.dataset.model import IMPORTED, Category, Image, ImageState, Instance, Kind, Provenance
from desktop.dataset.palette import class_colour

LazyMask: TypeAlias = Callable[[int, int], Mask]
"""Makes a mask for an image of that width and height. Raises a DatasetError with the reason why there is none."""

_EVERY = 200
"""Progress is told once for so many annotations."""

MAX_Z_ORDER = 2**31 - 1
COMMON_FIELDS = (
    OptionField("images", "Folder of the image files", ""),
    OptionField("unknown_classes", "Unknown classes", "create", ("create", "skip")),
    OptionField("classes", "Use these classes", None),
)
"""Options of every import. ``classes`` maps class names of the file to class names of the project, None skips them."""

BOXES = OptionField("boxes", "Objects with a box only", "refuse", ("refuse", "fill"))
"""An option of formats with boxes: a box is no mask, but it can be filled to be corrected later."""


def plan_of(
    project: Target,
    path: Path,
    options: Mapping[str, Any],
    document: Mapping[str, Any],
    refused: Iterable[Rejected] = (),
    progress: Progress = silent,
) -> ImportPlan:
    """The plan of importing ``document``, COCO instances as parsed JSON, that was read from ``path``.

    Every format is read into such a document, so that all of them match, check and refuse alike; an annotation may
    carry a :class:`Mask` or a :data:`LazyMask` as its segmentation, and ``what``, its name in the report. ``refused``
    are items that the reader could not put into the document.
    """
    return _Planner(project, path, options, document, refused, progress).plan(document)


class _Planner:
    def __init__(
        self,
        project: Target,
        path: Path,
        options: Mapping[str, Any],
        document: Mapping[str, Any],
        refused: Iterable[Rejected],
        progress: Progress,
    ) -> None:
        self.project, self.path, self.options = project, path, options
        self.matched = ImageMatch(project, path.parent, options["images"], document["images"], progress)
        self.progress = progress
        self.images, self.new_images = self.matched.images, self.matched.new
        self.rejected: list[Rejected] = [*refused, *self.matched.rejected]
        self.notes: list[Problem] = []
        self.targets: dict[int, int] = {}
        self.rows: list[ClassRow] = []
        self.new_categories: list[Category] = []

    def plan(self, document: Mapping[str, Any]) -> ImportPlan:
        self._match_classes(document["categories"])
        instances = self._read_instances(document["annotations"])
        by_image = Counter(i.image_id for i in instances)
        by_class = Counter(i.category_id for i in instances)
        new = {image.id for image in self.new_images}
        changes: list[Change] = []
        begun = {i.id: replace(i, state=ImageState.DRAFT) for i in self.images.values() if by_image[i.id]}
        if self.new_images:
            changes.append(AddImages(tuple(begun.get(image.id, image) for image in self.new_images)))
        if found := [begun[i.id] for i in self.images.values() if self._becomes_draft(i, begun, new)]:
            changes.append(ReplaceImages(tuple(found)))
        if self.new_categories:
            changes.append(AddCategories(tuple(self.new_categories)))
        if instances:
            changes.append(AddInstances(tuple(instances)))
        rows = (
            ClassRow(r.file_id, r.name, r.action, r.target, by_class[r.target] if r.action != ClassAction.SKIP else 0)
            for r in self.rows
        )
        names = self.matched.names
        images = (ImageRow(names[f], i.id, i.id in new, by_image[i.id]) for f, i in self.images.items())
        return ImportPlan(
            self.path,
            tuple(images),
            tuple(rows),
            tuple(self.rejected),
            tuple(changes),
            len(instances),
            tuple(self.notes),
        )

    @staticmethod
    def _becomes_draft(image: Image, begun: Mapping[int, Image], new: set[int]) -> bool:
        return image.state is ImageState.EMPTY and image.id in begun and image.id not in new

    # classes

    def _match_classes(self, entries: list[Any]) -> None:
        existing = {category.name: category for category in self.project.categories()}
        ids = Ids.of(self.project.reserve_category_id, (e.get("id") for e in entries if isinstance(e, dict)))
        parents = self._parents(entries)
        mapping: Mapping[str, str | None] = self.options["classes"] or {}
        if not isinstance(mapping, Mapping) or not all(isinstance(v, str | None) for v in mapping.values()):
            raise FormatError("Classes are mapped from names of the file to names of the project.")
        taken: set[int] = set()
        for entry in entries:
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not name.strip():
                self.rejected.append(Rejected("a class", "it has no name"))
                continue
            file_id = entry.get("id")
            if not is_id(file_id) or file_id in taken:
                self.rejected.append(
                    Rejected(f"class {name}", f"its id {file_id!r:.80} is not a whole number of its own")
                )
                continue
            taken.add(file_id)
            wanted = mapping.get(name, name)
            if wanted is not None and wanted in existing:
                target, action = existing[wanted].id, ClassAction.USE
            elif wanted is not None and self.options["unknown_classes"] == "create":
                position = len(self.project.categories()) + len(self.new_categories)
                category = _new_category(entry, wanted, ids.take(file_id), position, parents)
                self.new_categories.append(category)
                existing[wanted] = category
                target, action = category.id, ClassAction.CREATE
            else:
                target, action = 0, ClassAction.SKIP
            if target:
                self.targets[file_id] = target
            self.rows.append(ClassRow(file_id, name, action, target, 0))

    @staticmethod
    def _parents(entries: list[Any]) -> dict[str, str]:
        """Supercategories by class name, without those that lead back to where they came from."""
        parents = {
            e["name"]: e["supercategory"]
            for e in entries
            if isinstance(e, dict) and isinstance(e.get("name"), str) and isinstance(e.get("supercategory"), str)
        }
        kept = {}
        for name in parents:
            seen, at = {name}, parents[name]
            while at in parents and at not in seen:
                seen.add(at)
                at = parents[at]
            if at not in seen and parents[name]:
                kept[name] = parents[name]
        return kept

    # instances

    def _read_instances(self, entries: list[Any]) -> list[Instance]:
        ids = Ids.of(self.project.reserve_instance_id, (e.get("id") for e in entries if isinstance(e, dict)))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        new = {image.id for image in self.new_images}
        here: dict[int, set[tuple[int | None, Mask]]] = {}
        for image in self.images.values():
            if image.id not in new:
                here[image.id] = {(i.category_id, i.mask) for i in self.project.instances(image.id)}
        seen: set[int] = set()
        instances = []
        for number, entry in enumerate(entries):
            if number % _EVERY == 0:
                self.progress(number / len(entries), "")
            what, reason = self._annotation_fault(entry, seen)
            if not reason:
                seen.add(entry["id"])
                image, category = self.images[entry["image_id"]], self.targets[entry["category_id"]]
                try:
                    mask = self._mask(entry, image, what)
                except (DatasetError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
                    reason = str(error).rstrip(".") or "its segmentation cannot be read"
                else:
                    if mask.is_empty:
                        reason = "its mask has no pixels"
                    elif (category, mask) in here.get(image.id, ()):
                        reason = "the project has the same instance already"
            if reason:
                self.rejected.append(Rejected(what, reason))
            else:
                instances.append(self._instance(entry, what, ids.take(entry["id"]), image.id, category, mask, now))
        changed = ids.changed + self.matched.renumbered
        if changed:
            one, many = (
                "1 id is taken in the project; a new one is",
                f"{changed} ids are taken in the project; new ones are",
            )
            self.notes.append(Problem(f"{one if changed == 1 else many} given."))
        return instances

    def _mask(self, entry: Mapping[str, Any], image: Image, what: str) -> Mask:
        """The pixels of an annotation. Raises an error whose text is the reason why there are none."""
        segmentation = entry.get("segmentation")
        if isinstance(segmentation, Mask):
            if (segmentation.width, segmentation.height) != (image.width, image.height):
                size = f"{segmentation.width} × {segmentation.height}"
                raise DatasetError(f"its mask has {size} pixels, the image {image.width} × {image.height}")
            return segmentation
        if callable(segmentation):
            lazy: LazyMask = segmentation
            return lazy(image.width, image.height)
        box = entry.get("bbox")
        if not segmentation and box is not None and "boxes" in self.options:
            if self.options["boxes"] == "refuse":
                raise DatasetError("it holds a box only, and a box is no mask")
            x, y, width, height = box
            segmentation = [[x, y, x + width, y, x + width, y + height, x, y + height]]
            self.notes.append(Problem("It holds a box only; the box was filled.", what))
        if coco_segmentation.reaches_outside(segmentation, image.width, image.height):
            self.notes.append(Problem("It reaches out of its image and was cut there.", what))
        return coco_segmentation.read(segmentation, image.width, image.height)

    def _annotation_fault(self, entry: Any, seen: set[int]) -> tuple[str, str]:
        if not isinstance(entry, dict) or not is_id(entry.get("id")):
            return "an annotation", "its id is not a whole number"
        what = str(entry.get("what") or f"annotation {entry['id']}")
        if entry["id"] in seen:
            return what, f"the id {entry['id']} is used twice"
        if not is_id(entry.get("image_id")) or entry["image_id"] not in self.images:
            return what, f"its image {entry.get('image_id')!r:.80} is missing or was rejected"
        if not is_id(entry.get("category_id")) or entry["category_id"] not in self.targets:
            return what, f"its class {entry.get('category_id')!r:.80} is missing or skipped"
        box = entry.get("bbox")
        if box is not None and not (isinstance(box, list) and len(box) == 4 and all(map(is_number, box))):
            return what, "its box is not four finite numbers"
        return what, ""

    def _instance(
        self, entry: Mapping[str, Any], what: str, instance_id: int, image_id: int, category: int, mask: Mask, now: str
    ) -> Instance:
        attributes = entry.get(self.options.get("attributes", "attributes"))
        kept = {}
        for key, value in attributes.items() if isinstance(attributes, dict) else ():
            if isinstance(value, str | int | float):
                kept[str(key)] = str(value)
            else:
                self.notes.append(
                    Problem(f"Its attribute '{key:.80}' is neither text nor a number and is left out.", what)
                )
        score = entry.get("score")
        order = entry.get("z_order", 0)
        return Instance(
            instance_id,
            image_id,
            mask,
            category,
            kept,
            bool(entry.get("iscrowd", 0)),
            order if isinstance(order, int) and abs(order) <= MAX_Z_ORDER else 0,
            provenance=Provenance(source=IMPORTED, score=float(score) if is_number(score) else None, created=now),
        )


def _new_category(
    entry: Mapping[str, Any], name: str, category_id: int, position: int, parents: Mapping[str, str]
) -> Category:
    rgb = entry.get("color")
    usable = isinstance(rgb, list) and len(rgb) == 3 and all(is_id(v) and v < 256 for v in rgb)
    colour = "#{:02x}{:02x}{:02x}".format(*rgb) if usable and rgb else class_colour(position)
    kind = Kind.STUFF if entry.get("isthing", 1) == 0 else Kind.THING
    return Category(category_id, name, colour, kind, parents.get(entry["name"]), position)
