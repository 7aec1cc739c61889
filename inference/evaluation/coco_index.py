"""A COCO file whose images have mask files, read as an evaluation index: the form of the bundled sample.

``images[].mask_file`` is the palette PNG of an image and ``annotations[].mask_value`` an object's value in it. The
expressions of a ``referring.json`` beside the file (``annotation_ids``) become text tasks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def index_document(path: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """The same data as an index document. Raises KeyError, TypeError or ValueError when the form is another one."""
    kinds = {each["id"]: each for each in document["categories"]}
    objects: dict[int, list[dict[str, Any]]] = {}
    values: dict[int, int] = {}
    for annotation in document["annotations"]:
        kind = kinds[annotation["category_id"]]
        value = values[annotation["id"]] = int(annotation["mask_value"])
        entry = {"id": value, "category": kind["name"], "isthing": kind.get("isthing", 1)}
        objects.setdefault(annotation["image_id"], []).append(entry)
    images = [
        {
            "id": str(image["id"]),
            "image": image["file_name"],
            "mask": image["mask_file"],
            "objects": objects.get(image["id"], []),
        }
        for image in document["images"]
    ]
    found: dict[str, Any] = {"images": images}
    beside = path.parent / "referring.json"
    if beside.is_file():
        expressions = json.loads(beside.read_text(encoding="utf-8"))["expressions"]
        found["text_tasks"] = [
            {
                "image_id": each["image_id"],
                "text": each["text"],
                "object_ids": [values[number] for number in each["annotation_ids"]],
            }
            for each in expressions
        ]
    return found
