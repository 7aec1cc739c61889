"""How an image lies in a model's square input, and how its coordinates are counted there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Coordinates = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class InputFrame:
    """An image of ``height`` by ``width`` pixels as ``rows`` by ``columns`` at the top left of a square of ``side``."""

    height: int
    width: int
    rows: int
    columns: int
    side: int

    @staticmethod
    def padded(height: int, width: int, side: int) -> InputFrame:
        """The longer side fills the square, the rest stays empty (SAM)."""
        scale = side / max(height, width)
        rows, columns = (max(1, int(length * scale + 0.5)) for length in (height, width))
        return InputFrame(height, width, rows, columns, side)

    @staticmethod
    def stretched(height: int, width: int, side: int) -> InputFrame:
        """Both sides fill the square (SAM 2, EdgeTAM, SAM 3)."""
        return InputFrame(height, width, side, side, side)

    def to_input(self, corners: Coordinates) -> Coordinates:
        """Image coordinates (n, 2), counted from the corner, in the way the models count pixels of their input.

        They give the centre of a pixel whole numbers and add the half themselves: our click on the pixel (x, y), which
        is (x + 0.5, y + 0.5), becomes what an official predictor makes of (x, y).
        """
        scale = np.array([self.columns / self.width, self.rows / self.height])
        return np.asarray((corners - 0.5) * scale)

    def low(self, cells: int) -> tuple[int, int]:
        """Rows and columns that the image covers in a map of ``cells`` by ``cells`` over the square, at least one."""
        return max(1, round(self.rows * cells / self.side)), max(1, round(self.columns * cells / self.side))
