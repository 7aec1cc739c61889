"""Which images and instances an export takes, under which names, and in which part of a split."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from desktop.dataset.formats.contract import FormatError, Problem, Scope, Source
from desktop.dataset.model import Category, Image, ImageState, Instance

_PAGE = re.compile(r"(?P<start>.+)\.page(?P<number>[1-9]\d{0,5})(?P<suffix>(\.[^./]*)?)")
_PARTS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_STATES = {
    Scope.ALL: frozenset(ImageState) - {ImageState.REJECTED},
    Scope.DONE: frozenset({ImageState.DONE, ImageState.REVIEWED}),
    Scope.REVIEWED: frozenset({ImageState.REVIEWED}),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One image of an export: its relative name with forward slashes, its instances by id, its part of the split."""

    image: Image
    name: str
    split: str
    instances: tuple[Instance, ...]
    file: Path


@dataclass(frozen=True, slots=True)
class Selection:
    images: tuple[Chosen, ...]
    categories: tuple[Category, ...]
    problems: tuple[Problem, ...]

    @property
    def instances(self) -> int:
        return sum(len(chosen.instances) for chosen in self.images)

    @property
    def splits(self) -> tuple[str, ...]:
        """The parts that have images, in a fixed order; ("",) without a split."""
        return tuple(dict.fromkeys(sorted(chosen.split for chosen in self.images))) or ("",)


def select(source: Source, options: Mapping[str, Any], *, keep_unlabelled: bool = False) -> Selection:
    """Choose by scope and filter; instances without class or pixels are left out and counted as problems."""
    problems: list[Problem] = []
    try:
        wanted = None if options["image_ids"] is None else {int(image_id) for image_id in options["image_ids"]}
    except (TypeError, ValueError):
        raise FormatError("Images are chosen by a list of their ids.") from None
    states = _STATES[Scope(options["scope"])]
    taken: list[Image] = []
    for image in sorted(source.images(), key=lambda i: i.id):
        if (wanted is not None and image.id not in wanted) or image.state not in states:
            if image.state is ImageState.REJECTED and options["scope"] == Scope.ALL:
                problems.append(Problem("The image was rejected and is left out.", image.path))
        elif image.width < 1 or image.height < 1:
            problems.append(
                Problem("The size is not known because the image was never read; it is left out.", image.path)
            )
        else:
            taken.append(image)
    names = export_names(taken)
    parts = _split(taken, names, options)
    problems += _empty_parts(parts.values(), options)
    categories = tuple(sorted(source.categories(), key=lambda c: (c.position, c.id)))
    known = {category.id for category in categories}
    chosen, unlabelled = [], 0
    for image in taken:
        kept = []
        for instance in sorted(source.instances(image.id), key=lambda i: i.id):
            if instance.mask.is_empty:
                problems.append(Problem(f"Instance {instance.id} has no pixels and will be skipped.", image.path))
            elif instance.category_id not in known and not keep_unlabelled:
                unlabelled += 1
            else:
                kept.append(instance)
        file = source.folder / image.path
        chosen.append(Chosen(image, names[image.id], parts[image.id], tuple(kept), file))
    if unlabelled:
        noun = "instance" if unlabelled == 1 else "instances"
        problems.insert(0, Problem(f"{unlabelled} unlabelled {noun} will be skipped."))
    for name, times in Counter(category.name for category in categories).items():
        if times > 1:
            problems.append(
                Problem(f"{times} classes are called '{name}'; readers that go by the name take them for one.")
            )
    if options["images"] != "leave" and any(pages > 1 for pages in Counter(image.path for image in taken).values()):
        problems.append(Problem("Files of several pages are copied once for each page; most readers take the first."))
    turned = sum(image.orientation != 1 for image in taken)
    if turned:
        noun = "image is" if turned == 1 else "images are"
        problems.append(Problem(f"{turned} {noun} turned by EXIF; masks fit the turned view, not the raw pixels."))
    return Selection(tuple(chosen), categories, tuple(problems))


