"""Walk-through 7 of ux.md §22: turned photos, deep TIFF, palette with alpha, names of any script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image as PillowImage
from pycocotools.coco import COCO

from desktop.dataset.masks import Mask
from tests.e2e.conftest import OpenPerson
from tests.e2e.test_walkthrough_1_main_job import export

SIZES = {"turned.jpg": (60, 90), "deep.tif": (80, 50), "palette.png": (40, 30), "사진 (1) ü.jpg": (70, 55)}


def make_images(folder: Path) -> None:
    folder.mkdir()
    ramp = np.linspace(0, 255, 90 * 60 * 3).astype(np.uint8).reshape(60, 90, 3)
    turned = PillowImage.fromarray(ramp)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.jpg", exif=exif)
    tifffile.imwrite(folder / "deep.tif", np.linspace(0, 65535, 50 * 80).astype(np.uint16).reshape(50, 80))
    palette = PillowImage.fromarray(np.arange(30 * 40, dtype=np.uint16).reshape(30, 40).astype(np.uint8) % 16, mode="P")
    palette.putpalette([value for index in range(16) for value in (index * 16, 255 - index * 16, 80)])
    palette.save(folder / "palette.png", transparency=bytes([0] * 4 + [255] * 12))
    PillowImage.fromarray(np.full((55, 70, 3), 90, np.uint8)).save(folder / "사진 (1) ü.jpg")


def test_every_kind_of_image_is_shown_and_exported(tmp_path: Path, open_person: OpenPerson) -> None:
    folder = tmp_path / "mixed"
    make_images(folder)
    person = open_person([folder])
    workspace = person.workspace
    workspace.set_current_category(workspace.add_category("thing"))
    masks = {}
    for name, (width, height) in SIZES.items():
        person.go_to(name)
        assert workspace.image_size == (width, height)
        pixels = workspace.pixels
        assert pixels is not None
        assert pixels.shape == (height, width, 3)
        mask = Mask.from_polygons([[(5, 5), (25, 5), (25, 20), (5, 20)]], width, height)
        workspace.create_instance(mask, "Rectangle")
        masks[name] = mask
    export(person, "coco", tmp_path / "out")
    (written,) = (tmp_path / "out").rglob("*.json")
    loaded = COCO(str(written))
    assert {i["file_name"]: (i["width"], i["height"]) for i in loaded.dataset["images"]} == SIZES
    for annotation in loaded.dataset["annotations"]:
        name = loaded.imgs[annotation["image_id"]]["file_name"]
        assert np.array_equal(loaded.annToMask(annotation).astype(bool), masks[name].to_array())
