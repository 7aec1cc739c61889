"""A list of classes at the cursor that narrows while typing: the answer to ``Shift+Enter`` (ux.md §4)."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from desktop.panels.class_editor import swatch_icon
from desktop.panels.controls import TARGET
from desktop.panels.icons import icon
from desktop.workspace import Workspace


class ClassChooser(QFrame):
    """``chosen`` carries a class id; Esc or a click outside chooses nothing.

    Enter on a name that no class has makes that class. Names that begin with the text come before those that only
    contain it.
    """

    chosen = Signal(int)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._workspace = workspace
        self.setObjectName("palette")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName(self.tr("Choose a class"))
        self.text = QLineEdit()
        self.text.setPlaceholderText(self.tr("Class name"))
        self.text.setAccessibleName(self.tr("Class name"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Matching classes"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.text)
        column.addWidget(self.list)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedSize(256, 320)
        self.text.textChanged.connect(self._fill)
        self.text.returnPressed.connect(self._take)
        self.text.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self._take())
        self._fill()

    def open_at(self, position: QPoint) -> None:
        """Show it with its corner at a global position, kept on the screen."""
        self.text.clear()
        self._fill()
        screen = QGuiApplication.screenAt(position) or QGuiApplication.primaryScreen()
        area = screen.availableGeometry()
        x = min(position.x(), area.right() - self.width())
        y = min(position.y(), area.bottom() - self.height())
        self.move(max(x, area.left()), max(y, area.top()))
        self.show()
        self.text.setFocus(Qt.FocusReason.PopupFocusReason)

    def _fill(self) -> None:
        wanted = self.text.text().strip().casefold()
        matching = [c for c in self._workspace.categories if wanted in c.name.casefold()]
        matching.sort(key=lambda c: not c.name.casefold().startswith(wanted))
        self.list.clear()
        for category in matching:
            item = QListWidgetItem(swatch_icon(category.colour, 14), category.name)
            item.setData(Qt.ItemDataRole.UserRole, category.id)
            item.setSizeHint(QSize(0, TARGET))
            self.list.addItem(item)
        name = self.text.text().strip()
        if name and not any(c.name.casefold() == wanted for c in matching) and not self._workspace.read_only:
            new = QListWidgetItem(icon("plus"), self.tr("New class “%1”").replace("%1", name))
            new.setSizeHint(QSize(0, TARGET))
            self.list.addItem(new)
        self.list.setCurrentRow(0)

    def _take(self) -> None:
        if not self.list.count():
            return
        category_id = self.list.currentItem().data(Qt.ItemDataRole.UserRole)
        if category_id is None:
            category_id = self._workspace.add_category(self.text.text().strip())
        self.close()
        self.chosen.emit(int(category_id))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None and self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
        return super().eventFilter(watched, event)
