"""Pascal VOC segmentation: class and object PNGs with the VOC palette, boxes in XML, lists of images (ux.md §18).

What the format cannot hold: more than 254 classes, more than 254 objects in an image, overlaps (the z-order decides),
ids, attributes, scores, provenance. Crowds become void (255), which trainers leave out.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from desktop.dataset.formats.carry_out import PerImageExport, Planned, stems
from desktop.dataset.formats.contract import (
    COMMON_FIELDS,
    FormatError,
    Problem,
    Source,
)
from desktop.dataset.formats.output import Staging
from desktop.dataset.formats.painting import IndexMap, painted, visible
from desktop.dataset.formats.selection import Chosen, select
from desktop.dataset.formats.traits import Trait
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance

VOID = 255
IGNORED = "ignored"
"""What readers of label maps call the colour of void; without it they refuse files with crowds."""

CLASS_PNGS, OBJECT_PNGS, BOXES, LISTS = (
    "SegmentationClass",
    "SegmentationObject",
    "Annotations",
    "ImageSets/Segmentation",
)
LABEL_MAP = "labelmap.txt"
"""One line ``name:red,green,blue::`` for each class in the order of the indices, ``background`` first."""

CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""The classes of VOC itself, in the order of their indices from 1; a folder without a label map has these."""


class VocExport(PerImageExport):
    """The folders of VOC's development kit for segmentation, and ``labelmap.txt``."""

    name = "voc"
    title = "Pascal VOC segmentation"
    fields = COMMON_FIELDS
    keeps = frozenset({Trait.SEPARATE, Trait.STUFF_PIECES, Trait.UNUSED_CLASSES, Trait.HOLES})

    def planned(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
        return _Plan(source, options).planned()


class _Plan:
    def __init__(self, source: Source, options: Mapping[str, Any]) -> None:
        self._selection = select(source, options)
        # VOC's lists name images by one word without folders
        self._stems = {image: stem.replace("/", "__") for image, stem in stems(self._selection).items()}
        twice = Counter(stem.casefold() for stem in self._stems.values())
        for stem in self._stems.values():
            if twice[stem.casefold()] > 1:
                raise FormatError(f"Two images would be called {stem} in Pascal VOC, which has no folders.")
        for category in self._selection.categories:
            if not _writable(category.name):
                raise FormatError(f"Pascal VOC cannot hold the class name '{category.name}'.")
        if len(self._selection.categories) >= VOID:
            raise FormatError(f"Pascal VOC can hold {VOID - 1} classes at most.")
        self._classes = {c.id: n for n, c in enumerate(self._selection.categories, start=1)}
        self._palette = voc_palette()

    def planned(self) -> Planned:
        problems = list(self._selection.problems)
        for item in self._selection.images:
            if len(item.instances) >= VOID:
                raise FormatError(f"{item.name} has more than {VOID - 1} instances, which a VOC PNG cannot hold.")
            if crowds := sum(instance.is_crowd for instance in item.instances):
                problems.append(Problem(f"{crowds} crowds become void (255).", item.name))
        files = [name for item in self._selection.images for name in self._files(item)]
        lists = [f"{LISTS}/{part or 'train'}.txt" for part in self._selection.splits]
        return Planned(
            self._selection,
            tuple(problems),
            (*files, *lists, LABEL_MAP),
            self._write_image,
            self._write_rest,
            said=frozenset({Trait.CROWDS}),
        )

    def _files(self, item: Chosen) -> tuple[str, str, str]:
        stem = self._stems[item.image.id]
        return f"{CLASS_PNGS}/{stem}.png", f"{OBJECT_PNGS}/{stem}.png", f"{BOXES}/{stem}.xml"

    def _write_image(self, item: Chosen, staging: Staging) -> Sequence[Problem]:
        of_class, of_object, boxes = (staging.path(name) for name in self._files(item))
        classes = painted(item, lambda _, i: VOID if i.is_crowd else self._classes[i.category_id or 0])
        seen = [i for i in visible(item) if not i.is_crowd]
        numbers = {instance.id: number for number, instance in enumerate(seen, 1)}
        objects = painted(item, lambda _, i: VOID if i.is_crowd else numbers.get(i.id, 0))
        for path, indices in ((of_class, classes), (of_object, objects)):
            self._picture(indices).save(path, "PNG")
        tree = ElementTree.ElementTree(self._xml(item, seen, objects))
        ElementTree.indent(tree)
        tree.write(boxes, encoding="utf-8")
        return ()

    def _picture(self, indices: IndexMap) -> PillowImage.Image:
        picture = PillowImage.fromarray(indices.astype(np.uint8)).convert("L")
        picture.putpalette(self._palette.tobytes())
        return picture

    def _xml(self, item: Chosen, seen: Sequence[Instance], objects: IndexMap) -> ElementTree.Element:
        """Boxes count pixels from 1 and include their last one, as VOC's own do."""
        root = ElementTree.Element("annotation")
        names = {category.id: category.name for category in self._selection.categories}
        _add(root, "folder", str(PurePosixPath(item.name).parent))
        _add(root, "filename", PurePosixPath(item.name).name)
        size = ElementTree.SubElement(root, "size")
        for tag, value in (("width", item.image.width), ("height", item.image.height), ("depth", 3)):
            _add(size, tag, str(value))
        _add(root, "segmented", "1")
        for number, instance in enumerate(seen, start=1):
            entry = ElementTree.SubElement(root, "object")
            _add(entry, "name", names[instance.category_id or 0])
            box = ElementTree.SubElement(entry, "bndbox")
            x0, y0, x1, y1 = Mask.from_array(objects == number).bbox
            for tag, value in (("xmin", x0 + 1), ("ymin", y0 + 1), ("xmax", x1), ("ymax", y1)):
                _add(box, tag, str(value))
        return root

    def _write_rest(self, staging: Staging) -> None:
        for part in self._selection.splits:
            names = sorted(f"{self._stems[i.image.id]}\n" for i in self._selection.images if i.split == part)
            staging.path(f"{LISTS}/{part or 'train'}.txt").write_text("".join(names), "utf-8", newline="")
        lines = ["background:0,0,0::\n"]
        for number, category in enumerate(self._selection.categories, start=1):
            rgb = ",".join(str(value) for value in self._palette[number])
            lines.append(f"{category.name}:{rgb}::\n")
        if all(category.name != IGNORED for category in self._selection.categories):
            lines.append(f"{IGNORED}:{','.join(str(value) for value in self._palette[VOID])}::\n")
        staging.path(LABEL_MAP).write_text("".join(lines), "utf-8", newline="")


def _writable(name: str) -> bool:
    """Whether a line of the label map, where ``#`` begins a remark, and XML can hold the name."""
    plain = not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)
    return plain and name == name.strip() and not name.startswith("#") and not {"\ufffe", "\uffff"} & set(name)


def voc_palette() -> NDArray[np.uint8]:
    """(256, 3): the colours of VOC's indices: bit n of the index in red, green, blue in turn, highest bits first."""
    index = np.arange(256, dtype=np.uint32)
    colours = np.zeros((256, 3), np.uint32)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((index >> channel) & 1) << (7 - bit)
        index >>= 3
    return colours.astype(np.uint8)


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text
