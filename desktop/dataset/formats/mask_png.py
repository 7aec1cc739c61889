"""Export of masks as PNG files, with a legend and a preview (ux.md §18)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from desktop.dataset.formats.carry_out import PerImageExport, Planned, stems
from desktop.dataset.formats.contract import (
    COMMON_FIELDS,
    FormatError,
    OptionField,
    Problem,
    Source,
)
from desktop.dataset.formats.limits import merged_instances
from desktop.dataset.formats.output import Staging
from desktop.dataset.formats.painting import IndexMap, painted, visible
from desktop.dataset.formats.selection import Chosen, Selection, select
from desktop.dataset.formats.traits import Trait
from desktop.dataset.model import Category, Instance

KINDS = ("semantic", "instance", "objects", "colour")
PREVIEW_SIDE = 256
MAX_16_BIT = 65535


class MaskPngExport(PerImageExport):
    """Folders ``semantic``, ``instance``, ``objects``, ``colour`` and ``preview`` with one PNG per image (for
    ``objects`` one per instance), ``classes.csv`` and ``instances.csv``. With a split, one such tree for each part."""

    name = "mask-png"
    title = "Mask PNG"
    fields = (
        *COMMON_FIELDS,
        OptionField("kinds", "Kinds", "semantic,instance"),
        OptionField("ignore", "Unlabelled and crowds become ignore (255)", False),
        OptionField("overlap", "On top where instances overlap", "z-order", ("z-order", "class priority")),
        OptionField("preview", "Write preview thumbnails", True),
    )
    keeps = frozenset(
        {
            Trait.SEPARATE, Trait.STUFF_PIECES, Trait.INSTANCE_IDS, Trait.CLASS_IDS, Trait.COLOURS,
            Trait.UNUSED_CLASSES, Trait.HOLES,
        }
    )  # fmt: skip
    """``class priority``: the class higher in the list is on top; equal ones go by z-order, then by id."""

    def kept(self, options: Mapping[str, Any]) -> frozenset[Trait]:
        apart = "instance" in _kinds(options["kinds"]) or "objects" in _kinds(options["kinds"])
        return self.keeps if apart else self.keeps - {Trait.SEPARATE, Trait.STUFF_PIECES, Trait.INSTANCE_IDS}

    def planned(self, source: Source, folder: Path, options: Mapping[str, Any]) -> Planned:
        return _Plan(source, options).planned()


class _Plan:
    """What goes into which file."""

    def __init__(self, source: Source, options: Mapping[str, Any]) -> None:
        self.options = options
        self.kinds = _kinds(options["kinds"])
        self.selection: Selection = select(source, options, keep_unlabelled=options["ignore"])
        self.classes = {c.id: n for n, c in enumerate(self.selection.categories, start=1)}
        self.wide = len(self.classes) > (254 if options["ignore"] else 255)
        self.ignore = (MAX_16_BIT if self.wide else 255) if options["ignore"] else None
        if len(self.classes) >= MAX_16_BIT:
            raise FormatError("Mask PNGs can hold 65534 classes at most.")
        self.stems = stems(self.selection)

    def planned(self) -> Planned:
        names = [name for item in self.selection.images for name in self.names(item)]
        files = (*names, *self.table_names())
        said = frozenset({Trait.CROWDS} if self.ignore is not None else ())
        return Planned(self.selection, self._problems(), files, self._write_image, self._write_rest, said)

    def _write_image(self, item: Chosen, staging: Staging) -> Sequence[Problem]:
        for name, picture in self.pictures(item):
            picture.save(staging.path(name), "PNG")
        return ()

    def _write_rest(self, staging: Staging) -> None:
        for part in self.selection.splits:
            start = f"{part}/" if part else ""
            staging.path(f"{start}classes.csv").write_text(self._classes_table(), "utf-8", newline="")
            if "instance" in self.kinds:
                table = self._instances_table(part)
                staging.path(f"{start}instances.csv").write_text(table, "utf-8", newline="")

    def _problems(self) -> tuple[Problem, ...]:
        found = list(self.selection.problems)
        for item in self.selection.images:
            if len(item.instances) > MAX_16_BIT:
                raise FormatError(f"{item.name} has more instances than a 16-bit PNG can hold.")
        if self.ignore is not None:
            crowds = sum(instance.is_crowd for item in self.selection.images for instance in item.instances)
            if crowds:
                found.append(Problem(f"Pixels of crowds become ignore ({self.ignore}); there are {crowds}."))
        if not {"instance", "objects"} & set(self.kinds):
            found += merged_instances(self.selection.images, lambda instance: instance.category_id)
        if self.wide:
            found.append(Problem("More classes than 8 bits hold: semantic PNGs are 16-bit and have no palette."))
        return tuple(found)

    def names(self, item: Chosen) -> list[str]:
        """The PNG files of one image."""
        names = [self._name(kind, item) for kind in KINDS if kind in self.kinds and kind != "objects"]
        if "objects" in self.kinds:
            names += [self._object_name(item, i) for i in item.instances if not self._ignored(i)]
        return [*names, *([self._name("preview", item)] if self.options["preview"] else [])]

    def pictures(self, item: Chosen) -> list[tuple[str, PillowImage.Image]]:
        """The PNGs of one image, in the order of :meth:`names`."""
        semantic = self._paint(item, lambda _, i: self._class_index(i))
        made: dict[str, PillowImage.Image] = {}
        if "semantic" in self.kinds:
            made[self._name("semantic", item)] = _grey16(semantic) if self.wide else self._indexed(semantic)
        if "instance" in self.kinds:
            values = self._values(item)
            numbers = self._paint(item, lambda _, i: values.get(i.id, 0))
            made[self._name("instance", item)] = _grey16(numbers)
        coloured = self._coloured(semantic)
        if "colour" in self.kinds:
            made[self._name("colour", item)] = coloured
        if "objects" in self.kinds:
            for i in item.instances:
                if not self._ignored(i):
                    pixels = i.mask.to_array().astype(np.uint8) * 255
                    made[self._object_name(item, i)] = PillowImage.fromarray(pixels)
        if self.options["preview"]:
            coloured = coloured.copy()
            coloured.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), PillowImage.Resampling.NEAREST)
            made[self._name("preview", item)] = coloured
        return [(name, made[name]) for name in self.names(item)]

    def table_names(self) -> list[str]:
        """The legends of each part of the split: ``classes.csv`` and, with instance PNGs, ``instances.csv``."""
        tables = ["classes.csv", *(["instances.csv"] if "instance" in self.kinds else [])]
        return [f"{part}/{table}".lstrip("/") for part in self.selection.splits for table in tables]

    def _classes_table(self) -> str:
        rows: list[Sequence[object]] = [("index", "name", "colour", "id"), (0, "background", "#000000", "")]
        rows += [(self.classes[c.id], c.name, c.colour, c.id) for c in self.selection.categories]
        if self.ignore is not None:
            rows.append((self.ignore, "ignore", "#ffffff", ""))
        return _csv(rows)

    def _instances_table(self, part: str) -> str:
        rows: list[Sequence[object]] = [("image", "value", "id", "class", "class_id")]
        names = {c.id: c.name for c in self.selection.categories}
        # by name: the order of ids is nothing that the files of this format could tell
        for item in sorted(self.selection.images, key=lambda item: item.name):
            values = self._values(item) if item.split == part else {}
            rows += [
                (item.name, values[i.id], i.id, names[i.category_id], i.category_id)
                for i in item.instances
                if i.id in values and i.category_id is not None
            ]
        return _csv(rows)

    def _paint(self, item: Chosen, value: Callable[[int, Instance], int]) -> IndexMap:
        return painted(item, value, self._depth)

    def _depth(self, instance: Instance) -> tuple[int, int, int]:
        priority = 0
        if self.options["overlap"] == "class priority" and instance.category_id is not None:
            priority = -self.classes.get(instance.category_id, len(self.classes) + 1)
        return priority, instance.z_order, instance.id

    def _values(self, item: Chosen) -> dict[int, int]:
        """The value of each instance in the instance PNG, from 1; those wholly under others have none."""
        seen = [instance for instance in visible(item, self._depth) if not self._ignored(instance)]
        return {instance.id: value for value, instance in enumerate(seen, 1)}

    def _ignored(self, instance: Instance) -> bool:
        return self.ignore is not None and (instance.is_crowd or instance.category_id not in self.classes)

    def _class_index(self, instance: Instance) -> int:
        if self.ignore is not None and self._ignored(instance):
            return self.ignore
        return self.classes[instance.category_id or 0]

    def _palette(self) -> NDArray[np.uint8]:
        colours = np.zeros((MAX_16_BIT + 1 if self.wide else 256, 3), np.uint8)
        for category in self.selection.categories:
            colours[self.classes[category.id]] = _rgb(category)
        if self.ignore is not None:
            colours[self.ignore] = 255
        return colours

    def _indexed(self, indices: IndexMap) -> PillowImage.Image:
        picture = PillowImage.fromarray(indices.astype(np.uint8), mode="L")
        picture.putpalette(self._palette().tobytes())
        return picture

    def _coloured(self, indices: IndexMap) -> PillowImage.Image:
        return PillowImage.fromarray(self._palette()[indices])

    def _name(self, kind: str, item: Chosen) -> str:
        start = f"{item.split}/" if item.split else ""
        return f"{start}{kind}/{self.stems[item.image.id]}.png"

    def _object_name(self, item: Chosen, instance: Instance) -> str:
        start = f"{item.split}/" if item.split else ""
        return f"{start}objects/{self.stems[item.image.id]}/{instance.id}.png"


def _kinds(text: str | Sequence[str]) -> tuple[str, ...]:
    wanted = [k.strip() for k in text.split(",")] if isinstance(text, str) else list(text)
    for kind in wanted:
        if kind not in KINDS:
            raise FormatError(f"Kinds of mask PNGs are {', '.join(KINDS)}, not '{kind}'.")
    return tuple(wanted)


def _rgb(category: Category) -> tuple[int, ...]:
    return tuple(bytes.fromhex(category.colour.lstrip("#")))


def _grey16(values: IndexMap) -> PillowImage.Image:
    return PillowImage.fromarray(values.astype(np.uint16))


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
