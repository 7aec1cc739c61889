"""The instance list as an item model: grouped by class, or flat with the front at the top (ux.md §2.4).

Rows are integers into lists of ids; nothing is made per row before it is painted, so 5,000 rows cost a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from PySide6.QtCore import (
    QAbstractItemModel,
    QByteArray,
    QItemSelection,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtGui import QColor

from desktop.dataset.instance_filter import InstanceFacts, InstanceFilter
from desktop.dataset.masks import Mask
from desktop.dataset.model import Instance
from desktop.panels.icons import icon
from desktop.panels.words import grouped
from desktop.workspace import Workspace

_Index: TypeAlias = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_GROUP = 0
_MIME = "application/x-maskwright-instances"
_QUIET = "#8b93a1"
"""For the icon of what is as usual, so that what is hidden or locked stands out; seen in both themes."""


class Column(IntEnum):
    CLASS = 0
    NUMBER = 1
    AREA = 2
    PARTS = 3
    SOURCE = 4
    SCORE = 5
    REVIEW = 6
    EYE = 7
    LOCK = 8


_NUMERIC = (Column.NUMBER, Column.AREA, Column.SCORE)


@dataclass(slots=True)
class _Group:
    category_id: int | None
    ids: list[int] = field(default_factory=list)


class InstancesModel(QAbstractItemModel):
    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._filter = InstanceFilter()
        self._grouped = True
        self._groups: list[_Group] = []
        self._places: dict[int, tuple[int, int]] = {}
        self._shape: dict[int, tuple[Mask, tuple[int, int]]] = {}
        self.total = 0
        """Instances of the image, shown or not."""
        self.has_scores = False
        self._titles = (
            self.tr("Class"),
            "#",
            self.tr("Area"),
            self.tr("Parts"),
            self.tr("Source"),
            self.tr("Score"),
            self.tr("Review"),
            "",
            "",
        )

    # -- content -------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> int:
        """Instances that pass the filter."""
        return len(self._places)

    @property
    def is_grouped(self) -> bool:
        return self._grouped

    def set_grouped(self, by_class: bool) -> None:
        self._grouped = by_class
        self.rebuild()

    def set_filter(self, wanted: InstanceFilter) -> None:
        self._filter = wanted
        self.rebuild()

    def rebuild(self) -> None:
        """Read all instances again."""
        groups = self._read()
        self.beginResetModel()
        self._groups = groups
        self._places = {i: (g, r) for g, group in enumerate(groups) for r, i in enumerate(group.ids)}
        self._shape = {i: kept for i, kept in self._shape.items() if i in self._places}
        self.endResetModel()

    def update(self, ids: Iterable[int]) -> bool:
        """Repaint changed rows; True when rows came, went or moved and the model was rebuilt."""
        changed = list(ids)
        groups = self._read()
        if [(g.category_id, g.ids) for g in groups] != [(g.category_id, g.ids) for g in self._groups]:
            self.rebuild()
            return True
        for instance_id in changed:
            index = self.index_of(instance_id)
            if index.isValid():
                self.dataChanged.emit(index, index.siblingAtColumn(len(Column) - 1))
        return False

    def _read(self) -> list[_Group]:
        instances = self._workspace.instances
        self.total = len(instances)
        self.has_scores = any(instance.provenance.score is not None for instance in instances.values())
        ids = [i for i, instance in reversed(list(instances.items())) if self._passes(instance)]
        if not self._grouped:
            return [_Group(None, ids)]
        order: dict[int | None, _Group] = {c.id: _Group(c.id) for c in self._workspace.categories}
        order[None] = _Group(None)
        for instance_id in ids:
            order.setdefault(instances[instance_id].category_id, order[None]).ids.append(instance_id)
        return [group for group in order.values() if group.ids]

    def _passes(self, instance: Instance) -> bool:
        return not self._filter.terms or self._filter.accepts(self._facts(instance))

    def _facts(self, instance: Instance) -> InstanceFacts:
        category = self._workspace.category(instance.category_id)
        # the contour of every mask is only traced when the filter asks for it
        asks_shape = any(term.field in ("parts", "holes") for term in self._filter.terms)
        shape = self._parts_and_holes(instance) if asks_shape else (1, 0)
        name = category.name if category is not None else ""
        return InstanceFacts.of(instance, name, hidden=self._workspace.is_hidden(instance.id), shape=shape)

    def _parts_and_holes(self, instance: Instance) -> tuple[int, int]:
        kept = self._shape.get(instance.id)
        if kept is None or kept[0] is not instance.mask:
            parts = instance.mask.parts()
            kept = (instance.mask, (len(parts), sum(len(part.holes) for part in parts)))
            self._shape[instance.id] = kept
        return kept[1]

    # -- rows ----------------------------------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: _Index = _ROOT) -> QModelIndex:
        if row < 0 or row >= self.rowCount(parent):
            return QModelIndex()
        if not self._grouped:
            return self.createIndex(row, column, 1)
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else _GROUP)

    def parent(self, index: _Index = _ROOT) -> QModelIndex:  # type: ignore[override]
        if not self._grouped or not index.isValid() or index.internalId() == _GROUP:
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, _GROUP)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        if not parent.isValid():
            return len(self._groups) if self._grouped else len(self._groups[0].ids) if self._groups else 0
        if self._grouped and parent.internalId() == _GROUP and parent.column() == 0:
            return len(self._groups[parent.row()].ids)
        return 0

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return len(Column)

    def instance_id(self, index: _Index) -> int | None:
        """The instance of a row, None for the heading of a group."""
        if not index.isValid() or (self._grouped and index.internalId() == _GROUP):
            return None
        return self._groups[index.internalId() - 1].ids[index.row()]

    def ids_under(self, index: _Index) -> list[int]:
        """The instance of a row, or all of a group."""
        instance_id = self.instance_id(index)
        if instance_id is not None:
            return [instance_id]
        return list(self._groups[index.row()].ids) if index.isValid() else []

    def index_of(self, instance_id: int, column: int = 0) -> QModelIndex:
        place = self._places.get(instance_id)
        if place is None:
            return QModelIndex()
        group, row = place
        return self.createIndex(row, column, group + 1)

    def selection_of(self, ids: Iterable[int]) -> QItemSelection:
        """The rows of instances as few ranges, so that selecting thousands stays fast."""
        selection = QItemSelection()
        places = sorted(self._places[i] for i in ids if i in self._places)
        start = 0
        for at in range(1, len(places) + 1):
            if at == len(places) or places[at] != (places[at - 1][0], places[at - 1][1] + 1):
                group, first = places[start]
                top = self.createIndex(first, 0, group + 1)
                bottom = self.createIndex(places[at - 1][1], len(Column) - 1, group + 1)
                selection.select(top, bottom)
                start = at
        return selection

    # -- cells ---------------------------------------------------------------------------------------------------

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _NUMERIC:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            tips = {Column.PARTS: self.tr("Parts/holes"), Column.AREA: self.tr("Area in pixels")}
            tips |= {Column.EYE: self.tr("Visible"), Column.LOCK: self.tr("Locked")}
            return tips.get(Column(section), self._titles[section])
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        instance_id = self.instance_id(index)
        if instance_id is None:
            return self._group_data(self._groups[index.row()], index.column(), role)
        instance = self._workspace.instances.get(instance_id)
        return self._cell(instance, Column(index.column()), role) if instance is not None else None

    def _group_data(self, group: _Group, column: int, role: int) -> object:
        if column == Column.CLASS:
            category = self._workspace.category(group.category_id)
            if role == Qt.ItemDataRole.DisplayRole:
                name = category.name if category is not None else self.tr("unlabelled")
                return f"{name} ({grouped(len(group.ids))})"
            if role == Qt.ItemDataRole.DecorationRole and category is not None:
                return QColor(category.colour)
        return None

    def _cell(self, instance: Instance, column: Column, role: int) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(instance, column)
        if role == Qt.ItemDataRole.DecorationRole:
            if column is Column.AREA and instance.comments:
                # beside the number that is shown at any width; the tooltip has the text
                return icon("comment")
            if column is Column.CLASS:
                return QColor(self._workspace.colour_of(instance.id) or "#888888")
            if column is Column.EYE:
                return icon("eye-off") if self._workspace.is_hidden(instance.id) else icon("eye", _QUIET)
            if column is Column.LOCK:
                return icon("lock") if instance.locked else icon("unlock", _QUIET)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMERIC:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            if column is Column.EYE:
                return self.tr("Show") if self._workspace.is_hidden(instance.id) else self.tr("Hide")
            if column is Column.LOCK:
                return self.tr("Unlock") if instance.locked else self.tr("Lock")
            if column is Column.CLASS:
                return _said(instance) or self._workspace.title_of(instance.id) or self._text(instance, column)
            return _said(instance) or self._text(instance, column)
        return None

    def _text(self, instance: Instance, column: Column) -> str:
        category = self._workspace.category(instance.category_id)
        if column is Column.CLASS and self._grouped:
            # the heading above has the name
            return f"#{instance.id}"
        if column is Column.CLASS:
            return category.name if category is not None else self.tr("unlabelled")
        if column is Column.NUMBER:
            return str(instance.id)
        if column is Column.AREA:
            return grouped(instance.mask.area)
        if column is Column.PARTS:
            return "{}/{}".format(*self._parts_and_holes(instance))
        if column is Column.SOURCE:
            return instance.provenance.source
        if column is Column.SCORE:
            return "" if instance.provenance.score is None else f"{instance.provenance.score:.2f}"
        return self.tr(instance.review.value) if column is Column.REVIEW else ""

    # -- dragging (z-order; only in the flat list) ---------------------------------------------------------------

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if self._grouped:
            return flags & ~Qt.ItemFlag.ItemIsSelectable if self.instance_id(index) is None else flags
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return flags | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        ids = dict.fromkeys(str(self.instance_id(index)) for index in indexes)
        data = QMimeData()
        data.setData(_MIME, QByteArray(",".join(ids).encode()))
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: _Index) -> bool:
        if not data.hasFormat(_MIME) or self._grouped or not self._groups:
            return False
        moved = [int(word) for word in bytes(data.data(_MIME).data()).decode().split(",")]
        shown = self._groups[0].ids
        below = shown[row] if 0 <= row < len(shown) else None
        # hidden rows of a filter keep their place: the whole order is rebuilt, front first
        order = [i for i in reversed(list(self._workspace.instances)) if i not in set(moved)]
        while below in moved:
            place = shown.index(below) + 1
            below = shown[place] if place < len(shown) else None
        at = order.index(below) if below is not None else len(order)
        order[at:at] = [i for i in shown if i in set(moved)]
        self._workspace.reorder_instances(list(reversed(order)))
        # False: the view must not remove rows itself, the workspace's signal brings the new order
        return False


def _said(instance: Instance) -> str:
    """The comments on an instance, one a line."""
    return "\n".join(f"{each.author}: {each.text}" if each.author else each.text for each in instance.comments)
