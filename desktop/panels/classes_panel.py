"""The classes: swatch, key digit, name, counts; make current, reassign, rename, merge, reorder, hide (ux.md §2.3)."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from desktop.dataset.model import Category
from desktop.panels.class_editor import ClassEditor, DeleteClassDialog
from desktop.panels.classes_model import CATEGORY_ID, ClassDelegate, ClassesModel
from desktop.panels.controls import GAP, TARGET, EmptyState, explain, icon_button, plain
from desktop.panels.icons import icon
from desktop.panels.text_box import phrases
from desktop.workspace import Workspace


class ClassesPanel(QWidget):
    """Click or Enter makes a class current and reassigns the selected instances."""

    left = Signal()
    """Esc in the filter: the canvas should take the focus back."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setObjectName("classes_panel")
        self.setAccessibleName(self.tr("Classes"))
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter or add a class"))
        self.filter.setAccessibleName(self.tr("Filter classes"))
        self.filter.setClearButtonEnabled(True)
        self.filter.setMinimumHeight(TARGET)
        self._add = icon_button("plus", self.tr("Add class"))
        self.model = ClassesModel(workspace, self)
        self.view = _ClassList(self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(ClassDelegate(self.view))
        self._empty = EmptyState(self.tr("Draw first, name later"), self.tr("Add class…"))
        self._stack = QStackedLayout()
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._empty)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(self.filter, 1)
        row.addWidget(self._add)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 8)
        column.setSpacing(GAP)
        column.addLayout(row)
        column.addLayout(self._stack, 1)
        self.setMinimumHeight(112)
        self.setFocusProxy(self.view)
        self.filter.textChanged.connect(self._filter_changed)
        self.filter.returnPressed.connect(self._filter_entered)
        self._add.clicked.connect(self.add_class)
        self._empty.triggered.connect(self._empty_action)
        self.view.clicked.connect(lambda index: self.apply(index.data(CATEGORY_ID)))
        self.view.doubleClicked.connect(lambda index: self.edit(index.data(CATEGORY_ID)))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._context_menu)
        workspace.categories_changed.connect(self.refresh)
        workspace.current_category_changed.connect(self.refresh)
        workspace.instances_changed.connect(lambda _ids: self.refresh())
        workspace.project_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        self.model.refresh()
        if self.model.rowCount():
            self._stack.setCurrentWidget(self.view)
        elif self.filter.text().strip():
            name = self.filter.text().strip()
            self._empty.say(
                self.tr("No class is named like “%1”").replace("%1", name), self.tr("Add “%1”").replace("%1", name)
            )
            self._stack.setCurrentWidget(self._empty)
        else:
            self._empty.say(self.tr("Draw first, name later"), self.tr("Add class…"))
            self._stack.setCurrentWidget(self._empty)
        explain(self._add, self._workspace.read_only, self.tr("Add class; paste a list of names with Ctrl+V"))
        current = self.model.row_of(self._workspace.current_category)
        if current is not None:
            self.view.setCurrentIndex(current)

    def focus_filter(self) -> None:
        """For the key ``/``."""
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def apply(self, category_id: int) -> None:
        """Make current, and give it to the selected instances."""
        self._workspace.apply_category(category_id)

    def add_class(self) -> None:
        editor = ClassEditor(self._workspace, None, self)
        editor.open()

    def edit(self, category_id: int) -> None:
        category = self._workspace.category(category_id)
        if category is not None and not self._workspace.read_only:
            ClassEditor(self._workspace, category, self).open()

    def paste(self) -> None:
        """Ctrl+V: each line or comma-separated word of the clipboard becomes a class."""
        names = phrases(QGuiApplication.clipboard().text())
        if names:
            self._workspace.add_categories(names)

    def _filter_changed(self, text: str) -> None:
        self.model.set_filter(text)
        self.refresh()

    def _filter_entered(self) -> None:
        """Enter takes the first match, or makes the class that was typed."""
        if self.model.rowCount():
            self.apply(self.model.index(0).data(CATEGORY_ID))
            self.filter.clear()
        elif self.filter.text().strip():
            self._empty_action()

    def _empty_action(self) -> None:
        name = self.filter.text().strip()
        if not name:
            self.add_class()
        elif not self._workspace.read_only:
            self._workspace.set_current_category(self._workspace.add_category(name))
            self.filter.clear()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.filter.clear()
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _context_menu(self, position: QPoint) -> None:
        category = self._workspace.category(self.view.indexAt(position).data(CATEGORY_ID))
        if category is not None:
            self.menu_for(category).popup(self.view.viewport().mapToGlobal(position))

    def menu_for(self, category: Category) -> QMenu:
        """Rename, merge, delete, lock, hide, solo; what is not possible is disabled with the reason."""
        workspace, menu = self._workspace, QMenu(self)
        menu.setToolTipsVisible(True)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        reason = workspace.read_only
        others = [other for other in workspace.categories if other.id != category.id]
        rename = menu.addAction(icon("edit"), self.tr("Rename or recolour…"), partial(self.edit, category.id))
        merge = menu.addMenu(icon("merge"), self.tr("Merge into"))
        for other in others:
            merge.addAction(plain(other.name), partial(workspace.merge_category, category.id, other.id))
        delete = menu.addAction(icon("trash"), self.tr("Delete…"), partial(self._delete, category))
        menu.addSeparator()
        lock_text = self.tr("Unlock") if category.locked else self.tr("Lock")
        lock_icon = icon("unlock" if category.locked else "lock")
        lock = menu.addAction(lock_icon, lock_text, partial(workspace.lock_category, category.id, not category.locked))
        hidden = category.id in workspace.hidden_categories
        hide_text = self.tr("Show") if hidden else self.tr("Hide")
        hide_icon = icon("eye" if hidden else "eye-off")
        menu.addAction(hide_icon, hide_text, partial(workspace.hide_category, category.id, not hidden))
        solo = menu.addAction(icon("solo"), self.tr("Solo"), partial(workspace.toggle_solo_category, category.id))
        solo.setCheckable(True)
        solo.setChecked(workspace.solo_category == category.id)
        for action in (rename, merge.menuAction(), delete, lock):
            action.setEnabled(not reason)
            action.setToolTip(reason or action.text())
        if not others:
            merge.menuAction().setEnabled(False)
            merge.menuAction().setToolTip(self.tr("There is no other class to merge into."))
        return menu

    def _delete(self, category: Category) -> None:
        if self._workspace.count(category.id).project == 0:
            self._workspace.delete_category(category.id)
        else:
            DeleteClassDialog(self._workspace, category, self).open()


class _ClassList(QListView):
    def __init__(self, panel: ClassesPanel) -> None:
        super().__init__(panel)
        self._panel = panel
        self.setAccessibleName(panel.tr("Class list"))
        self.setUniformItemSizes(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setDropIndicatorShown(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scrollTo(self.currentIndex())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if event.matches(QKeySequence.StandardKey.Paste):
            self._panel.paste()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and index.isValid():
            self._panel.apply(index.data(CATEGORY_ID))
        elif event.key() == Qt.Key.Key_F2 and index.isValid():
            self._panel.edit(index.data(CATEGORY_ID))
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._panel.model.move(index.row(), -1 if event.key() == Qt.Key.Key_Up else 1)
        elif event.text() == "/":
            self._panel.focus_filter()
        else:
            super().keyPressEvent(event)
