"""Going from image to image: the current one with its pixels and instances, its state, the next one ahead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from desktop.dataset import changes as c
from desktop.dataset.errors import DatasetError
from desktop.dataset.history import Step
from desktop.dataset.images import Preview
from desktop.dataset.model import Image, ImageState, Instance
from desktop.dataset.review import finished, passed, state_word
from desktop.image_service import Decoded, ImageService
from desktop.settings import Settings
from desktop.workspace.image_list import ImageList
from desktop.workspace.link import InferenceLink
from desktop.workspace.undo import timestamp
from desktop.workspace.values import Notice, NoticeAction, Severity
from inference.engine import Image as EngineImage


class Images(ImageList):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._preview_pixels: NDArray[np.uint8] | None = None
        self._decoded: Decoded | None = None
        self._ahead: int | None = None
        images.scaled.connect(self._first_pixels)
        images.loaded.connect(self._all_pixels)
        images.failed.connect(self._unreadable)

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
            state=self.tr(state_word(state)),
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


_UNFINISHED = frozenset({ImageState.EMPTY, ImageState.DRAFT, ImageState.REJECTED})
