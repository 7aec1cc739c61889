"""What an import will do: a dry-run table first, then one set of changes (ux.md §18).

Nothing in a file is trusted: what cannot be right is rejected with its reason, the rest is imported.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeGuard

from desktop.dataset.changes import AddCategories, AddImages, AddInstances, Change, ReplaceImages
from desktop.dataset.errors import ImageReadError, MaskError
from desktop.dataset.formats import coco_segmentation
from desktop.dataset.formats.contract import (
    ClassAction,
    ClassRow,
    ImageRow,
    ImportPlan,
    OptionField,
    Rejected,
    Target,
)
from desktop.dataset.images import probe
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, ImageState, Instance, Kind, Provenance
from desktop.dataset.palette import class_colour

COMMON_FIELDS = (
    OptionField("images", "Folder of the image files", ""),
    OptionField("unknown_classes", "Unknown classes", "create", ("create", "skip")),
    OptionField("classes", "Use these classes", None),
)
"""Options of every import. ``classes`` maps class names of the file to class names of the project."""


def plan_of(
    project: Target,
    path: Path,
    options: Mapping[str, Any],
    document: Mapping[str, Any],
    refused: Iterable[Rejected] = (),
) -> ImportPlan:
    """The plan of importing ``document``, COCO instances as parsed JSON, that was read from ``path``.

    Every format is read into such a document, so that all of them match, check and refuse alike; an annotation may
    carry a :class:`Mask` as its segmentation, and ``what``, its name in the report. ``refused`` are items that the
    reader could not put into the document.
    """
    planner = _Planner(project, path, options)
    planner.rejected.extend(refused)
    return planner.plan(document)


@dataclass(slots=True)
class _Ids:
    """Keeps ids of the file that the project never used; gives new ones, above all of the file's, for the rest."""

    first_free: int
    used: set[int] = field(default_factory=set)
    next: int = 0

    @staticmethod
    def of(reserve: Callable[[], int], file_ids: Iterable[Any]) -> _Ids:
        first = reserve()
        return _Ids(first, next=max([first, *(i + 1 for i in file_ids if _is_id(i))]))

    def take(self, wanted: int) -> int:
        if wanted >= self.first_free and wanted not in self.used:
            self.used.add(wanted)
            return wanted
        self.next += 1
        return self.next - 1


