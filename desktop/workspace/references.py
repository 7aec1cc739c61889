"""Reference prompts: a region of another image shows what to look for; regions are kept in the project (ux.md §6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop.dataset.changes import DeleteReference, PutReference, StoredReference
from desktop.dataset.errors import DatasetError
from desktop.dataset.masks import Mask
from desktop.image_service import Decoded, ImageService
from desktop.settings import Settings
from desktop.workspace.link import InferenceLink
from desktop.workspace.stepping import Stepping
from desktop.workspace.undo import timestamp
from inference.prompts import Reference


class References(Stepping):
    """See :class:`desktop.workspace.Workspace`."""

    references_changed = Signal()

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._waiting_references: dict[int, StoredReference] = {}
        images.loaded.connect(self._reference_image_loaded)

    @property
    def references(self) -> Sequence[StoredReference]:
        """The regions that were used before, latest first."""
        project = self.storage.project
        return tuple(reversed(project.references())) if project is not None else ()

    def add_reference(self, image_id: int, mask: Mask, category_id: int | None = None) -> StoredReference | None:
        """Keep a region of an image (``mask`` at its size) in the project and prompt with it.

        ``category_id`` becomes the current class: it is that of an instance which was picked as the region.
        """
        image = self.storage.image(image_id)
        if image is None or mask.is_empty or not self._ready_to_change():
            return None
        known = next((r for r in self.references if r.image_id == image_id and r.mask == mask), None)
        if known is None:
            project = self.storage.project
            assert project is not None
            name = self.class_name(category_id) if category_id is not None else Path(image.path).stem
            known = StoredReference(project.reserve_reference_id(), name, image_id, mask, timestamp())
            try:
                self.storage.apply([PutReference(known)])
            except DatasetError as error:
                self.problem(str(error))
                return None
            self.references_changed.emit()
        if category_id is not None:
            self.set_current_category(category_id)
        self.use_reference(known.id)
        return known

    def use_reference(self, reference_id: int) -> None:
        """Prompt with a kept region; its image is decoded first when it is not in memory."""
        kept = next((r for r in self.references if r.id == reference_id), None)
        image = self.storage.image(kept.image_id) if kept is not None else None
        if kept is None or image is None or self._image is None:
            return
        decoded = self.image_service.decoded(kept.image_id)
        if decoded is not None:
            self._prompt_with(kept, decoded)
            return
        # asked for on this image; on another one the region would be a surprise
        self._waiting_references = {self._image.id: kept}
        self.image_service.prefetch(image.id, self.storage.file_of(image), image.page)

    def _reference_image_loaded(self, image_id: int, decoded: Decoded) -> None:
        kept = self._waiting_references.get(self._image.id) if self._image is not None else None
        if kept is not None and kept.image_id == image_id:
            self._waiting_references.clear()
            self._prompt_with(kept, decoded)

    def _prompt_with(self, kept: StoredReference, decoded: Decoded) -> None:
        image = self.storage.image(kept.image_id)
        pixels = decoded.loaded.pixels
        if image is None or pixels.shape[:2] != (kept.mask.height, kept.mask.width):
            self.problem(self.tr("The reference “{name}” has another size than its image now.").format(name=kept.name))
            return
        # the name finds the pixels again when the prompts are read from an instance's origin
        self.add_prompt(Reference(pixels, kept.mask.to_array(), image.path))

    def remove_reference(self, reference_id: int) -> None:
        """Forget a kept region; sessions that use it keep it."""
        if any(r.id == reference_id for r in self.references) and self._ready_to_change():
            self.storage.apply([DeleteReference(reference_id)])
            self.references_changed.emit()
