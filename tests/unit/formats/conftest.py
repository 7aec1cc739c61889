"""A small project with everything that formats must carry: holes, parts, a crowd, odd class ids, Unicode names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from desktop.dataset.changes import AddCategories, AddImages, AddInstances
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, ImageState, Instance, Kind, Provenance
from desktop.dataset.store import Project

WIDTH, HEIGHT = 60, 40


def block(x0: int, y0: int, x1: int, y1: int, *holes: tuple[int, int, int, int]) -> Mask:
    """A rectangle of pixels with rectangular holes."""
    pixels = np.zeros((HEIGHT, WIDTH), np.bool_)
    pixels[y0:y1, x0:x1] = True
    for hx0, hy0, hx1, hy1 in holes:
        pixels[hy0:hy1, hx0:hx1] = False
    return Mask.from_array(pixels)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "project"
    (folder / "photos").mkdir(parents=True)
    names = ("photos/a.jpg", "photos/사진 (1) ü.jpg", "b.png")
    for name in names:
        PillowImage.new("RGB", (WIDTH, HEIGHT), "gray").save(folder / name)
    states = (ImageState.DONE, ImageState.DRAFT, ImageState.REVIEWED)
    with Project.create(folder / "p.maskwright") as opened:
        opened.apply(
            AddImages(tuple(Image(n, p, 0, WIDTH, HEIGHT, state=states[n - 1]) for n, p in enumerate(names, 1))),
            AddCategories(
                (
                    Category(3, "car", "#ff0000", position=0),
                    Category(7, "sky", "#0000ff", Kind.STUFF, "outdoor", 1),
                    Category(90, "cat", "#00ff00", position=2),
                )
            ),
            AddInstances(
                (
                    Instance(1, 1, block(2, 2, 20, 20), 3, {"colour": "red"}, provenance=Provenance(score=0.75)),
                    Instance(2, 1, block(10, 10, 40, 35, (15, 15, 20, 20), (25, 15, 30, 30)), 7, z_order=1),
                    Instance(5, 2, block(1, 1, 5, 5).union(block(20, 20, 30, 33)), 90),
                    Instance(8, 2, block(40, 0, 60, 40), 3, is_crowd=True),
                    Instance(9, 3, block(0, 0, 9, 9)),
                )
            ),
        )
        yield opened