class _Planner:
    def __init__(self, project: Target, path: Path, options: Mapping[str, Any]) -> None:
        self.project, self.path, self.options = project, path, options
        self.rejected: list[Rejected] = []
        self.images: dict[int, Image] = {}
        self.names: dict[int, str] = {}
        self.new_images: list[Image] = []
        self.targets: dict[int, int] = {}
        self.rows: list[ClassRow] = []
        self.new_categories: list[Category] = []

    def plan(self, document: Mapping[str, Any]) -> ImportPlan:
        self._match_images(document["images"])
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
        images = (ImageRow(self.names[f], i.id, i.id in new, by_image[i.id]) for f, i in self.images.items())
        return ImportPlan(self.path, tuple(images), tuple(rows), tuple(self.rejected), tuple(changes), len(instances))

    @staticmethod
    def _becomes_draft(image: Image, begun: Mapping[int, Image], new: set[int]) -> bool:
        return image.state is ImageState.EMPTY and image.id in begun and image.id not in new

    # images

    def _match_images(self, entries: list[Any]) -> None:
        known = self.project.images()
        by_path = {(image.path, image.page): image for image in known}
        file_names = Counter(PurePosixPath(image.path).name for image in known)
        by_name = {
            (PurePosixPath(i.path).name, i.page): i for i in known if file_names[PurePosixPath(i.path).name] == 1
        }
        ids = _Ids.of(self.project.reserve_image_id, (e.get("id") for e in entries if isinstance(e, dict)))
        seen: set[int] = set()
        for entry in entries:
            what, reason = self._image_fault(entry)
            if not reason and entry["id"] in self.images:
                reason = f"the id {entry['id']} is used twice"
            if reason:
                self.rejected.append(Rejected(what, reason))
                continue
            name, page = entry["file_name"].replace("\\", "/"), entry.get("page", 0)
            found = by_path.get((name, page)) or by_name.get((PurePosixPath(name).name, page))
            if found is None:
                found, reason = self._find_file(entry, name, page, ids)
            elif (found.width, found.height) != (entry["width"], entry["height"]):
                size = f"{entry['width']} × {entry['height']}"
                reason = f"the file says {size} pixels, the project has {found.width} × {found.height}"
            if found is None or reason or found.id in seen:
                self.rejected.append(Rejected(what, reason or "the same image is listed twice"))
                continue
            seen.add(found.id)
            self.images[entry["id"]], self.names[entry["id"]] = found, name

    def _image_fault(self, entry: Any) -> tuple[str, str]:
        if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str) or not entry["file_name"]:
            return "an image", "it has no file name"
        name = entry["file_name"]
        posix = name.replace("\\", "/")
        if PureWindowsPath(name).drive or posix.startswith("/") or ".." in PurePosixPath(posix).parts or "\0" in name:
            return name, "its file name leads out of the folder"
        if not _is_id(entry.get("id")):
            return name, f"its id is {entry.get('id')!r}, not a whole number"
        if not all(_is_id(entry.get(side)) and entry[side] > 0 for side in ("width", "height")):
            return name, "it has no width and height"
        if not isinstance(entry.get("page", 0), int):
            return name, "its page is not a number"
        return name, ""

    def _find_file(self, entry: Mapping[str, Any], name: str, page: int, ids: _Ids) -> tuple[Image | None, str]:
        """An image that the project does not have yet, from the files near the JSON; or the reason why not."""
        chosen = [Path(self.options["images"])] if self.options["images"] else []
        near = [self.path.parent, self.path.parent / "images", self.project.folder]
        file = next((f for f in (root / name for root in (*chosen, *near)) if f.is_file()), None)
        if file is None:
            return None, "the image is neither in the project nor beside the file"
        try:
            found = probe(file)
        except ImageReadError as error:
            return None, str(error).rstrip(".")
        if not 0 <= page < found.pages:
            return None, f"the image has no page {page}"
        width, height = found.sizes[page]
        if (width, height) != (entry["width"], entry["height"]):
            return None, f"it says {entry['width']} × {entry['height']} pixels, the image has {width} × {height}"
        absolute, folder = file.absolute(), self.project.folder.absolute()
        stored = absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute
        image = Image(ids.take(entry["id"]), stored.as_posix(), page, width, height, found.orientation)
        self.new_images.append(image)
        return image, ""

    # classes

    def _match_classes(self, entries: list[Any]) -> None:
        existing = {category.name: category for category in self.project.categories()}
        ids = _Ids.of(self.project.reserve_category_id, (e.get("id") for e in entries if isinstance(e, dict)))
        mapping = self.options["classes"] or {}
        for entry in entries:
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not name.strip():
                self.rejected.append(Rejected("a class", "it has no name"))
                continue
            file_id = entry.get("id")
            if not _is_id(file_id) or file_id in {row.file_id for row in self.rows}:
                self.rejected.append(Rejected(f"class {name}", f"its id {file_id!r} is not a whole number of its own"))
                continue
            wanted = mapping.get(name, name)
            if wanted in existing:
                target, action = existing[wanted].id, ClassAction.USE
            elif self.options["unknown_classes"] == "create":
                position = len(self.project.categories()) + len(self.new_categories)
                category = _new_category(entry, wanted, ids.take(file_id), position, self._parents(entries))
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
        ids = _Ids.of(self.project.reserve_instance_id, (e.get("id") for e in entries if isinstance(e, dict)))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        here: dict[int, set[tuple[int | None, Mask]]] = {}
        for image in self.images.values():
            if image not in self.new_images:
                here[image.id] = {(i.category_id, i.mask) for i in self.project.instances(image.id)}
        seen: set[int] = set()
        instances = []
        for entry in entries:
            what, reason = self._annotation_fault(entry, seen)
            if not reason:
                seen.add(entry["id"])
                image, category = self.images[entry["image_id"]], self.targets[entry["category_id"]]
                try:
                    mask = _mask(entry.get("segmentation"), image)
                except (MaskError, ValueError, TypeError, KeyError, OverflowError) as error:
                    reason = str(error).rstrip(".") or "its segmentation cannot be read"
                else:
                    if mask.is_empty:
                        reason = "its mask has no pixels"
                    elif (category, mask) in here.get(image.id, ()):
                        reason = "the project has the same instance already"
            if reason:
                self.rejected.append(Rejected(what, reason))
            else:
                instances.append(self._instance(entry, ids.take(entry["id"]), image.id, category, mask, now))
        return instances

    def _annotation_fault(self, entry: Any, seen: set[int]) -> tuple[str, str]:
        if not isinstance(entry, dict) or not _is_id(entry.get("id")):
            return "an annotation", "its id is not a whole number"
        what = str(entry.get("what") or f"annotation {entry['id']}")
        if entry["id"] in seen:
            return what, f"the id {entry['id']} is used twice"
        if not _is_id(entry.get("image_id")) or entry["image_id"] not in self.images:
            return what, f"its image {entry.get('image_id')!r} is missing or was rejected"
        if not _is_id(entry.get("category_id")) or entry["category_id"] not in self.targets:
            return what, f"its class {entry.get('category_id')!r} is missing or skipped"
        box = entry.get("bbox")
        if box is not None and not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))):
            return what, "its box is not four finite numbers"
        return what, ""

    def _instance(
        self, entry: Mapping[str, Any], instance_id: int, image_id: int, category: int, mask: Mask, now: str
    ) -> Instance:
        attributes = entry.get(self.options.get("attributes", "attributes"))
        kept = {str(k): str(v) for k, v in attributes.items()} if isinstance(attributes, dict) else {}
        score = entry.get("score")
        order = entry.get("z_order", 0)
        return Instance(
            instance_id,
            image_id,
            mask,
            category,
            kept,
            bool(entry.get("iscrowd", 0)),
            order if isinstance(order, int) else 0,
            provenance=Provenance(source="imported", score=float(score) if _is_number(score) else None, created=now),
        )


def _mask(segmentation: Any, image: Image) -> Mask:
    if not isinstance(segmentation, Mask):
        return coco_segmentation.read(segmentation, image.width, image.height)
    if (segmentation.width, segmentation.height) != (image.width, image.height):
        size = f"{segmentation.width} × {segmentation.height}"
        raise MaskError(f"its mask has {size} pixels, the image {image.width} × {image.height}")
    return segmentation


def _new_category(
    entry: Mapping[str, Any], name: str, category_id: int, position: int, parents: Mapping[str, str]
) -> Category:
    rgb = entry.get("color")
    usable = isinstance(rgb, list) and len(rgb) == 3 and all(_is_id(v) and v < 256 for v in rgb)
    colour = "#{:02x}{:02x}{:02x}".format(*rgb) if usable and rgb else class_colour(position)
    kind = Kind.STUFF if entry.get("isthing", 1) == 0 else Kind.THING
    return Category(category_id, name, colour, kind, parents.get(entry["name"]), position)


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
