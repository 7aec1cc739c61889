"""The exported id of each class, to be edited in place (ux.md §18)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from desktop.dataset.model import Category
from desktop.panels.controls import TARGET

_ROWS = 5


class CategoryIds(QTableWidget):
    """Classes with the ids that an export gives them; at first their own."""

    changed = Signal()

    def __init__(self, categories: Sequence[Category], parent: QWidget | None = None) -> None:
        super().__init__(len(categories), 2, parent)
        self._own = [category.id for category in categories]
        self.setAccessibleName(self.tr("Category ids"))
        self.setHorizontalHeaderLabels([self.tr("Class"), self.tr("Id")])
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for row, category in enumerate(categories):
            name = QTableWidgetItem(category.name)
            name.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            name.setToolTip(category.name)
            number = QTableWidgetItem()
            number.setData(Qt.ItemDataRole.EditRole, category.id)
            self.setItem(row, 0, name)
            self.setItem(row, 1, number)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(TARGET + 4)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setHighlightSections(False)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        shown = min(max(len(categories), 1), _ROWS)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + shown * (TARGET + 4) + 4)
        self.cellChanged.connect(lambda _row, _column: self.changed.emit())

    def values(self) -> dict[int, int]:
        """Class id → exported id, of those that were changed."""
        found: dict[int, int] = {}
        for row, own in enumerate(self._own):
            item = self.item(row, 1)
            number = item.data(Qt.ItemDataRole.EditRole) if item is not None else own
            if number != own:
                found[own] = number
        return found
