"""An operation on the selected masks that takes a number, shown on the canvas while the number is chosen (ux.md §5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import log

from PySide6.QtCore import QObject, QPoint, QRunnable, Qt, QThreadPool, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from desktop.canvas.view import CanvasView
from desktop.dataset.masks import Mask
from desktop.panels.controls import GAP, TARGET, explain, padded, soft_label
from desktop.panels.words import grouped
from desktop.workspace import Workspace
from desktop.workspace.operations import AMOUNTS, Amount, Operation

_POSITIONS = 400


class ShapeDialog(QDialog):
    """Stands beside the image, which can be zoomed and panned meanwhile. Nothing is changed before *Apply*.

    The masks are made off the GUI thread, always for the newest number. Another selection, image or edit ends it.
    """

    previewed = Signal()
    """The canvas shows the result for the number in the field."""

    def __init__(
        self, workspace: Workspace, canvas: CanvasView, operation: Operation, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._canvas = canvas
        self._operation = operation
        self._amount = AMOUNTS[operation]
        self._before = {i.id: i.mask for i in workspace.selected()}
        self._found: tuple[float, Mapping[int, Mask]] | None = None
        title, question, unit = self._words(operation)
        self.setWindowTitle(title)
        self.setModal(False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _POSITIONS)
        self.slider.setMinimumSize(220, TARGET)
        self.slider.setAccessibleName(question)
        self.number = QDoubleSpinBox()
        self.number.setDecimals(self._amount.decimals)
        self.number.setRange(self._amount.low, self._amount.high)
        self.number.setSuffix(unit)
        self.number.setMinimumHeight(TARGET)
        self.number.setAccessibleName(question)
        self.number.setSingleStep(10**-self._amount.decimals)
        padded(self.number)
        self.summary = soft_label("", wrap=True)
        self._build(question)
        self._previews = _Previews(workspace.shaper(operation), self)
        self._previews.done.connect(self._show)
        self.number.valueChanged.connect(self._chosen)
        self.slider.valueChanged.connect(lambda place: self.number.setValue(_value(self._amount, place)))
        for signal in (workspace.selection_changed, workspace.instances_changed, workspace.image_changed):
            signal.connect(self.reject)
        self.finished.connect(self._leave)
        self.number.setValue(self._amount.first)
        self._chosen(self._amount.first)
        self.number.selectAll()

    def _build(self, question: str) -> None:
        row = QHBoxLayout()
        row.setSpacing(2 * GAP)
        row.addWidget(self.slider, 1)
        row.addWidget(self.number)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._apply = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._apply.setText(self.tr("Apply"))
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.addStrut(328)  # a minimum width of the dialog would take the place of what its texts need
        column.setSpacing(2 * GAP)
        label = QLabel(question)
        label.setBuddy(self.number)
        column.addWidget(label)
        column.addLayout(row)
        column.addWidget(self.summary)
        column.addWidget(self._buttons)

    def _words(self, operation: Operation) -> tuple[str, str, str]:
        """Window title, question, and the unit of the number."""
        pixels = " px"
        match operation:
            case Operation.GROW:
                return self.tr("Grow or shrink"), self.tr("By how many pixels (negative shrinks)"), pixels
            case Operation.SMOOTH:
                return self.tr("Smooth"), self.tr("Radius of the smoothing"), pixels
            case Operation.SIMPLIFY:
                return self.tr("Simplify"), self.tr("Largest error of the outline"), pixels
            case Operation.REMOVE_SMALL:
                return self.tr("Remove small parts"), self.tr("Drop parts of fewer pixels than"), pixels
            case Operation.FILL_HOLES:
                return self.tr("Fill small holes"), self.tr("Fill holes of at most as many pixels"), pixels

    def open_over(self, canvas: CanvasView) -> None:
        """Show it at the corner of the canvas, where it hides little of the image."""
        self.adjustSize()
        self.move(canvas.mapToGlobal(QPoint(16, 16)))
        self.show()
        self.number.setFocus()

    def accept(self) -> None:
        """One step: what the canvas shows, made now when it is not here yet."""
        value = self.number.value()
        ready = self._found[1] if self._found is not None and self._found[0] == value else None
        for signal in (self._workspace.selection_changed, self._workspace.instances_changed):
            signal.disconnect(self.reject)
        self._workspace.shape_selected(self._operation, value, ready)
        super().accept()

    def _chosen(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(_place(self._amount, value))
        self.slider.blockSignals(False)
        self._previews.ask(value)

    def _show(self, value: float, masks: Mapping[int, Mask]) -> None:
        self._found = value, masks
        shown = []
        for instance_id, mask in masks.items():
            instance = self._workspace.instance(instance_id)
            if instance is not None:
                shown.append(replace(instance, mask=self._before[instance_id] if mask.is_empty else mask))
        self._canvas.show_preview(shown)
        self._say(masks)
        if value == self.number.value():
            self.previewed.emit()

    def _say(self, masks: Mapping[int, Mask]) -> None:
        before = sum(mask.area for mask in self._before.values())
        after = sum((self._before[i] if mask.is_empty else mask).area for i, mask in masks.items())
        texts = [self.tr("{before} → {after} px").format(before=grouped(before), after=grouped(after))]
        if before:
            texts.append(f"{100 * (after - before) / before:+.1f} %")
        gone = sum(mask.is_empty for mask in masks.values())
        if gone:
            texts.append(self.tr("{n} would vanish and stay as they are").format(n=gone))
        changes = any(not mask.is_empty and mask != self._before[i] for i, mask in masks.items())
        self.summary.setText(" · ".join(texts))
        explain(self._apply, "" if changes else self.tr("This number changes nothing."))

    def _leave(self) -> None:
        self._previews.done.disconnect(self._show)
        self._canvas.show_preview(())
        self._canvas.setFocus()


def _value(amount: Amount, place: int) -> float:
    """The number at a place of the slider: even steps from negative to positive, else even ratios."""
    share = place / _POSITIONS
    if amount.low <= 0:
        return amount.low + share * (amount.high - amount.low)
    return float(amount.low * (amount.high / amount.low) ** share)


def _place(amount: Amount, value: float) -> int:
    if amount.low <= 0:
        return round(_POSITIONS * (value - amount.low) / (amount.high - amount.low))
    return round(_POSITIONS * log(value / amount.low) / log(amount.high / amount.low))


class _Previews(QObject):
    """Runs a function for the newest number only: one runs, at most one waits."""

    done = Signal(float, object)

    def __init__(self, shapes: Callable[[float], dict[int, Mask]], parent: QObject) -> None:
        super().__init__(parent)
        self._shapes = shapes
        self._running: _Shaping | None = None
        self._next: float | None = None

    def ask(self, value: float) -> None:
        if self._running is not None:
            self._next = value
            return
        self._running = _Shaping(self._shapes, value)
        self._running.signals.made.connect(self._made)
        QThreadPool.globalInstance().start(self._running)

    def _made(self, value: float, masks: dict[int, Mask]) -> None:
        self._running = None
        waiting, self._next = self._next, None
        self.done.emit(value, masks)
        if waiting is not None and waiting != value:
            self.ask(waiting)


class _Signals(QObject):
    made = Signal(float, object)


class _Shaping(QRunnable):
    def __init__(self, shapes: Callable[[float], dict[int, Mask]], value: float) -> None:
        super().__init__()
        self.signals = _Signals()
        self._shapes = shapes
        self._value = value

    def run(self) -> None:
        self.signals.made.emit(self._value, self._shapes(self._value))
