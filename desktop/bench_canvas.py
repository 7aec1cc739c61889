"""Measures the canvas against the budgets of ux.md §11: ``maskwright bench canvas``.

Process CPU time on the GUI thread's platform in use (``offscreen`` for headless runs), medians over repeated frames of
a 1440 × 900 view. One OpenCV thread, so that process time is the time a frame takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from desktop.canvas.host import CanvasInstance, SelectMode, ToolOptions
from desktop.canvas.settling import SLICE
from desktop.canvas.view import CanvasView
from desktop.dataset.masks import Mask
from desktop.dataset.pyramid import pyramid
from inference.prompts import Prompt, PromptSet

VIEW = (1440, 900)
IMAGE = (4000, 3000)
VERTICES = 50
_COLOURS = ("#e6194b", "#3cb44b", "#ffb000", "#4363d8", "#f58231", "#42d4f4", "#f032e6", "#bfef45")

BUDGETS_MS: dict[str, float] = {
    "hover_1000": 8,
    "gesture_1000": 16,
    "settled_1000": 80,
    "load_1000": 300,
    "select_all_1000": 120,
    "hover_5000": 12,
    "gesture_5000": 25,
    "slice_5000": 25,
    "brush_move_12mp": 16,
}
"""Milliseconds of process CPU time allowed for each measurement."""


class BenchHost:
    """A host that only answers questions and keeps nothing: edits are dropped."""

    def __init__(self, instances: Sequence[CanvasInstance], size: tuple[int, int]) -> None:
        self._instances = {instance.id: instance for instance in instances}
        self.image_size = size
        self.pixels = None
        self.options = ToolOptions()
        self.selection: tuple[int, ...] = ()
        self.prompts = PromptSet()

    def instance(self, instance_id: int) -> CanvasInstance | None:
        return self._instances.get(instance_id)

    def editable(self) -> str:
        return ""

    def add_prompt(self, prompt: Prompt) -> None: ...
    def replace_prompt(self, index: int, prompt: Prompt, *, final: bool) -> None: ...
    def remove_prompt(self, index: int) -> None: ...
    def hold_requests(self, held: bool) -> None: ...
    def new_part(self) -> int:
        return 1

    def refine(self, instance_id: int) -> None: ...
    def create_instance(self, mask: Mask, name: str) -> None: ...
    def edit_instances(self, masks: Mapping[int, Mask], name: str) -> bool:
        return False

    def split_selected(self, line: Sequence[tuple[float, float]], *, closed: bool) -> None: ...
    def move_instances(self, instance_ids: object, dx: int, dy: int) -> None: ...
    def nudge_instances(self, instance_ids: object, dx: int, dy: int) -> None: ...
    def select(self, instance_ids: object, mode: SelectMode) -> None: ...
    def set_region_of_interest(self, box: tuple[int, int, int, int] | None) -> None: ...
    def notice(self, text: str) -> None: ...
    def change_options(self, options: ToolOptions) -> None:
        self.options = options

    def context_menu(self, global_x: int, global_y: int) -> None: ...


@dataclass
class Scene:
    """A shown canvas with its host."""

    app: QApplication
    view: CanvasView
    host: BenchHost

    def paint(self) -> None:
        self.view.repaint()

    def settle(self) -> None:
        """Build the overlay smoothly and paint it."""
        self.view.settling.settle()
        self.paint()

    def move(self, x: float, y: float, buttons: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
        self._mouse(QEvent.Type.MouseMove, x, y, Qt.MouseButton.NoButton, buttons)

    def press(self, x: float, y: float) -> None:
        left = Qt.MouseButton.LeftButton
        self._mouse(QEvent.Type.MouseButtonPress, x, y, left, left)

    def _mouse(self, kind: QEvent.Type, x: float, y: float, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        at = QPointF(x, y)
        self.app.sendEvent(self.view, QMouseEvent(kind, at, at, button, held, Qt.KeyboardModifier.NoModifier))


def blobs(count: int, size: tuple[int, int] = IMAGE, vertices: int = VERTICES, seed: int = 7) -> list[CanvasInstance]:
    """``count`` instances made of wavy outlines of that many vertices, spread over an image of ``size``."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    instances = []
    for number in range(count):
        radius = rng.uniform(25, 80) * (1 + 0.2 * np.sin(rng.integers(2, 6) * angles + rng.uniform(0, 6)))
        x, y = rng.uniform(100, size[0] - 100), rng.uniform(100, size[1] - 100)
        outline = [
            (x + r * np.cos(a), y + r * np.sin(a)) for r, a in zip(radius.tolist(), angles.tolist(), strict=True)
        ]
        mask = Mask.from_polygons([outline], *size)
        instances.append(CanvasInstance(number + 1, mask, _COLOURS[number % len(_COLOURS)], f"blob #{number + 1}"))
    return instances


