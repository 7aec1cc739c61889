"""Judges what the frozen program's demo wrote, with other tools: pycocotools, and the sample's own ground truth.

python packaging/check_export.py DEMO doctor.json startup.json MOST_STARTUP_MS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

SAMPLE = Path(__file__).parent.parent / "resources" / "sample" / "instances.json"
LEAST_IOU, LEAST_MEAN_IOU = 0.5, 0.75


def main(demo: Path, doctor: Path, startup: Path, most_ms: float) -> list[str]:
    """What is wrong, one sentence each; nothing when all is well. Prints the figures."""
    wrong = []
    if not json.loads(doctor.read_text(encoding="utf-8"))["ok"]:
        wrong.append("maskwright doctor found something that does not work.")
    begun = json.loads(startup.read_text(encoding="utf-8"))
    print(f"Start: {begun['command_ms']:.0f} ms from the command to the painted window, {begun['cpu_ms']:.0f} ms CPU.")
    if begun["command_ms"] > most_ms:
        wrong.append(f"The start takes longer than {most_ms:.0f} ms.")
    if begun["torch"]:
        wrong.append("The window loads torch.")
    ious = overlaps(demo)
    print(f"Masks: {len(ious)}, IoU with the ground truth {np.mean(ious):.3f} on average, {min(ious):.3f} at least.")
    if min(ious) < LEAST_IOU or np.mean(ious) < LEAST_MEAN_IOU:
        wrong.append("The masks do not fit the objects.")
    if not list((demo / "masks").rglob("*.png")):
        wrong.append("No mask images were written.")
    return wrong


def overlaps(demo: Path) -> list[float]:
    """IoU of every exported mask with the best ground-truth mask of the same class and image."""
    exported = COCO(str(next((demo / "coco").rglob("*.json"))))
    truth = COCO(str(SAMPLE))
    names = {image["id"]: Path(image["file_name"]).name for image in exported.dataset["images"]}
    theirs = {Path(image["file_name"]).name: image["id"] for image in truth.dataset["images"]}
    classes = {c["id"]: c["name"] for data in (truth,) for c in data.dataset["categories"]}
    ious = []
    for annotation in exported.dataset["annotations"]:
        mask = exported.annToMask(annotation)
        if not mask.any():
            return [0.0]
        same = [
            truth.annToMask(other)
            for other in truth.imgToAnns[theirs[names[annotation["image_id"]]]]
            if classes[other["category_id"]] == exported.cats[annotation["category_id"]]["name"]
        ]
        pair = [coco_mask.encode(np.asfortranarray(each)) for each in (mask, *same)]
        ious.append(float(coco_mask.iou(pair[:1], pair[1:], [0] * len(same)).max()))
    return ious or [0.0]


if __name__ == "__main__":
    found = main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
    for sentence in found:
        print(sentence, file=sys.stderr)
    sys.exit(1 if found else 0)
