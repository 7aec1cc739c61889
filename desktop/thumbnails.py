"""Thumbnails off the GUI thread: what is in sight now comes first, memory is bounded (ux.md §2.5).

Views ask for a picture whenever they paint. Someone who scrolls through thousands of images asks for all of them on
the way, so the newest question is answered first and the oldest are forgotten: who still sees the place asks again.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal
from PySide6.QtGui import QImage

from desktop.dataset.errors import ImageReadError
from desktop.dataset.images import decode_scaled

SIDE = 160
"""Longer side of a thumbnail, pixels."""

BUDGET_BYTES = 48 * 2**20
"""What is kept; about 800 pictures, dozens of screens."""

MAX_WAITING = 128
"""Questions that wait: more than the strip of a wide screen shows."""


class _Job(QRunnable):
    def __init__(self, service: Thumbnails, generation: int, image_id: int, file: Path, page: int) -> None:
        super().__init__()
        self._answer = service._made
        self._generation, self._image_id, self._file, self._page = generation, image_id, file, page

    def run(self) -> None:
        try:
            picture = picture_of(decode_scaled(self._file, SIDE, self._page).pixels)
        except ImageReadError:
            picture = QImage()
        self._answer.emit(self._image_id, (self._generation, picture))


class Thumbnails(QObject):
    """Ask with :meth:`picture`; ``ready`` says when there is one. A file that cannot be read gives a null picture."""

    ready = Signal(int)
    """Image id."""
    _made = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures: OrderedDict[int, QImage] = OrderedDict()
        self._bytes = 0
        self._waiting: dict[int, tuple[Path, int]] = {}
        self._running: int | None = None
        self._generation = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._made.connect(self._take)

    @property
    def in_work(self) -> int:
        """Pictures that are asked for and not made yet."""
        return len(self._waiting) + (self._running is not None)

    @property
    def used_bytes(self) -> int:
        return self._bytes

    def picture(self, image_id: int, file: Path, page: int = 0) -> QImage | None:
        """A picture at most :data:`SIDE` px wide or high, or None while it is being made."""
        known = self._pictures.get(image_id)
        if known is not None:
            self._pictures.move_to_end(image_id)
            return known
        if image_id != self._running:
            self._waiting.pop(image_id, None)
            self._waiting[image_id] = file, page
            if len(self._waiting) > MAX_WAITING:
                del self._waiting[next(iter(self._waiting))]
            self._go_on()
        return None

    def forget(self) -> None:
        """Another project: nothing that was made or asked for counts any more."""
        self._generation += 1
        self._pool.clear()
        self._pictures.clear()
        self._waiting.clear()
        self._bytes, self._running = 0, None

    def stop(self) -> None:
        """Wait for the thread (at most the picture that is being made)."""
        self.forget()
        self._pool.waitForDone(2000)

    def _go_on(self) -> None:
        if self._running is None and self._waiting:
            image_id, (file, page) = self._waiting.popitem()
            self._running = image_id
            self._pool.start(_Job(self, self._generation, image_id, file, page))

    def _take(self, image_id: int, answer: tuple[int, QImage]) -> None:
        generation, picture = answer
        if generation != self._generation:
            return
        self._running = None
        self._pictures[image_id] = picture
        self._bytes += picture.sizeInBytes()
        while self._bytes > BUDGET_BYTES:
            self._bytes -= self._pictures.popitem(last=False)[1].sizeInBytes()
        self._go_on()
        self.ready.emit(image_id)


def picture_of(pixels: NDArray[np.uint8]) -> QImage:
    """A QImage with its own copy of RGB pixels uint8 (h, w, 3)."""
    height, width = pixels.shape[:2]
    pixels = np.ascontiguousarray(pixels)
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