def export_names(images: Sequence[Image]) -> dict[int, str]:
    """Names for the exported files: relative, forward slashes, unique, never leaving the target folder."""
    plain = {}
    for image in images:
        parts = [p for p in PurePosixPath(image.path.replace("\\", "/")).parts if p not in ("/", "..", ".")]
        outside = len(parts) != len(PurePosixPath(image.path).parts)
        plain[image.id] = parts[-1] if outside else "/".join(parts)
    pages = Counter(image.path for image in images)
    names: dict[int, str] = {}
    used: set[str] = set()
    for image in images:
        path = PurePosixPath(plain[image.id])
        if pages[image.path] > 1 or image.page:
            path = path.with_name(f"{path.stem}.page{image.page + 1}{path.suffix}")
        name, count = str(path), 1
        while name.casefold() in used:
            count += 1
            name = str(path.with_name(f"{path.stem}-{count}{path.suffix}"))
        used.add(name.casefold())
        names[image.id] = name
    return names


def page_of_name(name: str) -> tuple[str, int]:
    """The path and the page (from 0) that :func:`export_names` made ``name`` of; the name itself and 0 otherwise.

    The name may have lost its suffix: ``scan.page2`` is page 1 of ``scan``.
    """
    found = _PAGE.fullmatch(name)
    return (found["start"] + found["suffix"], int(found["number"]) - 1) if found else (name, 0)


def parse_shares(text: str | Mapping[str, float]) -> dict[str, float]:
    """``train=0.8,val=0.2`` as shares that add up to 1. Raises :class:`FormatError`."""
    try:
        pairs = text.items() if isinstance(text, Mapping) else [part.split("=") for part in text.split(",")]
        shares = {name.strip(): float(share) for name, share in pairs}
    except ValueError:
        raise FormatError(f"A split is written as train=0.8,val=0.2, not '{text}'.") from None
    total = sum(shares.values())
    plain = all(name and PurePosixPath(name).name == name and "\\" not in name for name in shares)
    if not plain or not 0 < total < float("inf") or min(shares.values()) < 0:
        raise FormatError(f"The split '{text}' needs plain names and shares above 0.")
    return {name: share / total for name, share in shares.items()}


def _split(images: Sequence[Image], names: Mapping[int, str], options: Mapping[str, Any]) -> dict[int, str]:
    if options["split"] == "none":
        return {image.id: "" for image in images}
    if options["split"] == "folder":
        return {image.id: _folder_part(names[image.id]) for image in images}
    shares = parse_shares(options["split_shares"])
    return {image.id: _drawn_part(image, options["split_seed"], shares) for image in images}


def _folder_part(name: str) -> str:
    """The first folder of the path that is called like a part (``images/train/a.jpg``), else its first folder."""
    folders = name.split("/")[:-1]
    return next((folder for folder in folders if folder.lower() in _PARTS), folders[0] if folders else "images")


def _drawn_part(image: Image, seed: int, shares: Mapping[str, float]) -> str:
    """By a hash of seed and path, so that an image stays in its part whatever is added or left out."""
    digest = hashlib.sha256(f"{seed}/{image.path}#{image.page}".encode()).digest()
    drawn = int.from_bytes(digest[:8], "big") / 2**64
    reached = 0.0
    for name, share in shares.items():
        reached += share
        if drawn < reached and share > 0:
            return name
    return next(name for name, share in reversed(list(shares.items())) if share > 0)


def _empty_parts(parts: Iterable[str], options: Mapping[str, Any]) -> list[Problem]:
    """Parts of a drawn split that no image fell into."""
    if options["split"] != "seed":
        return []
    got = set(parts)
    return [
        Problem(f"No image fell into the part '{name}' of the split; another seed or more images would change that.")
        for name, share in parse_shares(options["split_shares"]).items()
        if share > 0 and name not in got
    ]
