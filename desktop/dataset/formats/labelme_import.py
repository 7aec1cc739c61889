"""Import of labelme files: one JSON, or a folder of them."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from desktop.dataset.errors import MaskError
from desktop.dataset.formats import coco_segmentation
from desktop.dataset.formats.contract import (
    FormatError,
    ImportPlan,
    Progress,
    Rejected,
    Target,
    checked_options,
    silent,
)
from desktop.dataset.formats.file_values import is_folder
from desktop.dataset.formats.import_plan import COMMON_FIELDS, plan_of
from desktop.dataset.formats.index_png import read_png
from desktop.dataset.formats.json_file import read_json_object
from desktop.dataset.formats.labelme import ATTRIBUTES, CROWD, SCORE, Z_ORDER
from desktop.dataset.masks import Mask

MAX_SIDE = 100_000
"""Images with a longer side than this are refused: the file would ask for more memory than there is."""


class LabelmeImport:
    """Polygons, rectangles, circles and masks; shapes of one label and ``group_id`` are one object. Points and lines
    are refused, because they have no area."""

    name = "labelme"
    title = "labelme"
    fields = COMMON_FIELDS

    def plan(self, project: Target, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        root = path if is_folder(path) else path.parent
        files = sorted(path.rglob("*.json")) if is_folder(path) else [path]
        if not files:
            raise FormatError(f"{path.name} holds no labelme files (*.json).")
        reader = _Reader(root, project.folder)
        for done, file in enumerate(files):
            progress(done / len(files), file.name)
            reader.read(file, alone=not is_folder(path))
        return plan_of(project, root / files[0].name, chosen, reader.document(), reader.refused, progress)


class _Reader:
    def __init__(self, root: Path, project: Path) -> None:
        self._root, self._project = root, project
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._classes: dict[str, int] = {}
        self.refused: list[Rejected] = []

    def document(self) -> dict[str, Any]:
        categories = [{"id": number, "name": name} for name, number in self._classes.items()]
        return {"images": self._images, "annotations": self._annotations, "categories": categories}

    def read(self, file: Path, *, alone: bool) -> None:
        """Add what is in one file. Raises :class:`FormatError` only when the file is all there is."""
        name = file.relative_to(self._root).as_posix()
        try:
            document = read_json_object(file)
            shapes, image = document.get("shapes"), document.get("imagePath")
            if not isinstance(shapes, list) or not isinstance(image, str):
                raise FormatError(f"{file.name} is not a labelme file: it has no 'shapes' and 'imagePath'.")
        except FormatError as error:
            if alone:
                raise
            self.refused.append(Rejected(name, str(error).rstrip(".")))
            return
        width, height = document.get("imageWidth"), document.get("imageHeight")
        if not all(isinstance(v, int) and 0 < v <= MAX_SIDE for v in (width, height)):
            self.refused.append(Rejected(name, "it does not say how large its image is"))
            return
        number = len(self._images) + 1
        target = self._image_name(file, image)
        self._images.append({"id": number, "file_name": target, "width": width, "height": height})
        for entry in self._objects(name, shapes, int(width or 0), int(height or 0)):
            self._annotations.append({**entry, "id": len(self._annotations) + 1, "image_id": number})

    def _image_name(self, file: Path, image: str) -> str:
        """The image's path from the root or the project's folder where it lies in one of them, else its bare name."""
        path = PurePosixPath(image.replace("\\", "/"))
        for folder in (self._root, self._project):
            try:
                return (file.parent / path).resolve().relative_to(folder.resolve()).as_posix()
            except (ValueError, OSError):
                continue
        return path.name

    def _objects(self, name: str, shapes: list[Any], width: int, height: int) -> Iterator[dict[str, Any]]:
        groups: dict[tuple[str, object], dict[str, Any]] = {}
        for number, shape in enumerate(shapes, 1):
            what = f"{name}, shape {number}"
            try:
                label, mask = _label(shape), _mask_of(shape, width, height)
            except (MaskError, FormatError, ValueError, OverflowError) as error:
                self.refused.append(Rejected(what, str(error).rstrip(".")))
                continue
            group = shape.get("group_id")
            key = (label, number if group is None else ("group", str(group)))
            if key in groups:
                groups[key]["segmentation"] = groups[key]["segmentation"].union(mask)
                continue
            attributes = shape.get(ATTRIBUTES)
            groups[key] = {
                "what": what,
                "category_id": self._classes.setdefault(label, len(self._classes) + 1),
                "segmentation": mask,
                "iscrowd": int(bool(shape.get(CROWD, False))),
                "attributes": attributes if isinstance(attributes, dict) else {},
                "z_order": shape.get(Z_ORDER, 0),
                "score": shape.get(SCORE),
            }
        yield from groups.values()


def _label(shape: Any) -> str:
    label = shape.get("label") if isinstance(shape, dict) else None
    if not isinstance(label, str) or not label.strip():
        raise FormatError("it has no label")
    return label


def _mask_of(shape: Mapping[str, Any], width: int, height: int) -> Mask:
    """The pixels of a shape. Raises an error whose text is the reason why there are none."""
    kind, points = shape.get("shape_type") or "polygon", shape.get("points")
    if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
        raise FormatError("its points are not pairs of numbers")
    flat = [value for point in points for value in point]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in flat):
        raise FormatError("a coordinate is not a finite number")
    if kind in ("polygon", "oriented_rectangle"):
        return coco_segmentation.read([flat], width, height)
    if kind not in ("mask", "rectangle", "circle"):
        raise FormatError(f"a {kind} has no area")
    if len(points) != 2:
        raise FormatError(f"a {kind} needs two points")
    (x0, y0), (x1, y1) = points
    if kind == "mask":
        return _from_png(shape.get("mask"), (round(x0), round(y0), round(x1), round(y1)), width, height)
    if kind == "rectangle":
        return coco_segmentation.read([[x0, y0, x1, y0, x1, y1, x0, y1]], width, height)
    angles, radius = np.linspace(0, 2 * np.pi, 128, endpoint=False), math.hypot(x1 - x0, y1 - y0)
    ring = np.stack([x0 + radius * np.cos(angles), y0 + radius * np.sin(angles)], 1)
    return coco_segmentation.read([ring.ravel().tolist()], width, height)


def _from_png(data: Any, pixels: tuple[int, int, int, int], width: int, height: int) -> Mask:
    """``pixels``: the first and the last column and row of the mask as x0, y0, x1, y1."""
    x0, y0, x1, y1 = pixels
    if not isinstance(data, str):
        raise FormatError("it is a mask without pixels")
    if x0 < 0 or y0 < 0 or x1 >= width or y1 >= height or x1 < x0 or y1 < y0:
        raise FormatError("its mask lies outside the image")
    try:
        content = base64.b64decode(data, validate=True)
    except ValueError:
        raise FormatError("its mask is not base64") from None
    picture = read_png(io.BytesIO(content), "its mask", (x1 - x0 + 1, y1 - y0 + 1))
    crop = np.asarray(picture.convert("L")) > 0 if picture.mode != "1" else np.asarray(picture)
    return Mask.from_crop(crop, x0, y0, width, height)
