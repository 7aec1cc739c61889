"""The instances of the current image, with a filter and the selection that the canvas shares (ux.md §2.4)."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QStackedLayout,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from desktop.canvas.host import SelectMode
from desktop.dataset.instance_filter import FilterError, InstanceFilter, parse_filter
from desktop.panels.controls import GAP, TARGET, EmptyState, icon_button
from desktop.panels.instances_model import Column, InstancesModel
from desktop.panels.words import grouped
from desktop.workspace import Workspace

_FILTER_DELAY_MS = 120
_SWATCH = 12
_BY_IMPORTANCE = (Column.NUMBER, Column.AREA, Column.SCORE, Column.SOURCE, Column.REVIEW, Column.PARTS)


class InstancesPanel(QWidget):
    """``left`` gives the focus back to the canvas; ``activated`` is a double click (the window shows the instance)."""

    left = Signal()
    activated = Signal(int)
    summary_changed = Signal(str)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._following = False
        self.setObjectName("instances_panel")
        self.setAccessibleName(self.tr("Instances"))
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("class:car score<0.5")
        self.filter.setAccessibleName(self.tr("Filter instances"))
        self.filter.setToolTip(
            self.tr(
                "For example: class:car score<0.5 area<200 source:seem state:needs-work is:commented -hand\n"
                "comment:edge editor:kim prompts>3 seconds>60 edits>0 edited>2026-11-01 reviewed:2026-11"
            )
        )
        self.filter.setClearButtonEnabled(True)
        self.filter.setMinimumHeight(TARGET)
        self._flat = icon_button("list", self.tr("Flat list in z-order (drag to reorder)"), checkable=True)
        self._flat.toggled.connect(self._flat_toggled)
        self._problem = QLabel()
        self._problem.setProperty("problem", "true")
        self._problem.setWordWrap(True)
        self._problem.hide()
        self.model = InstancesModel(workspace, self)
        self.view = _InstanceTree(self)
        self._empty = EmptyState("")
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(_FILTER_DELAY_MS)
        self._delay.timeout.connect(self.apply_filter)
        self._build()
        self.filter.textChanged.connect(lambda _text: self._delay.start())
        self.filter.returnPressed.connect(self.apply_filter)
        self._empty.triggered.connect(self.filter.clear)
        workspace.instances_changed.connect(self._instances_changed)
        workspace.image_changed.connect(self.refresh)
        workspace.categories_changed.connect(self.refresh)
        workspace.selection_changed.connect(self._follow_workspace)
        self.refresh()

    def _build(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(self.filter, 1)
        row.addWidget(self._flat)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 8)
        column.setSpacing(GAP)
        column.addLayout(row)
        column.addWidget(self._problem)
        column.addLayout(self._stack, 1)
        self.setMinimumHeight(136)
        self.setFocusProxy(self.view)
        selection = self.view.selectionModel()
        selection.selectionChanged.connect(lambda *_: self._follow_view())
        self.view.doubleClicked.connect(self._double_clicked)
        self.view.clicked.connect(self._clicked)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._context_menu)

    # -- content -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self._following = True
        self.model.rebuild()
        self._following = False
        self._after_rebuild()

    def apply_filter(self) -> None:
        """Read the filter box; a mistake is named below it and the old filter stays."""
        self._delay.stop()
        try:
            wanted = parse_filter(self.filter.text())
        except FilterError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        self._problem.hide()
        self._set_filter(wanted)

    def _set_filter(self, wanted: InstanceFilter) -> None:
        self._following = True
        self.model.set_filter(wanted)
        self._following = False
        self._after_rebuild()

    def _flat_toggled(self, flat: bool) -> None:
        self._following = True
        self.model.set_grouped(not flat)
        self._following = False
        self.view.setRootIsDecorated(not flat)
        self.view.fit_columns()
        self.view.setDragEnabled(flat)
        self._after_rebuild()

    def _instances_changed(self, ids: frozenset[int]) -> None:
        self._following = True
        rebuilt = self.model.update(ids)
        self._following = False
        if rebuilt:
            self._after_rebuild()

    def _after_rebuild(self) -> None:
        self.view.expandAll()
        if self.model.is_grouped:
            for row in range(self.model.rowCount()):
                self.view.setFirstColumnSpanned(row, QModelIndex(), True)
        self.view.fit_columns()
        self._follow_workspace()
        self._say_if_empty()
        shown, total = self.model.shown, self.model.total
        self.summary_changed.emit(grouped(total) if shown == total else f"{grouped(shown)}/{grouped(total)}")

    def _say_if_empty(self) -> None:
        if self.model.shown:
            self._stack.setCurrentWidget(self.view)
            return
        if self.model.total:
            text = self.tr("The filter hides all %1 instances.")
            self._empty.say(text.replace("%1", grouped(self.model.total)), self.tr("Clear filter"))
        elif self._workspace.current_image is None:
            self._empty.say(self.tr("No image is open."))
        else:
            self._empty.say(self.tr("No instances yet. Click an object in the image (Q) or draw one (P, B)."))
        self._stack.setCurrentWidget(self._empty)

    # -- selection -----------------------------------------------------------------------------------------------

    def _follow_workspace(self) -> None:
        """Show the workspace's selection."""
        self._following = True
        chosen = self._workspace.selection
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.view.selectionModel().select(self.model.selection_of(chosen), flags)
        if chosen:
            index = self.model.index_of(chosen[-1])
            if index.isValid():
                self.view.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)
        self._following = False

    def _follow_view(self) -> None:
        """Make what was selected in the list the workspace's selection."""
        if self._following:
            return
        rows = self.view.selectionModel().selectedRows()
        ids = [i for i in (self.model.instance_id(index) for index in rows) if i is not None]
        # the order of an earlier selection is kept: subtract takes the first minus the rest
        wanted = set(ids)
        kept = [i for i in self._workspace.selection if i in wanted]
        self._workspace.select([*kept, *(i for i in ids if i not in set(kept))], SelectMode.REPLACE)

    def _clicked(self, index: QModelIndex) -> None:
        instance_id = self.model.instance_id(index)
        if instance_id is None:
            self._workspace.select(self.model.ids_under(index), SelectMode.REPLACE)
        elif index.column() == Column.EYE:
            self._workspace.hide_instances([instance_id], not self._workspace.is_hidden(instance_id))
        elif index.column() == Column.LOCK:
            locked = self._workspace.instances[instance_id].locked
            self._workspace.lock_instances([instance_id], not locked)

    def _double_clicked(self, index: QModelIndex) -> None:
        instance_id = self.model.instance_id(index)
        if instance_id is not None and index.column() not in (Column.EYE, Column.LOCK):
            self.activated.emit(instance_id)

    def _context_menu(self, position: QPoint) -> None:
        where = self.view.viewport().mapToGlobal(position)
        self._workspace.context_menu(where.x(), where.y())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def delete_pressed(self) -> None:
        """``Del`` in the list."""
        self._workspace.delete_selected()


