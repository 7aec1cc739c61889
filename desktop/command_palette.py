"""The command palette (Ctrl+K): every action by name, with its key, or the reason why it is disabled."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QSize, Qt
from PySide6.QtGui import QIcon, QKeyEvent, QKeySequence, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.actions import ActionRegistry, Command

KEYS = Qt.ItemDataRole.UserRole + 1


def rank(text: str, name: str) -> int | None:
    """How well typed words fit a name (lower is better), None when they do not: start, word starts, anywhere."""
    wanted, name = text.casefold().split(), name.casefold()
    if not wanted:
        return 0
    if name.startswith(" ".join(wanted)):
        return 0
    words = name.split()
    if all(any(word.startswith(piece) for word in words) for piece in wanted):
        return 1
    if all(piece in name for piece in wanted):
        return 2
    return None


class _KeysAtRight(QStyledItemDelegate):
    """A row of 28 px with the key at its right end."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        size = super().sizeHint(option, index)
        return QSize(min(size.width(), 200), max(size.height(), 28))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        area = option.rect.adjusted(0, 0, -8, 0)
        painter.save()
        painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(index.data(KEYS) or ""))
        painter.restore()


class CommandPalette(QFrame):
    """A type-ahead list over the window; Enter runs, Esc leaves."""

    def __init__(self, registry: ActionRegistry, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._registry = registry
        self.text = QLineEdit()
        self.text.setPlaceholderText(self.tr("What do you want to do?"))
        self.text.setAccessibleName(self.tr("Command"))
        self.text.setMinimumHeight(32)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Commands"))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setIconSize(QSize(16, 16))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setItemDelegate(_KeysAtRight(self.list))
        blank = QPixmap(16, 16)
        blank.fill(Qt.GlobalColor.transparent)
        self._no_icon = QIcon(blank)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.text)
        column.addWidget(self.list)
        self.text.textChanged.connect(self._fill)
        self.text.installEventFilter(self)
        self.list.itemClicked.connect(self._run)
        registry.refresh()
        self._fill("")

    def open_over(self, window: QWidget) -> None:
        """Show it in the upper middle of the window."""
        width, height = min(560, window.width() - 40), min(420, window.height() - 120)
        self.resize(width, height)
        self.move(window.mapToGlobal(QPoint((window.width() - width) // 2, 72)))
        self.show()
        self.text.setFocus(Qt.FocusReason.PopupFocusReason)

    def _fill(self, text: str) -> None:
        self.list.clear()
        found: list[tuple[int, int, Command]] = []
        for place, command in enumerate(self._registry.commands):
            fit = rank(text, command.name)
            if fit is not None:
                found.append((fit + (0 if self._registry.action(command.id).isEnabled() else 10), place, command))
        for _, _, command in sorted(found, key=lambda row: row[:2]):
            action = self._registry.action(command.id)
            keys = ", ".join(
                QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText)
                for k in self._registry.keys(command.id)
            )
            label = action.text() if action.isEnabled() else f"{command.name} — {action.statusTip()}"
            item = QListWidgetItem(action.icon() if command.icon else self._no_icon, label)
            item.setData(KEYS, keys)
            item.setData(Qt.ItemDataRole.UserRole, command.id)
            if not action.isEnabled():
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                item.setToolTip(action.statusTip())
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.text and event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            moves = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
            key = Qt.Key(event.key())
            if key in moves:
                row = min(max(self.list.currentRow() + moves[key], 0), self.list.count() - 1)
                self.list.setCurrentRow(row)
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                item = self.list.currentItem()
                if item is not None:
                    self._run(item)
                return True
        return super().eventFilter(watched, event)

    def _run(self, item: QListWidgetItem) -> None:
        if not item.flags() & Qt.ItemFlag.ItemIsEnabled:
            return
        name = str(item.data(Qt.ItemDataRole.UserRole))
        registry = self._registry
        self.close()
        registry.trigger(name)
