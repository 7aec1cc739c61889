"""Which image a label file belongs to, when it says so only by its own name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from desktop.dataset.errors import ImageReadError
from desktop.dataset.formats.contract import Target
from desktop.dataset.images import SUFFIXES, probe


class ImageFinder:
    """Looks in the project first, then for files in ``folders`` (empty names are skipped) and the project's folder."""

    def __init__(self, project: Target, root: Path, folders: Sequence[Path | str]) -> None:
        self._root, self._project = root, project.folder
        self._folders = [*(Path(folder) for folder in folders if str(folder)), root, project.folder]
        self._known = {str(PurePosixPath(image.path).with_suffix("")): image for image in project.images()}
        self._by_path = {image.path: image for image in project.images()}
        by_name: dict[str, list[str]] = {}
        for path in self._known:
            by_name.setdefault(PurePosixPath(path).name, []).append(path)
        self._by_name = {name: paths[0] for name, paths in by_name.items() if len(paths) == 1}

    def find(self, stem: str) -> tuple[str, int, int] | None:
        """File name, width and height of the image of the labels called ``stem``; None when there is none.

        The stem is the image's path without suffix, with it where two images share one, or with ``__`` for slashes.
        """
        for name in (stem, stem.replace("__", "/")):
            image = self._by_path.get(name) or self._known.get(name)
            image = image or self._known.get(self._by_name.get(PurePosixPath(name).name, ""))
            if image is not None and image.width:
                return image.path, image.width, image.height
        for name in (stem, stem.replace("__", "/")):
            for folder in self._folders:
                for suffix in ("", *sorted(SUFFIXES)):
                    file = folder / f"{name}{suffix}"
                    if file.suffix.lower() in SUFFIXES and file.is_file():
                        return self._read(file, folder)
        return None

    def _read(self, file: Path, folder: Path) -> tuple[str, int, int] | None:
        try:
            width, height = probe(file).sizes[0]
        except ImageReadError:
            return None
        # the import looks for files from the labels' folder, its folder images and the project's folder
        roots = (self._project, self._root / "images", self._root, folder)
        base = next(root for root in roots if file.is_relative_to(root))
        return file.relative_to(base).as_posix(), width, height
