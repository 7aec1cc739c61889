"""Which image of the project, or which file nearby, an entry of an imported file means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from desktop.dataset.errors import ImageReadError
from desktop.dataset.formats.contract import Progress, Rejected, Target, silent
from desktop.dataset.formats.file_values import Ids, is_file, is_id, leads_out
from desktop.dataset.formats.selection import page_of_name
from desktop.dataset.images import probe
from desktop.dataset.model import Image


class ImageMatch:
    """Matches the entries of a COCO ``images`` list; ``near`` is the folder of the file, ``chosen`` one that a person
    named, or empty. A name that leads out of the folders is never followed: it can only mean an image of that bare name
    which the project has, or which lies in ``chosen``."""

    def __init__(
        self, project: Target, near: Path, chosen: str, entries: list[Any], progress: Progress = silent
    ) -> None:
        self.images: dict[int, Image] = {}
        """By id in the file."""
        self.names: dict[int, str] = {}
        self.new: list[Image] = []
        self.rejected: list[Rejected] = []
        self._project = project
        self._chosen = [Path(chosen).expanduser()] if chosen else []
        self._folders = [*self._chosen, near, near / "images", project.folder]
        known = project.images()
        self._by_path = {(image.path, image.page): image for image in known}
        times = Counter((PurePosixPath(image.path).name, image.page) for image in known)
        self._by_name = {
            key: image for image in known if times[key := (PurePosixPath(image.path).name, image.page)] == 1
        }
        self._ids = Ids.of(project.reserve_image_id, (e.get("id") for e in entries if isinstance(e, dict)))
        seen: set[int] = set()
        for done, entry in enumerate(entries):
            progress(done / len(entries), "")
            what, reason = self._fault(entry)
            if reason:
                self.rejected.append(Rejected(what, reason))
                continue
            found, reason = self._find(entry)
            if found is None or reason or found.id in seen:
                self.rejected.append(Rejected(what, reason or "the same image is listed twice"))
                continue
            seen.add(found.id)
            self.images[entry["id"]], self.names[entry["id"]] = found, what.replace("\\", "/")

    @property
    def renumbered(self) -> int:
        """How many new images could not keep their id."""
        return self._ids.changed

    def _fault(self, entry: Any) -> tuple[str, str]:
        if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str) or not entry["file_name"]:
            return "an image", "it has no file name"
        name = entry["file_name"]
        if not is_id(entry.get("id")):
            return name, f"its id is {entry.get('id')!r:.80}, not a whole number"
        if not all(is_id(entry.get(side)) and entry[side] > 0 for side in ("width", "height")):
            return name, "it has no width and height"
        if not is_id(entry.get("page", 0)):
            return name, "its page is not a number"
        if entry["id"] in self.images:
            return name, f"the id {entry['id']} is used twice"
        return name, ""

    def _find(self, entry: Mapping[str, Any]) -> tuple[Image | None, str]:
        name, page = str(PurePosixPath(entry["file_name"].replace("\\", "/"))), entry.get("page", 0)
        outside = leads_out(entry["file_name"])
        bare, bare_page = page_of_name(name)
        for path, number in ((name, page), (bare, bare_page)):
            found = None if outside else self._by_path.get((path, number))
            found = found or self._by_name.get((PurePosixPath(path).name, number))
            if found is not None:
                return found, _size_fault(entry, found.width, found.height, "the project has")
        for path, number in ((name, page), (bare, bare_page)):
            folders = self._chosen if outside else self._folders
            path = PurePosixPath(path).name if outside else path
            if path and (file := next((f for f in (root / path for root in folders) if is_file(f)), None)):
                return self._new(entry, file, number)
        if outside:
            return None, "its file name leads out of the folder"
        return None, "the image is neither in the project nor beside the file"

    def _new(self, entry: Mapping[str, Any], file: Path, page: int) -> tuple[Image | None, str]:
        """An image that the project does not have yet; or the reason why not."""
        try:
            found = probe(file)
        except ImageReadError as error:
            return None, str(error).rstrip(".")
        if not 0 <= page < found.pages:
            return None, f"the image has no page {page}"
        width, height = found.sizes[page]
        if reason := _size_fault(entry, width, height, "the image has"):
            return None, reason
        absolute, folder = file.absolute(), self._project.folder.absolute()
        stored = absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute
        if (known := self._by_path.get((stored.as_posix(), page))) is not None:
            return known, ""
        image = Image(self._ids.take(entry["id"]), stored.as_posix(), page, width, height, found.orientation)
        self._by_path[image.path, page] = image
        self.new.append(image)
        return image, ""


def _size_fault(entry: Mapping[str, Any], width: int, height: int, whose: str) -> str:
    if (entry["width"], entry["height"]) == (width, height):
        return ""
    return f"the file says {entry['width']} × {entry['height']} pixels, {whose} {width} × {height}"
