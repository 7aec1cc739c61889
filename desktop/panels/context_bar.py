"""The options of the current tool: size, shape, polarity, tolerance (ux.md §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QSlider, QSpinBox, QWidget

from desktop.canvas.host import BrushShape, ToolOptions
from desktop.panels.controls import GAP, TARGET, ElidedLabel, icon_button, padded
from desktop.panels.icons import icon
from desktop.panels.polygon_detail import PolygonDetail
from desktop.workspace import Workspace

_BRUSHES = frozenset({"brush", "eraser"})
_POLAR = frozenset({"point", "box", "scribble"})
_OUTLINES = frozenset({"polygon", "lasso"})
"""Tools that draw an instance, or a prompt when they are told to."""


class ContextBar(QWidget):
    """Shows what the tool set with :meth:`set_tool` can be told; everything goes through ``change_options``."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._tool = ""
        self.setObjectName("context_bar")
        self.setAccessibleName(self.tr("Tool options"))
        self.setMinimumHeight(32)
        self._icon = QLabel()
        self._name = QLabel()
        font = self._name.font()
        font.setBold(True)
        self._name.setFont(font)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 2, 8, 2)
        self._row.setSpacing(8)
        self._row.addWidget(self._icon)
        self._row.addWidget(self._name)
        self._groups: list[tuple[QWidget, frozenset[str]]] = []
        self._polarity = icon_button("point", self.tr("Positive (X swaps)"), checkable=True, text=self.tr("Positive"))
        self._polarity.clicked.connect(lambda: self._change(positive=not workspace.options.positive))
        self._group(self._polarity, _POLAR)
        self._scribble, self._scribble_slider = self._size(
            self.tr("Width"), 1, 200, lambda value: self._change(scribble_width=value), frozenset({"scribble"})
        )
        self._brush, self._brush_slider = self._size(
            self.tr("Size"), 1, 500, lambda value: self._change(brush_size=value), _BRUSHES
        )
        self._shape = QComboBox()
        self._shape.setAccessibleName(self.tr("Brush shape"))
        self._shape.setMinimumHeight(TARGET)
        self._shape.addItem(self.tr("Round"), BrushShape.ROUND)
        self._shape.addItem(self.tr("Square"), BrushShape.SQUARE)
        self._shape.activated.connect(lambda _i: self._change(brush_shape=BrushShape(self._shape.currentData())))
        self._group(self._shape, _BRUSHES)
        drawing = _BRUSHES | {"polygon", "rectangle", "lasso", "wand", "livewire"}
        self._tolerance, self._tolerance_slider = self._size(
            self.tr("Tolerance"), 0, 255, lambda value: self._change(wand_tolerance=value), frozenset({"wand"}), ""
        )
        self._contiguous = self._check(self.tr("Contiguous"), "wand_contiguous", frozenset({"wand"}))
        self._as_prompt = self._check(self.tr("As a prompt"), "outline_prompts", _OUTLINES)
        self._as_prompt.setToolTip(self.tr("The outline shows the engine where the object is; it draws no instance."))
        self._protect = self._check(self.tr("Do not overwrite other instances"), "protect_others", drawing | _POLAR)
        self._into_parts = self._check(self.tr("Into parts of one instance"), "cut_into_parts", frozenset({"split"}))
        self._into_parts.setToolTip(self.tr("The pieces stay one instance, one pixel apart."))
        self.detail = PolygonDetail(workspace)
        self._group(self.detail, frozenset({"select"}))
        self._help = ElidedLabel()
        self._help.setProperty("soft", "true")
        self._help.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._row.addWidget(self._help, 1)
        workspace.options_changed.connect(self.refresh)
        self.set_tool("select", self.tr("Select"))

    def _group(self, widget: QWidget, tools: frozenset[str]) -> None:
        self._groups.append((widget, tools))
        self._row.addWidget(widget)

    def _check(self, text: str, option: str, tools: frozenset[str]) -> QCheckBox:
        box = QCheckBox(text)
        box.setAccessibleName(text)
        box.setMinimumHeight(TARGET)
        box.clicked.connect(lambda checked: self._change(**{option: checked}))
        self._group(box, tools)
        return box

    def _size(
        self, name: str, low: int, high: int, change: Callable[[int], None], tools: frozenset[str], unit: str = " px"
    ) -> tuple[QSpinBox, QSlider]:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(low, high)
        slider.setFixedWidth(96)
        slider.setMinimumHeight(TARGET)
        slider.setAccessibleName(name)
        number = QSpinBox()
        number.setRange(low, high)
        number.setSuffix(unit)
        number.setMinimumHeight(TARGET)
        number.setAccessibleName(name)
        number.setKeyboardTracking(False)
        padded(number)
        label = QLabel(name)
        label.setBuddy(number)
        for widget in (label, slider, number):
            row.addWidget(widget)
        slider.valueChanged.connect(change)
        number.valueChanged.connect(change)
        self._group(holder, tools)
        return number, slider

    def _change(self, **values: object) -> None:
        options = self._workspace.options
        changed = replace(options, **values)  # type: ignore[arg-type]
        if changed != options:
            self._workspace.change_options(changed)

    def set_tool(self, tool: str, name: str, mouse_help: str = "") -> None:
        """Show the options of a tool by its id (``point``, ``brush`` …), its name and a line of mouse help."""
        self._tool = tool
        self._icon.setPixmap(icon(tool).pixmap(18, 18))
        self._name.setText(name)
        self._help.set_full_text(mouse_help)
        for widget, tools in self._groups:
            widget.setVisible(tool in tools)
        self.refresh()

    def refresh(self) -> None:
        options = self._workspace.options or ToolOptions()
        numbers = (
            (self._brush, self._brush_slider, options.brush_size),
            (self._scribble, self._scribble_slider, options.scribble_width),
            (self._tolerance, self._tolerance_slider, options.wand_tolerance),
        )
        for number, slider, value in numbers:
            for widget in (number, slider):
                widget.blockSignals(True)
                widget.setValue(int(value))
                widget.blockSignals(False)
        self._shape.setCurrentIndex(max(self._shape.findData(options.brush_shape), 0))
        self._contiguous.setChecked(options.wand_contiguous)
        self._protect.setChecked(options.protect_others)
        prompts = self._tool in _OUTLINES and options.outline_prompts
        self._as_prompt.setChecked(options.outline_prompts)
        self._polarity.setVisible(self._tool in _POLAR or prompts)
        self._into_parts.setChecked(options.cut_into_parts)
        self.detail.set_active(self._tool == "select")
        self._polarity.setChecked(not options.positive)
        self._polarity.setIcon(icon("point" if options.positive else "point-negative"))
        self._polarity.setText(self.tr("Positive") if options.positive else self.tr("Negative"))
        self._polarity.setAccessibleName(self._polarity.text())
