"""Click figures of Classic beside plain GrabCut, on images that no judge was fitted on.

``python -m inference.models.classic.report INDEX.json [TASKS [ENGINE …]]`` picks one thing object of up to 60 images of
each photo source and 14 of each other source, from the half of the images that :func:`~.fit.is_for_fitting` leaves, and
takes TASKS of them evenly spaced (160). It plays them with each ENGINE (``classic`` and ``plain-grabcut``; both) in a
drawn order, prints one line of JSON per task as it ends and a table per engine, so a run that is cut off still tells
something.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.engine import Engine, Image, silent
from inference.engines.classic import create
from inference.evaluation.baselines import PlainGrabCut
from inference.evaluation.clicks import STOP_IOU, ClickRun, play
from inference.evaluation.index import ClickTask, IndexImage, evenly_spaced, load_index, load_mask, load_pixels
from inference.models.classic.fit import is_for_fitting

_PHOTO_SOURCES = ("voc2010", "coco_train2017", "coco_val2017", "coco_person")
_IMAGES_OF_A_PHOTO_SOURCE, _IMAGES_OF_ANOTHER = 60, 14
_ENGINES = {"classic": create, "plain-grabcut": PlainGrabCut}


def held_out_tasks(path: Path, limit: int) -> list[ClickTask]:
    """``limit`` tasks of an index on images that are not for fitting, in an order that favours no source."""
    index = load_index(path)
    of_source = {str(each["id"]): str(each.get("source", "")) for each in index.document["images"]}
    sources: dict[str, list[IndexImage]] = {}
    for image in index.images:
        if not is_for_fitting(image):
            sources.setdefault(of_source[image.id], []).append(image)
    generator = random.Random(1)
    chosen: list[ClickTask] = []
    for source, members in sorted(sources.items()):
        generator.shuffle(members)
        for image in members[: _IMAGES_OF_A_PHOTO_SOURCE if source in _PHOTO_SOURCES else _IMAGES_OF_ANOTHER]:
            things = [each for each in image.objects if each.is_thing]
            if things:
                chosen.append(ClickTask(image, generator.choice(things).id, image.domain))
    taken = list(evenly_spaced(chosen, limit))
    generator.shuffle(taken)
    return taken


def played(engine: Engine, task: ClickTask) -> ClickRun:
    """Encode the image of a task and play its clicks."""
    features = engine.encode(Image(load_pixels(task.image), content_hash=task.image.id), silent)
    return play(engine, features, task, load_mask(task.image))


def table(runs: Sequence[ClickRun]) -> str:
    """The figures of the runs as a Markdown table: all of them, then each domain."""
    lines = [
        "| Domain | tasks | NoC@80 | NoC@85 | NoC@90 | IoU@1 | IoU@3 | IoU@5 | IoU@10 | not 0.90 in 20 | ms a click |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for domain in ("all", *sorted({run.domain for run in runs})):
        members = [run for run in runs if domain in ("all", run.domain)]
        clicks = [np.mean([run.clicks_to(level) for run in members]) for level in (0.80, 0.85, 0.90)]
        ious = [np.mean([run.iou_after(count) for run in members]) for count in (1, 3, 5, 10)]
        failed = sum(max(run.ious) < STOP_IOU for run in members)
        spent = 1000 * sum(run.seconds for run in members) / sum(len(run.ious) for run in members)
        cells = [*(f"{each:.2f}" for each in clicks), *(f"{each:.3f}" for each in ious), str(failed), f"{spent:.0f}"]
        lines.append(f"| {domain} | {len(members)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(path: Path, limit: int, names: Sequence[str]) -> None:
    chosen = held_out_tasks(path, limit)
    for name in names:
        engine = _ENGINES[name]()
        runs = []
        for number, task in enumerate(chosen, 1):
            runs.append(played(engine, task))
            told = {"engine": name, "task": number, "image": task.image.id, "object": task.object_id}
            print(json.dumps({**told, "ious": [round(each, 4) for each in runs[-1].ious]}), flush=True)
        print(f"{name}\n{table(runs)}", flush=True)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]).resolve(),
        int(sys.argv[2]) if len(sys.argv) > 2 else 160,
        sys.argv[3:] or list(_ENGINES),
    )