class _RowDelegate(QStyledItemDelegate):
    """Rows of target height, with the colour as a small rounded swatch."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        size = super().sizeHint(option, index)
        return QSize(size.width(), max(TARGET, option.fontMetrics.height() + 6))

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        colour = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(colour, QColor):
            option.icon = QIcon(_swatch(colour.name(), option.widget.devicePixelRatioF()))
            option.decorationSize = QSize(_SWATCH, _SWATCH)


@lru_cache(maxsize=256)
def _swatch(colour: str, ratio: float) -> QPixmap:
    picture = QPixmap(round(_SWATCH * ratio), round(_SWATCH * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(0, 0, _SWATCH, _SWATCH, 3, 3)
    painter.end()
    return picture


class _InstanceTree(QTreeView):
    def __init__(self, panel: InstancesPanel) -> None:
        super().__init__(panel)
        self._panel = panel
        self.setAccessibleName(panel.tr("Instance list"))
        self.setModel(panel.model)
        # rows of one height: the view need not ask every row for its size
        self.setUniformRowHeights(True)
        self.setItemDelegate(_RowDelegate(self))
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDragEnabled(False)
        self.setIndentation(12)
        self.setAllColumnsShowFocus(True)
        self.setExpandsOnDoubleClick(False)
        self._size_columns()

    def _size_columns(self) -> None:
        header = self.header()
        header.setMinimumSectionSize(TARGET)
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        metrics = self.fontMetrics()
        self._widths: dict[Column, int] = {}
        samples = {
            Column.NUMBER: "0000",
            Column.AREA: "000,000",
            Column.PARTS: "Parts",
            Column.SOURCE: "imported",
            Column.SCORE: "Score",
            Column.REVIEW: "needs work",
        }
        for column, text in samples.items():
            self._widths[column] = metrics.horizontalAdvance(text) + 14
            header.resizeSection(column, self._widths[column])
        for column in (Column.EYE, Column.LOCK):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, TARGET)
        header.setSectionResizeMode(Column.CLASS, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def fit_columns(self) -> None:
        """Show the columns that fit beside the class, the more important ones first; nothing scrolls sideways."""
        grouped_ = self._panel.model.is_grouped
        metrics = self.fontMetrics()
        room = self.viewport().width() - 2 * TARGET - _SWATCH - 12
        indent = 2 * self.indentation() if grouped_ else 0
        room -= metrics.horizontalAdvance("#00000" if grouped_ else "traffic") + indent
        for column in _BY_IMPORTANCE:
            wanted = {Column.NUMBER: not grouped_, Column.SCORE: self._panel.model.has_scores}.get(column, True)
            width = self._widths[column]
            fits = wanted and width <= room
            self.setColumnHidden(column, not fits)
            if fits:
                room -= width
            elif wanted:
                room = 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self._panel.delete_pressed()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            instance_id = self._panel.model.instance_id(self.currentIndex())
            if instance_id is not None:
                self._panel.activated.emit(instance_id)
        else:
            super().keyPressEvent(event)
