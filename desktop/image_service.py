"""Decoding off the GUI thread: scaled pixels first, then all of them, the next image ahead (ux.md §11).

Thumbnails have a thread of their own, so that a long strip never delays the current image. Decoded images are kept up
to a budget of bytes, the least recently used go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

from desktop.dataset.errors import ImageReadError
from desktop.dataset.images import LoadedImage, Preview, decode_scaled, load
from desktop.dataset.pyramid import pyramid
from desktop.thumbnails import Thumbnails

FIRST_SIDE = 1600
"""Longer side of the first, scaled decode: enough for a screen, quick for a large JPEG."""


class Decoded:
    """A decoded image with its half-resolution levels (finest first, uint8 (h, w, 3))."""

    def __init__(self, loaded: LoadedImage) -> None:
        self.loaded = loaded
        self.levels = pyramid(loaded.pixels)

    @property
    def nbytes(self) -> int:
        return self.loaded.nbytes + sum(level.nbytes for level in self.levels[1:])


class _Job(QRunnable):
    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work

    def run(self) -> None:
        self._work()


class ImageService(QObject):
    """Give it images by id and file; it answers with signals on the GUI thread."""

    scaled = Signal(int, object)
    """(image id, Preview) — the first pixels."""
    loaded = Signal(int, object)
    """(image id, Decoded)"""
    failed = Signal(int, str)
    """(image id, sentence)"""
    _decoded = Signal(int, object)
    _not_decoded = Signal(int, object)

    def __init__(self, budget_bytes: int = 256 * 2**20, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.budget_bytes = budget_bytes
        self._pixels: OrderedDict[int, Decoded] = OrderedDict()
        self.thumbnails = Thumbnails(self)
        self._wanted: int | None = None
        self._wanted_file = Path(), 0
        self._running: set[int] = set()
        self._needed: dict[int, tuple[Path, int]] = {}
        self._generation = 0
        self._decoders = QThreadPool(self)
        self._decoders.setMaxThreadCount(2)
        self._decoded.connect(self._take)
        self._not_decoded.connect(self._take_failure)

    @property
    def used_bytes(self) -> int:
        return sum(decoded.nbytes for decoded in self._pixels.values())

    def show(self, image_id: int, file: Path, page: int = 0) -> Decoded | None:
        """Ask for the image to look at. Returns it when it is in memory; else ``scaled`` and ``loaded`` follow."""
        self._wanted, self._wanted_file = image_id, (file, page)
        known = self._pixels.get(image_id)
        if known is not None:
            self._pixels.move_to_end(image_id)
            return known
        self._start(image_id, file, page, first=True)
        return None

    def prefetch(self, image_id: int, file: Path, page: int = 0) -> None:
        """Decode an image that will probably be looked at next; it is not dropped when another is shown meanwhile."""
        if image_id not in self._pixels:
            self._needed[image_id] = file, page
            self._start(image_id, file, page, first=False)

    def decoded(self, image_id: int) -> Decoded | None:
        return self._pixels.get(image_id)

    def forget(self) -> None:
        """Another project: nothing that was decoded or asked for counts any more."""
        self._generation += 1
        self._decoders.clear()
        self._pixels.clear()
        self.thumbnails.forget()
        self._running.clear()
        self._needed.clear()
        self._wanted = None

    def stop(self) -> None:
        """Wait for the threads (at most the image that is being decoded)."""
        self.forget()
        self._decoders.waitForDone(2000)
        self.thumbnails.stop()

    def _start(self, image_id: int, file: Path, page: int, *, first: bool) -> None:
        if image_id in self._running:
            return
        self._running.add(image_id)
        generation = self._generation

        def work() -> None:
            # someone who pages through images fast wants the last one only
            if generation != self._generation or (image_id != self._wanted and image_id not in self._needed):
                self._not_decoded.emit(image_id, (generation, ""))
                return
            try:
                if first:
                    preview = decode_scaled(file, FIRST_SIDE, page)
                    self._decoded.emit(image_id, (generation, preview))
                self._decoded.emit(image_id, (generation, Decoded(load(file, page))))
            except ImageReadError as error:
                self._not_decoded.emit(image_id, (generation, str(error)))

        self._decoders.start(_Job(work), 1 if first else 0)

    def _take(self, image_id: int, answer: tuple[int, Preview | Decoded]) -> None:
        generation, found = answer
        if generation != self._generation:
            return
        if isinstance(found, Preview):
            self.scaled.emit(image_id, found)
            return
        self._running.discard(image_id)
        self._needed.pop(image_id, None)
        self._pixels[image_id] = found
        self._trim()
        self.loaded.emit(image_id, found)

    def _take_failure(self, image_id: int, answer: tuple[int, str]) -> None:
        generation, sentence = answer
        if generation != self._generation:
            return
        self._running.discard(image_id)
        if sentence:
            self._needed.pop(image_id, None)
            self.failed.emit(image_id, sentence)
        elif image_id == self._wanted:
            # asked for again after the decoder had dropped it, which this thread had not heard of yet
            self._start(image_id, *self._wanted_file, first=True)
        elif image_id in self._needed:
            self._start(image_id, *self._needed[image_id], first=False)

    def _trim(self) -> None:
        for image_id in list(self._pixels):
            if self.used_bytes <= self.budget_bytes or len(self._pixels) <= 1:
                return
            if image_id != self._wanted:
                del self._pixels[image_id]
