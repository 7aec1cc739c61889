"""YOLO segmentation labels: one text file for each image, one line for each object, and ``data.yaml`` (ux.md §18).

What the format cannot hold: ids, attributes, crowds, z-order, scores, provenance, and images without a file name of
their own. Holes and several parts are kept by bridges of no width (:mod:`desktop.dataset.formats.single_ring`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from desktop.dataset.formats.carry_out import PerImageExport, Planned, stems
from desktop.dataset.formats.contract import (
    COMMON_FIELDS,
    OptionField,
    Problem,
    Source,
)
from desktop.dataset.formats.output import Staging, image_target
from desktop.dataset.formats.selection import Chosen, select
from desktop.dataset.formats.single_ring import single_ring
from desktop.dataset.formats.traits import Trait
from desktop.dataset.model import Instance

LABELS = "labels"
DATA = "data.yaml"
DECIMALS = 7
"""Digits of the coordinates, which are fractions of the image's sides: 1e-7 of 100,000 pixels is 0.01 pixel."""


class YoloExport(PerImageExport):
    """``data.yaml``, ``labels/NAME.txt`` and, for each part of a split, ``PART.txt`` with the images' paths."""

    name = "yolo"
    title = "YOLO segmentation"
    fields = (*COMMON_FIELDS, OptionField("tolerance", "Simplify outlines by (px)", 0.0))
    keeps = frozenset({Trait.SEPARATE, Trait.STUFF_PIECES, Trait.UNUSED_CLASSES, Trait.OVERLAPS})

    def planned(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
        return _planned(source, options)


def _planned(source: Source, options: Mapping[str, Any]) -> Planned:
    selection = select(source, options)
    names = stems(selection)
    index = {category.id: number for number, category in enumerate(selection.categories)}
    lists = {part: f"{part}.txt" for part in selection.splits if part}

    def write_image(item: Chosen, staging: Staging) -> Sequence[Problem]:
        lines = [_line(instance, index, options["tolerance"]) for instance in item.instances]
        path = staging.path(f"{LABELS}/{names[item.image.id]}.txt")
        path.write_text("".join(lines), "utf-8", newline="")
        return ()

    def write_rest(staging: Staging) -> None:
        data: dict[str, Any] = {"path": ".", **({part: lists[part] for part in lists} or {"train": "images"})}
        # trainers ask for both keys; without a split the same images serve as both
        data.setdefault("train", next(iter(lists.values()), "images"))
        data.setdefault("val", data["train"])
        data["names"] = {number: category.name for number, category in enumerate(selection.categories)}
        text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
        staging.path(DATA).write_text(text, "utf-8", newline="")
        for part, file in lists.items():
            paths = [f"./{image_target(item)}\n" for item in selection.images if item.split == part]
            staging.path(file).write_text("".join(paths), "utf-8", newline="")

    files = (*(f"{LABELS}/{names[item.image.id]}.txt" for item in selection.images), DATA, *lists.values())
    problems = list(selection.problems)
    if options["images"] == "leave":
        problems.append(Problem("The image files stay where they are; a trainer looks for them in the folder images."))
    return Planned(selection, tuple(problems), files, write_image, write_rest)


def _line(instance: Instance, index: Mapping[int, int], tolerance: float) -> str:
    width, height = instance.mask.width, instance.mask.height
    numbers = [
        f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".") or "0"
        for x, y in single_ring(instance.mask, tolerance)
        for value in (x / width, y / height)
    ]
    return f"{index[instance.category_id or 0]} {' '.join(numbers)}\n"
