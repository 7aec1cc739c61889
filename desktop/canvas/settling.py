"""When the overlay is rebuilt: gestures, pauses, slices of work (ux.md §9, §11)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

PAUSE_MS = 80
"""A gesture that pauses that long is over."""

SMOOTH_LATER_MS = 120
SLICE = 0.010
"""Seconds of building per turn of the event loop."""

_FIRST_SLICE = 0.030
_AT_ONCE = 150
"""Up to that many visible instances the first rebuild is smooth already; above, a rough one comes first."""

_REDRAWN_AT_ONCE = 64
"""More changed rectangles than this: a whole build in slices."""

Box = tuple[int, int, int, int]


class Settling(QObject):
    """Drives the overlay of a :class:`CanvasView`."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._pause = self._timer(PAUSE_MS, self._paused)
        self._smooth = self._timer(SMOOTH_LATER_MS, self._smoothed)
        self._slice = self._timer(0, self._go_on)
        self._needed = False
        self._rough = False
        self._gesture = False

    @property
    def settled(self) -> bool:
        """Whether the overlay is finished, smooth and made for the present view."""
        waiting = self._pause.isActive() or self._smooth.isActive() or self._needed
        return not (waiting or self._view.overlay.building)

    def rebuild(self) -> None:
        """Instances, style or size changed: build the layers anew with the next frame."""
        self._needed = True
        self._view.update()

    def moved(self) -> None:
        """The view moved: show the old layers there until the gesture pauses."""
        if not self._gesture:
            self._gesture = True
            self._view.gesture_started.emit()
        self._smooth.stop()
        self._pause.start()
        self._view.update()

    def redraw(self, boxes: Sequence[Box], *, marks_only: bool = False) -> None:
        """Some image rectangles changed."""
        overlay = self._view.overlay
        areas = [(float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in boxes]
        layers = (overlay.marks,) if marks_only else overlay.layers
        if len(areas) > _REDRAWN_AT_ONCE:
            self._needed = True
        if not self._needed:
            done = [layer.redraw(area) for layer in layers for area in areas]
            self._needed = not all(done)
        self._view.update()

    def before_paint(self) -> None:
        """Called in every frame: start what is needed, so that the first frame shows as much as fits."""
        if self._needed and not self._pause.isActive():
            self._needed = False
            self._begin(rough_first=True)
            self._advance(_FIRST_SLICE)

    def settle(self) -> None:
        """Finish everything now, smooth (for pictures, tests and measurements)."""
        for timer in (self._pause, self._smooth, self._slice):
            timer.stop()
        self._needed = False
        self._begin(rough_first=False)
        while not self._view.overlay.step(1.0):
            pass
        self._done()

    def _timer(self, milliseconds: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    def _begin(self, *, rough_first: bool) -> None:
        view = self._view
        ratio = view.devicePixelRatioF()
        self._smooth.stop()
        self._rough = False
        count = view.overlay.begin(view.transform_now, view.size(), ratio, antialias=True)
        if rough_first and count > _AT_ONCE:
            self._rough = True
            view.overlay.begin(view.transform_now, view.size(), ratio, antialias=False)

    def _advance(self, seconds: float) -> None:
        if self._view.overlay.step(seconds):
            if self._rough:
                self._rough = False
                self._smooth.start()
            else:
                self._done()
        else:
            self._slice.start()

    def _go_on(self) -> None:
        self._advance(SLICE)
        if not self._slice.isActive():
            self._view.update()

    def _paused(self) -> None:
        self._needed = False
        self._begin(rough_first=True)
        self._go_on()

    def _smoothed(self) -> None:
        self._begin(rough_first=False)
        self._go_on()

    def _done(self) -> None:
        if self._gesture:
            self._gesture = False
            self._view.gesture_settled.emit()
        self._view.update()
