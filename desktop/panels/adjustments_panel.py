"""Image adjustments: how the image is shown, never what engines or exports get (ux.md §9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QPushButton, QSlider, QWidget

from desktop.panels.controls import TARGET, explain


@dataclass(frozen=True, slots=True)
class Adjustments:
    """``brightness`` in [-1, 1] is added, ``contrast`` in [0.1, 4] multiplies about mid-grey, ``gamma`` in [0.2, 5]."""

    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    invert: bool = False

    @property
    def is_neutral(self) -> bool:
        return self == Adjustments()

    def table(self) -> NDArray[np.uint8]:
        """What each 8-bit value is shown as: uint8 (256,), for ``cv2.LUT``."""
        values = np.linspace(0.0, 1.0, 256)
        if self.invert:
            values = 1.0 - values
        values = np.clip((values - 0.5) * self.contrast + 0.5 + self.brightness, 0.0, 1.0) ** (1.0 / self.gamma)
        return np.rint(255 * values).astype(np.uint8)


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
        }
        self.invert = QCheckBox(self.tr("Invert"))
        self.invert.setMinimumHeight(TARGET)
        self.invert.setAccessibleName(self.tr("Invert"))
        self.invert.clicked.connect(self._moved)
        self._reset = QPushButton(self.tr("Reset"))
        self._reset.setAccessibleName(self.tr("Reset adjustments"))
        self._reset.clicked.connect(self.reset)
        grid.addWidget(self.invert, 3, 0)
        grid.addWidget(self._reset, 3, 1, 1, 2, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        self._show()

    def _slider(self, grid: QGridLayout, row: int, name: str, key: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(-100, 100)
        slider.setMinimumHeight(TARGET)
        slider.setAccessibleName(name)
        slider.valueChanged.connect(self._moved)
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
        )
        self._show()
        self.changed.emit(self.adjustments)

    def reset(self) -> None:
        """Put everything back in one step."""
        if self.adjustments.is_neutral:
            return
        for widget in (*self._sliders.values(), self.invert):
            widget.blockSignals(True)
        for slider in self._sliders.values():
            slider.setValue(0)
        self.invert.setChecked(False)
        for widget in (*self._sliders.values(), self.invert):
            widget.blockSignals(False)
        self._moved()

    def _show(self) -> None:
        for key, label in self._values.items():
            label.setText(f"{getattr(self.adjustments, key):.2f}")
        neutral = self.tr("Nothing is adjusted.") if self.adjustments.is_neutral else ""
        explain(self._reset, neutral, self.tr("Show the image as it is"))
