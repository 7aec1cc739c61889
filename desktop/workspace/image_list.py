"""Which images the strip shows and in which order: filter chips, class, name search, sorting (ux.md §2.5).

Sorting tens of thousands of names takes longer than a key stroke may, so the order is kept until images come or go or
another order is chosen; a filter only picks from it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal
from PySide6.QtGui import QImage

from desktop.dataset.errors import DatasetError
from desktop.dataset.images import natural_key
from desktop.dataset.instance_filter import FilterError
from desktop.dataset.model import Image, ImageState
from desktop.dataset.search import asks_about_instances, matching_images
from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.exchange import Exchange
from desktop.workspace.link import InferenceLink
from desktop.workspace.storage import done_states
from desktop.workspace.values import ImageFilter

_CHIP_STATES = {
    "unlabelled": frozenset({ImageState.EMPTY}),
    "draft": frozenset({ImageState.DRAFT}),
    "done": done_states(),
    "to review": frozenset({ImageState.DONE}),
    "needs work": frozenset({ImageState.REJECTED}),
}
_ISSUES = frozenset({ImageState.ERROR, ImageState.REJECTED})


class _Dating(QObject, QRunnable):
    """Asks the disk when files were changed, on a pool thread: a folder on the network answers slowly."""

    ended = Signal(object)
    """Times in seconds by image id."""

    def __init__(self, folder: Path, images: Sequence[Image]) -> None:
        QObject.__init__(self)
        QRunnable.__init__(self)
        self.setAutoDelete(False)
        self.cancelled = threading.Event()
        self._folder, self._images = folder, images

    def run(self) -> None:
        times = {}
        for image in self._images:
            if self.cancelled.is_set():
                return
            times[image.id] = _modified(self._folder / image.path)
        self.ended.emit(times)


class ImageList(Exchange):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._filter = ImageFilter()
        self.selected_images: tuple[int, ...] = ()
        """Ids of the images that are selected in the strip, in its order."""
        self.images_with_findings: frozenset[int] = frozenset()
        """Ids of the images where the last quality check found something."""
        self._filter_problem = ""
        self._visible: list[Image] | None = None
        self._order: list[int] = []
        self._ordered: tuple[str, object] | None = None
        self._names: tuple[object, list[int]] = (None, [])
        self._times: dict[int, float] = {}
        self._dating: _Dating | None = None
        self._dates = QThreadPool(self)
        self._dates.setMaxThreadCount(1)
        images.thumbnails.ready.connect(self.thumbnail_ready)
        self.image_state_changed.connect(self._forget_visible)
        self.images_changed.connect(self._forget_visible)

    @property
    def images(self) -> Sequence[Image]:
        """All images in stored order."""
        return self.storage.images

    @property
    def image_filter(self) -> ImageFilter:
        return self._filter

    @property
    def filter_problem(self) -> str:
        """Why the text of the filter cannot be read; empty when it can."""
        return self._filter_problem

    def set_image_filter(self, image_filter: ImageFilter) -> None:
        """Show only some images in the strip, in an order; the current image stays current."""
        if image_filter.order != self._filter.order:
            self._forget_order()
            if image_filter.order == "time":
                self._ask_times()
        self._filter = image_filter
        self.images_changed.emit()

    @property
    def visible_images(self) -> Sequence[Image]:
        """The images that pass the filter, in its order."""
        if self._visible is None:
            self._visible = self._filtered()
        return self._visible

    @property
    def ordering(self) -> bool:
        """Whether the disk is still being asked for the order by time; until then the order is that of the names."""
        return self._dating is not None

    @property
    def done_counts(self) -> tuple[int, int]:
        """(done or reviewed, all)."""
        images, states = self.storage.images, done_states()
        return sum(1 for image in images if image.state in states), len(images)

    def image_doubts(self) -> dict[int, float]:
        """How doubtful images are, in [0, 1], for those with a score that nobody judged (``docs/review.md``)."""
        project = self.storage.project
        return project.doubts() if project is not None else {}

    def image(self, image_id: int) -> Image | None:
        """An image by id, as it is now; None for one that is not listed."""
        return self.storage.image(image_id)

    def thumbnail(self, image_id: int) -> QImage | None:
        """A picture at most 160 px wide, or None and it is being made (``thumbnail_ready`` follows)."""
        image = self.storage.image(image_id)
        if image is None:
            return None
        picture = self.image_service.thumbnails.picture(image_id, self.storage.file_of(image), image.page)
        return picture if picture is not None and not picture.isNull() else None

    def take_findings(self, image_ids: Iterable[int]) -> None:
        """Remember in which images the quality check found something, for the chip *Issues*."""
        self.images_with_findings = frozenset(image_ids)
        if self._filter.chip == "issues":
            self.images_changed.emit()

    def _list_opened(self) -> None:
        """Other images are open."""
        self.images_with_findings = frozenset()
        self._forget_order()
        self._times = {}
        if self._filter.order == "time":
            self._ask_times()

    def _forget_visible(self, _image_id: int = 0) -> None:
        self._visible = None

    def _forget_order(self) -> None:
        self._visible, self._ordered = None, None
        if self._dating is not None:
            self._dating.cancelled.set()
            self._dating = None

    def _filtered(self) -> list[Image]:
        chosen = self._filter
        images = self._in_order()
        if chosen.name:
            images = self._named(images, chosen.name)
        if chosen.category_id is not None:
            having = self.storage.images_with(chosen.category_id)
            images = [image for image in images if image.id in having]
        states = _CHIP_STATES.get(chosen.chip)
        if states is not None:
            images = [image for image in images if image.state in states]
        elif chosen.chip == "proposals":
            waiting = self.images_with_proposals
            images = [image for image in images if image.id in waiting]
        elif chosen.chip == "issues":
            found = self.images_with_findings
            images = [image for image in images if image.error or image.state in _ISSUES or image.id in found]
        return images

    def _named(self, images: list[Image], text: str) -> list[Image]:
        """By a piece of the file name, or by what their instances are ("state:needs-work editor:ann")."""
        self._filter_problem = ""
        if asks_about_instances(text) and self.storage.project is not None:
            try:
                having, text = matching_images(self.storage.project, text)
            except (FilterError, DatasetError) as error:
                self._filter_problem = str(error)
                return []
            images = [image for image in images if image.id in having]
        wanted = text.casefold()
        return [image for image in images if wanted in image.path.casefold()]

    def _in_order(self) -> list[Image]:
        """All images, sorted. The order stays as it was chosen: images do not jump away while they are worked on."""
        now = self._filter.order, self.storage.listing
        if self._ordered != now:
            images = self._in_order_of_names()
            if self._filter.order == "uncertainty":
                doubts = self.image_doubts()
                images.sort(key=lambda image: -doubts.get(image.id, -1.0))
            elif self._filter.order == "time":
                images.sort(key=lambda image: self._times.get(image.id, 0.0))
            self._order, self._ordered = [image.id for image in images], now
        found = (self.storage.image(image_id) for image_id in self._order)
        return [image for image in found if image is not None]

    def _in_order_of_names(self) -> list[Image]:
        """All images by name: the natural order, and that of images which are equal in another one."""
        listing, order = self._names
        if listing is not self.storage.listing:
            images = sorted(self.storage.images, key=lambda image: natural_key(image.path))
            self._names = self.storage.listing, [image.id for image in images]
            return images
        found = (self.storage.image(image_id) for image_id in order)
        return [image for image in found if image is not None]

    def _ask_times(self) -> None:
        self._dating = _Dating(self.storage.folder or Path(), self.storage.images)
        self._dating.ended.connect(self._take_times)
        self._dates.start(self._dating)

    def _take_times(self, times: dict[int, float]) -> None:
        if self.sender() is not self._dating:
            return
        self._dating, self._times = None, times
        self._ordered = None
        self.images_changed.emit()

    def _stop_dating(self) -> None:
        self._forget_order()
        self._dates.waitForDone(2000)


def _modified(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
