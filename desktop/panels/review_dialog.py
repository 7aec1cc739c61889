"""What to review: which items, in which order, how many. The number is counted while one chooses (ux.md §17)."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop.dataset.model import ReviewState
from desktop.dataset.review import Order, ReviewItem, ReviewPlan, Unit, annotators, review_items
from desktop.dataset.store import Project
from desktop.panels.background import Latest
from desktop.panels.controls import TARGET, explain, padded, soft_label
from desktop.panels.words import counted
from desktop.workspace import Workspace

_LARGEST = 1_000_000

_Answer = tuple[list[ReviewItem], list[str]]


class ReviewDialog(QDialog):
    """``chosen`` carries the items to begin with. ``last`` is the plan of the review before, if there was one."""

    chosen = Signal(object, object)

    def __init__(self, workspace: Workspace, last: ReviewPlan | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._items: list[ReviewItem] = []
        self._names: list[str] | None = None
        plan = last or ReviewPlan()
        self.setWindowTitle(self.tr("Review"))
        self.unit = self._combo(
            (self.tr("Instances, one by one"), Unit.INSTANCE), (self.tr("Whole images"), Unit.IMAGE)
        )
        self.order = self._combo(
            (self.tr("Random sample"), Order.RANDOM),
            (self.tr("Lowest score first"), Order.SCORE),
            (self.tr("Most uncertain images first"), Order.DOUBT),
            (self.tr("By class"), Order.CLASS),
            (self.tr("By annotator"), Order.ANNOTATOR),
            (self.tr("In the order of the images"), Order.IMAGE),
        )
        self.category = self._combo(
            (self.tr("All classes"), None), *((category.name, category.id) for category in workspace.categories)
        )
        self.annotator = self._combo((self.tr("Everybody"), ""))
        self.states = {
            ReviewState.DRAFT: QCheckBox(self.tr("Draft")),
            ReviewState.DONE: QCheckBox(self.tr("Done")),
            ReviewState.NEEDS_WORK: QCheckBox(self.tr("Needs work")),
            ReviewState.REVIEWED: QCheckBox(self.tr("Reviewed")),
        }
        self.size_box = self._number(plan.size, _LARGEST, self.tr("All"))
        self.seed = self._number(plan.seed, 2**31 - 1)
        self.found = QLabel()
        self.found.setAccessibleName(self.tr("Items found"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start = QPushButton(self.tr("Start review"))
        self.start.setDefault(True)
        buttons.addButton(self.start, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._begin)
        buttons.rejected.connect(self.reject)
        self._lay_out(buttons)
        self._take(plan)
        self._latest: Latest[_Answer] = Latest(self._show, self._fail, self)
        for combo in (self.unit, self.order, self.category, self.annotator):
            combo.currentIndexChanged.connect(self._count)
        for box in (self.size_box, self.seed):
            box.valueChanged.connect(self._count)
        for check in self.states.values():
            check.toggled.connect(self._count)
        self._wanted = plan.annotator
        self._count()

    def _combo(self, *rows: tuple[str, object]) -> QComboBox:
        combo = QComboBox()
        combo.setMinimumHeight(TARGET)
        for text, value in rows:
            combo.addItem(text, value)
        return combo

    def _number(self, value: int, high: int, zero: str = "") -> QSpinBox:
        box = QSpinBox()
        box.setRange(0, high)
        box.setValue(value)
        box.setSpecialValueText(zero)
        box.setMinimumHeight(TARGET)
        padded(box)
        return box

    def _lay_out(self, buttons: QDialogButtonBox) -> None:
        states = QHBoxLayout()
        states.setSpacing(16)
        for check in self.states.values():
            states.addWidget(check)
        states.addStretch(1)
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        rows: tuple[tuple[str, QWidget], ...] = (
            (self.tr("Look at"), self.unit),
            (self.tr("Order"), self.order),
            (self.tr("Class"), self.category),
            (self.tr("Made or changed by"), self.annotator),
            (self.tr("At most"), self.size_box),
            (self.tr("Seed of the sample"), self.seed),
        )
        for title, widget in rows:
            widget.setAccessibleName(title)
            form.addRow(title, widget)
        form.insertRow(4, self.tr("In the state"), states)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 12)
        column.addStrut(408)  # a minimum width of the dialog would take the place of what its texts need
        column.setSpacing(12)
        column.addLayout(form)
        column.addWidget(self.found)
        name = self._workspace.author
        if name:
            said = self.tr("Your decisions are signed “{name}”.").format(name=name)
        else:
            said = self.tr("Your decisions are not signed: give your name in the settings.")
        column.addWidget(soft_label(said, wrap=True))
        column.addWidget(buttons)

    def _take(self, plan: ReviewPlan) -> None:
        for combo, value in ((self.unit, plan.unit), (self.order, plan.order), (self.category, plan.category_id)):
            combo.setCurrentIndex(max(combo.findData(value), 0))
        for state, check in self.states.items():
            check.setChecked(state in plan.states)

    def plan(self) -> ReviewPlan:
        """What is chosen now."""
        return ReviewPlan(
            Unit(self.unit.currentData()),
            Order(self.order.currentData()),
            frozenset(state for state, check in self.states.items() if check.isChecked()),
            self.size_box.value(),
            self.seed.value(),
            self.category.currentData(),
            self.annotator.currentData() if self._names is not None else self._wanted,
        )

    def _count(self) -> None:
        self.seed.setEnabled(self.order.currentData() == Order.RANDOM)
        project = self._workspace.project
        if project is None:
            self._show(([], []))
            return
        self.found.setText(self.tr("Counting…"))
        explain(self.start, self.tr("The items are being counted."))
        self._latest.ask(partial(_find, project, self.plan(), self._names is None))

    def _show(self, answer: _Answer) -> None:
        self._items, names = answer
        if self._names is None:
            self._names = names
            self.annotator.blockSignals(True)
            for name in names:
                self.annotator.addItem(name, name)
            self.annotator.setCurrentIndex(max(self.annotator.findData(self._wanted), 0))
            self.annotator.blockSignals(False)
        self.found.setText(counted(len(self._items), self.tr("1 item"), self.tr("%1 items")))
        explain(self.start, "" if self._items else self.tr("Nothing is left to review."))

    def _fail(self, error: Exception) -> None:
        self._items = []
        self.found.setText(str(error))
        explain(self.start, str(error))

    def _begin(self) -> None:
        if self._items:
            self.chosen.emit(self._items, self.plan())
            self.accept()

    def done(self, result: int) -> None:
        self._latest.forget()
        super().done(result)


def _find(project: Project, plan: ReviewPlan, with_names: bool) -> _Answer:
    return review_items(project, plan), annotators(project) if with_names else []
