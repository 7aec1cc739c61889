"""The open session over the image: candidate, prompts, busy ring, preview and probability view (ux.md §4, §9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, QRunnable, Qt, QThreadPool, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from desktop.canvas.heat import Heat
from desktop.canvas.hit_test import rings_of
from desktop.canvas.host import SessionView
from desktop.canvas.markers import draw_prompt, draw_ring
from desktop.canvas.paths import detail, path_of, reduced
from desktop.canvas.tools.prompting import anchor_of
from desktop.canvas.transform import Rect, ViewTransform
from desktop.dataset.masks import Mask
from inference.results import Candidate

FILL = 0.40
_DASH = (5.0, 4.0)
_AT_ONCE = 600_000
"""Pixels of the image up to which a candidate's outline is traced at once; above, off the GUI thread."""


class SessionLayer(QObject):
    """Keeps what is drawn of the session. ``changed`` fires when a traced outline arrives."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session: SessionView | None = None
        self._traced: Candidate | None = None
        self._rings: list[NDArray[np.float64]] = []
        self._paths: dict[int | None, QPainterPath] = {}
        self._heat: tuple[Candidate, Heat] | None = None
        self._preview: tuple[NDArray[np.float32], Heat] | None = None
        self._tracer: _Tracer | None = None
        self.uncertainty = False
        self.phase = 0.0

    @property
    def session(self) -> SessionView | None:
        return self._session

    @property
    def moves(self) -> bool:
        """Whether something is animated: the candidate's dashes or the busy ring."""
        session = self._session
        return session is not None and (session.busy or session.candidate is not None)

    @property
    def shows_heat(self) -> bool:
        """Whether the probability view has something to show."""
        candidate = None if self._session is None else self._session.candidate
        return self.uncertainty and candidate is not None and candidate.calibrated

    def set_session(self, session: SessionView | None) -> None:
        self._session = session
        candidate = None if session is None else session.candidate
        if candidate is None:
            self._put(None, [])
        elif candidate is not self._traced:
            if candidate.frame.height * candidate.frame.width <= _AT_ONCE:
                self._put(candidate, _trace(candidate))
            else:
                self._tracer = _Tracer(candidate)
                self._tracer.signals.done.connect(self._arrived)
                QThreadPool.globalInstance().start(self._tracer)

    def bounds(self) -> Rect | None:
        """The image rectangle of the candidate's outline."""
        if not self._rings:
            return None
        points = np.concatenate(self._rings)
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    def draw(self, painter: QPainter, view: ViewTransform, image: tuple[int, int]) -> None:
        session = self._session
        if session is None:
            return
        if session.preview is not None and session.candidate is None:
            if self._preview is None or self._preview[0] is not session.preview:
                self._preview = session.preview, Heat(session.preview, (0.0, 0.0, float(image[0]), float(image[1])))
            self._preview[1].draw(painter, view)
        if self.shows_heat and session.candidate is not None:
            self._draw_heat(painter, view, session.candidate)
        if self._rings:
            self._draw_candidate(painter, view, QColor(session.colour))
        for number, prompt in enumerate(session.prompts.prompts):
            muted = number in session.prompts.muted
            draw_prompt(painter, view, prompt, muted=muted, highlighted=number == session.highlighted)
        if session.busy:
            draw_ring(painter, self._ring_place(view, image), self.phase, session.busy_text)

    def _draw_candidate(self, painter: QPainter, view: ViewTransform, colour: QColor) -> None:
        level = detail(view.scale)
        path = self._paths.get(level)
        if path is None:
            path = self._paths[level] = path_of(reduced(self._rings, level))
        placed = QTransform(view.scale, 0, 0, view.scale, view.dx, view.dy).map(path)
        if not self.shows_heat:
            fill = QColor(colour)
            fill.setAlphaF(FILL)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.fillPath(placed, fill)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 210), 2.25))
        painter.drawPath(placed)
        pen = QPen(Qt.GlobalColor.white, 1.5)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([length / 1.5 for length in _DASH])
        pen.setDashOffset(-self.phase * 4 * sum(_DASH) / 1.5)
        painter.setPen(pen)
        painter.drawPath(placed)

    def _draw_heat(self, painter: QPainter, view: ViewTransform, candidate: Candidate) -> None:
        if self._heat is None or self._heat[0] is not candidate:
            probability = (1 / (1 + np.exp(-np.clip(candidate.logits, -30, 30)))).astype(np.float32)
            self._heat = candidate, Heat(probability, candidate.frame.region)
        self._heat[1].draw(painter, view)

    def _ring_place(self, view: ViewTransform, image: tuple[int, int]) -> QPointF:
        """At the last prompt that has a place, else in the middle of the image."""
        assert self._session is not None
        for prompt in reversed(self._session.prompts.prompts):
            anchor = anchor_of(prompt)
            if anchor is not None:
                return QPointF(*view.to_view(*anchor))
        return QPointF(*view.to_view(image[0] / 2, image[1] / 2))

    def _arrived(self, candidate: Candidate, rings: list[NDArray[np.float64]]) -> None:
        """A late outline of a candidate that is no longer shown is dropped."""
        if self._session is not None and self._session.candidate is candidate:
            self._put(candidate, rings)
            self.changed.emit()

    def _put(self, candidate: Candidate | None, rings: list[NDArray[np.float64]]) -> None:
        self._traced, self._rings = candidate, rings
        self._paths.clear()


class _Signals(QObject):
    done = Signal(object, object)


class _Tracer(QRunnable):
    """Traces a candidate's outline off the GUI thread."""

    def __init__(self, candidate: Candidate) -> None:
        super().__init__()
        self.signals = _Signals()
        self._candidate = candidate

    def run(self) -> None:
        self.signals.done.emit(self._candidate, _trace(self._candidate))


def _trace(candidate: Candidate) -> list[NDArray[np.float64]]:
    return rings_of(Mask.from_array(candidate.mask()).parts())
