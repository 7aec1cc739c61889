"""``python -m tests.interchange.write FOLDER``: a project, its exports in every format, and the masks they must hold.

Instances do not overlap and each image has one piece of stuff at most, so that every format can hold all of it but the
crowd, which VOC cannot.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from desktop.dataset.changes import AddCategories, AddImages, AddInstances
from desktop.dataset.formats.registry import export_format
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, Instance, Kind, Provenance
from desktop.dataset.store import Project

WIDTH, HEIGHT = 128, 96
PATHS = ("photos/a.png", "photos/사진 (1) ü.png", "photos/deep/b.png", "c.png", "empty.png")
CLASSES = (
    Category(3, "car", "#ff0000", position=0),
    Category(7, "하늘", "#0000ff", Kind.STUFF, "outdoor", 1),
    Category(90, "cat", "#00ff00", position=2),
)
VARIANTS = {
    "coco": ("coco", {}),
    "coco-rle": ("coco", {"segmentation": "rle"}),
    "coco-panoptic": ("coco-panoptic", {}),
    "mask-png": ("mask-png", {}),
    "yolo": ("yolo", {}),
    "labelme": ("labelme", {}),
    "labelme-polygons": ("labelme", {"shapes": "polygons"}),
    "labelme-masks": ("labelme", {"shapes": "masks"}),
    "voc": ("voc", {}),
    "datumaro": ("datumaro", {}),
    "datumaro-polygons": ("datumaro", {"shapes": "polygons"}),
}


def instances() -> list[Instance]:
    """Blobs with holes and parts, four to an image, each in its own quarter of the width."""
    random = np.random.default_rng(0)
    made = []
    for image in range(1, len(PATHS)):
        for column in range(4):
            smooth = cv2.GaussianBlur(random.random((HEIGHT, WIDTH), np.float32), (0, 0), 4)
            pixels = np.zeros((HEIGHT, WIDTH), bool)
            part = slice(column * WIDTH // 4, (column + 1) * WIDTH // 4)
            pixels[:, part] = (smooth > np.quantile(smooth, 0.55))[:, part]
            crowd = column == 3
            made.append(
                Instance(
                    10 * image + column,
                    image,
                    Mask.from_array(pixels),
                    (3, 7, 90, 3)[column],
                    {"colour": "red"} if column == 0 else {},
                    crowd,
                    column,
                    provenance=Provenance(score=0.5 + column / 8),
                )
            )
    return made


def main(folder: Path) -> None:
    home = folder / "project"
    shutil.rmtree(folder, ignore_errors=True)
    random = np.random.default_rng(1)
    for path in PATHS:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(random.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)).save(home / path)
    made = instances()
    with Project.create(home / "p.maskwright") as project:
        project.apply(
            AddImages(tuple(Image(n, path, 0, WIDTH, HEIGHT) for n, path in enumerate(PATHS, 1))),
            AddCategories(CLASSES),
            AddInstances(tuple(made)),
        )
        for name, (known, options) in VARIANTS.items():
            export_format(known).write(project, folder / name, {"images": "copy", **options})
    names = {category.id: category.name for category in CLASSES}
    np.savez(
        folder / "truth.npz",
        **{
            f"{PATHS[i.image_id - 1]}|{i.id}|{names[i.category_id or 0]}|{int(i.is_crowd)}": i.mask.to_array()
            for i in made
        },
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
