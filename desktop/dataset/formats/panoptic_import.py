"""Import of COCO panoptic: the JSON and its folder of PNGs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from desktop.dataset.formats.contract import FormatError, ImportPlan, Rejected, Target, checked_options
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

    def plan(self, project: Target, path: Path, options: Mapping[str, Any]) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        document = read_json_object(path)
        for key in ("images", "annotations", "categories"):
            if not isinstance(document.get(key), list):
                raise FormatError(f"{path.name} is not COCO panoptic: it has no list '{key}'.")
        if any(isinstance(a, dict) and "segments_info" not in a for a in document["annotations"]):
            raise FormatError(f"{path.name} is not COCO panoptic: an annotation has no 'segments_info'.")
        refused: list[Rejected] = []
        annotations = [
            entry for found in document["annotations"] for entry in _segments(path.with_suffix(""), found, refused)
        ]
        if len({entry["id"] for entry in annotations}) < len(annotations):
            annotations = [{**entry, "id": number} for number, entry in enumerate(annotations, 1)]
        return plan_of(project, path, chosen, {**document, "annotations": annotations}, refused)


def _segments(folder: Path, found: Any, refused: list[Rejected]) -> list[dict[str, Any]]:
    """The segments of one image as annotations of COCO instances."""
    name = found.get("file_name") if isinstance(found, dict) else None
    if not isinstance(name, str) or not isinstance(found["segments_info"], list):
        refused.append(Rejected("an annotation", "it names no PNG"))
        return []
    plain = PurePosixPath(name.replace("\\", "/"))
    if plain.is_absolute() or ".." in plain.parts or PureWindowsPath(name).drive or "\0" in name:
        refused.append(Rejected(name, "its file name leads out of the folder"))
        return []
    try:
        pixels = segment_ids(np.asarray(read_png(folder / plain).convert("RGB")))
    except FormatError as error:
        refused.append(Rejected(name, str(error).rstrip(".")))
        return []
    entries = []
    for segment in found["segments_info"]:
        number = segment.get("id") if isinstance(segment, dict) else None
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            refused.append(Rejected(name, f"a segment has the id {number!r}, not a whole number above 0"))
            continue
        entries.append(
            {
                "id": number,
                "image_id": found.get("image_id"),
                "category_id": segment.get("category_id"),
                "iscrowd": segment.get("iscrowd", 0),
                "segmentation": Mask.from_array(pixels == number),
                "what": f"{name}, segment {number}",
            }
        )
    return entries
