"""The training data: what an index file names, its split by image, and the choice of the next object to learn."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

VALIDATION_PERCENT = 10
IGNORED = 255
"""The value of mask pixels that say nothing."""

SOURCE_WEIGHTS = {
    "voc2010": 0.30,
    "coco_train2017": 0.13,
    "coco_val2017": 0.08,
    "coco_person": 0.07,
    "ccp": 0.10,
    "bsds500": 0.08,
    "camvid": 0.05,
    "facade": 0.03,
    "labelmefacade": 0.03,
    "crackforest": 0.035,
    "cwfid": 0.035,
    "dsb2018": 0.06,
}
"""How often each source is drawn; photos of objects and people most, because that is what is annotated most."""

DEFAULT_SOURCE_WEIGHT = 0.05
UNION_SHARE = 0.65
"""How often an image whose objects together form one (the clothed person) gives that union as the target."""

STUFF_WEIGHT = 0.3

PERMISSIVE = re.compile(
    r"apache|cc0|public domain|no known copyright|image CC BY 2\.0|image CC BY-SA 2\.0|^CC BY 4\.0", re.I
)
"""Licences that ask for no more than naming the author (or sharing alike), for ``--permissive``."""

RESTRICTED = re.compile(r"non-commercial|research|BY-NC|BY-ND", re.I)


class BadIndex(Exception):
    """The index file or a file it names cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class TrainingObject:
    """One labelled object: its value in the mask, its class (None when unknown), area in pixels, thing or stuff."""

    value: int
    category: str | None
    area: int
    is_thing: bool


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """One image of the index with its objects; ``union`` names what all objects together are, if anything."""

    id: str
    image: Path
    mask: Path
    domain: str
    source: str
    licence: str
    objects: tuple[TrainingObject, ...]
    union: str | None

    @property
    def is_validation(self) -> bool:
        """Held out by the hash of its id; video frames by their sequence, so that neighbours stay together."""
        return int(hashlib.sha256(split_key(self.id, self.source).encode()).hexdigest(), 16) % 100 < VALIDATION_PERCENT

    @property
    def is_permissive(self) -> bool:
        return bool(PERMISSIVE.search(self.licence)) and not RESTRICTED.search(self.licence)

    def pixels(self) -> NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB."""
        try:
            # decoded from memory: OpenCV's own file access cannot open every path on every system
            loaded = cv2.imdecode(np.fromfile(self.image, np.uint8), cv2.IMREAD_COLOR)
        except OSError as error:
            raise BadIndex(f"The image {self.image} cannot be read: {error.strerror}.") from error
        if loaded is None:
            raise BadIndex(f"The image {self.image} is damaged or of an unknown kind.")
        return np.ascontiguousarray(loaded[:, :, ::-1])

    def labels(self) -> NDArray[np.uint8]:
        """uint8 (H, W): 0 background, 1..K the objects, 255 ignore."""
        try:
            return np.array(Image.open(self.mask))
        except OSError as error:
            raise BadIndex(f"The mask {self.mask} cannot be read: {error}.") from error


def split_key(image_id: str, source: str) -> str:
    """What decides the split: the id, for video frames of CamVid the sequence (the part before the frame number)."""
    return re.sub(r"[_-]?f?\d+$", "", image_id) if source == "camvid" else image_id


def load_index(folder: Path) -> list[TrainingImage]:
    """All images of ``folder/index.json``. Raises :class:`BadIndex`."""
    path = folder / "index.json"
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["images"]
        return [_image(folder, entry) for entry in entries]
    except OSError as error:
        raise BadIndex(f"The index {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadIndex(f"The index {path} is not in the expected form: {error}.") from error


def _image(folder: Path, entry: dict[str, Any]) -> TrainingImage:
    objects = tuple(
        TrainingObject(int(o["id"]), o.get("category"), int(o["area"]), bool(o.get("isthing", 1)))
        for o in entry["objects"]
    )
    return TrainingImage(
        id=entry["id"],
        image=folder / entry["image"],
        mask=folder / entry["mask"],
        domain=entry["domain"],
        source=entry["source"],
        licence=entry.get("licence", ""),
        objects=objects,
        union=entry.get("union"),
    )


class Sampler:
    """Draws objects: first a source by weight, then an image of it, then an object of that image."""

    def __init__(self, images: list[TrainingImage], seed: int) -> None:
        self._by_source: dict[str, list[TrainingImage]] = {}
        for image in images:
            if image.objects:
                self._by_source.setdefault(image.source, []).append(image)
        if not self._by_source:
            raise BadIndex("There is no image with objects to train on.")
        self._sources = sorted(self._by_source)
        weights = np.array([SOURCE_WEIGHTS.get(source, DEFAULT_SOURCE_WEIGHT) for source in self._sources])
        self._weights = weights / weights.sum()
        self.random = np.random.default_rng(seed)

    def draw(self) -> tuple[TrainingImage, tuple[int, ...]]:
        """An image and the mask values that together are the target."""
        source = self._sources[int(self.random.choice(len(self._sources), p=self._weights))]
        images = self._by_source[source]
        image = images[int(self.random.integers(len(images)))]
        if image.union is not None and self.random.random() < UNION_SHARE:
            return image, tuple(o.value for o in image.objects)
        weights = np.array([max(o.area, 1) ** 0.25 * (1.0 if o.is_thing else STUFF_WEIGHT) for o in image.objects])
        chosen = int(self.random.choice(len(weights), p=weights / weights.sum()))
        return image, (image.objects[chosen].value,)
