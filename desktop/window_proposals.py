"""The list of proposals of the current image: a review lane for the keyboard (ux.md §8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.controls import GAP, TARGET, EmptyState, explain, icon_button, soft_label
from desktop.panels.words import counted
from desktop.workspace import Proposal, ProposalOrder, Workspace
from desktop.workspace.proposals import OVERLAP


class ProposalsPanel(QWidget):
    """Enter accepts the current row, Del rejects it, Tab goes on; the row that is current is marked on the canvas.

    ``filled`` says that there are proposals where there were none, or none any more; ``left`` gives the focus back to
    the canvas.
    """

    filled = Signal(bool)
    left = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._shown: tuple[Proposal, ...] = ()
        self.setObjectName("proposals_panel")
        self.setAccessibleName(self.tr("Proposals"))
        self.list = _Lane(self)
        self.list.setAccessibleName(self.tr("Proposals"))
        self.list.setMinimumHeight(4 * TARGET + 4)
        self.threshold = QSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0, 100)
        self.threshold.setMinimumHeight(TARGET)
        self.threshold.setAccessibleName(self.tr("Least score"))
        self._value = QLabel()
        self._accept = icon_button("check", self.tr("Accept all checked proposals"))
        self._reject = icon_button("close", self.tr("Reject all proposals"))
        self._next = icon_button("next", self.tr("Next image with proposals (Alt+D)"))
        self.order = QComboBox()
        self.order.setAccessibleName(self.tr("Sort proposals by"))
        self.order.setMinimumHeight(TARGET)
        self.order.addItem(self.tr("Best first"), ProposalOrder.BEST_FIRST)
        self.order.addItem(self.tr("Least sure first"), ProposalOrder.LEAST_SURE_FIRST)
        self.never_overwrite = QCheckBox(self.tr("Never overwrite"))
        self.never_overwrite.setToolTip(self.tr("Accepted proposals leave the pixels of instances alone"))
        self.never_overwrite.setMinimumHeight(TARGET)
        self.never_overwrite.setChecked(workspace.settings.flag("tools.never_overwrite"))
        self._hidden = soft_label("", wrap=True)
        self._empty = EmptyState(
            self.tr("No proposals. Run an engine on the whole image (Ctrl+B) or on many (Batch…).")
        )
        row = QHBoxLayout()
        row.setSpacing(GAP)
        score = (soft_label(self.tr("Score")), self.threshold, self._value)
        for widget in (*score, self._accept, self._reject, self._next):
            row.addWidget(widget)
        choices = QHBoxLayout()
        choices.setSpacing(8)
        choices.addWidget(self.order, 1)
        choices.addWidget(self.never_overwrite)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 8, 8)
        column.setSpacing(GAP)
        column.addLayout(row)
        column.addLayout(choices)
        column.addWidget(self.list, 1)
        column.addWidget(self._hidden)
        column.addWidget(self._empty, 1)
        self.setMinimumHeight(196)
        self.setFocusProxy(self.list)
        self.threshold.valueChanged.connect(lambda value: workspace.set_proposal_threshold(value / 100))
        self._accept.clicked.connect(workspace.accept_all_proposals)
        self._reject.clicked.connect(workspace.reject_all_proposals)
        self._next.clicked.connect(workspace.go_to_next_proposals)
        self.order.activated.connect(
            lambda _index: workspace.set_proposal_order(ProposalOrder(self.order.currentData()))
        )
        self.never_overwrite.toggled.connect(lambda on: workspace.settings.set("tools.never_overwrite", on))
        self.list.currentRowChanged.connect(self._mark)
        self.list.itemChanged.connect(self._checked)
        self.list.accepted.connect(lambda: self._decide(workspace.accept_proposal))
        self.list.rejected.connect(lambda: self._decide(workspace.reject_proposal))
        self.list.left.connect(self.left)
        workspace.proposals_changed.connect(self.refresh)
        workspace.image_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        proposals = tuple(self._workspace.proposals)
        self._value.setText(f"{self._workspace.proposal_threshold:.2f}")
        if proposals == self._shown and self.list.count() == len(proposals):
            self._show_whether(proposals)
            return
        turned = bool(proposals) != bool(self._shown)
        row = self.list.currentRow()
        self._shown = proposals
        self.list.blockSignals(True)
        self.list.clear()
        for proposal in proposals:
            self.list.addItem(self._item(proposal))
        # the next proposal takes the place of the one that was decided
        self.list.setCurrentRow(min(max(row, 0), len(proposals) - 1))
        self.list.blockSignals(False)
        self._show_whether(proposals)
        if self.list.hasFocus():
            self._mark(self.list.currentRow())
        # a threshold that hides all of them must not fold its own slider away
        if turned and (proposals or not self._workspace.proposal_threshold):
            self.filled.emit(bool(proposals))

    def _show_whether(self, proposals: tuple[Proposal, ...]) -> None:
        hidden = self._workspace.hidden_proposals
        text = counted(
            hidden, self.tr("%1 below this score is not shown."), self.tr("%1 below this score are not shown.")
        )
        self._hidden.setText(text)
        self._hidden.setVisible(bool(hidden))
        here = self._workspace.current_image
        others = self._workspace.images_with_proposals - {here.id if here is not None else 0}
        explain(
            self._next,
            "" if others else self.tr("No other image has proposals."),
            self.tr("Next image with proposals (Alt+D)"),
        )
        if not proposals and self.list.hasFocus():
            self.left.emit()
        self.list.setVisible(bool(proposals))
        self._empty.setVisible(not proposals and not hidden)
        reason = "" if proposals else self.tr("There are no proposals.")
        explain(self._accept, reason, self.tr("Accept all checked proposals (Ctrl+Shift+Enter)"))
        explain(self._reject, reason, self.tr("Reject all proposals"))

    def _item(self, proposal: Proposal) -> QListWidgetItem:
        text = f"{proposal.label or proposal.engine}  {proposal.score:.2f}"
        if proposal.overlap >= OVERLAP:
            text += self.tr("  covers an instance ({share:.0%})").format(share=proposal.overlap)
        item = QListWidgetItem(text)
        item.setSizeHint(QSize(0, TARGET))
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked if proposal.checked else Qt.CheckState.Unchecked)
        return item

    def _mark(self, row: int) -> None:
        """Show on the canvas which proposal is meant."""
        if 0 <= row < len(self._shown):
            self._workspace.select([-self._shown[row].id])

    def _checked(self, item: QListWidgetItem) -> None:
        row = self.list.row(item)
        if 0 <= row < len(self._shown):
            changed = replace(self._shown[row], checked=item.checkState() is Qt.CheckState.Checked)
            # known before it is told: the list must not be filled anew while one of its items speaks
            self._shown = (*self._shown[:row], changed, *self._shown[row + 1 :])
            self._workspace.check_proposal(changed.id, changed.checked)

    def _decide(self, decide: Callable[[int], None]) -> None:
        row = self.list.currentRow()
        if 0 <= row < len(self._shown):
            decide(self._shown[row].id)


class _Lane(QListWidget):
    """A list where Enter, Del and Tab are decisions."""

    accepted = Signal()
    rejected = Signal()
    left = Signal()

    def event(self, event: QEvent) -> bool:
        # Tab would go to the next widget before keyPressEvent sees it
        if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Tab: 1, Qt.Key.Key_Backtab: -1}.get(Qt.Key(event.key()))
            if step is not None and self.count():
                self.setCurrentRow((self.currentRow() + step) % self.count())
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accepted.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.rejected.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
