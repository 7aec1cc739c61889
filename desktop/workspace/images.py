"""Opening folders, images and projects, and going from image to image. Browsing never writes."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import as_file
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from desktop.dataset import changes as c
from desktop.dataset.errors import DatasetError, UnknownItem
from desktop.dataset.history import Step
from desktop.dataset.images import Preview, natural_key, scan_folder
from desktop.dataset.model import Image, ImageState, Instance
from desktop.dataset.review import finished, passed, state_word
from desktop.dataset.store import SUFFIX, Project
from desktop.image_service import Decoded, ImageService
from desktop.settings import Settings, user_state_folder
from desktop.workspace.exchange import Exchange
from desktop.workspace.link import InferenceLink
from desktop.workspace.recent import RecentProjects
from desktop.workspace.storage import FOLDER_MODE, WHOLE_FOLDER, done_states
from desktop.workspace.undo import timestamp
from desktop.workspace.values import ImageFilter, Notice, NoticeAction, Severity
from inference.engine import Image as EngineImage
from resources import resource


class Images(Exchange):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._filter = ImageFilter()
        self._visible: list[Image] | None = None
        self._preview_pixels: NDArray[np.uint8] | None = None
        self._decoded: Decoded | None = None
        self._ahead: int | None = None
        self._recent = RecentProjects(user_state_folder() / "recent.json")
        images.scaled.connect(self._first_pixels)
        images.loaded.connect(self._all_pixels)
        images.failed.connect(self._unreadable)
        images.thumbnail_ready.connect(self.thumbnail_ready)
        self.image_state_changed.connect(self._forget_visible)
        self.project_changed.connect(self._remember_project)

    # -- opening -------------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """Name of the project or folder, empty without one."""
        return self.storage.name

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Folders, images or a project file (drag and drop, command line)."""
        paths = [Path(path) for path in paths]
        missing = [path for path in paths if not path.exists()]
        if missing:
            self.problem(self.tr("{file} does not exist.").format(file=missing[0]))
        paths = [path for path in paths if path.exists()]
        project = next((path for path in paths if path.suffix == SUFFIX), None)
        if project is not None:
            self.open_project(project)
        elif len(paths) == 1 and paths[0].is_dir():
            self.open_folder(paths[0])
        elif paths:
            self.open_images(paths)

    def open_folder(self, folder: Path) -> None:
        """Browse a folder. Its project file appears with the first accepted change, never before."""
        folder = folder.absolute()
        stored = folder / (folder.name + SUFFIX)
        if not stored.exists():
            stored = next(iter(sorted(folder.glob("*" + SUFFIX))), stored)
        if stored.exists():
            self.open_project(stored)
            return
        self._browse(folder, [folder], whole=True)

    def open_images(self, paths: Sequence[Path]) -> None:
        """Browse some images; a project would be made in the folder of the first."""
        first = Path(paths[0]).absolute()
        self._browse(first if first.is_dir() else first.parent, paths)

    def _browse(self, folder: Path, paths: Sequence[Path], *, whole: bool = False) -> None:
        try:
            files = listed(paths)
        except DatasetError as error:
            self.problem(str(error))
            return
        if not files:
            self.problem(self.tr("There are no images in {folder}.").format(folder=folder.name), severe=False)
            return
        self._leave()
        self.storage.browse(folder, files, whole=whole)
        self._arrive()

    def open_project(self, path: Path) -> None:
        """Open a project file; images that are new in its folder are listed too (and stored with the next change)."""
        try:
            project = Project.open(path)
        except DatasetError as error:
            self.problem(str(error))
            return
        except OSError as error:
            self.problem(self.tr("{file}: {reason}.").format(file=path.name, reason=error.strerror or error))
            return
        self._leave()
        self.storage.use_project(project)
        if project.setting(FOLDER_MODE) == WHOLE_FOLDER and not project.read_only:
            self.storage.add_files(scan_folder(project.folder))
        self._recent.add(project.path)
        self._watch_saving()
        self._arrive()
        if project.read_only:
            self.raise_notice(Notice(project.read_only_reason, Severity.WARNING))
        self._offer_recovery(project)

    def new_project(self, path: Path, images: Sequence[Path] = ()) -> None:
        """Make a project file now, with images and the images of folders."""
        try:
            files = listed(images)
            project = Project.create(path)
        except DatasetError as error:
            self.problem(str(error))
            return
        self._leave()
        self.storage.use_project(project)
        self.storage.add_files(files)
        self._watch_saving()
        self.storage.apply(())
        self._arrive()

    def open_sample(self) -> None:
        """The bundled photos, copied to the user's own folder so that they can be annotated."""
        target = user_state_folder() / "sample"
        try:
            if not target.exists():
                target.mkdir(parents=True)
                with as_file(resource("sample")) as sample:
                    for file in sorted((sample / "images").iterdir()):
                        shutil.copy(file, target)
        except OSError as error:
            self.problem(self.tr("The sample could not be copied: {reason}.").format(reason=error.strerror))
            return
        self.open_folder(target)

    def close_project(self) -> None:
        """Back to the empty window; everything is written first."""
        self._leave()
        self._arrive()

    def recent_projects(self) -> list[Path]:
        """Project files that were open before and still exist, latest first."""
        return self._recent.paths()

    def _leave(self) -> None:
        self.image_leaving.emit()
        self._drop_requests()
        self._session = None
        self._parked.clear()
        self._proposals.clear()
        self.image_service.forget()
        self._show(None)
        self.storage.close()
        self._histories = type(self._histories)()

    def _arrive(self) -> None:
        self._visible = None
        self._hidden_categories, self._solo_category = frozenset(), None
        categories = self.categories
        self._current_category = categories[0].id if categories else None
        self.project_changed.emit()
        self.images_changed.emit()
        self.categories_changed.emit()
        self.current_category_changed.emit()
        self.history_changed.emit()
        self.saved_changed.emit()
        visible = self.visible_images
        if visible:
            self.go_to_image(visible[0].id)

    def _remember_project(self) -> None:
        """Also a project file that the first change of a browsed folder made."""
        project = self.storage.project
        if project is not None and not project.read_only:
            self._recent.add(project.path)

    def _offer_recovery(self, project: Project) -> None:
        """Put back what an earlier run could not save, as one step that *Discard* takes back."""
        recovery = project.recovery
        if recovery is None or project.read_only:
            return
        ids = {
            i.id for ch in recovery.changes if isinstance(ch, c.AddInstances | c.ReplaceInstances) for i in ch.instances
        }
        ids |= {i for ch in recovery.changes if isinstance(ch, c.DeleteInstances) for i in ch.instance_ids}
        before = _known_instances(project, ids)
        image_ids = recovery.image_ids
        if image_ids:
            self.go_to_image(image_ids[0])
        count = project.restore_recovered()
        after = _known_instances(project, ids)
        self.storage.refresh()
        self._history.push(Step.of_instances(self.tr("Restore unsaved changes"), before, after))
        self._reload_instances()
        where = self.storage.image(image_ids[0]) if image_ids else None
        text = self.tr("Restored {n} changes on {image} from {time}").format(
            n=count, image=Path(where.path).name if where is not None else project.name, time=recovery.made[11:16]
        )
        show = NoticeAction(self.tr("Show"), lambda: self.go_to_image(image_ids[0]) if image_ids else None)
        self.raise_notice(Notice(text, Severity.WARNING, (show, NoticeAction(self.tr("Discard"), self.undo))))

    def _reload_instances(self) -> None:
        if self._image is not None:
            self._instances = self._stored_instances(self._image.id)
            self.instances_changed.emit(frozenset(self._instances))
            self.categories_changed.emit()

    def _stored_instances(self, image_id: int) -> dict[int, Instance]:
        try:
            return self.storage.instances(image_id)
        except DatasetError as error:
            self.problem(str(error))
            return {}

    # -- the list ------------------------------------------------------------------------------------------------

    @property
    def images(self) -> Sequence[Image]:
        """All images in stored order."""
        return self.storage.images

    @property
    def image_filter(self) -> ImageFilter:
        return self._filter

    def set_image_filter(self, image_filter: ImageFilter) -> None:
        """Show only some images in the strip, in an order; the current image stays current."""
        self._filter = image_filter
        self._visible = None
        self.images_changed.emit()

    @property
    def visible_images(self) -> Sequence[Image]:
        """The images that pass the filter, in its order."""
        if self._visible is None:
            self._visible = self._filtered()
        return self._visible

    def _forget_visible(self, _image_id: int) -> None:
        self._visible = None

    def _filtered(self) -> list[Image]:
        chosen = self._filter
        images = list(self.storage.images)
        if chosen.name:
            wanted = chosen.name.casefold()
            images = [image for image in images if wanted in image.path.casefold()]
        if chosen.category_id is not None:
            having = self.storage.images_with(chosen.category_id)
            images = [image for image in images if image.id in having]
        states = _CHIP_STATES.get(chosen.chip)
        if states is not None:
            images = [image for image in images if image.state in states]
        elif chosen.chip == "issues":
            images = [image for image in images if image.error or image.state in _ISSUES]
        if chosen.order == "time":
            times = {image.id: _modified(self.storage.file_of(image)) for image in images}
            images.sort(key=lambda image: times[image.id])
        elif chosen.order == "uncertainty":
            doubts = self.image_doubts()
            images.sort(key=lambda image: -doubts.get(image.id, -1.0))
        elif chosen.order == "name":
            images.sort(key=lambda image: natural_key(image.path))
        return images

    def image_doubts(self) -> dict[int, float]:
        """How doubtful images are, in [0, 1], for those with a score that nobody judged (``docs/review.md``)."""
        project = self.storage.project
        return project.doubts() if project is not None else {}

    @property
    def done_counts(self) -> tuple[int, int]:
        """(done or reviewed, all)."""
        images = self.storage.images
        return sum(1 for image in images if image.state in done_states()), len(images)

    def thumbnail(self, image_id: int) -> QImage | None:
        """A picture at most 160 px wide, or None and it is being made (``thumbnail_ready`` follows)."""
        image = self.storage.image(image_id)
        if image is None:
            return None
        picture = self.image_service.thumbnail(image_id, self.storage.file_of(image), image.page)
        return picture if picture is not None and not picture.isNull() else None

    # -- going ---------------------------------------------------------------------------------------------------

    def go_to_image(self, image_id: int) -> None:
        """Make an image current; an open session stays on the image that is left."""
        image = self.storage.image(image_id)
        if image is None or (self._image is not None and image.id == self._image.id):
            return
        self.image_leaving.emit()
        self._park()
        self._show(image)
        self._unpark(image.id)
        self._session_moved()

    def _show(self, image: Image | None) -> None:
        self._image = image
        self._pixels, self._preview_pixels, self._decoded, self._hash = None, None, None, ""
        self._instances = self._stored_instances(image.id) if image is not None else {}
        self._selection = ()
        self._hidden, self._solo, self._roi = frozenset(), frozenset(), None
        if image is not None:
            known = self.image_service.show(image.id, self.storage.file_of(image), image.page)
            if known is not None:
                self._use(known)
        ready = self._decoded is not None
        if self._link is not None:
            self._link.pin(self._hash)
        self.image_changed.emit()
        self.instances_changed.emit(frozenset(self._instances))
        self.selection_changed.emit()
        self.region_of_interest_changed.emit()
        self.proposals_changed.emit()
        self.history_changed.emit()
        self.categories_changed.emit()
        self.engines_changed.emit()
        if ready:
            self.pixels_changed.emit()
            self._pixels_arrived()

    def _step(self, direction: int, wanted: frozenset[ImageState] | None = None) -> None:
        visible = self.visible_images
        if not visible:
            return
        ids = [image.id for image in visible]
        here = ids.index(self._image.id) if self._image is not None and self._image.id in ids else -1
        place = here + direction
        while 0 <= place < len(visible):
            if wanted is None or visible[place].state in wanted:
                self.go_to_image(visible[place].id)
                return
            place += direction
        last = self.tr("This is the last image.") if direction > 0 else self.tr("This is the first image.")
        self.notice(last if wanted is None else self.tr("There is no unfinished image in that direction."))

    def go_next(self) -> None:
        self._step(1)

    def go_previous(self) -> None:
        self._step(-1)

    def go_next_unfinished(self) -> None:
        self._step(1, _UNFINISHED)

    def go_previous_unfinished(self) -> None:
        self._step(-1, _UNFINISHED)

    def mark_done(self, *, go_next: bool = True) -> None:
        """Ctrl+Enter: the image is done, on to the next unfinished one."""
        if self._image is not None:
            self.set_image_state([self._image.id], ImageState.DONE)
            if go_next:
                self.go_next_unfinished()

    def set_image_state(self, image_ids: Iterable[int], state: ImageState) -> None:
        """Change the state of images: one step. Instances of a finished or approved image follow it."""
        found = [image for image in (self.storage.image(i) for i in image_ids) if image is not None]
        changed = [image for image in found if image.state is not state]
        before, after = self._instances_following(found, state)
        if not changed and not after:
            return
        name = self.tr("Mark {what} {state}").format(
            what=Path(found[0].path).name if len(found) == 1 else self.tr("{n} images").format(n=len(found)),
            state=state_word(state),
        )
        now = timestamp()
        marked = tuple(replace(image, state=state, editor=self.author, changed=now) for image in changed)
        step = Step.of_instances(name, before, after)
        self._commit(
            replace(
                step,
                forward=(*step.forward, c.ReplaceImages(marked)),
                backward=(*step.backward, c.ReplaceImages(tuple(changed))),
            )
        )

    def _instances_following(self, images: Iterable[Image], state: ImageState) -> tuple[list[Instance], list[Instance]]:
        """The instances that a new state of their images changes, as they are and as they will be."""
        follow = {ImageState.DONE: finished, ImageState.REVIEWED: passed}.get(state)
        if follow is None:
            return [], []
        here = self._image.id if self._image is not None else None
        instances = [
            instance
            for image in images
            for instance in (self._instances if image.id == here else self._stored_instances(image.id)).values()
        ]
        after = follow(instances, self.author, timestamp())
        ids = {instance.id for instance in after}
        return [instance for instance in instances if instance.id in ids], after

    def _image_before(self) -> Image | None:
        """The image before the current one in the strip."""
        visible = self.visible_images
        place = next(
            (i for i, image in enumerate(visible) if self._image is not None and image.id == self._image.id), 0
        )
        return visible[place - 1] if place > 0 else None

    def can_copy_from_previous(self) -> str:
        """Empty, or why nothing can be copied from the image before."""
        before = self._image_before()
        if before is None:
            return self.tr("There is no image before this one.")
        return self.editable()

    def copy_all_from_previous(self) -> None:
        """Copy all instances of the image before to the same places."""
        before = self._image_before()
        if before is not None:
            self._add_copies(self.tr("Copy from previous"), list(self._stored_instances(before.id).values()))

    # -- pixels --------------------------------------------------------------------------------------------------

    @property
    def levels(self) -> Sequence[NDArray[np.uint8]]:
        """What the canvas draws: half-resolution levels, finest first (or one coarse level at first), uint8 RGB."""
        if self._decoded is not None:
            return self._decoded.levels
        return (self._preview_pixels,) if self._preview_pixels is not None else ()

    def value_at(self, x: float, y: float) -> tuple[float, ...]:
        """The original value(s) of the pixel under an image point; () outside or before the image is decoded."""
        return self._decoded.loaded.value_at(x, y) if self._decoded is not None else ()

    def _first_pixels(self, image_id: int, preview: Preview) -> None:
        if self._image is None or image_id != self._image.id or self._decoded is not None:
            return
        self._preview_pixels = preview.pixels
        size = {"width": preview.width, "height": preview.height, "orientation": preview.orientation}
        self._learn(replace(self._image, **size))  # type: ignore[arg-type]
        self.pixels_changed.emit()

    def _all_pixels(self, image_id: int, decoded: Decoded) -> None:
        if self._image is None or image_id != self._image.id:
            if image_id == self._ahead:
                self._encode_decoded_ahead(decoded)
            return
        self._use(decoded)
        if self._link is not None:
            self._link.pin(self._hash)
        self.pixels_changed.emit()
        self._pixels_arrived()

    def _use(self, decoded: Decoded) -> None:
        """Take decoded pixels as those of the current image (no signals)."""
        assert self._image is not None
        loaded = decoded.loaded
        self._decoded, self._pixels, self._hash = decoded, loaded.pixels, loaded.content_hash
        self._learn(
            replace(
                self._image,
                width=loaded.width,
                height=loaded.height,
                orientation=loaded.orientation,
                content_hash=loaded.content_hash,
                error="",
                state=ImageState.EMPTY if self._image.state is ImageState.ERROR else self._image.state,
            )
        )

    def _learn(self, image: Image) -> None:
        self._image = image
        self.storage.learn(image)

    def _pixels_arrived(self) -> None:
        """The engine can be asked now: encode, send prompts that waited, decode the next image ahead."""
        self.encode_current()
        self._session_moved()
        if not self.settings.flag("engines.prefetch") or self._image is None:
            return
        visible = self.visible_images
        place = next((i for i, image in enumerate(visible) if image.id == self._image.id), -1)
        if 0 <= place < len(visible) - 1:
            following = visible[place + 1]
            self._ahead = following.id
            known = self.image_service.decoded(following.id)
            if known is not None:
                self._encode_decoded_ahead(known)
            else:
                self.image_service.prefetch(following.id, self.storage.file_of(following), following.page)

    def _encode_decoded_ahead(self, decoded: Decoded) -> None:
        self.encode_ahead(EngineImage(decoded.loaded.pixels, decoded.loaded.content_hash))

    def _unreadable(self, image_id: int, sentence: str) -> None:
        image = self.storage.image(image_id)
        if image is None:
            return
        broken = replace(image, state=ImageState.ERROR, error=sentence)
        self.storage.learn(broken)
        if self._image is not None and image_id == self._image.id:
            self._image = broken
            skip = NoticeAction(self.tr("Skip"), self.go_next)
            self.raise_notice(Notice(sentence, Severity.ERROR, (skip,), f"{self.storage.file_of(image)}\n{sentence}"))
            self.pixels_changed.emit()
        self.image_state_changed.emit(image_id)

    # -- the end -------------------------------------------------------------------------------------------------

    def shut_down(self) -> None:
        """Write everything and end the workspace's threads; the inference thread is closed by its owner."""
        self.image_leaving.emit()
        self._stop_jobs()
        # a mask may still be in the making for a question, and the worker is gone when it arrives
        self._forget_labels()
        self._drop_requests()
        self.image_service.stop()
        self.storage.close()


_UNFINISHED = frozenset({ImageState.EMPTY, ImageState.DRAFT, ImageState.REJECTED})
_CHIP_STATES = {
    "unlabelled": frozenset({ImageState.EMPTY}),
    "draft": frozenset({ImageState.DRAFT}),
    "done": done_states(),
    "to review": frozenset({ImageState.DONE}),
}
_ISSUES = frozenset({ImageState.ERROR, ImageState.REJECTED})


def listed(paths: Iterable[Path]) -> list[Path]:
    """Image files, and the image files in folders, in the order given. Raises ImageReadError for a folder."""
    files: list[Path] = []
    for path in paths:
        files.extend(scan_folder(path) if Path(path).is_dir() else [Path(path)])
    return files


def _known_instances(project: Project, ids: Iterable[int]) -> list[Instance]:
    found = []
    for instance_id in ids:
        try:
            found.append(project.instance(instance_id))
        except UnknownItem:
            continue
    return found


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
