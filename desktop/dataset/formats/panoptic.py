"""COCO panoptic: one colour PNG of segment ids for each image and a JSON that says what they are (ux.md §18).

Every pixel belongs to one segment at most: overlaps go by z-order, and what is hidden is lost. The pieces of one stuff
class in an image are one segment, as the format asks. It cannot hold attributes, scores and provenance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from desktop.dataset.formats.carry_out import PerImageExport, Planned, stems
from desktop.dataset.formats.coco import category_entry
from desktop.dataset.formats.contract import (
    COMMON_FIELDS,
    FormatError,
    OptionField,
    Problem,
    Source,
)
from desktop.dataset.formats.limits import merged_instances
from desktop.dataset.formats.output import Staging
from desktop.dataset.formats.painting import painted
from desktop.dataset.formats.selection import Chosen, select
from desktop.dataset.formats.traits import EVERYTHING, Trait
from desktop.dataset.model import Instance, Kind

MAX_ID = 256**3 - 1
"""Segment ids are written as three bytes of colour: red + 256 green + 65536 blue."""


class PanopticExport(PerImageExport):
    """``panoptic.json`` and ``panoptic/NAME.png``; with a split ``panoptic_PART.json`` and ``panoptic_PART/``."""

    name = "coco-panoptic"
    title = "COCO panoptic"
    fields = (*COMMON_FIELDS, OptionField("date", "Date", ""))
    keeps = EVERYTHING - {Trait.STUFF_PIECES, Trait.OVERLAPS, Trait.Z_ORDER, Trait.ATTRIBUTES, Trait.SCORES}

    def planned(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
        return _Plan(source, options).planned()


class _Plan:
    def __init__(self, source: Source, options: Mapping[str, Any]) -> None:
        self._date = options["date"]
        self._selection = select(source, options)
        self._stems = stems(self._selection)
        self._stuff = {c.id for c in self._selection.categories if c.kind is Kind.STUFF}
        self._annotations: dict[str, list[dict[str, Any]]] = {part: [] for part in self._selection.splits}

    def planned(self) -> Planned:
        problems = list(self._selection.problems)
        for item in self._selection.images:
            if any(instance.id > MAX_ID for instance in item.instances):
                raise FormatError(f"{item.name} has an instance id above {MAX_ID}, which a panoptic PNG cannot hold.")
        problems += merged_instances(self._selection.images, self._merges)
        files = [self._png(item) for item in self._selection.images] + [_json(p) for p in self._selection.splits]
        return Planned(self._selection, tuple(problems), tuple(files), self._write_image, self._write_rest)

    def _png(self, item: Chosen) -> str:
        return f"{_folder(item.split)}/{self._stems[item.image.id]}.png"

    def _write_image(self, item: Chosen, staging: Staging) -> Sequence[Problem]:
        ids = self._segment_ids(item)
        pixels = painted(item, lambda _, instance: ids[instance.id])
        colours = np.stack([pixels & 255, (pixels >> 8) & 255, pixels >> 16], 2).astype(np.uint8)
        PillowImage.fromarray(colours).save(staging.path(self._png(item)), "PNG")
        crowds = {ids[i.id] for i in item.instances if i.is_crowd}
        classes = {ids[i.id]: i.category_id for i in item.instances}
        segments = []
        for segment in np.unique(pixels[pixels > 0]).tolist():
            where = pixels == segment
            rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
            box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
            segments.append(
                {
                    "id": segment,
                    "category_id": classes[segment],
                    "area": int(where.sum()),
                    "bbox": [int(value) for value in box],
                    "iscrowd": int(segment in crowds),
                }
            )
        name = self._png(item).split("/", 1)[1]
        self._annotations[item.split].append({"image_id": item.image.id, "file_name": name, "segments_info": segments})
        lost = [instance.id for instance in item.instances if ids[instance.id] not in {s["id"] for s in segments}]
        return [Problem(f"Instance {number} is hidden by others and was left out.", item.name) for number in lost]

    def _segment_ids(self, item: Chosen) -> dict[int, int]:
        """The segment of each instance: itself, for stuff and crowds the first of its class."""
        first: dict[tuple[int, bool], int] = {}
        found = {}
        for instance in item.instances:
            key = self._merges(instance)
            found[instance.id] = first.setdefault(key, instance.id) if key is not None else instance.id
        return found

    def _merges(self, instance: Instance) -> tuple[int, bool] | None:
        """Instances of an image with the same key are one segment; None for those that stay alone."""
        category = instance.category_id or 0
        return (category, instance.is_crowd) if category in self._stuff or instance.is_crowd else None

    def _write_rest(self, staging: Staging) -> None:
        for part in self._selection.splits:
            images = [
                {"id": i.image.id, "file_name": i.name, "width": i.image.width, "height": i.image.height}
                for i in self._selection.images
                if i.split == part
            ]
            document = {
                "info": {"version": "1.0", **({"date_created": self._date} if self._date else {})},
                "licenses": [],
                "images": images,
                "annotations": self._annotations[part],
                "categories": [category_entry(c, c.id) for c in self._selection.categories],
            }
            text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
            staging.path(_json(part)).write_text(text, "utf-8", newline="")


def segment_ids(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """(h, w, 3) colours of a panoptic PNG as ids (h, w)."""
    wide = colours.astype(np.uint32)
    ids: NDArray[np.uint32] = wide[..., 0] + (wide[..., 1] << 8) + (wide[..., 2] << 16)
    return ids


def _folder(part: str) -> str:
    return f"panoptic_{part}" if part else "panoptic"


def _json(part: str) -> str:
    return f"{_folder(part)}.json"
