"""``python -m tests.interchange.back FOLDER``: what other tools wrote is imported and compared with the masks.

The way back: ``read.py`` had Datumaro, supervision and labelme write data sets of their own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from desktop.dataset.changes import AddImages
from desktop.dataset.formats.registry import import_format
from desktop.dataset.masks import Mask
from desktop.dataset.model import Image
from desktop.dataset.store import Project
from tests.interchange.write import HEIGHT, PATHS, WIDTH

WRITTEN = {
    "datumaro-datumaro": ("datumaro", ""),
    "datumaro-coco_instances": ("coco", "annotations/instances_default.json"),
    "supervision-coco": ("coco", "x.json"),
    "labelme": ("labelme", ""),
    "labelme-masks": ("labelme", ""),
    "labelme-polygons": ("labelme", ""),
}

OUTLINES = {"supervision-coco": 0.7}
"""Tools that write outlines through the centres of pixels, and the worst IoU that this explains."""


def main(folder: Path) -> int:
    truth = {tuple(key.split("|")): Mask.from_array(mask) for key, mask in np.load(folder / "truth.npz").items()}
    failed = 0
    for name, (known, source) in WRITTEN.items():
        path = folder / "project" / f"back-{name}.maskwright"
        path.unlink(missing_ok=True)
        with Project.create(path) as project:
            project.apply(AddImages(tuple(Image(n, p, 0, WIDTH, HEIGHT) for n, p in enumerate(PATHS, 1))))
            plan = import_format(known).plan(project, folder / "back" / name / source, {})
            project.apply(*plan.changes)
            classes = {category.id: category.name for category in project.categories()}
            found = {
                (image.path, classes[i.category_id or 0], i.mask)
                for image in project.images()
                for i in project.instances(image.id)
            }
        expected = {(path, name, mask) for (path, _, name, _), mask in truth.items()}
        worst = min(
            max((m.iou(mask) for p, n, m in found if (p, n) == (path, name_)), default=0.0)
            for path, name_, mask in expected
        )
        good = len(found) == len(expected) and worst >= OUTLINES.get(name, 1.0) and not plan.rejected
        failed += not good
        reasons = sorted({each.reason for each in plan.rejected})
        same = f"{len(found & expected)} of {len(expected)} masks identical, worst IoU {worst:.3f}"
        print(f"{'ok ' if good else 'BAD'} import of {name}: {same}", end="")
        print(f", {len(plan.rejected)} rejected: {reasons}" if reasons else "")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
