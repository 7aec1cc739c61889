"""labelme files: one JSON for each image, with polygons or, where a polygon cannot say it, masks (ux.md §18).

What the format cannot hold: ids and provenance, and of the classes all but their names. Attributes, crowds, z-order and
scores are kept under keys of our own, which labelme carries along.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from desktop.dataset.formats import coco_segmentation
from desktop.dataset.formats.carry_out import PerImageExport, Planned, stems
from desktop.dataset.formats.contract import (
    COMMON_FIELDS,
    OptionField,
    Problem,
    Source,
)
from desktop.dataset.formats.output import Staging, image_target
from desktop.dataset.formats.selection import Chosen, page_of_name, select
from desktop.dataset.formats.traits import EVERYTHING, Trait
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance

VERSION = "5.0.0"
"""The version of labelme from which on files have masks."""

ATTRIBUTES, CROWD, Z_ORDER, SCORE = "attributes", "iscrowd", "z_order", "score"


class LabelmeExport(PerImageExport):
    """``NAME.json`` for each image."""

    name = "labelme"
    title = "labelme"
    fields = (
        *COMMON_FIELDS,
        OptionField("shapes", "Shapes", "auto", ("auto", "polygons", "masks")),
        OptionField("tolerance", "Simplify polygons by (px)", 0.0),
    )
    keeps = EVERYTHING - {
        Trait.INSTANCE_IDS, Trait.CLASS_IDS, Trait.COLOURS, Trait.KINDS, Trait.PARENTS, Trait.UNUSED_CLASSES,
    }  # fmt: skip
    """``auto``: a polygon for objects in one part without holes, a mask for the others. ``polygons``: several for one
    object share a ``group_id``; holes are kept by cutting the object through them."""

    def planned(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
        return _planned(source, folder, options)


def _planned(source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
    selection = select(source, options)
    names = {category.id: category.name for category in selection.categories}
    plain = stems(selection)
    files = {i.image.id: f"{i.split}/{plain[i.image.id]}.json".lstrip("/") for i in selection.images}

    def write_image(item: Chosen, staging: Staging) -> Sequence[Problem]:
        file = files[item.image.id]
        shapes = [
            shape
            for group, instance in enumerate(item.instances, 1)
            for shape in _shapes(instance, names[instance.category_id or 0], group, options)
        ]
        document: dict[str, Any] = {
            "version": VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": _image_path(item, file, folder, options["images"]),
            "imageData": None,
            "imageHeight": item.image.height,
            "imageWidth": item.image.width,
        }
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        staging.path(file).write_text(text, "utf-8", newline="")
        return ()

    def write_rest(staging: Staging) -> None:
        """Everything is in the images' files."""

    return Planned(selection, selection.problems, tuple(files.values()), write_image, write_rest)


def _image_path(item: Chosen, file: str, folder: Path, how: str) -> str:
    """From the JSON to its image: the copy when there is one, otherwise where the image is."""
    here = PurePosixPath(file).parent
    if how != "leave":
        return os.path.relpath(image_target(item), here).replace(os.sep, "/")
    image = item.file.absolute()
    name = PurePosixPath(item.name).name
    if name != image.name and page_of_name(name)[0] == image.name:
        image = image.with_name(name)  # labelme knows no pages; the import does
    try:
        return os.path.relpath(image, (folder / here).absolute()).replace(os.sep, "/")
    except ValueError:  # another drive
        return image.as_posix()


def _shapes(instance: Instance, label: str, group: int, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    extra: dict[str, Any] = {}
    if instance.attributes:
        extra[ATTRIBUTES] = dict(sorted(instance.attributes.items()))
    if instance.is_crowd:
        extra[CROWD] = True
    if instance.z_order:
        extra[Z_ORDER] = instance.z_order
    if instance.provenance.score is not None:
        extra[SCORE] = instance.provenance.score
    parts = instance.mask.parts()
    whole = len(parts) == 1 and not parts[0].holes
    if options["shapes"] == "masks" or (options["shapes"] == "auto" and not whole):
        return [_shape(label, None, "mask", *_mask(instance.mask)) | extra]
    flat = coco_segmentation.segmentation(instance.mask, "polygons", tolerance=options["tolerance"])
    rings = [[[ring[n], ring[n + 1]] for n in range(0, len(ring), 2)] for ring in flat]
    number = group if len(rings) > 1 else None
    return [_shape(label, number, "polygon", ring, None) | extra for ring in rings]


def _shape(label: str, group: int | None, kind: str, points: list[list[float]], mask: str | None) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": {},
        "mask": mask,
    }


def _mask(mask: Mask) -> tuple[list[list[float]], str]:
    """The first and the last pixel of the mask's box, and the pixels of the box as a PNG in base64."""
    crop, x0, y0 = mask.crop()
    data = io.BytesIO()
    PillowImage.fromarray(crop.astype(np.uint8) * 255).save(data, "PNG")
    height, width = crop.shape
    return [[x0, y0], [x0 + width - 1, y0 + height - 1]], base64.b64encode(data.getvalue()).decode("ascii")
