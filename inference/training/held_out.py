"""``python -m inference.training.held_out``: the held-out images as an index for ``maskwright evaluate``.

At most two objects an image, the largest thing and one more chosen by the hash of its name. Persons made of garments
are one object. Regions of BSDS, which are parts and stuff as often as objects, are a domain of their own.

Beside ``index.json`` there is ``others.json`` with the click tasks that ``--limit 100`` leaves out: to choose weights
and settings on, so that those hundred are only reported. Of a ``referring.json`` beside the data the expressions of
held-out images are written as well.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from inference.evaluation.index import evenly_spaced
from inference.evaluation.referring import BESIDE
from inference.training.data import IGNORED, BadIndex, TrainingImage, TrainingObject, load_index

SMALLEST_SHARE = 0.004
"""Objects smaller than this part of the image are left out, but for cells and cracks, which are small by nature."""

REPORTED = 100
"""So many click tasks are reported; nothing is chosen on them."""

SMALL_DOMAINS = frozenset({"nonphoto", "thin"})
PEOPLE = frozenset({"person", "pedestrian", "bicyclist"})


def domain_of(image: TrainingImage, category: str | None) -> str:
    """objects, people, street, thin, nonphoto or regions."""
    if image.source == "bsds500":
        return "regions"
    if image.union == "person" or category in PEOPLE:
        return "people"
    return "objects" if image.domain in ("photo", "people") else image.domain


def chosen_objects(image: TrainingImage, area: int) -> list[TrainingObject]:
    """At most two things of an image of ``area`` pixels."""
    smallest = 0 if image.domain in SMALL_DOMAINS else SMALLEST_SHARE * area
    things = sorted((o for o in image.objects if o.is_thing and o.area >= smallest), key=lambda o: -o.area)
    rest = sorted(things[1:], key=lambda o: hashlib.sha256(f"{image.id}/{o.value}".encode()).hexdigest())
    return things[:1] + rest[:1]


def write_index(data: Path, out: Path) -> int:
    """Write ``out/index.json`` and ``others.json`` (and masks of whole persons). Returns the number of click tasks."""
    (out / "masks").mkdir(parents=True, exist_ok=True)
    images, tasks = [], []
    for image in load_index(data):
        if not image.is_validation:
            continue
        labels = image.labels()
        mask, objects = image.mask, [(o.value, o.category, o.is_thing) for o in image.objects]
        chosen = chosen_objects(image, labels.size)
        if image.union is not None:
            mask = out / "masks" / f"{image.id}.png"
            whole = np.where((labels > 0) & (labels != IGNORED), 1, 0).astype(np.uint8)
            Image.fromarray(np.where(labels == IGNORED, IGNORED, whole).astype(np.uint8)).save(mask)
            objects = [(1, image.union, True)]
            chosen = [TrainingObject(1, image.union, int(whole.sum()), True)]
        images.append(
            {
                "id": image.id,
                "image": os.path.relpath(image.image, out),
                "mask": os.path.relpath(mask, out),
                "domain": image.domain,
                "objects": [{"id": v, "category": c, "isthing": int(t)} for v, c, t in objects],
            }
        )
        tasks += [{"image": image.id, "object": o.value, "domain": domain_of(image, o.category)} for o in chosen]
    reported = set(evenly_spaced(range(len(tasks)), REPORTED))
    others = [task for number, task in enumerate(tasks) if number not in reported]
    for name, listed in (("index.json", tasks), ("others.json", others)):
        (out / name).write_text(json.dumps({"version": 1, "images": images, "click_tasks": listed}), "utf-8")
    _write_expressions(data, out, {str(image["id"]) for image in images})
    return len(tasks)


def _write_expressions(data: Path, out: Path, images: set[str]) -> None:
    source = data / BESIDE
    if source.is_file():
        listed = json.loads(source.read_text("utf-8"))["expressions"]
        kept = [expression for expression in listed if expression["image_id"] in images]
        (out / BESIDE).write_text(json.dumps({"expressions": kept}), "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write the index."""
    parser = argparse.ArgumentParser(prog="python -m inference.training.held_out", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with index.json, images/ and masks/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the index")
    options = parser.parse_args(arguments)
    try:
        print(f"{write_index(options.data, options.out)} click tasks")
    except BadIndex as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
