"""Export of COCO instances (ux.md §18): ids from the project, masks exact, every annotation checked by pycocotools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desktop.dataset.formats.coco_segmentation import MODES, decoded, decodes_to, offers
from desktop.dataset.formats.contract import (
    COMMON_FIELDS,
    ExportReport,
    FormatError,
    OptionField,
    Preflight,
    Problem,
    Progress,
    Source,
    checked_options,
    silent,
)
from desktop.dataset.formats.json_pieces import encoded, write_document
from desktop.dataset.formats.limits import losses
from desktop.dataset.formats.output import Staging, existing_files, image_files
from desktop.dataset.formats.selection import Chosen, Selection, select
from desktop.dataset.formats.traits import EVERYTHING, Trait
from desktop.dataset.model import Category, Instance, Kind


class CocoExport:
    """``instances.json``, or ``instances_<part>.json`` for each part of a split."""

    name = "coco"
    title = "COCO instances"
    keeps = EVERYTHING
    fields = (
        *COMMON_FIELDS,
        OptionField("segmentation", "Segmentation", "auto", MODES),
        OptionField("tolerance", "Simplify polygons by (px)", 0.0),
        OptionField("boxes", "Boxes", "integers", ("integers", "floats")),
        OptionField("category_ids", "Category ids", None),
        OptionField("score", "Write scores", True),
        OptionField("attributes", "Attributes under the key", "attributes"),
        OptionField("description", "Description", ""),
        OptionField("contributor", "Contributor", ""),
        OptionField("licences", "Licences", None),
        OptionField("date", "Date", ""),
    )
    """``category_ids`` maps class ids to exported ids; ``licences`` is a list of COCO licence objects; ``date`` (ISO
    8601) stands in for now in ``info.date_created``, the only date of the file."""

    def preflight(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Preflight:
        chosen = checked_options(self.fields, options)
        selection = select(source, chosen)
        _category_ids(selection.categories, chosen)
        files = [*_annotation_files(selection), *image_files(selection.images, chosen["images"])]
        return Preflight(
            len(selection.images),
            selection.instances,
            len(selection.categories),
            _problems(selection, chosen),
            tuple(files),
            existing_files(folder, files),
        )

    def write(
        self, source: Source, folder: Path, options: Mapping[str, Any], progress: Progress = silent
    ) -> ExportReport:
        chosen = checked_options(self.fields, options)
        selection = select(source, chosen)
        ids = _category_ids(selection.categories, chosen)
        files = [*_annotation_files(selection), *image_files(selection.images, chosen["images"])]
        warnings = list(_problems(selection, chosen))
        with Staging(folder, files, overwrite=chosen["overwrite"]) as staging:
            for done, item in enumerate(selection.images):
                if chosen["images"] == "leave":
                    break
                progress(0.1 * done / len(selection.images), item.name)
                if problem := staging.put_image(item, chosen["images"]):
                    warnings.append(problem)
            texts = _Annotations(selection, ids, chosen, progress, warnings)
            for part, file in zip(selection.splits, _annotation_files(selection), strict=True):
                items = [item for item in selection.images if item.split == part]
                document = {
                    "info": _info(chosen),
                    "licenses": chosen["licences"] or [],
                    "images": (encoded(_image(item)) for item in items),
                    "annotations": texts.of(items),
                    "categories": (encoded(category_entry(c, ids[c.id])) for c in selection.categories),
                }
                write_document(staging.path(file), document)
            progress(1.0, "")
            written = staging.publish()
        return ExportReport(folder, written, len(selection.images), selection.instances, tuple(warnings))


class _Annotations:
    """The annotations as JSON texts. Each segmentation is decoded by pycocotools before it is written: a mask that
    should be exact and is not raises :class:`FormatError`, others below an IoU of 0.99 are listed."""

    def __init__(
        self,
        selection: Selection,
        ids: Mapping[int, int],
        options: Mapping[str, Any],
        progress: Progress,
        warnings: list[Problem],
    ) -> None:
        self._ids, self._options, self._progress, self._warnings = ids, options, progress, warnings
        self._exact = options["segmentation"] != "polygons" or options["tolerance"] <= 0
        self._total, self._done = max(selection.instances, 1), 0

    def of(self, items: Sequence[Chosen]) -> Iterator[bytes]:
        """Those of some images, by id."""
        names = {item.image.id: item.name for item in items}
        for instance in sorted((i for item in items for i in item.instances), key=lambda i: i.id):
            if self._done % 64 == 0:
                self._progress(0.1 + 0.9 * self._done / self._total, names[instance.image_id])
            self._done += 1
            yield self._text(instance, names[instance.image_id])

    def _text(self, instance: Instance, name: str) -> bytes:
        mask, mode = instance.mask, self._options["segmentation"]
        entry = _annotation(instance, self._ids, self._options)
        for shape in offers(mask, mode, crowd=instance.is_crowd, tolerance=self._options["tolerance"]):
            entry["segmentation"] = shape
            if decodes_to(shape, mask):
                return encoded(entry)
        if self._exact:
            raise FormatError(f"{name} was not exported: the mask of instance {instance.id} would not survive it.")
        iou = decoded(entry["segmentation"], mask.width, mask.height).iou(mask)
        if iou < 0.99:
            self._warnings.append(Problem(f"Instance {instance.id} was simplified to an IoU of {iou:.3f}.", name))
        return encoded(entry)


def _problems(selection: Selection, options: Mapping[str, Any]) -> tuple[Problem, ...]:
    left_out = {Trait.SCORES} if not options["score"] else set()
    left_out |= {Trait.ATTRIBUTES} if not options["attributes"] else set()
    return (*selection.problems, *losses(selection, EVERYTHING - left_out))


def _annotation_files(selection: Selection) -> list[str]:
    return [f"instances_{part}.json" if part else "instances.json" for part in selection.splits]


def _category_ids(categories: tuple[Category, ...], options: Mapping[str, Any]) -> dict[int, int]:
    """The exported id of each class. Raises :class:`FormatError` when two would be the same."""
    try:
        changed = {int(key): int(value) for key, value in (options["category_ids"] or {}).items()}
    except (AttributeError, TypeError, ValueError):
        raise FormatError("Category ids map the ids of classes to other whole numbers.") from None
    ids = {category.id: changed.get(category.id, category.id) for category in categories}
    for category in categories:
        if ids[category.id] < 0:
            raise FormatError(f"The category id of '{category.name}' is negative.")
        if list(ids.values()).count(ids[category.id]) > 1:
            raise FormatError(f"Two classes would have the category id {ids[category.id]}.")
    return ids


def _info(options: Mapping[str, Any]) -> dict[str, Any]:
    date = options["date"] or datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "description": options["description"],
        "version": "1.0",
        "contributor": options["contributor"],
        "date_created": date,
    }


def _image(item: Chosen) -> dict[str, Any]:
    image = item.image
    entry: dict[str, Any] = {"id": image.id, "file_name": item.name, "width": image.width, "height": image.height}
    if image.page:
        entry["page"] = image.page
    if image.orientation != 1:
        entry["exif_orientation"] = image.orientation
    return entry


def category_entry(category: Category, exported: int) -> dict[str, Any]:
    """A class as COCO files describe it, under its exported id."""
    colour = category.colour.lstrip("#")
    rgb = [int(colour[i : i + 2], 16) for i in (0, 2, 4)]
    isthing = int(category.kind is Kind.THING)
    parent = category.parent or ""
    return {"id": exported, "name": category.name, "supercategory": parent, "isthing": isthing, "color": rgb}


def _annotation(instance: Instance, ids: Mapping[int, int], options: Mapping[str, Any]) -> dict[str, Any]:
    """An annotation whose segmentation is still to be filled in."""
    x0, y0, x1, y1 = instance.mask.bbox
    number = float if options["boxes"] == "floats" else int
    entry: dict[str, Any] = {
        "id": instance.id,
        "image_id": instance.image_id,
        "category_id": ids[instance.category_id] if instance.category_id is not None else 0,
        "segmentation": None,
        "area": instance.mask.area,
        "bbox": [number(x0), number(y0), number(x1 - x0), number(y1 - y0)],
        "iscrowd": int(instance.is_crowd),
    }
    if instance.z_order:
        entry["z_order"] = instance.z_order
    if options["score"] and instance.provenance.score is not None:
        entry["score"] = instance.provenance.score
    if options["attributes"] and instance.attributes:
        entry[options["attributes"]] = dict(sorted(instance.attributes.items()))
    return entry
