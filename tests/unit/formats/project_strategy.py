"""Random small projects with everything that formats must carry, and a place on disk for them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from hypothesis import strategies as st
from PIL import Image as PillowImage

from desktop.dataset.changes import AddCategories, AddImages, AddInstances, Change, ReplaceImages
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, Instance, Kind, Provenance

_LETTERS = st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters='/\\:*?"<>|\u0085')
_WORDS = st.text(_LETTERS, min_size=1, max_size=8)
FILE_NAMES = st.one_of(
    st.sampled_from(
        [
            "a.png",
            "A.jpg",
            "b/a.png",
            "b__a.png",
            "사진 (1) ü.jpg",
            "x.page2.png",
            "train/c.png",
            "val/d.tar.png",
            "é.bmp",
        ]
    ),
    _WORDS.map(lambda word: word.strip(" .") + ".png").filter(lambda name: not name.startswith(".")),
)
CLASS_NAMES = st.one_of(
    st.sampled_from(["car", "a:b", "true", "1", "null", "꽃, 'rose'", "<x>&", 'say "hi"', "ignore", "background"]),
    _WORDS.filter(str.strip),
)
COLOURS = st.integers(0, 2**24 - 1).map(lambda value: f"#{value:06x}")


@dataclass(frozen=True)
class Drawn:
    """A project as values; :func:`on_disk` adds its image files."""

    images: tuple[Image, ...]
    categories: tuple[Category, ...]
    instances: tuple[Instance, ...]


@st.composite
def _masks(draw: st.DrawFn, width: int, height: int) -> Mask:
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random((height, width), np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), draw(st.sampled_from([0.2, 1.5, 4.0])))
    return Mask.from_array(blurred >= np.quantile(blurred, draw(st.floats(0.3, 0.999))))


@st.composite
def projects(draw: st.DrawFn, *, crowds: bool = True) -> Drawn:
    """Up to three images and five instances; ids have gaps, names are of all kinds, images may be empty.

    Class names are unique and without spaces at their ends, as the window keeps them.
    """
    paths = draw(st.lists(FILE_NAMES, min_size=1, max_size=3, unique_by=str.casefold))
    image_ids = sorted(draw(st.sets(st.integers(1, 50), min_size=len(paths), max_size=len(paths))))
    sides = st.integers(1, 24)
    images = tuple(Image(n, path, 0, draw(sides), draw(sides)) for n, path in zip(image_ids, paths, strict=True))
    names = draw(st.lists(CLASS_NAMES.map(str.strip), min_size=1, max_size=3, unique=True))
    class_ids = draw(st.lists(st.integers(1, 99), min_size=len(names), max_size=len(names), unique=True))
    kinds, parents = st.sampled_from(Kind), st.none() | st.sampled_from(["outdoor", "땅"])
    categories = tuple(
        Category(n, name, draw(COLOURS), draw(kinds), draw(parents), position)
        for position, (n, name) in enumerate(zip(class_ids, names, strict=True))
    )
    instances = []
    for number in sorted(draw(st.sets(st.integers(1, 200), max_size=5))):
        image = draw(st.sampled_from(images))
        score = draw(st.none() | st.floats(0, 1))
        instances.append(
            Instance(
                number,
                image.id,
                draw(_masks(image.width, image.height)),
                draw(st.sampled_from([*class_ids, None])),
                draw(st.dictionaries(st.sampled_from(["colour", "메모", "truncated"]), _WORDS, max_size=2)),
                crowds and draw(st.booleans()),
                draw(st.integers(-2, 2)),
                provenance=Provenance(score=score),
            )
        )
    return Drawn(images, categories, tuple(instances))


class MemoryProject:
    """What formats read and change of a project, without a file: hundreds of them a second."""

    def __init__(self, folder: Path, drawn: Drawn | None = None) -> None:
        self.folder = folder
        self._images = {image.id: image for image in drawn.images} if drawn else {}
        self._categories = {category.id: category for category in drawn.categories} if drawn else {}
        self._instances = {instance.id: instance for instance in drawn.instances} if drawn else {}

    def images(self) -> Sequence[Image]:
        return list(self._images.values())

    def categories(self) -> Sequence[Category]:
        return list(self._categories.values())

    def instances(self, image_id: int) -> Sequence[Instance]:
        return [instance for instance in self._instances.values() if instance.image_id == image_id]

    def reserve_image_id(self) -> int:
        return max(self._images, default=0) + 1

    def reserve_category_id(self) -> int:
        return max(self._categories, default=0) + 1

    def reserve_instance_id(self) -> int:
        return max(self._instances, default=0) + 1

    def apply(self, *changes: Change) -> None:
        """Take the changes of an import; a wrong reference in them is an error, as in a real project."""
        for change in changes:
            match change:
                case AddImages(images) | ReplaceImages(images):
                    self._images.update({image.id: image for image in images})
                case AddCategories(categories):
                    self._categories.update({category.id: category for category in categories})
                case AddInstances(instances):
                    for instance in instances:
                        image = self._images[instance.image_id]
                        assert (instance.mask.width, instance.mask.height) == (image.width, image.height)
                        assert instance.category_id in self._categories
                        assert instance.id not in self._instances
                        self._instances[instance.id] = instance
                case _:
                    raise AssertionError(f"An import makes no {type(change).__name__}.")


@contextmanager
def on_disk(drawn: Drawn) -> Iterator[tuple[MemoryProject, Path]]:
    """The project with its image files, and an empty folder beside it that goes away with it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "project"
        home.mkdir()
        for image in drawn.images:
            file = home / image.path
            file.parent.mkdir(parents=True, exist_ok=True)
            PillowImage.new("L", (image.width, image.height)).save(file)
        yield MemoryProject(home, drawn), Path(folder)
