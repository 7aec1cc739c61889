"""Import of COCO panoptic: the JSON and its folder of PNGs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.formats.contract import (
    FormatError,
    ImportPlan,
    Progress,
    Rejected,
    Target,
    checked_options,
    silent,
)
from desktop.dataset.formats.file_values import is_id, leads_out
from desktop.dataset.formats.import_plan import COMMON_FIELDS, plan_of
from desktop.dataset.formats.index_png import read_png
from desktop.dataset.formats.json_file import read_json_object
from desktop.dataset.formats.panoptic import segment_ids
from desktop.dataset.masks import Mask


class PanopticImport:
    """Every segment becomes an instance; segment ids become instance ids where all of them differ."""

    name = "coco-panoptic"
    title = "COCO panoptic"
    fields = COMMON_FIELDS

    def plan(self, project: Target, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        document = read_json_object(path)
        for key in ("images", "annotations", "categories"):
            if not isinstance(document.get(key), list):
                raise FormatError(f"{path.name} is not COCO panoptic: it has no list '{key}'.")
        if any(isinstance(a, dict) and "segments_info" not in a for a in document["annotations"]):
            raise FormatError(f"{path.name} is not COCO panoptic: an annotation has no 'segments_info'.")
        refused: list[Rejected] = []
        pngs = _Pngs(path.with_suffix(""))
        annotations = [entry for found in document["annotations"] for entry in _segments(pngs, found, refused)]
        if len({entry["id"] for entry in annotations}) < len(annotations):
            annotations = [{**entry, "id": number} for number, entry in enumerate(annotations, 1)]
        return plan_of(project, path, chosen, {**document, "annotations": annotations}, refused, progress)


class _Pngs:
    """The masks of segments; the PNG of one image at a time is in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name, self._size = "", (0, 0)
        self._pixels: NDArray[np.uint32] | FormatError = np.zeros((0, 0), np.uint32)

    def mask(self, name: str, segment: int, width: int, height: int) -> Mask:
        if (name, (width, height)) != (self._name, self._size):
            self._name, self._size = name, (width, height)
            try:
                picture = read_png(self._folder / name, name, self._size)
                self._pixels = segment_ids(np.asarray(picture.convert("RGB")))
            except FormatError as error:
                self._pixels = error
        if isinstance(self._pixels, FormatError):
            raise self._pixels
        return Mask.from_array(self._pixels == segment)


def _segments(pngs: _Pngs, found: Any, refused: list[Rejected]) -> list[dict[str, Any]]:
    """The segments of one image as annotations of COCO instances."""
    name = found.get("file_name") if isinstance(found, dict) else None
    if not isinstance(name, str) or not isinstance(found["segments_info"], list):
        refused.append(Rejected("an annotation", "it names no PNG"))
        return []
    if leads_out(name):
        refused.append(Rejected(name, "its file name leads out of the folder"))
        return []
    plain = name.replace("\\", "/")
    entries = []
    for segment in found["segments_info"]:
        number = segment.get("id") if isinstance(segment, dict) else None
        if not is_id(number) or number < 1:
            refused.append(Rejected(name, f"a segment has the id {number!r:.80}, not a whole number above 0"))
            continue
        entries.append(
            {
                "id": number,
                "image_id": found.get("image_id"),
                "category_id": segment.get("category_id"),
                "iscrowd": segment.get("iscrowd", 0),
                "segmentation": partial(pngs.mask, plain, number),
                "what": f"{name}, segment {number}",
            }
        )
    return entries
