"""Datumaro's own format: ``annotations/SUBSET.json`` with masks and classes, and the images beside it (ux.md §18).

Labels are numbers from 0 in the order of the classes; their ids and kinds, which the format has no word for, are kept
under ``infos``, a place that Datumaro carries along. Crowds and scores are attributes, named as Datumaro's reader of
COCO names them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from desktop.dataset.formats import coco_segmentation
from desktop.dataset.formats.carry_out import PerImageExport, Planned, stems
from desktop.dataset.formats.contract import COMMON_FIELDS, OptionField, Problem, Source
from desktop.dataset.formats.output import Staging
from desktop.dataset.formats.selection import Chosen, Selection, select
from desktop.dataset.formats.traits import EVERYTHING
from desktop.dataset.model import Category, Instance

VERSION = "1.0"
ANNOTATIONS = "annotations"
SUBSET = "default"
"""What Datumaro calls the only subset."""

CLASSES = "maskwright_classes"
CROWD, SCORE = "is_crowd", "score"
IMAGE_MEDIA = 2
"""Datumaro's number for data sets of images."""


class DatumaroExport(PerImageExport):
    """``annotations/default.json``, or one file for each part of a split."""

    name = "datumaro"
    title = "Datumaro"
    fields = (*COMMON_FIELDS, OptionField("shapes", "Shapes", "masks", ("masks", "polygons")))
    keeps = EVERYTHING
    """``masks`` are exact. ``polygons``: those of one object share its id and group; holes are kept by cutting the
    object through them."""

    def planned(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
        selection = select(source, options)
        labels = {category.id: number for number, category in enumerate(selection.categories)}
        names = stems(selection)
        items: dict[str, list[dict[str, Any]]] = {part: [] for part in selection.splits}

        def write_image(item: Chosen, staging: Staging) -> Sequence[Problem]:
            items[item.split].append(_item(item, names[item.image.id], labels, options["shapes"]))
            return ()

        def write_rest(staging: Staging) -> None:
            for part in selection.splits:
                document = {
                    "dm_format_version": VERSION,
                    "media_type": IMAGE_MEDIA,
                    "infos": {CLASSES: [{"id": c.id, "kind": str(c.kind)} for c in selection.categories]},
                    "categories": _categories(selection.categories),
                    "items": items[part],
                }
                text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
                staging.path(_file(part)).write_text(text, "utf-8", newline="")

        files = tuple(_file(part) for part in selection.splits)
        return Planned(selection, (*selection.problems, *_taken_names(selection)), files, write_image, write_rest)


def _file(part: str) -> str:
    return f"{ANNOTATIONS}/{part or SUBSET}.json"


def _taken_names(selection: Selection) -> list[Problem]:
    """Attributes whose names stand for something else in this format."""
    instances = [instance for item in selection.images for instance in item.instances]
    lost = {
        CROWD: sum(CROWD in i.attributes and i.is_crowd for i in instances),
        SCORE: sum(SCORE in i.attributes and i.provenance.score is not None for i in instances),
    }
    return [
        Problem(f"The attribute '{name}' gives way to the format's own of that name, {count} times.")
        for name, count in lost.items()
        if count
    ]


def _categories(categories: Sequence[Category]) -> dict[str, Any]:
    labels = [{"name": c.name, "parent": c.parent or "", "attributes": []} for c in categories]
    colours = []
    for number, category in enumerate(categories):
        red, green, blue = bytes.fromhex(category.colour.lstrip("#"))
        colours.append({"label_id": number, "r": red, "g": green, "b": blue})
    return {
        "label": {"labels": labels, "label_groups": [], "attributes": []},
        "mask": {"colormap": colours},
    }


def _item(item: Chosen, name: str, labels: Mapping[int, int], shapes: str) -> dict[str, Any]:
    image = item.image
    return {
        "id": name,
        "annotations": [entry for i in item.instances for entry in _annotations(i, labels[i.category_id or 0], shapes)],
        "attr": {"id": image.id, **({"page": image.page} if image.page else {})},
        "image": {"path": item.name, "size": [image.height, image.width]},
    }


def _annotations(instance: Instance, label: int, shapes: str) -> list[dict[str, Any]]:
    attributes: dict[str, Any] = dict(sorted(instance.attributes.items()))
    if instance.is_crowd:
        attributes[CROWD] = True
    if instance.provenance.score is not None:
        attributes[SCORE] = instance.provenance.score
    base = {"id": instance.id, "attributes": attributes, "group": 0, "label_id": label, "z_order": instance.z_order}
    if shapes == "masks":
        return [{**base, "type": "mask", "rle": instance.mask.rle()}]
    rings = coco_segmentation.segmentation(instance.mask, "polygons")
    return [{**base, "type": "polygon", "group": instance.id, "points": [float(v) for v in ring]} for ring in rings]
