"""Import of YOLO segmentation labels, from ``data.yaml`` or the folder that holds it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

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
from desktop.dataset.formats.image_finder import ImageFinder
from desktop.dataset.formats.import_plan import BOXES, COMMON_FIELDS, plan_of
from desktop.dataset.formats.text_file import read_text
from desktop.dataset.formats.yolo import DATA, LABELS

_NEAR = 0.5
"""How far outside the image, as a part of its side, a coordinate may lie: labels of cut images do lie outside."""

_DEEPEST = 50
"""Lists within lists that ``data.yaml`` may have."""


class YoloImport:
    """Outlines become masks; lines that hold only a box are refused or, by the option ``boxes``, filled."""

    name = "yolo"
    title = "YOLO segmentation"
    fields = (*COMMON_FIELDS, BOXES)

    def plan(self, project: Target, path: Path, options: Mapping[str, Any], progress: Progress = silent) -> ImportPlan:
        chosen = checked_options(self.fields, options)
        data = path / DATA if is_folder(path) else path
        names = _names(data)
        reader = _Reader(project, data.parent, chosen["images"], names)
        return plan_of(project, data, chosen, *reader.read(progress), progress)


class _Reader:
    def __init__(self, project: Target, folder: Path, images: str, names: Mapping[int, str]) -> None:
        self._folder, self._names = folder, names
        self._finder = ImageFinder(project, folder, (images, folder / "images"))
        self._refused: list[Rejected] = []

    def read(self, progress: Progress) -> tuple[dict[str, Any], list[Rejected]]:
        root = self._folder / LABELS
        if not is_folder(root):
            raise FormatError(f"{self._folder.name} has no folder '{LABELS}' with YOLO labels.")
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        files = sorted(root.rglob("*.txt"))
        for number, file in enumerate(files, 1):
            progress(number / len(files), file.name)
            name = file.relative_to(root).as_posix()
            found = self._finder.find(name.removesuffix(".txt"))
            if found is None:
                self._refused.append(Rejected(name, "its image is neither in the project nor beside the labels"))
                continue
            try:
                lines = read_text(file).splitlines()
            except FormatError as error:
                self._refused.append(Rejected(name, str(error).rstrip(".")))
                continue
            images.append(found.entry(number))
            for entry in self._lines(name, lines, found.width, found.height):
                annotations.append({**entry, "id": len(annotations) + 1, "image_id": number})
        categories = [{"id": number + 1, "name": name} for number, name in self._names.items()]
        return {"images": images, "annotations": annotations, "categories": categories}, self._refused

    def _lines(self, name: str, lines: list[str], width: int, height: int) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(lines, 1):
            what, words = f"{name}, line {number}", line.split()
            if not words:
                continue
            try:
                category, values = int(words[0]), [float(word) for word in words[1:]]
            except ValueError:
                self._refused.append(Rejected(what, "it is not a class number and coordinates"))
                continue
            if category not in self._names:
                self._refused.append(Rejected(what, f"{DATA} has no class {category}"))
            elif not all(math.isfinite(v) and -_NEAR <= v <= 1 + _NEAR for v in values):
                self._refused.append(Rejected(what, "a coordinate is not a part of the image's side"))
            elif len(values) == 4:
                across, down, wide, high = (v * side for v, side in zip(values, (width, height) * 2, strict=True))
                box = [across - wide / 2, down - high / 2, wide, high]
                yield {"category_id": category + 1, "bbox": [round(v, 3) for v in box], "what": what}
            else:
                flat = [round(v * side, 3) for v, side in zip(values, (width, height) * len(values), strict=False)]
                yield {"category_id": category + 1, "segmentation": [flat], "what": what}


class _Loader(yaml.SafeLoader):
    """Stops at a depth that no list of names has: the scanner takes time in proportion to the square of the depth."""

    def check_token(self, *choices: Any) -> bool:
        if self.flow_level + len(self.indents) > _DEEPEST:
            raise RecursionError
        return bool(super().check_token(*choices))


def _names(path: Path) -> dict[int, str]:
    """The class names of ``data.yaml``, a list or a mapping from numbers."""
    try:
        data = yaml.load(read_text(path), _Loader)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise FormatError(f"{path.name} is not YAML{where}.") from None
    except RecursionError:
        raise FormatError(f"{path.name} is nested too deeply.") from None
    names = data.get("names") if isinstance(data, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise FormatError(f"{path.name} has no class names under 'names'.")
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**31 for n in names):
        raise FormatError(f"The classes of {path.name} are not numbered.")
    if not all(isinstance(name, str | int | float) for name in names.values()):
        raise FormatError(f"A class of {path.name} has no plain name.")
    return {number: str(name) for number, name in names.items()}
