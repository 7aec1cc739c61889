"""Import of masks kept as PNGs of indices: Pascal VOC folders, and the mask PNGs that Maskwright exports."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.formats.contract import (
    FormatError,
    ImportPlan,
    OptionField,
    Progress,
    Rejected,
    Target,
    checked_options,
    silent,
)
from desktop.dataset.formats.file_values import is_file, is_folder
from desktop.dataset.formats.image_finder import ImageFinder
from desktop.dataset.formats.import_plan import COMMON_FIELDS, plan_of
from desktop.dataset.formats.index_png import read_indices
from desktop.dataset.formats.text_file import read_text
from desktop.dataset.formats.voc import CLASS_PNGS, CLASSES, IGNORED, LABEL_MAP, LISTS, OBJECT_PNGS, VOID
from desktop.dataset.masks import Mask

_VOID_COLOUR = "224,224,192"
_SEPARATE = OptionField("separate", "Without instance PNGs, separate pieces are separate instances", True)


class VocImport:
    """A folder with ``SegmentationClass`` and, for instances, ``SegmentationObject``; or its ``labelmap.txt``."""

    name = "voc"
    title = "Pascal VOC segmentation"
    fields = (*COMMON_FIELDS, _SEPARATE)

    def plan(self, project: Target, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        root = path if is_folder(path) else path.parent
        if not is_folder(root / CLASS_PNGS):
            raise FormatError(f"{root.name} is not a Pascal VOC folder: it has no folder '{CLASS_PNGS}'.")
        label_map = root / LABEL_MAP
        names = _label_map(label_map) if is_file(label_map) else dict(enumerate(CLASSES, start=1))
        reader = _Reader(project, root, chosen, "JPEGImages", {n: {"id": n, "name": name} for n, name in names.items()})
        files = {f.relative_to(root / CLASS_PNGS).with_suffix("").as_posix(): f for f in _pngs(root / CLASS_PNGS)}
        for done, stem in enumerate(dict.fromkeys([*(name for name in _listed(root) if name in files), *files])):
            progress(done / len(files), stem)
            file = files[stem]
            reader.read(stem, file, root / OBJECT_PNGS / file.relative_to(root / CLASS_PNGS), VOID)
        return plan_of(project, label_map, chosen, reader.document(), reader.refused, progress)


class MaskPngImport:
    """The folder that an export as mask PNGs made, or its ``classes.csv``: ``semantic`` and, for instances,
    ``instance`` with ``instances.csv``."""

    name = "mask-png"
    title = "Mask PNG"
    fields = (*COMMON_FIELDS, _SEPARATE)

    def plan(self, project: Target, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        legend = path / "classes.csv" if is_folder(path) else path
        root = legend.parent
        classes, ignore = _legend(legend)
        if not is_folder(root / "semantic"):
            raise FormatError(f"{root.name} has no folder 'semantic' with mask PNGs.")
        reader = _Reader(project, root, chosen, "images", classes)
        reader.ids = _instance_ids(root / "instances.csv")
        files = _pngs(root / "semantic")
        for done, file in enumerate(files):
            progress(done / len(files), file.name)
            name = file.relative_to(root / "semantic")
            reader.read(name.with_suffix("").as_posix(), file, root / "instance" / name, ignore)
        return plan_of(project, legend, chosen, reader.document(), reader.refused, progress)


class _Reader:
    """Turns pairs of index PNGs into a document of COCO instances. ``classes`` maps indices to categories."""

    def __init__(
        self,
        project: Target,
        root: Path,
        options: Mapping[str, Any],
        pictures: str,
        classes: Mapping[int, dict[str, Any]],
    ) -> None:
        self._finder = ImageFinder(project, root, (options["images"], root / pictures, root / "images"))
        self._root, self._classes, self._separate = root, classes, options["separate"]
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self.ids: Mapping[tuple[str, int], int] = {}
        self.refused: list[Rejected] = []

    def document(self) -> dict[str, Any]:
        if len({a["id"] for a in self._annotations}) < len(self._annotations):
            self._annotations = [{**a, "id": number} for number, a in enumerate(self._annotations, 1)]
        return {"images": self._images, "annotations": self._annotations, "categories": list(self._classes.values())}

    def read(self, stem: str, semantic: Path, instance: Path, ignore: int | None) -> None:
        """Add one image. Index 0 and ``ignore`` are no class."""
        what = semantic.relative_to(self._root).as_posix()
        image = self._finder.find(stem)
        if image is None:
            self.refused.append(Rejected(what, "its image is neither in the project nor beside the masks"))
            return
        size = (image.width, image.height)
        try:
            classes = read_indices(semantic, size)
            objects = read_indices(instance, size) if is_file(instance) else None
        except FormatError as error:
            self.refused.append(Rejected(what, str(error).rstrip(".")))
            return
        number = len(self._images) + 1
        self._images.append(image.entry(number))
        known = np.isin(classes, [index for index in np.unique(classes) if index in self._classes])
        strange = {int(v) for v in np.unique(classes[~known])} - {0, ignore}
        if strange:
            listed = ", ".join(map(str, sorted(strange)[:5]))
            self.refused.append(Rejected(what, f"the legend has no class {listed}"))
        found = self._pieces(classes, known) if objects is None else _objects(classes, objects, known)
        for value, index, mask in found:
            stored = self.ids.get((image.name, value)) or self.ids.get((stem, value))
            self._annotations.append(
                {
                    "id": stored or len(self._annotations) + 1,
                    "image_id": number,
                    "category_id": self._classes[index]["id"],
                    "segmentation": mask,
                    "what": f"{what}, instance {value}",
                }
            )

    def _pieces(self, classes: NDArray[np.uint32], known: NDArray[np.bool_]) -> list[tuple[int, int, Mask]]:
        """Without instance PNGs: the pixels of a class, or its connected pieces."""
        found = []
        for index in np.unique(classes[known]).tolist():
            whole = Mask.from_array(classes == index)
            found += [(index, piece) for piece in (whole.components() if self._separate else [whole])]
        return [(number, index, mask) for number, (index, mask) in enumerate(found, 1)]


def _objects(
    classes: NDArray[np.uint32], objects: NDArray[np.uint32], known: NDArray[np.bool_]
) -> list[tuple[int, int, Mask]]:
    """(value, class index, mask) of each object; its class is the one that most of its pixels have."""
    found = []
    for value in np.unique(objects[known & (objects > 0)]).tolist():
        where = objects == value
        indices, counts = np.unique(classes[where & known], return_counts=True)
        found.append((value, int(indices[counts.argmax()]), Mask.from_array(where)))
    return found


def _pngs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))


def _listed(root: Path) -> list[str]:
    """The images in the order of VOC's lists; lists that cannot be read order nothing."""
    names: list[str] = []
    for file in sorted((root / LISTS).glob("*.txt")):
        with contextlib.suppress(FormatError):
            names += [line.strip() for line in read_text(file).split("\n")]
    return names


