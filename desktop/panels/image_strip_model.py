"""The rows of the image strip and how a thumbnail with its badge is drawn. Thumbnails are asked for when painted."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TypeAlias

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    QStringListModel,
    Qt,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.dataset.model import Image, ImageState
from desktop.dataset.review import state_word
from desktop.panels.icons import icon
from desktop.workspace import Workspace

IMAGE_ID = Qt.ItemDataRole.UserRole
_STATE = Qt.ItemDataRole.UserRole + 1
_THUMBNAIL = Qt.ItemDataRole.UserRole + 2
_PARKED = Qt.ItemDataRole.UserRole + 3
_PROPOSED = Qt.ItemDataRole.UserRole + 4
_Index: TypeAlias = QModelIndex | QPersistentModelIndex

BADGES = {state: f"badge-{state.value}" for state in ImageState}
_BADGE_COLOURS = {
    ImageState.EMPTY: "#ffffff",
    ImageState.DRAFT: "#ffd166",
    ImageState.DONE: "#6fd08c",
    ImageState.REVIEWED: "#6fd08c",
    ImageState.REJECTED: "#ff8a80",
    ImageState.ERROR: "#ff8a80",
}


class ImageStripModel(QStringListModel):
    """The visible images. Qt's own list of strings answers how many rows there are: a view asks that once for every
    row whenever it lays them out, and tens of thousands of questions to Python would be felt."""

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._rows: dict[int, int] = {}
        self._images: list[Image] = []
        self._parked: frozenset[int] = frozenset()
        self._proposed: frozenset[int] = frozenset()
        workspace.proposals_changed.connect(self._proposals_changed)

    def refresh(self) -> None:
        self._images = list(self._workspace.visible_images)
        self._rows = {image.id: row for row, image in enumerate(self._images)}
        self.setStringList([image.path for image in self._images])

    def index_of(self, image_id: int) -> QModelIndex:
        row = self._rows.get(image_id)
        return self.index(row) if row is not None else QModelIndex()

    def repaint(self, image_id: int) -> None:
        """A thumbnail arrived or a badge changed."""
        index = self.index_of(image_id)
        if not index.isValid():
            return
        now = self._workspace.image(image_id)
        if now is not None:
            self._images[index.row()] = now
        self.dataChanged.emit(index, index)

    def parked_changed(self) -> None:
        """Images with a parked session carry a mark."""
        parked = frozenset(session.image_id for session in self._workspace.parked_sessions)
        changed, self._parked = parked ^ self._parked, parked
        for image_id in changed:
            self.repaint(image_id)

    def _proposals_changed(self) -> None:
        """Images where proposals wait carry a mark."""
        proposed = self._workspace.images_with_proposals
        changed, self._proposed = proposed ^ self._proposed, proposed
        for image_id in changed:
            self.repaint(image_id)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        image = self._images[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _name(image)
        if role == IMAGE_ID:
            return image.id
        if role == _STATE:
            return image.state
        if role == _THUMBNAIL:
            return self._workspace.thumbnail(image.id)
        if role == _PARKED:
            return image.id in self._parked
        if role == _PROPOSED:
            return image.id in self._proposed
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            size = f", {image.width} × {image.height}" if image.width else ""
            parked = self.tr(", 1 open session") if image.id in self._parked else ""
            proposed = self.tr(", proposals wait") if image.id in self._proposed else ""
            return f"{image.path} ({self.tr(state_word(image.state))}{size}{parked}{proposed})" + (
                f"\n{image.error}" if image.error else ""
            )
        return None


def _name(image: Image) -> str:
    name = PurePosixPath(image.path).name
    return f"{name} [{image.page + 1}]" if image.page else name


class ImageDelegate(QStyledItemDelegate):
    WIDTH, HEIGHT = 120, 86

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(self.WIDTH, self.HEIGHT - 16 + option.fontMetrics.height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        palette, rect = option.palette, option.rect.adjusted(3, 3, -3, -3)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        if option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, palette.color(QPalette.ColorRole.Midlight))
        text_height = option.fontMetrics.height()
        frame = QRect(rect.left(), rect.top(), rect.width(), rect.height() - text_height - 2)
        painter.fillRect(frame, palette.color(QPalette.ColorRole.Midlight))
        thumbnail = index.data(_THUMBNAIL)
        if isinstance(thumbnail, QImage) and not thumbnail.isNull():
            size = thumbnail.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(frame.center() - QRect(0, 0, size.width(), size.height()).center(), size)
            painter.drawImage(place, thumbnail)
        self._badge(painter, frame, ImageState(index.data(_STATE)))
        marks = (("prompts", _PARKED, frame.top() + 2), ("everything", _PROPOSED, frame.bottom() - 19))
        for name, role, top in marks:
            if index.data(role):
                mark = QRect(frame.right() - 19, top, 18, 18)
                self._disc(painter, mark)
                icon(name, "#ffffff").paint(painter, mark.adjusted(3, 3, -3, -3))
        if chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Accent), 2))
            painter.drawRect(frame.adjusted(0, 0, 0, 0))
        painter.setPen(palette.color(QPalette.ColorRole.Text if chosen else QPalette.ColorRole.PlaceholderText))
        below = QRect(rect.left(), frame.bottom() + 3, rect.width(), text_height)
        text = option.fontMetrics.elidedText(str(index.data()), Qt.TextElideMode.ElideMiddle, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    def _badge(self, painter: QPainter, frame: QRect, state: ImageState) -> None:
        place = QRect(frame.left() + 2, frame.top() + 2, 18, 18)
        self._disc(painter, place)
        icon(BADGES[state], _BADGE_COLOURS[state]).paint(painter, place.adjusted(3, 3, -3, -3))

    @staticmethod
    def _disc(painter: QPainter, place: QRect) -> None:
        """A dark ground, so that the mark reads on any photograph."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(20, 24, 30, 190))
        painter.drawEllipse(place)
