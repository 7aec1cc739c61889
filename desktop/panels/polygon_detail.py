"""Polygon detail: how closely vertices follow the selected mask, their number and the error (ux.md §5)."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from desktop.canvas.tools.outline import Outline, has_outline, outline_of, tolerance_of
from desktop.panels.controls import GAP, TARGET, explain, soft_label
from desktop.panels.words import grouped
from desktop.workspace import Workspace
from desktop.workspace.operations import Operation


class PolygonDetail(QWidget):
    """A slider of 0–100 for the one selected instance. The mask keeps all its pixels: only *Simplify the mask* changes
    it, in one step, and moving a vertex changes the pixels beside that vertex."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._active = False
        name = self.tr("Polygon detail")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setFixedWidth(110)
        self.slider.setMinimumHeight(TARGET)
        self.slider.setAccessibleName(name)
        self.slider.setToolTip(self.tr("How closely the vertices follow the mask. The mask itself keeps every pixel."))
        self.slider.valueChanged.connect(self._changed)
        self.readout = soft_label()
        self.simplify = QPushButton(self.tr("Simplify the mask"))
        self.simplify.setMinimumHeight(TARGET)
        self.simplify.clicked.connect(self._simplify)
        label = QLabel(name)
        label.setBuddy(self.slider)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GAP)
        for widget in (label, self.slider, self.readout, self.simplify):
            row.addWidget(widget)
        for signal in (workspace.selection_changed, workspace.instances_changed, workspace.options_changed):
            signal.connect(self.refresh)
        self.refresh()

    def set_active(self, active: bool) -> None:
        """Whether the Select tool is current, which shows the vertices."""
        self._active = active
        self.refresh()

    def outline(self) -> Outline | None:
        """The outline of the selected instance at the present detail; None unless exactly one with one is selected."""
        selection = self._workspace.selection
        instance = self._workspace.instances.get(selection[0]) if len(selection) == 1 else None
        if instance is None or not has_outline(instance.mask):
            return None
        return outline_of(instance.mask, self._workspace.options.polygon_detail)

    def refresh(self) -> None:
        outline = self.outline() if self._active else None
        self.setVisible(outline is not None)
        if outline is None:
            return
        self.slider.blockSignals(True)
        self.slider.setValue(self._workspace.options.polygon_detail)
        self.slider.blockSignals(False)
        text = self.tr("{n} vertices, max error {e} px")
        self.readout.setText(text.format(n=grouped(outline.vertices), e=f"{outline.error:.1f}"))
        exact = "" if outline.error else self.tr("At this detail the polygon is the mask.")
        explain(self.simplify, exact or self._workspace.editable(), self.tr("Replace the mask by this polygon."))

    def _changed(self, value: int) -> None:
        self._workspace.change_options(replace(self._workspace.options, polygon_detail=value))

    def _simplify(self) -> None:
        outline = self.outline()
        if outline is not None:
            tolerance = round(tolerance_of(self._workspace.options.polygon_detail), 2)
            mask = outline.simplified_mask()
            self._workspace.shape_selected(Operation.SIMPLIFY, tolerance, {self._workspace.selection[0]: mask})
