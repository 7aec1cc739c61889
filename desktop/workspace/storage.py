"""Images and their project: a project file, or a folder that is only browsed and has no project file yet.

Browsing never writes (ux.md §16). Images that are new in the folder, and sizes that were learned by opening files,
are kept here and go into the project with the first accepted change. Qt-free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from desktop.dataset.changes import AddImages, Change, PutSetting, ReplaceImages
from desktop.dataset.errors import ProjectError
from desktop.dataset.model import Category, Image, ImageState, Instance
from desktop.dataset.store import FOLDER_MODE, SUFFIX, WHOLE_FOLDER, Project


class Storage:
    """What is open. ``project`` is None with nothing open and while browsing."""

    def __init__(self) -> None:
        self.project: Project | None = None
        self.folder: Path | None = None
        self.listing = object()
        """Another object whenever images come or go, or get other paths."""
        self._images: dict[int, Image] = {}
        self._unregistered: dict[int, None] = {}
        self._learned: set[int] = set()
        self._future_path: Path | None = None
        self._whole_folder = False
        # asked for by every instance that is drawn, so not sorted anew each time
        self._categories: Sequence[Category] | None = None

    # -- opening -------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is left and let go of the project."""
        if self.project is not None:
            self.project.close(timeout=5.0)
        self.__init__()  # type: ignore[misc]

    def use_project(self, project: Project) -> None:
        """Show a project; the storage closes it."""
        self.close()
        self.project, self.folder = project, project.folder
        self._categories = None
        self._images = {image.id: image for image in project.images()}

    def browse(
        self, folder: Path, files: Iterable[Path], project_path: Path | None = None, *, whole: bool = False
    ) -> None:
        """Show files without a project; ``project_path`` is made at the first change (default: in ``folder``).

        ``whole``: the files are all images of the folder, and its project will list those that come later, too.
        """
        self.close()
        self._whole_folder = whole
        self.folder = folder
        self._future_path = project_path or folder / (folder.name + SUFFIX)
        self.add_files(files)

    def add_files(self, files: Iterable[Path]) -> int:
        """List files that are not images of the project yet; returns how many were new. Nothing is written."""
        known = {image.path for image in self._images.values()}
        before = len(self._images)
        for file in files:
            path = self._stored_path(file)
            if path in known:
                continue
            known.add(path)
            image_id = self.project.reserve_image_id() if self.project is not None else len(self._images) + 1
            self._images[image_id] = Image(image_id, path)
            self._unregistered[image_id] = None
        self.listing = object()
        return len(self._images) - before

    def _stored_path(self, file: Path) -> str:
        base = self.folder if self._future_path is None else self._future_path.parent
        absolute = file.absolute()
        if base is not None and absolute.is_relative_to(base):
            return absolute.relative_to(base).as_posix()
        return absolute.as_posix()

    @property
    def future_path(self) -> Path | None:
        """Where the project file will be made, None when there is one or nothing is open."""
        return self._future_path

    def choose_path(self, path: Path) -> None:
        """Make the project file of a browsed folder elsewhere; image paths are kept right."""
        if self.project is None:
            files = {image.id: self.file_of(image) for image in self._images.values()}
            # elsewhere the project would look for new images in its own folder, which is another one
            self._whole_folder = self._whole_folder and path.absolute().parent == self.folder
            self._future_path = path.absolute()
            self._images = {i: replace(image, path=self._stored_path(files[i])) for i, image in self._images.items()}
            self.folder = self._future_path.parent
            self.listing = object()

    def materialise(self) -> bool:
        """Make the project file of a browsed folder; True when it was made now.

        Raises :class:`ProjectError` when it cannot be made.
        """
        if self.project is not None or self._future_path is None:
            return False
        self.project = Project.create(self._future_path)
        if self._whole_folder:
            self.project.apply(PutSetting(FOLDER_MODE, WHOLE_FOLDER))
        self._categories = None
        self._future_path = None
        self.folder = self.project.folder
        return True

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        if self.project is not None:
            return self.project.name
        return self._future_path.stem if self._future_path is not None else ""

    @property
    def read_only(self) -> str:
        return self.project.read_only_reason if self.project is not None else ""

    @property
    def images(self) -> Sequence[Image]:
        return list(self._images.values())

    def image(self, image_id: int) -> Image | None:
        return self._images.get(image_id)

    def file_of(self, image: Image) -> Path:
        """The absolute path of an image's file."""
        return (self.folder or Path()) / image.path

    @property
    def categories(self) -> Sequence[Category]:
        if self._categories is None:
            self._categories = self.project.categories() if self.project is not None else ()
        return self._categories

    def is_stored(self, image_id: int) -> bool:
        """Whether the image is in a project file, not only listed."""
        return self.project is not None and image_id in self._images and image_id not in self._unregistered

    def instances(self, image_id: int) -> dict[int, Instance]:
        """By id, back to front; empty for images that are not in the project yet."""
        if self.project is None or image_id in self._unregistered:
            return {}
        return {instance.id: instance for instance in self.project.instances(image_id)}

    def instances_of_category(self, category_id: int) -> tuple[Instance, ...]:
        return self.project.all_instances(category_id) if self.project is not None else ()

    def count(self, category_id: int | None) -> int:
        """Instances of a class in the whole project."""
        return self.project.counts_by_category().get(category_id, 0) if self.project is not None else 0

    def images_with(self, category_id: int) -> set[int]:
        """Ids of the images that have an instance of a class."""
        return self.project.images_with(category_id) if self.project is not None else set()

    # -- changing ------------------------------------------------------------------------------------------------

    def reserve_instance_id(self) -> int:
        """A new id. Raises :class:`ProjectError` before the project exists."""
        return self._made().reserve_instance_id()

    def reserve_category_id(self) -> int:
        return self._made().reserve_category_id()

    def _made(self) -> Project:
        if self.project is None:
            raise ProjectError("There is no project yet.")
        return self.project

    def learn(self, image: Image) -> None:
        """Remember what opening a file told (size, orientation, hash, error); written with the next change."""
        if self._images.get(image.id) != image:
            self._images[image.id] = image
            self._learned.add(image.id)

    def apply(self, changes: Iterable[Change]) -> None:
        """Write changes, and before them what browsing left to be written."""
        project = self._made()
        self._categories = None
        extra: list[Change] = []
        if self._unregistered:
            extra.append(AddImages(tuple(self._images[i] for i in self._unregistered)))
        learned = tuple(self._images[i] for i in self._learned if i not in self._unregistered)
        if learned:
            extra.append(ReplaceImages(learned))
        project.apply(*extra)
        self._unregistered.clear()
        self._learned.clear()
        changes = tuple(changes)
        project.apply(*changes)
        for change in changes:
            if isinstance(change, AddImages | ReplaceImages):
                self._images.update((image.id, image) for image in change.images)
                if isinstance(change, AddImages):
                    self.listing = object()

    def refresh(self) -> None:
        """Read the images again (after an import job wrote to the project)."""
        if self.project is not None:
            waiting = {i: self._images[i] for i in self._unregistered}
            self._images = {image.id: image for image in self.project.images()} | waiting
            self.listing = object()


def done_states() -> frozenset[ImageState]:
    """The states that count as finished."""
    return frozenset({ImageState.DONE, ImageState.REVIEWED})
