"""The rows of the class list and how one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop.dataset.model import Category
from desktop.panels.icons import icon
from desktop.panels.words import grouped
from desktop.workspace import Workspace

CATEGORY_ID = Qt.ItemDataRole.UserRole
_CATEGORY = Qt.ItemDataRole.UserRole + 1
_COUNTS = Qt.ItemDataRole.UserRole + 2
_KEY = Qt.ItemDataRole.UserRole + 3
_HIDDEN = Qt.ItemDataRole.UserRole + 4
_MIME = "application/x-maskwright-class"
_ROOT = QModelIndex()
_Index: TypeAlias = QModelIndex | QPersistentModelIndex


def key_of(position: int) -> str:
    """The key of the class at that place of the list: 1–9, 0, then Alt+1 … Alt+0, then none."""
    if position >= 20:
        return ""
    digit = str((position + 1) % 10)
    return digit if position < 10 else f"Alt+{digit}"


class ClassesModel(QAbstractListModel):
    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._filter = ""
        self._rows: list[tuple[int, Category]] = []
        self._snapshot: object = None

    def set_filter(self, text: str) -> None:
        self._filter = text.strip().casefold()

    def refresh(self) -> None:
        """Read the workspace again; rows that stayed keep their selection."""
        rows = [
            (place, category)
            for place, category in enumerate(self._workspace.categories)
            if self._filter in category.name.casefold()
        ]
        if [c.id for _, c in rows] == [c.id for _, c in self._rows]:
            self._rows = rows
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row_of(self, category: Category | None) -> QModelIndex | None:
        for row, (_, present) in enumerate(self._rows):
            if category is not None and present.id == category.id:
                return self.index(row)
        return None

    def move(self, row: int, step: int) -> None:
        """Move a class up or down in the list (digits follow)."""
        if 0 <= row < len(self._rows) and 0 <= row + step < len(self._rows):
            target = self._rows[row + step][0]
            self._workspace.move_category(self._rows[row][1].id, target)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        place, category = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return category.name
        if role == CATEGORY_ID:
            return category.id
        if role == _CATEGORY:
            return category
        if role == _KEY:
            return key_of(place)
        if role == _HIDDEN:
            solo = self._workspace.solo_category
            return category.id in self._workspace.hidden_categories or (solo is not None and solo != category.id)
        if role in (_COUNTS, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            count = self._workspace.count(category.id)
            if role == _COUNTS:
                return f"{grouped(count.image)} / {grouped(count.project)}"
            text = self.tr("%1: %2 in this image, %3 in the project")
            return text.replace("%1", category.name).replace("%2", str(count.image)).replace("%3", str(count.project))
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        usual = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return usual if self._workspace.read_only else usual | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        data = QMimeData()
        data.setData(_MIME, QByteArray(str(indexes[0].data(CATEGORY_ID)).encode()))
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: _Index) -> bool:
        if not data.hasFormat(_MIME) or (row < 0 and not parent.isValid()):
            return False
        category_id = int(bytes(data.data(_MIME).data()).decode())
        target = parent.row() if parent.isValid() else row
        source = next((place for place, c in self._rows if c.id == category_id), None)
        if source is None:
            return False
        last = self._rows[-1][0]
        position = self._rows[target][0] if target < len(self._rows) else last + 1
        # the row that is dragged leaves its place first
        self._workspace.move_category(category_id, position - 1 if position > source else position)
        # False: the view must not remove rows itself, the workspace's signal brings the new order
        return False


class ClassDelegate(QStyledItemDelegate):
    """Swatch, digit, name, marks for locked and hidden, counts."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(120, max(26, option.fontMetrics.height() + 8))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        category = index.data(_CATEGORY)
        if not isinstance(category, Category):
            return
        rect, palette = option.rect, option.palette
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen:
            tint = QColor(palette.color(QPalette.ColorRole.Accent))
            tint.setAlpha(48)
            painter.fillRect(rect, tint)
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), palette.color(QPalette.ColorRole.Accent))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, palette.color(QPalette.ColorRole.Midlight))
        hidden = bool(index.data(_HIDDEN))
        ink = palette.color(QPalette.ColorRole.Text)
        soft = palette.color(QPalette.ColorRole.PlaceholderText)
        swatch = QRect(rect.left() + 8, rect.center().y() - 6, 13, 13)
        painter.setPen(palette.color(QPalette.ColorRole.Mid))
        painter.setBrush(QColor(category.colour))
        painter.drawRoundedRect(swatch, 3, 3)
        metrics = option.fontMetrics
        key_width = (
            metrics.horizontalAdvance("Alt+0") if len(str(index.data(_KEY))) > 1 else metrics.horizontalAdvance("0")
        )
        painter.setPen(soft)
        middle = Qt.AlignmentFlag.AlignVCenter
        key = QRect(swatch.right() + 7, rect.top(), key_width, rect.height())
        painter.drawText(key, middle, str(index.data(_KEY)))
        counts = str(index.data(_COUNTS))
        right = rect.right() - 8 - metrics.horizontalAdvance(counts)
        painter.drawText(QRect(right, rect.top(), rect.right() - 7 - right, rect.height()), middle, counts)
        for name, shown in (("eye-off", hidden), ("lock", category.locked)):
            if shown:
                right -= 18
                icon(name).paint(painter, QRect(right, rect.center().y() - 7, 14, 14))
        painter.setPen(soft if hidden else ink)
        place = QRect(key.right() + 8, rect.top(), right - key.right() - 14, rect.height())
        font = painter.font()
        font.setBold(chosen)
        painter.setFont(font)
        text = painter.fontMetrics().elidedText(category.name, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, middle, text)
        painter.restore()