def _label_map(path: Path) -> dict[int, str]:
    lines = [line.strip() for line in read_text(path).split("\n")]
    # a name may have colons itself; three more follow it
    rows = [line.rsplit(":", 3) for line in lines if line and not line.startswith("#")]
    names = [row[0] if len(row) == 4 else ":".join(row).split(":")[0] for row in rows]
    if names and rows[-1][:2] == [IGNORED, _VOID_COLOUR]:  # void, not a class
        names.pop()
    if len(names) < 2:
        raise FormatError(f"{path.name} names no classes.")
    return dict(enumerate(names[1:], start=1))


def _legend(path: Path) -> tuple[dict[int, dict[str, Any]], int | None]:
    """Categories by index, and the index of what is to be ignored."""
    classes: dict[int, dict[str, Any]] = {}
    ignore = None
    try:
        for row in csv.DictReader(io.StringIO(read_text(path))):
            index = int(row["index"])
            if row["name"] == "ignore" and not row["id"]:
                ignore = index
            elif index:
                rgb = list(bytes.fromhex(row["colour"].lstrip("#")))
                classes[index] = {"id": int(row["id"] or index), "name": row["name"], "color": rgb}
    except (KeyError, TypeError, ValueError, AttributeError, csv.Error):
        raise FormatError(f"{path.name} is not a legend with the columns index, name, colour, id.") from None
    if not classes:
        raise FormatError(f"{path.name} names no classes.")
    return classes, ignore


def _instance_ids(path: Path) -> dict[tuple[str, int], int]:
    """Annotation ids by image name and value; nothing when the table is not there or not understood."""
    if not is_file(path):
        return {}
    try:
        return {(r["image"], int(r["value"])): int(r["id"]) for r in csv.DictReader(io.StringIO(read_text(path)))}
    except (KeyError, TypeError, ValueError, csv.Error, FormatError):
        return {}
