"""The candidates of the session as thumbnails with score, area and engine; click shows one, a tick keeps it too."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from desktop.panels.controls import GAP, soft_label
from desktop.panels.words import grouped
from desktop.workspace import Workspace
from inference.results import Candidate

THUMBNAIL = 44
_APART = 12
"""Pixels between candidates, so that the numbers below them do not run together."""


def candidate_picture(candidate: Candidate, pixels: NDArray[np.uint8] | None, side: int = THUMBNAIL) -> QImage:
    """A square picture of the image around the mask, the rest darkened; RGB888, ``side`` × ``side`` px.

    Works on the logits at their own size: a full-size mask for every candidate would take too long on this thread.
    """
    inside = candidate.logits > 0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    h, w = inside.shape
    if rows.size == 0:
        rows, columns = np.arange(h), np.arange(w)
    x0, y0, x1, y1 = candidate.frame.region
    sx, sy = (x1 - x0) / w, (y1 - y0) / h
    left, right = x0 + columns[0] * sx, x0 + (columns[-1] + 1) * sx
    top, bottom = y0 + rows[0] * sy, y0 + (rows[-1] + 1) * sy
    size = max(right - left, bottom - top) * 1.2
    cx, cy = (left + right) / 2, (top + bottom) / 2
    scale = side / size
    move = np.array([[scale, 0, side / 2 - cx * scale], [0, scale, side / 2 - cy * scale]])
    # from logits to the thumbnail in one step, by way of the image's coordinates
    onto = np.array([[sx * scale, 0, (x0 - cx) * scale + side / 2], [0, sy * scale, (y0 - cy) * scale + side / 2]])
    mask = cv2.warpAffine(inside.astype(np.uint8) * 255, onto, (side, side), flags=cv2.INTER_AREA) > 127
    if pixels is None:
        picture = np.full((side, side, 3), 200, np.uint8)
    else:
        picture = cv2.warpAffine(pixels, move, (side, side), flags=cv2.INTER_AREA).astype(np.uint8)
    picture = np.where(mask[..., None], picture, picture // 3).astype(np.uint8)
    return QImage(picture.tobytes(), side, side, 3 * side, QImage.Format.Format_RGB888).copy()


class CandidateStrip(QWidget):
    """A row of candidates that scrolls sideways; hidden while there are none."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setAccessibleName(self.tr("Candidates"))
        self._heading = soft_label()
        inside = QWidget()
        self._row = QHBoxLayout(inside)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(_APART)
        self._row.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GAP, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self._heading)
        column.addWidget(self._scroll)
        self._shown: tuple[Candidate, ...] = ()
        self._cells: list[_Cell] = []
        workspace.session_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        session = self._workspace.session
        candidates = session.candidates if session is not None else ()
        self.setVisible(bool(candidates))
        if candidates != self._shown:
            self._shown = candidates
            self._rebuild(candidates)
        if session is not None:
            for index, cell in enumerate(self._cells):
                cell.show_choice(index == session.chosen, index in session.kept)
            text = self.tr("Candidate %1 of %2 (C for the next)")
            self._heading.setText(text.replace("%1", str(session.chosen + 1)).replace("%2", str(len(candidates))))

    def _rebuild(self, candidates: tuple[Candidate, ...]) -> None:
        for cell in self._cells:
            self._row.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        pixels = self._workspace.pixels
        self._cells = [_Cell(self._workspace, index, c, pixels) for index, c in enumerate(candidates)]
        for index, cell in enumerate(self._cells):
            self._row.insertWidget(index, cell)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As high as a candidate, and a scroll bar where they do not all fit."""
        if self._cells:
            wanted = sum(cell.sizeHint().width() + _APART for cell in self._cells)
            bar = self._scroll.horizontalScrollBar().sizeHint().height() if wanted > self.width() else 0
            self._scroll.setFixedHeight(self._cells[0].sizeHint().height() + bar)


class _Cell(QWidget):
    def __init__(
        self, workspace: Workspace, index: int, candidate: Candidate, pixels: NDArray[np.uint8] | None
    ) -> None:
        super().__init__()
        area = round(float(np.count_nonzero(candidate.logits > 0)) * _pixel_area(candidate))
        self._button = QToolButton()
        self._button.setIcon(QPixmap.fromImage(candidate_picture(candidate, pixels)))
        self._button.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self._button.setCheckable(True)
        text = self.tr("Candidate %1, score %2, about %3 px, %4")
        for number, value in enumerate((str(index + 1), f"{candidate.score:.2f}", grouped(area), candidate.engine), 1):
            text = text.replace(f"%{number}", value)
        self._button.setAccessibleName(text)
        self._button.setToolTip(text)
        self._button.clicked.connect(lambda: workspace.choose_candidate(index))
        self._keep = QCheckBox(f"{candidate.score:.2f}")
        self._keep.setToolTip(self.tr("Keep this one too when accepting"))
        self._keep.setAccessibleName(self.tr("Keep candidate %1").replace("%1", str(index + 1)))
        self._keep.setMinimumHeight(24)
        self._keep.clicked.connect(lambda checked: workspace.keep_candidate(index, checked))
        caption = QLabel(f"{grouped(area)} px")
        caption.setProperty("soft", "true")
        caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._keep, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(caption)

    def show_choice(self, chosen: bool, kept: bool) -> None:
        self._button.setChecked(chosen)
        self._keep.setChecked(kept)


def _pixel_area(candidate: Candidate) -> float:
    """Image pixels that one logit covers."""
    x0, y0, x1, y1 = candidate.frame.region
    h, w = candidate.logits.shape
    return float((x1 - x0) * (y1 - y0) / (h * w))
