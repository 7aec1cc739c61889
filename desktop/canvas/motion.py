"""What moves by itself on the canvas: the candidate's dashes and the busy ring, and when they rest (ux.md §4, §20).

An open session may stay on screen for minutes, so its dashes take few frames, repaint only their own line, and stand
still when nobody has touched the canvas for a while or the window is not in front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

DASH_MS = 250
RING_MS = 90
"""Time between two frames of the dashes, and of the ring (which turns only while an engine works)."""

REST_AFTER_MS = 6_000
"""Without input for that long the dashes stand still."""

_DASHES_PER_FRAME = 0.25
_TURNS_PER_FRAME = 0.04


class Motion(QObject):
    """Drives the animation of a :class:`CanvasView`'s session layer."""

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._reduced = False
        self._frames = QTimer(self)
        self._frames.timeout.connect(self._frame)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_AFTER_MS)
        self._rest.timeout.connect(self.refresh)

    @property
    def running(self) -> bool:
        """Whether something is moving now."""
        return self._frames.isActive()

    def reduce(self, on: bool) -> None:
        """Nothing moves while on."""
        self._reduced = on
        self.refresh()

    def touched(self) -> None:
        """Somebody acts on the canvas, or the session changed: go on."""
        if self._view.session_layer.session is not None:
            self._rest.start()
            self.refresh()

    def refresh(self) -> None:
        """Start or stop as session, window and settings ask for."""
        layer = self._view.session_layer
        dashes = layer.dashed and self._rest.isActive() and self._view.isActiveWindow()
        if self._reduced or not (layer.busy or dashes):
            self._frames.stop()
            return
        interval = RING_MS if layer.busy else DASH_MS
        if not self._frames.isActive() or self._frames.interval() != interval:
            self._frames.start(interval)

    def _frame(self) -> None:
        view = self._view
        if not view.isVisible():
            return
        layer = view.session_layer
        if layer.busy:
            layer.turn = (layer.turn + _TURNS_PER_FRAME) % 1.0
            view.update(layer.ring_area(view.transform_now, view.image_size))
        else:
            layer.march = (layer.march + _DASHES_PER_FRAME) % 1.0
            view.update(layer.dash_area(view.transform_now, view.rect()))
