"""The index of an evaluation set: images, palette-PNG masks and the objects in them.

One JSON file beside its images: ``images[]`` with ``id, image, mask, domain, objects[]`` (``id`` is the value in the
mask, ``isthing`` 0 for stuff), 255 in a mask is void. Optional ``click_tasks`` name the objects to click; the optional
``text_tasks`` and ``label_sets`` are read by :mod:`inference.evaluation.referring` and ``label_sets``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from inference.evaluation.coco_index import index_document

VOID = 255
"""The mask value of pixels that count neither for nor against a mask."""

_T = TypeVar("_T")


class BadIndex(Exception):
    """The index or a file it names cannot be used; the text is one sentence with the file and the reason."""


@dataclass(frozen=True, slots=True)
class IndexObject:
    """One labelled object: its value in the mask, category name (None when unknown), thing or stuff."""

    id: int
    category: str | None
    is_thing: bool


@dataclass(frozen=True, slots=True)
class IndexImage:
    """One image of the index; paths are absolute.

    ``source`` names the data set that it comes from and ``label_set`` the names that its objects are chosen from (both
    empty when not told). ``all_labelled``: what carries no object is none of them; None when the index does not say.
    """

    id: str
    image: Path
    mask: Path
    domain: str
    objects: tuple[IndexObject, ...]
    source: str = ""
    label_set: str = ""
    all_labelled: bool | None = None


@dataclass(frozen=True, slots=True)
class ClickTask:
    """Segment the object with value ``object_id`` in the image by clicks."""

    image: IndexImage
    object_id: int
    domain: str


@dataclass(frozen=True, slots=True)
class EvaluationIndex:
    """A read index. ``document`` is the raw JSON object, for the task lists that other evaluations define."""

    path: Path
    images: tuple[IndexImage, ...]
    document: Mapping[str, Any]


def load_index(path: Path) -> EvaluationIndex:
    """Read an index file, or a COCO file with mask files (:mod:`inference.evaluation.coco_index`).

    Raises :class:`BadIndex` naming the file and what is wrong with it.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadIndex(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise BadIndex(f"{path} is not a JSON text in UTF-8: {error}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise BadIndex(f"{path} has no list of images.")
    if "annotations" in document:
        document = _from_coco(path, document)
    images = tuple(_image(path, number, entry) for number, entry in enumerate(document["images"]))
    return EvaluationIndex(path, images, document)


def tasks(index: EvaluationIndex) -> tuple[ClickTask, ...]:
    """The click tasks in the order of the index: its ``click_tasks`` when it has them, else every thing object.

    A click task names its image and its object: ``{"image": …, "object": …}`` (``image_id`` and ``object_id`` do as
    well) or a pair. Raises :class:`BadIndex` when a task names an image or an object that the index does not have.
    """
    listed = index.document.get("click_tasks")
    if listed is not None:
        if not isinstance(listed, list):
            raise BadIndex(f"{index.path}: click_tasks is not a list.")
        images = {image.id: image for image in index.images}
        return tuple(_listed_task(index.path, number, entry, images) for number, entry in enumerate(listed))
    return tuple(
        ClickTask(image, each.id, image.domain) for image in index.images for each in image.objects if each.is_thing
    )


def evenly_spaced(items: Sequence[_T], count: int | None) -> tuple[_T, ...]:
    """``count`` items spread evenly over the sequence, the first included; all of them when there are no more."""
    if count is None or count >= len(items):
        return tuple(items)
    return tuple(items[number * len(items) // count] for number in range(max(count, 0)))


def load_pixels(image: IndexImage) -> NDArray[np.uint8]:
    """The pixels of an image of the index, uint8 (H, W, 3) RGB."""
    try:
        with PIL.Image.open(image.image) as opened:
            return np.array(opened.convert("RGB"))
    except OSError as error:
        raise BadIndex(f"{image.image} cannot be read as an image: {error}.") from error


def load_mask(image: IndexImage) -> NDArray[np.uint8]:
    """The values of the mask of an image, uint8 (H, W): 0 background, object ids, :data:`VOID`."""
    try:
        with PIL.Image.open(image.mask) as opened:
            values = np.array(opened)
    except OSError as error:
        raise BadIndex(f"{image.mask} cannot be read as an image: {error}.") from error
    if values.ndim != 2 or values.dtype != np.uint8:
        raise BadIndex(f"{image.mask} is not a palette or grey PNG of 8 bits.")
    return values


def _from_coco(path: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return index_document(path, document)
    except KeyError as error:
        raise BadIndex(f"{path} is a COCO file that cannot be evaluated on: {error.args[0]!r} is missing.") from error
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise BadIndex(f"{path} is a COCO file that cannot be evaluated on: {error}.") from error


def _image(path: Path, number: int, entry: object) -> IndexImage:
    if not isinstance(entry, dict):
        raise BadIndex(f"{path}: images[{number}] is not an object.")
    try:
        objects = tuple(
            IndexObject(int(each["id"]), each.get("category"), bool(each.get("isthing", 1)))
            for each in entry["objects"]
        )
        identity = str(entry.get("id", entry["image"]))
        image, mask = path.parent / entry["image"], path.parent / entry["mask"]
    except KeyError as error:
        raise BadIndex(f"{path}: images[{number}] has no {error.args[0]!r}.") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise BadIndex(f"{path}: images[{number}] has a field of a wrong kind: {error}.") from error
    labelled = entry.get("all_objects_labelled")
    return IndexImage(
        identity,
        image,
        mask,
        str(entry.get("domain", "unnamed")),
        objects,
        source=str(entry.get("source") or ""),
        label_set=str(entry.get("label_set") or ""),
        all_labelled=None if labelled is None else bool(labelled),
    )


def _listed_task(path: Path, number: int, entry: object, images: Mapping[str, IndexImage]) -> ClickTask:
    domain: object = None
    if isinstance(entry, dict):
        image_id = entry.get("image_id", entry.get("image"))
        object_id = entry.get("object_id", entry.get("object"))
        domain = entry.get("domain")
    elif isinstance(entry, list) and len(entry) == 2:
        image_id, object_id = entry
    else:
        raise BadIndex(f"{path}: click_tasks[{number}] does not name an image and an object.")
    image = images.get(str(image_id))
    if image is None:
        raise BadIndex(f"{path}: click_tasks[{number}] names the image {image_id!r}, which the index does not have.")
    if object_id not in {each.id for each in image.objects}:
        raise BadIndex(f"{path}: click_tasks[{number}] names the object {object_id!r}, which {image.id} does not have.")
    return ClickTask(image, int(object_id), image.domain if domain is None else str(domain))
