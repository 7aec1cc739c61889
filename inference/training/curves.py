"""Plots of IoU, over the steps of a run or over clicks, drawn without a plotting library."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

SIZE = (420, 640)
"""Height and width of the plot in pixels."""

EDGE = 48
LINES = {
    "iou_first": (170, 170, 220),
    "iou_last": (60, 60, 200),
    "val_first": (170, 200, 150),
    "val_third": (90, 160, 60),
    "val_last": (30, 100, 10),
}
"""Columns of the log and their colours (BGR)."""


def draw_curves(log: Path, out: Path) -> None:
    """Draw the curves of a ``log.csv`` as a PNG: steps to the right, IoU from 0 to 1 upwards."""
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = {
        column: [(float(row["step"]), float(row[column])) for row in rows if row[column] != "nan"] for column in LINES
    }
    _draw(lines, f"{rows[-1]['step']} steps", out)


def draw_clicks(ious: Sequence[float], out: Path) -> None:
    """Draw the mean IoU after 1, 2, … clicks as a PNG."""
    _draw({"val_last": [(float(click), iou) for click, iou in enumerate(ious, 1)]}, f"{len(ious)} clicks", out)


def _draw(lines: Mapping[str, Sequence[tuple[float, float]]], right: str, out: Path) -> None:
    height, width = SIZE
    image = np.full((height, width, 3), 255, np.uint8)
    last = max(max((x for points in lines.values() for x, _ in points), default=1.0), 1.0)

    def place(step: float, value: float) -> tuple[int, int]:
        return round(EDGE + step / last * (width - 2 * EDGE)), round(height - EDGE - value * (height - 2 * EDGE))

    for tenth in range(0, 11, 2):
        cv2.line(image, place(0, tenth / 10), place(last, tenth / 10), (225, 225, 225))
        _write(image, f"{tenth / 10:.1f}", (8, place(0, tenth / 10)[1] + 4), (90, 90, 90))
    _write(image, right, (width - 120, height - 16), (90, 90, 90))
    for number, (column, points) in enumerate(lines.items()):
        colour = LINES[column]
        corners = np.array([place(*point) for point in points], np.int32).reshape(-1, 1, 2)
        if len(corners):
            cv2.polylines(image, [corners], False, colour, 2, cv2.LINE_AA)
        if len(lines) > 1:
            _write(image, column, (EDGE + 110 * number, 24), colour)
    encoded = cv2.imencode(".png", image)[1]
    out.write_bytes(encoded.tobytes())


def _write(image: np.ndarray, text: str, where: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
