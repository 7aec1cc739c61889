"""Import of COCO instances: polygons, RLE plain and compressed, crowds, boxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from desktop.dataset.formats.contract import (
    FormatError,
    ImportPlan,
    OptionField,
    Progress,
    Target,
    checked_options,
    silent,
)
from desktop.dataset.formats.file_values import MAX_ID, is_id
from desktop.dataset.formats.import_plan import BOXES, COMMON_FIELDS, plan_of
from desktop.dataset.formats.json_file import read_json_object


class CocoImport:
    """Image, class and instance ids are kept where they are free."""

    name = "coco"
    title = "COCO instances"
    fields = (*COMMON_FIELDS, BOXES, OptionField("attributes", "Attributes under the key", "attributes"))

    def plan(self, project: Target, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        document = read_json_object(path)
        for key in ("images", "annotations", "categories"):
            if not isinstance(document.get(key), list):
                raise FormatError(f"{path.name} is not COCO instances: it has no list '{key}'.")
        return plan_of(project, path, chosen, numbered(document), progress=progress)


def numbered(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with whole numbers for ids that are written as texts or as 7.0, as some tools do.

    Texts that are no numbers get numbers above all others, in their order.
    """
    images, categories = _Numbers(document["images"]), _Numbers(document["categories"])
    own = _Numbers(document["annotations"])
    refer = {"id": own, "image_id": images, "category_id": categories}
    return {
        **document,
        "images": [_with_ids(entry, {"id": images}) for entry in document["images"]],
        "categories": [_with_ids(entry, {"id": categories}) for entry in document["categories"]],
        "annotations": [_with_ids(entry, refer) for entry in document["annotations"]],
    }


class _Numbers:
    """The number of each id of one list."""

    def __init__(self, entries: Iterable[Any]) -> None:
        ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
        words = [value for value in ids if isinstance(value, str) and not is_id(_plain(value))]
        first = max((number + 1 for number in map(_plain, ids) if is_id(number)), default=1)
        self._words = {word: first + n for n, word in enumerate(dict.fromkeys(words))}

    def of(self, value: Any) -> Any:
        return self._words.get(value, _plain(value)) if isinstance(value, str) else _plain(value)


def _with_ids(entry: Any, numbers: Mapping[str, _Numbers]) -> Any:
    if not isinstance(entry, dict):
        return entry
    changed = {key: known.of(entry[key]) for key, known in numbers.items() if key in entry and not is_id(entry[key])}
    return {**entry, **changed} if changed else entry


def _plain(value: Any) -> Any:
    """``"7"`` and ``7.0`` as 7; anything else as it is."""
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_ID:
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value
