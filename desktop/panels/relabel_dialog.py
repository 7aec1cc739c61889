"""*Relabel by model*: what an engine takes the selected instances for, line by line, before anything is changed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QProgressBar,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.controls import TARGET, explain, soft_label
from desktop.workspace import Workspace
from desktop.workspace.relabelling import Relabel

_INSTANCE = Qt.ItemDataRole.UserRole
CHECK, NOW, FOUND, SCORE = range(4)


class RelabelDialog(QDialog):
    """Fills while the answers come. A line that is chosen shows its instance on the canvas."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setWindowTitle(self.tr("Relabel by model"))
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(520, 420)
        self.summary = soft_label("", wrap=True)
        self.list = self._make_list()
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setMaximumHeight(4)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Apply | QDialogButtonBox.StandardButton.Cancel)
        self.apply = self.buttons.button(QDialogButtonBox.StandardButton.Apply)
        self.apply.setText(self.tr("Set these classes"))
        for button in self.buttons.buttons():
            button.setMinimumHeight(TARGET)
        self.apply.clicked.connect(self._set_classes)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for widget in (self.summary, self.busy, self.list, self.buttons):
            layout.addWidget(widget)
        workspace.relabelled.connect(self.refresh)
        self.finished.connect(workspace.cancel_relabelling)
        self.refresh()

    def _make_list(self) -> QTreeWidget:
        table = QTreeWidget()
        table.setRootIsDecorated(False)
        table.setUniformRowHeights(True)
        table.setHeaderLabels([self.tr("Instance"), self.tr("Class now"), self.tr("Suggested"), self.tr("Score")])
        table.header().setSectionResizeMode(FOUND, QHeaderView.ResizeMode.Stretch)
        table.setAccessibleName(self.tr("Suggested classes"))
        table.currentItemChanged.connect(self._show_instance)
        table.itemChanged.connect(self._count)
        return table

    def refresh(self) -> None:
        """Add the answers that are new; checks that a person has set stay."""
        shown = self.list.topLevelItemCount()
        for relabel in self._workspace.relabels[shown:]:
            self.list.addTopLevelItem(self._row(relabel))
        self.busy.setVisible(self._workspace.relabelling)
        self._count()

    def _row(self, relabel: Relabel) -> QTreeWidgetItem:
        workspace, best = self._workspace, relabel.best
        now = workspace.class_name(workspace.instances[relabel.instance_id].category_id)
        found = best.name if best is not None else self.tr("unknown")
        score = f"{(best or relabel.labels[0]).score:.2f}" if relabel.labels else ""
        row = QTreeWidgetItem([f"#{relabel.instance_id}", now, found, score])
        row.setData(CHECK, _INSTANCE, relabel.instance_id)
        row.setToolTip(FOUND, ", ".join(f"{label.name} {label.score:.2f}" for label in relabel.labels))
        if best is None:
            row.setFlags(row.flags() & ~Qt.ItemFlag.ItemIsUserCheckable)
        else:
            differs = best.name.casefold() != now.casefold()
            row.setCheckState(CHECK, Qt.CheckState.Checked if differs else Qt.CheckState.Unchecked)
        return row

    def checked(self) -> list[int]:
        """The instances whose suggestion is wanted."""
        rows = [self.list.topLevelItem(number) for number in range(self.list.topLevelItemCount())]
        wanted = [row for row in rows if row is not None and row.checkState(CHECK) is Qt.CheckState.Checked]
        return [int(row.data(CHECK, _INSTANCE)) for row in wanted]

    def _count(self) -> None:
        wanted, shown = len(self.checked()), self.list.topLevelItemCount()
        self.summary.setText(self.tr("{n} of {all} checked. Nothing is changed yet.").format(n=wanted, all=shown))
        explain(self.apply, "" if wanted else self.tr("Check the suggestions that are right first."))

    def _show_instance(self, row: QTreeWidgetItem | None) -> None:
        if row is not None:
            self._workspace.select([int(row.data(CHECK, _INSTANCE))])

    def _set_classes(self) -> None:
        self._workspace.apply_relabels(self.checked())
        self.accept()


def relabel(workspace: Workspace, parent: QWidget) -> RelabelDialog | None:
    """Ask for names and show them as they come; None, with a notice, when that cannot be."""
    reason = workspace.can_relabel()
    workspace.relabel_selected()
    if reason:
        return None
    dialog = RelabelDialog(workspace, parent)
    dialog.show()
    return dialog
