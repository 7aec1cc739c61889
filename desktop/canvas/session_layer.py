"""The open session over the image: candidate, prompts, busy ring, preview and probability view (ux.md §4, §9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, QRect, QRunnable, Qt, QThreadPool, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QRegion, QTransform

from desktop.canvas.chips import draw_tag
from desktop.canvas.heat import Heat, doubtful, draw_doubt
from desktop.canvas.hit_test import rings_of
from desktop.canvas.host import SessionView
from desktop.canvas.markers import draw_prompt, draw_ring
from desktop.canvas.paths import detail, path_of, reduced
from desktop.canvas.tools.prompting import anchor_of
from desktop.canvas.transform import Rect, ViewTransform
from desktop.dataset.masks import Mask
from inference.prompts import Box
from inference.results import Candidate

FILL = 0.40
_DASH = (5.0, 4.0)
_CELL = 32
_TAG = 13.0
"""View pixels between the label and the object: the marker at a box's corner fits in between."""

_LINE = 2.0
"""Half the width of the outline with its smoothing, view pixels."""

_LONGEST = 200_000.0
"""View pixels of outline above which its cells are not looked for: so near, most of the view changes anyway."""

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
        self._bounds: Rect | None = None
        self._paths: dict[int | None, QPainterPath] = {}
        self._heat: tuple[Candidate, Heat] | None = None
        self._preview: tuple[NDArray[np.float32], Heat] | None = None
        self._tracer: _Tracer | None = None
        self.uncertainty = False
        self.doubt = False
        self._doubt: tuple[Candidate, QPainterPath] | None = None
        self.turn = 0.0
        self.march = 0.0
        """Where ring and dashes are, in [0, 1)."""
        self._placed: tuple[ViewTransform, QPainterPath] | None = None
        self._area: tuple[ViewTransform, QRect, QRegion] | None = None

    @property
    def session(self) -> SessionView | None:
        return self._session

    @property
    def busy(self) -> bool:
        """Whether an engine works for the session, which the ring shows."""
        return self._session is not None and self._session.busy

    @property
    def dashed(self) -> bool:
        """Whether there is an outline with dashes."""
        return self._session is not None and bool(self._rings)

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
        return self._bounds

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
            if self.doubt and session.candidate is not None and session.candidate.calibrated:
                if self._doubt is None or self._doubt[0] is not session.candidate:
                    found = session.candidate
                    self._doubt = found, doubtful(found.logits, found.frame.region)
                draw_doubt(painter, view, self._doubt[1])
            if session.label and self._bounds is not None:
                draw_tag(painter, view, _with_boxes(self._bounds, session), session.label, session.colour, clear=_TAG)
        for number, prompt in enumerate(session.prompts.prompts):
            muted = number in session.prompts.muted
            draw_prompt(painter, view, prompt, muted=muted, highlighted=number == session.highlighted)
        if session.busy:
            draw_ring(painter, self._ring_place(view, image), self.turn, session.busy_text)

    def _draw_candidate(self, painter: QPainter, view: ViewTransform, colour: QColor) -> None:
        placed = self._outline(view)
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
        pen.setDashOffset(-self.march * sum(_DASH) / 1.5)
        painter.setPen(pen)
        painter.drawPath(placed)

    def _outline(self, view: ViewTransform) -> QPainterPath:
        """The candidate's outline in view coordinates; kept, since the dashes ask for it in every frame."""
        if self._placed is None or self._placed[0] != view:
            level = detail(view.scale)
            path = self._paths.get(level)
            if path is None:
                path = self._paths[level] = path_of(reduced(self._rings, level))
            self._placed = view, QTransform(view.scale, 0, 0, view.scale, view.dx, view.dy).map(path)
        return self._placed[1]

    def dash_area(self, view: ViewTransform, visible: QRect) -> QRegion:
        """The cells of the view, some 32 px wide, through which the candidate's outline goes."""
        if self._area is None or self._area[:2] != (view, visible):
            length = sum(float(np.abs(np.diff(ring, axis=0)).sum()) for ring in self._rings) * view.scale
            if length > _LONGEST:
                return QRegion(visible)
            cells: set[tuple[int, int]] = set()
            for ring in self._rings:
                placed = np.concatenate([ring, ring[:1]]) * view.scale + (view.dx, view.dy)
                for shift in ((-_LINE, -_LINE), (_LINE, -_LINE), (-_LINE, _LINE), (_LINE, _LINE)):
                    cells.update(_cells(placed + shift, visible))
            region = QRegion()
            for x, y in cells:
                region += QRect(x * _CELL, y * _CELL, _CELL, _CELL)
            self._area = view, visible, region
        return self._area[2]

    def ring_area(self, view: ViewTransform, image: tuple[int, int]) -> QRect:
        """The square of the view in which the busy ring turns."""
        middle = self._ring_place(view, image).toPoint()
        return QRect(middle.x() - 20, middle.y() - 20, 40, 40)

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
        self._traced, self._rings, self._bounds = candidate, rings, None
        if rings:
            points = np.concatenate(rings)
            (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
            self._bounds = float(x0), float(y0), float(x1), float(y1)
        self._paths.clear()
        self._placed, self._area = None, None


def _with_boxes(bounds: Rect, session: SessionView) -> Rect:
    """The bounds of the candidate and of the positive boxes round it: what the label must not cover."""
    boxes = [p for p in session.prompts.prompts if isinstance(p, Box) and p.positive]
    x0, y0, x1, y1 = bounds
    return (
        min([x0, *(box.x0 for box in boxes)]),
        min([y0, *(box.y0 for box in boxes)]),
        max([x1, *(box.x1 for box in boxes)]),
        max([y1, *(box.y1 for box in boxes)]),
    )


def _cells(line: NDArray[np.float64], visible: QRect) -> set[tuple[int, int]]:
    """The cells that a line (n, 2) goes through inside ``visible``, found by points less than a cell apart."""
    steps = np.diff(line, axis=0)
    counts = np.maximum(np.ceil(np.abs(steps).max(axis=1) / (_CELL / 4)), 1).astype(np.intp)
    start = np.repeat(np.arange(len(steps)), counts)
    share = (np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[start]
    points = np.concatenate([line[start] + steps[start] * share[:, None], line[-1:]])
    low, high = (visible.left(), visible.top()), (visible.right() + 1, visible.bottom() + 1)
    inside = points[((points >= low) & (points < high)).all(axis=1)]
    return set(map(tuple, np.unique(np.floor(inside / _CELL).astype(int), axis=0).tolist()))


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
