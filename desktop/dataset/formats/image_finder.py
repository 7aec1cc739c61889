"""Which image a label file belongs to, when it says so only by its own name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from desktop.dataset.errors import ImageReadError
from desktop.dataset.formats.contract import Target
from desktop.dataset.formats.file_values import is_file, leads_out
from desktop.dataset.formats.selection import page_of_name
from desktop.dataset.images import SUFFIXES, probe
from desktop.dataset.model import Image


@dataclass(frozen=True, slots=True)
class Found:
    """The image of a label file, with the name by which an import finds it; the size is that of the oriented image."""

    name: str
    width: int
    height: int
    page: int = 0

    def entry(self, number: int) -> dict[str, object]:
        """As an entry of a COCO ``images`` list."""
        size = {"width": self.width, "height": self.height}
        return {"id": number, "file_name": self.name, "page": self.page, **size}


class ImageFinder:
    """Looks in the project first, then for files in ``folders`` (empty names are skipped) and the project's folder."""

    def __init__(self, project: Target, root: Path, folders: Sequence[Path | str]) -> None:
        self._root, self._project = root, project.folder
        self._folders = [*(Path(folder) for folder in folders if str(folder)), root, project.folder]
        images = project.images()
        self._known = {(str(PurePosixPath(image.path).with_suffix("")), image.page): image for image in images}
        self._by_path = {(image.path, image.page): image for image in images}
        self._flat = {
            (path.replace("/", "__"), page): image
            for known in (self._known, self._by_path)
            for (path, page), image in known.items()
        }
        by_name: dict[tuple[str, int], list[Image]] = {}
        for (path, page), image in self._known.items():
            by_name.setdefault((PurePosixPath(path).name, page), []).append(image)
        self._by_name = {name: found[0] for name, found in by_name.items() if len(found) == 1}

    def find(self, stem: str) -> Found | None:
        """The image of the labels called ``stem``; None when there is none.

        The stem is the image's path without suffix, with it where two images share one, or with ``__`` for slashes;
        pages of one file have ``.page2`` in it (:func:`export_names`).
        """
        return self.in_project(stem) or self.on_disk(stem)

    def in_project(self, stem: str) -> Found | None:
        """The image of that name that the project has already."""
        names = _names(stem)
        found = [known.get(key) for known in (self._by_path, self._known, self._flat) for key in names]
        found += [self._by_name.get((PurePosixPath(path).name, page)) for path, page in names]
        image = next((image for image in found if image is not None and image.width), None)
        return None if image is None else Found(image.path, image.width, image.height, image.page)

    def on_disk(self, stem: str) -> Found | None:
        """The image of that name in one of the folders."""
        for name, page in _names(stem):
            for folder in self._folders:
                for suffix in ("", *sorted(SUFFIXES)):
                    file = folder / f"{name}{suffix}"
                    if file.suffix.lower() in SUFFIXES and is_file(file):
                        return self._read(file, folder, page)
        return None

    def _read(self, file: Path, folder: Path, page: int) -> Found | None:
        try:
            sizes = probe(file).sizes
        except ImageReadError:
            return None
        if page >= len(sizes):
            return None
        # the import looks for files from the labels' folder, its folder images and the project's folder
        roots = (self._project, self._root / "images", self._root, folder)
        base = next(root for root in roots if file.is_relative_to(root))
        return Found(file.relative_to(base).as_posix(), *sizes[page], page)


def _names(stem: str) -> list[tuple[str, int]]:
    """The paths and pages that a stem can mean; none for one that leads out of the folders."""
    if leads_out(stem):
        return []
    plain = [stem, stem.replace("__", "/")]
    return [*((name, 0) for name in plain), *map(page_of_name, plain)]
