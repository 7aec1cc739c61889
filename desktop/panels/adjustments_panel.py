"""Image adjustments: how the image is shown, never what engines or exports get (ux.md §9)."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QPushButton, QSlider, QWidget

from desktop.canvas.renderer import Adjustments
from desktop.panels.controls import TARGET, explain

_CHANNELS = ("rgb", "red", "green", "blue", "grey")


class AdjustmentsPanel(QWidget):
    """``changed`` carries the :class:`Adjustments`; :meth:`reset` is for the one key that puts everything back."""

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("adjustments_panel")
        self.setAccessibleName(self.tr("Image adjustments"))
        self.adjustments = Adjustments()
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 0, 8, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        self._values: dict[str, QLabel] = {}
        self._sliders = {
            "brightness": self._slider(grid, 0, self.tr("Brightness"), "brightness"),
            "contrast": self._slider(grid, 1, self.tr("Contrast"), "contrast"),
            "gamma": self._slider(grid, 2, self.tr("Gamma"), "gamma"),
            "low": self._slider(grid, 3, self.tr("Black at"), "low", 0),
            "high": self._slider(grid, 4, self.tr("White at"), "high", 0),
        }
        self._sliders["high"].setValue(100)
        for slider in self._sliders.values():
            slider.valueChanged.connect(self._moved)
        self.channel = QComboBox()
        self.channel.setAccessibleName(self.tr("Channel"))
        self.channel.setMinimumHeight(TARGET)
        names = self.tr("All channels"), self.tr("Red"), self.tr("Green"), self.tr("Blue"), self.tr("Grey")
        for name, value in zip(names, _CHANNELS, strict=True):
            self.channel.addItem(name, value)
        self.channel.activated.connect(self._moved)
        self.invert = QCheckBox(self.tr("Invert"))
        self.invert.setMinimumHeight(TARGET)
        self.invert.setAccessibleName(self.tr("Invert"))
        self.invert.clicked.connect(self._moved)
        self._reset = QPushButton(self.tr("Reset"))
        self._reset.setAccessibleName(self.tr("Reset adjustments"))
        self._reset.clicked.connect(self.reset)
        grid.addWidget(self.invert, 5, 0)
        grid.addWidget(self.channel, 5, 1, Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self._reset, 5, 2, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        self._show()

    def _slider(self, grid: QGridLayout, row: int, name: str, key: str, lowest: int = -100) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(lowest, 100)
        slider.setMinimumHeight(TARGET)
        slider.setAccessibleName(name)
        label = QLabel(name)
        label.setBuddy(slider)
        self._values[key] = QLabel()
        self._values[key].setMinimumWidth(self.fontMetrics().horizontalAdvance("-0.00"))
        self._values[key].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(label, row, 0)
        grid.addWidget(slider, row, 1)
        grid.addWidget(self._values[key], row, 2)
        return slider

    def _moved(self) -> None:
        positions = {key: slider.value() / 100 for key, slider in self._sliders.items()}
        # contrast and gamma move on a logarithmic scale: the middle is 1, both ends are as far
        self.adjustments = replace(
            self.adjustments,
            brightness=positions["brightness"],
            contrast=round(4 ** positions["contrast"], 3),
            gamma=round(4 ** positions["gamma"], 3),
            invert=self.invert.isChecked(),
            channel=self.channel.currentData(),
            # the white point stays above the black one, by one of 256 values at least
            low=positions["low"],
            high=max(positions["high"], positions["low"] + 0.01),
        )
        self._show()
        self.changed.emit(self.adjustments)

    def reset(self) -> None:
        """Put everything back in one step."""
        if self.adjustments.is_neutral:
            return
        for widget in (*self._sliders.values(), self.invert):
            widget.blockSignals(True)
        for key, slider in self._sliders.items():
            slider.setValue(100 if key == "high" else 0)
        self.invert.setChecked(False)
        self.channel.setCurrentIndex(0)
        for widget in (*self._sliders.values(), self.invert):
            widget.blockSignals(False)
        self._moved()

    def _show(self) -> None:
        for key, label in self._values.items():
            label.setText(f"{getattr(self.adjustments, key):.2f}")
        neutral = self.tr("Nothing is adjusted.") if self.adjustments.is_neutral else ""
        explain(self._reset, neutral, self.tr("Show the image as it is"))
