"""Where a job works: a project file, or a folder of images that becomes one."""

from __future__ import annotations

from pathlib import Path

from desktop.dataset.changes import AddImages, PutSetting
from desktop.dataset.images import scan_folder
from desktop.dataset.model import Image
from desktop.dataset.store import FOLDER_MODE, SUFFIX, WHOLE_FOLDER, Project
from desktop.prelabel.request import PrelabelError


def open_place(place: Path) -> Project:
    """Open a project for writing; for a folder the project in it, made when there is none, with all its images.

    Raises :class:`PrelabelError`, or another DatasetError with a sentence.
    """
    if place.is_dir():
        return _opened_folder(place.absolute())
    if place.suffix != SUFFIX:
        raise PrelabelError(f"{place} is neither a project file ({SUFFIX}) nor a folder.")
    return _writable(Project.open(place))


def _opened_folder(folder: Path) -> Project:
    stored = folder / (folder.name + SUFFIX)
    if not stored.exists():
        stored = next(iter(sorted(folder.glob("*" + SUFFIX))), stored)
    files = scan_folder(folder)
    if not stored.exists():
        if not files:
            raise PrelabelError(f"There are no images in {folder.name}.")
        project = Project.create(stored)
        project.apply(PutSetting(FOLDER_MODE, WHOLE_FOLDER))
    else:
        project = _writable(Project.open(stored))
    if project.setting(FOLDER_MODE) == WHOLE_FOLDER:
        known = {image.path for image in project.images()}
        paths = [path for path in map(project.stored_path, files) if path not in known]
        project.apply(AddImages(tuple(Image(project.reserve_image_id(), path) for path in paths)))
    return project


def _writable(project: Project) -> Project:
    if project.read_only:
        project.close()
        raise PrelabelError(project.read_only_reason)
    return project