def open_scene(instances: Sequence[CanvasInstance]) -> Scene:
    """A shown canvas with a noise photograph of 12 megapixels and these instances, settled."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication([])
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (IMAGE[1] // 20, IMAGE[0] // 20, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, IMAGE, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
    host = BenchHost(instances, IMAGE)
    view = CanvasView()
    view.set_host(host)
    view.resize(*VIEW)
    view.show()
    view.set_image(pyramid(pixels))
    view.set_instances(instances)
    view.settling.settle()
    app.processEvents()
    return Scene(app, view, host)


def run() -> dict[str, float]:
    """All measurements in milliseconds of process CPU time, by the names of :data:`BUDGETS_MS`."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return {**_thousand(), **_five_thousand(), **_brush()}
    finally:
        cv2.setNumThreads(threads)


def _thousand() -> dict[str, float]:
    instances = blobs(1000)
    scene = open_scene(instances)
    view = scene.view
    figures = {"hover_1000": _hover(scene), "gesture_1000": _gesture(scene)}
    view.zoom_to_fit()
    view.settling.settle()
    figures["settled_1000"] = _median(lambda _: scene.settle(), 7)
    figures["load_1000"] = _median(lambda _: _load(scene, instances), 3)
    figures["select_all_1000"] = _median(lambda turn: _select(scene, instances, turn), 6, use=slice(0, None, 2))
    view.close()
    return figures


def _five_thousand() -> dict[str, float]:
    scene = open_scene(blobs(5000))
    figures = {"hover_5000": _hover(scene), "gesture_5000": _gesture(scene)}
    view = scene.view
    view.overlay.begin(view.transform_now, view.size(), view.devicePixelRatioF(), antialias=True)
    slices = []
    done = False
    while not done:
        start = process_time()
        done = view.overlay.step(SLICE)
        slices.append((process_time() - start) * 1000)
    figures["slice_5000"] = max(slices)
    view.close()
    return figures


def _brush() -> dict[str, float]:
    scene = open_scene(blobs(200))
    view = scene.view
    view.set_tool("brush")
    scene.host.options = ToolOptions(brush_size=200, protect_others=True)
    scene.press(400, 300)

    def stroke(turn: int) -> None:
        scene.move(400 + 9 * turn, 300 + 4 * turn, Qt.MouseButton.LeftButton)
        scene.paint()

    figure = _median(stroke, 40)
    view.cancel_drawing()
    view.close()
    return {"brush_move_12mp": figure}


def _hover(scene: Scene) -> float:
    def frame(turn: int) -> None:
        scene.move(200 + 11 * turn, 150 + 7 * turn)
        scene.paint()

    return _median(frame, 60)


def _gesture(scene: Scene) -> float:
    """Frames of panning and zooming by turns, as a hand would do."""

    def frame(turn: int) -> None:
        if turn % 2:
            scene.view.pan_by(6, 3)
        else:
            scene.view.zoom_by(1.15 if turn % 4 else 1 / 1.15)
        scene.paint()

    return _median(frame, 40)


def _load(scene: Scene, instances: Sequence[CanvasInstance]) -> None:
    scene.view.set_instances(instances)
    scene.settle()


def _select(scene: Scene, instances: Sequence[CanvasInstance], turn: int) -> None:
    """Select all with the rough frame that follows at once; odd turns clear the selection again."""
    scene.view.set_selection([instance.id for instance in instances] if turn % 2 == 0 else ())
    scene.paint()
    while scene.view.overlay.building:
        scene.view.overlay.step(1.0)
    scene.paint()


def _median(action: Callable[[int], object], count: int, use: slice = slice(None)) -> float:
    times = []
    for turn in range(count):
        start = process_time()
        action(turn)
        times.append((process_time() - start) * 1000)
    return round(median(times[use]), 2)


if __name__ == "__main__":
    print(json.dumps(run()))
