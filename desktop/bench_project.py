"""A made-up project of the size of a real data set, for measuring: ``maskwright bench scale`` and ``tests/perf``.

Qt-free. The same numbers always make the same project. Image files are hard links to a few pictures under their own
names, so that tens of thousands cost nothing on the disk; masks are drawn once and given to many images, which costs
every reader the same as if all were different.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from desktop.dataset.changes import AddCategories, AddImages, AddInstances
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, ImageState, Instance, Provenance, ReviewState
from desktop.dataset.palette import class_colour
from desktop.dataset.store import Project

SIZE = (640, 480)
VERTICES = 50
CLASSES = 30
FOLDERS = 20
PICTURES = 16
SHAPES = 4000
_BATCH = 500
"""Images of one transaction."""

_STATES = (
    *(ImageState.DRAFT,) * 6,
    *(ImageState.DONE,) * 8,
    *(ImageState.REVIEWED,) * 4,
    ImageState.REJECTED,
    ImageState.EMPTY,
)
"""Of twenty images."""


def outlines(count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> Iterator[list[tuple[float, float]]]:
    """Wavy closed outlines of :data:`VERTICES` vertices (x, y), inside an image of ``size`` (width, height)."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    for _ in range(count):
        radius = rng.uniform(10, 60) * (1 + 0.2 * np.sin(rng.integers(2, 6) * angles + rng.uniform(0, 6)))
        x, y = rng.uniform(80, size[0] - 80), rng.uniform(80, size[1] - 80)
        yield list(zip((x + radius * np.cos(angles)).tolist(), (y + radius * np.sin(angles)).tolist(), strict=True))


def shapes(count: int, size: tuple[int, int] = SIZE, seed: int = 0) -> list[Mask]:
    """The masks of :func:`outlines`."""
    return [Mask.from_polygons([outline], *size) for outline in outlines(count, size, seed)]


def make(path: Path, images: int, instances: int, seed: int = 0) -> Project:
    """A new project at ``path`` with its image files beside it, open for writing; everything is in the file.

    Classes, states, scores and sources are mixed; empty images have no instances and the others share them evenly.
    """
    rng = np.random.default_rng(seed)
    names = [
        f"camera_{number % FOLDERS:02}/{number // FOLDERS:05}_{('street', 'yard', 'hall')[number % 3]}.jpg"
        for number in range(images)
    ]
    _write_pictures(path.parent, names)
    project = Project.create(path)
    categories = tuple(
        Category(project.reserve_category_id(), f"class {number + 1}", class_colour(number), position=number)
        for number in range(CLASSES)
    )
    project.apply(AddCategories(categories))
    states = [_STATES[number % len(_STATES)] for number in range(images)]
    full = sum(state is not ImageState.EMPTY for state in states)
    shares = np.diff(np.linspace(0, instances, full + 1).astype(int)).tolist() if full else []
    pool = shapes(min(SHAPES, max(instances, 1)), seed=seed)
    for first in range(0, images, _BATCH):
        pictures: list[Image] = []
        found: list[Instance] = []
        for number in range(first, min(first + _BATCH, images)):
            width, height = SIZE
            image = Image(project.reserve_image_id(), names[number], width=width, height=height, state=states[number])
            pictures.append(image)
            count = 0 if image.state is ImageState.EMPTY else shares.pop()
            found += _instances(project, image, count, categories, pool, rng)
        project.apply(AddImages(tuple(pictures)), AddInstances(tuple(found)))
        project.flush(60.0)
    return project


def _instances(
    project: Project,
    image: Image,
    count: int,
    categories: Sequence[Category],
    pool: Sequence[Mask],
    rng: np.random.Generator,
) -> list[Instance]:
    made = []
    kinds, which, scores = rng.integers(0, len(categories), count), rng.integers(0, len(pool), count), rng.random(count)
    for z_order, (kind, shape, score) in enumerate(zip(kinds.tolist(), which.tolist(), scores.tolist(), strict=True)):
        by_engine = score > 0.4
        provenance = Provenance(
            source="lite" if by_engine else "hand",
            score=round(score, 3) if by_engine else None,
            created="2026-01-01T00:00:00+00:00",
        )
        review = ReviewState.REVIEWED if image.state is ImageState.REVIEWED else ReviewState.DRAFT
        made.append(
            Instance(
                project.reserve_instance_id(),
                image.id,
                pool[shape],
                categories[kind].id,
                z_order=z_order,
                review=review,
                provenance=provenance,
            )
        )
    return made


def _write_pictures(folder: Path, names: list[str]) -> None:
    """Files by name, links to a few smooth colour pictures with noise."""
    store = folder / ".pictures"
    store.mkdir(parents=True, exist_ok=True)
    originals = []
    for number in range(min(PICTURES, len(names))):
        rng = np.random.default_rng(number)
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        pixels = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
        done, data = cv2.imencode(".jpg", pixels)
        assert done
        originals.append(store / f"{number}.jpg")
        originals[-1].write_bytes(data.tobytes())
    for parent in {Path(name).parent for name in names}:
        (folder / parent).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        os.link(originals[number % len(originals)], folder / name)
