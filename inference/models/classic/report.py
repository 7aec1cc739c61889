"""Click figures of Classic beside plain GrabCut, on images that no judge was fitted on.

``python -m inference.models.classic.report INDEX.json [TASKS]`` picks one thing object of up to 60 images of each photo
source and 14 of each other source, from the half of the images that :func:`~.fit.is_for_fitting` leaves, takes TASKS of
them evenly spaced (160), and prints the figures of both engines, classic first, as JSON lines.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.engines.classic import create
from inference.evaluation.baselines import PlainGrabCut
from inference.evaluation.clicks import evaluate
from inference.evaluation.index import load_index
from inference.models.classic.fit import is_for_fitting

_PHOTO_SOURCES = ("voc2010", "coco_train2017", "coco_val2017", "coco_person")
_IMAGES_OF_A_PHOTO_SOURCE, _IMAGES_OF_ANOTHER = 60, 14


def held_out_index(path: Path) -> Mapping[str, Any]:
    """The document of an index with the held-out images alone, absolute paths, and the tasks to report on."""
    index = load_index(path)
    held = {image.id for image in index.images if not is_for_fitting(image)}
    images = [
        {**each, "image": str(path.parent / each["image"]), "mask": str(path.parent / each["mask"])}
        for each in index.document["images"]
        if each["id"] in held
    ]
    sources: dict[str, list[dict[str, Any]]] = {}
    for each in images:
        sources.setdefault(each["source"], []).append(each)
    generator = random.Random(1)
    chosen = []
    for source, members in sorted(sources.items()):
        generator.shuffle(members)
        for each in members[: _IMAGES_OF_A_PHOTO_SOURCE if source in _PHOTO_SOURCES else _IMAGES_OF_ANOTHER]:
            things = [thing for thing in each["objects"] if thing.get("isthing", 1)]
            if things:
                chosen.append({"image": each["id"], "object": generator.choice(things)["id"]})
    return {"images": images, "click_tasks": chosen}


def main(path: Path, limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        held_out = Path(folder) / "held_out.json"
        held_out.write_text(json.dumps(held_out_index(path)), encoding="utf-8")
        for engine in (create(), PlainGrabCut()):
            print(json.dumps(evaluate(engine, held_out, limit=limit)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 160)
