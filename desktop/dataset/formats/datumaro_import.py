"""Import of Datumaro's format: a folder with ``annotations``, or one of the JSON files in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from desktop.dataset.errors import DatasetError
from desktop.dataset.formats.contract import (
    FormatError,
    ImportPlan,
    Progress,
    Rejected,
    Target,
    checked_options,
    silent,
)
from desktop.dataset.formats.datumaro import ANNOTATIONS, CLASSES, CROWD, SCORE
from desktop.dataset.formats.file_values import is_folder, is_id, is_number
from desktop.dataset.formats.image_finder import ImageFinder
from desktop.dataset.formats.import_plan import BOXES, COMMON_FIELDS, plan_of
from desktop.dataset.formats.json_file import read_json_object
from desktop.dataset.formats.output import IMAGES


class DatumaroImport:
    """Masks, polygons and ellipses become instances; polygons with one id and group are one. Boxes are refused or, by
    the option ``boxes``, filled; captions, points, lines and cuboids are refused, because they have no area."""

    name = "datumaro"
    title = "Datumaro"
    fields = (*COMMON_FIELDS, BOXES)

    def plan(self, project: Target, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        folder = path / ANNOTATIONS if is_folder(path) and path.name != ANNOTATIONS else path
        files = sorted(folder.glob("*.json")) if is_folder(folder) else [path]
        if not files:
            raise FormatError(f"{path.name} has no folder '{ANNOTATIONS}' with JSON files.")
        holder = files[0].parent
        root = holder.parent if holder.name == ANNOTATIONS else holder
        subsets = [root / IMAGES / file.stem for file in files]
        finder = ImageFinder(project, root, (chosen["images"], root / IMAGES, *subsets))
        reader = _Reader(finder)
        for file in files:
            reader.read(file, alone=len(files) == 1)
        return plan_of(project, root / files[0].name, chosen, reader.document(), reader.refused, progress)


class _Reader:
    def __init__(self, finder: ImageFinder) -> None:
        self._finder = finder
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._classes: dict[str, dict[str, Any]] = {}
        self.refused: list[Rejected] = []

    def document(self) -> dict[str, Any]:
        classes = list(self._classes.values())
        for entries in (self._images, self._annotations, classes):
            ids = [entry["id"] for entry in entries]
            if not all(map(is_id, ids)) or len(set(ids)) < len(ids):
                for number, entry in enumerate(entries, 1):  # ids that are not numbers of their own tell nothing
                    entry["id"] = number
        annotations = [
            {**entry, "image_id": entry["image_id"]["id"], "category_id": entry["category_id"]["id"]}
            for entry in self._annotations
        ]
        return {"images": self._images, "annotations": annotations, "categories": classes}

    def read(self, file: Path, *, alone: bool) -> None:
        """Add what is in one file. Raises :class:`FormatError` only when the file is all there is."""
        try:
            document = read_json_object(file)
            classes = _classes(file, document)
            if not isinstance(document.get("items"), list):
                raise FormatError(f"{file.name} is not Datumaro's format: it has no list 'items'.")
        except FormatError as error:
            if alone:
                raise
            self.refused.append(Rejected(file.name, str(error).rstrip(".")))
            return
        here = [self._classes.setdefault(entry["name"], entry) for entry in classes]
        for number, item in enumerate(document["items"], 1):
            self._read_item(f"{file.stem}, item {number}", item, here)

    def _read_item(self, what: str, item: Any, classes: list[dict[str, Any]]) -> None:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not item["id"]:
            self.refused.append(Rejected(what, "it has no id"))
            return
        what, attributes = item["id"], item.get("attr")
        attributes = attributes if isinstance(attributes, dict) else {}
        image = item.get("image")
        image = image if isinstance(image, dict) else {}
        path, size = image.get("path"), image.get("size")
        path = path if isinstance(path, str) and path else item["id"]
        # Datumaro names the files that it writes by ids without folders
        names, look = (path, item["id"]), self._finder
        found = next((f for find in (look.in_project, look.on_disk) for name in names if (f := find(name))), None)
        sized = isinstance(size, list) and len(size) == 2 and all(map(is_id, size))
        if found is None and not sized:
            self.refused.append(Rejected(what, "its image is neither in the project nor beside the file"))
            return
        entry: dict[str, Any] = {"file_name": path, "page": attributes.get("page", 0)}
        if found is not None:
            entry = found.entry(0)
        if isinstance(size, list) and sized:
            entry["height"], entry["width"] = size
        entry["id"] = attributes.get("id")
        self._images.append(entry)
        groups: dict[tuple[int, int, int], dict[str, Any]] = {}
        annotations = item.get("annotations")
        for number, found_one in enumerate(annotations if isinstance(annotations, list) else (), 1):
            self._read_annotation(f"{what}, annotation {number}", found_one, entry, classes, groups)

    def _read_annotation(
        self,
        what: str,
        found: Any,
        image: dict[str, Any],
        classes: list[dict[str, Any]],
        groups: dict[tuple[int, int, int], dict[str, Any]],
    ) -> None:
        try:
            shape = _shape(found)
            label = found.get("label_id")
            if not is_id(label) or label >= len(classes):
                raise FormatError(f"its label {label!r:.80} is none of the file's")
        except (DatasetError, ValueError, OverflowError) as error:
            self.refused.append(Rejected(what, str(error).rstrip(".")))
            return
        attributes = found.get("attributes")
        attributes = dict(attributes) if isinstance(attributes, dict) else {}
        # texts of these names are a person's own attributes
        crowd = attributes.pop(CROWD) if isinstance(attributes.get(CROWD), bool) else False
        score = attributes.pop(SCORE) if is_number(attributes.get(SCORE)) else None
        number, group = found.get("id"), found.get("group")
        belongs = found["type"] == "polygon" and is_id(number) and is_id(group) and group > 0
        if belongs and (number, group, label) in groups:
            groups[number, group, label]["segmentation"] += shape["segmentation"]
            return
        entry = {
            **shape,
            "what": what,
            "id": number,
            "image_id": image,
            "category_id": classes[label],
            "attributes": attributes,
            "iscrowd": int(crowd),
            "score": score,
            "z_order": found.get("z_order", 0),
        }
        if belongs:
            groups[number, group, label] = entry
        self._annotations.append(entry)


def _classes(file: Path, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The labels as COCO categories. Raises :class:`FormatError`."""
    categories = document.get("categories")
    label = categories.get("label") if isinstance(categories, dict) else None
    labels = label.get("labels") if isinstance(label, dict) else None
    if not isinstance(labels, list) or not all(isinstance(e, dict) and isinstance(e.get("name"), str) for e in labels):
        raise FormatError(f"{file.name} is not Datumaro's format: it has no list of labels with names.")
    infos = document.get("infos")
    own = infos.get(CLASSES) if isinstance(infos, dict) else None
    known = own if isinstance(own, list) and len(own) == len(labels) and all(isinstance(e, dict) for e in own) else None
    colours = _colours(document["categories"])
    found: list[dict[str, Any]] = []
    for number, entry in enumerate(labels):
        extra = known[number] if known is not None else {}
        found.append(
            {
                "id": extra.get("id", number + 1),
                "name": entry["name"],
                "supercategory": entry.get("parent") or "",
                "isthing": int(extra.get("kind") != "stuff"),
                "color": colours.get(number),
            }
        )
    return found


def _colours(categories: Any) -> dict[int, list[Any]]:
    mask = categories.get("mask")
    colormap = mask.get("colormap") if isinstance(mask, dict) else None
    return {
        entry["label_id"]: [entry.get(channel) for channel in "rgb"]
        for entry in (colormap if isinstance(colormap, list) else ())
        if isinstance(entry, dict) and is_id(entry.get("label_id"))
    }


def _shape(found: Any) -> dict[str, Any]:
    """The pixels of an annotation as COCO puts them. Raises :class:`FormatError` when it has none."""
    kind = found.get("type") if isinstance(found, dict) else None
    if kind == "mask":
        if not isinstance(found.get("rle"), dict):
            raise FormatError("it is a mask without run lengths")
        return {"segmentation": found["rle"]}
    if kind == "bbox":
        return {"bbox": found.get("bbox")}
    points = found.get("points") if isinstance(found, dict) else None
    if kind == "polygon":
        return {"segmentation": [points]}
    if kind != "ellipse":
        raise FormatError(f"a {kind!s:.40} has no area")
    if not isinstance(points, list) or len(points) != 4 or not all(map(is_number, points)):
        raise FormatError("an ellipse needs two corners")
    x0, y0, x1, y1 = points
    angles = np.linspace(0, 2 * np.pi, 128, endpoint=False)
    ring = np.stack([(x0 + x1 + (x1 - x0) * np.cos(angles)) / 2, (y0 + y1 + (y1 - y0) * np.sin(angles)) / 2], 1)
    return {"segmentation": [ring.ravel().tolist()]}
