"""Hover, zoom and loading beside labelme: the same picture, the same polygons, the same canvas size, CPU time.

labelme is another program with another Qt, so it lives in an environment of its own that is thrown away afterwards::

    python -m venv labelme-venv
    labelme-venv/bin/pip install labelme
    QT_QPA_PLATFORM=offscreen python tests/perf/labelme_comparison.py --labelme labelme-venv/bin/python

Each program runs in a child process of its own and uses its own canvas widget, without the panels around it:

- *hover*: the mouse moves to another place and the canvas paints, as often as it asks for;
- *zoom*: the scale changes by a step and the canvas paints the frame that follows (ours paints a quick frame and a full
  one when the gesture rests; the full one is a row of its own);
- *load*: the annotations of the image are read from the program's own file and painted for the first time (labelme:
  JSON with the polygons; ours: the project file), with the picture already decoded.

Process CPU time, medians, one thread.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COUNT, VERTICES = 1000, 50
PICTURE = (4000, 3000)
VIEW = (1440, 900)
STEPS = 40
SLOW_STEPS = 9
"""Steps of the slower program: about a second each."""
ZOOM = 1.15


def median_ms(action: Callable[[int], object], count: int) -> float:
    times = []
    for turn in range(count):
        started = time.process_time()
        action(turn)
        times.append((time.process_time() - started) * 1e3)
    return statistics.median(times)


def place(turn: int) -> tuple[float, float]:
    """Where the mouse is at a step, in the canvas."""
    return 200.0 + 11 * (turn % 90), 150.0 + 7 * (turn % 90)


# -- data ------------------------------------------------------------------------------------------------------------


def make_data(folder: Path) -> None:
    """One picture, its polygons as labelme's JSON, and the same as a project."""
    import cv2
    import numpy as np

    from desktop.dataset.changes import AddCategories, AddImages, AddInstances
    from desktop.dataset.masks import Mask
    from desktop.dataset.model import Category, Image, Instance
    from desktop.dataset.store import Project

    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (PICTURE[1] // 20, PICTURE[0] // 20, 3), dtype=np.uint8)
    done, data = cv2.imencode(".jpg", cv2.resize(coarse, PICTURE, interpolation=cv2.INTER_CUBIC))
    assert done
    (folder / "picture.jpg").write_bytes(data.tobytes())
    angles = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    outlines = []
    for _ in range(COUNT):
        radius = rng.uniform(25, 80) * (1 + 0.2 * np.sin(rng.integers(2, 6) * angles + rng.uniform(0, 6)))
        x, y = rng.uniform(100, PICTURE[0] - 100), rng.uniform(100, PICTURE[1] - 100)
        outlines.append(np.stack((x + radius * np.cos(angles), y + radius * np.sin(angles)), 1).tolist())
    shapes = [
        {
            "label": f"class {number % 10}",
            "points": outline,
            "group_id": None,
            "description": "",
            "shape_type": "polygon",
            "flags": {},
            "mask": None,
        }
        for number, outline in enumerate(outlines)
    ]
    document = {
        "version": "5.0.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": "picture.jpg",
        "imageData": base64.b64encode(data.tobytes()).decode("ascii"),
        "imageHeight": PICTURE[1],
        "imageWidth": PICTURE[0],
    }
    (folder / "picture.json").write_text(json.dumps(document), "utf-8")
    with Project.create(folder / "picture.maskwright", state_folder=folder) as project:
        image = Image(project.reserve_image_id(), "picture.jpg", width=PICTURE[0], height=PICTURE[1])
        classes = tuple(Category(project.reserve_category_id(), f"class {n}", "#e05a4f", position=n) for n in range(10))
        instances = tuple(
            Instance(
                project.reserve_instance_id(),
                image.id,
                Mask.from_polygons([[(x, y) for x, y in outline]], *PICTURE),
                classes[number % 10].id,
                z_order=number,
            )
            for number, outline in enumerate(outlines)
        )
        project.apply(AddImages((image,)), AddCategories(classes), AddInstances(instances))


# -- ours ------------------------------------------------------------------------------------------------------------


def run_ours(folder: Path) -> dict[str, Any]:
    import cv2
    import PySide6

    from desktop.bench_canvas import open_scene
    from desktop.canvas.host import CanvasInstance
    from desktop.dataset import images
    from desktop.dataset.pyramid import pyramid
    from desktop.dataset.store import Project
    from inference import __version__

    cv2.setNumThreads(1)
    levels = pyramid(images.load(folder / "picture.jpg").pixels)
    scene = open_scene([])
    scene.view.set_image(levels)

    def load(_turn: int) -> None:
        with Project.open(folder / "picture.maskwright", read_only=True, state_folder=folder) as project:
            found = [CanvasInstance(i.id, i.mask, "#e05a4f", f"#{i.id}") for i in project.instances(1)]
        scene.view.set_instances(found)
        scene.settle()

    figures: dict[str, Any] = {"load": median_ms(load, 5)}

    def hover(turn: int) -> None:
        scene.move(*place(turn))
        scene.paint()

    def zoom(turn: int) -> None:
        scene.view.zoom_by(ZOOM if turn % 2 == 0 else 1 / ZOOM)
        scene.paint()

    figures["hover"] = median_ms(hover, STEPS)
    figures["zoom"] = median_ms(zoom, STEPS)
    figures["settled"] = median_ms(lambda _turn: scene.settle(), 7)
    figures["versions"] = f"Maskwright {__version__}, PySide6 {PySide6.__version__}"
    return figures


# -- labelme (this half runs with labelme's interpreter) ---------------------------------------------------------------


def run_labelme(folder: Path) -> dict[str, Any]:
    import labelme
    from labelme import app as labelme_app
    from labelme._label_file import read_label_file
    from labelme.widgets.canvas import Canvas
    from PyQt5.QtCore import PYQT_VERSION_STR, QEvent, QPointF, Qt
    from PyQt5.QtGui import QMouseEvent, QPixmap
    from PyQt5.QtWidgets import QApplication, QScrollArea

    application = QApplication([])
    canvas = Canvas()
    area = QScrollArea()
    area.setWidget(canvas)
    area.setWidgetResizable(True)  # as labelme's window does
    area.resize(*VIEW)
    area.show()
    canvas.load_pixmap(QPixmap(str(folder / "picture.jpg")))
    fit = min(VIEW[0] / PICTURE[0], VIEW[1] / PICTURE[1]) * 0.99

    def scale(value: float) -> None:
        canvas.scale = value
        canvas.adjustSize()
        canvas.repaint()

    scale(fit)
    application.processEvents()

    def load(_turn: int) -> None:
        data = read_label_file(str(folder / "picture.json"))
        canvas.load_shapes(labelme_app._shapes_from_dicts(shape_dicts=data.shapes, label_flags=None))
        canvas.repaint()

    figures: dict[str, Any] = {"load": median_ms(load, 3)}
    assert len(canvas.shapes) == COUNT
    canvas.set_editing(True)
    none = Qt.MouseButton.NoButton

    def hover(turn: int) -> None:
        at = QPointF(*place(turn))
        event = QMouseEvent(QEvent.MouseMove, at, at, none, Qt.MouseButtons(none), Qt.NoModifier)
        application.sendEvent(canvas, event)
        application.processEvents()  # paints when the canvas asked for it

    figures["hover"] = median_ms(hover, SLOW_STEPS)
    figures["zoom"] = median_ms(lambda turn: scale(fit * ZOOM if turn % 2 == 0 else fit), SLOW_STEPS)
    figures["versions"] = f"labelme {labelme.__version__}, PyQt5 {PYQT_VERSION_STR}"
    return figures


# -- both ------------------------------------------------------------------------------------------------------------


def child(python: str, which: str, folder: Path) -> dict[str, Any]:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    for name in ("CONFIG", "STATE", "CACHE"):
        environment[f"MASKWRIGHT_{name}_DIR"] = str(folder / name.lower())
    environment["HOME"] = str(folder)
    if which == "ours":
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [python, str(Path(__file__).resolve()), "--child", which, "--data", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Hover, zoom and loading beside labelme.")
    parser.add_argument("--labelme", help="The Python of an environment with labelme.")
    parser.add_argument("--child", choices=("ours", "labelme"), help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if chosen.child:
        print(json.dumps({"ours": run_ours, "labelme": run_labelme}[chosen.child](chosen.data)))
        return
    if not chosen.labelme:
        parser.error("--labelme says which Python has labelme; the beginning of this file says how to make one.")
    sys.path.insert(0, str(Path(__file__).parents[2]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_data(folder)
        ours, theirs = child(sys.executable, "ours", folder), child(chosen.labelme, "labelme", folder)
    if chosen.json:
        print(json.dumps({"ours": ours, "labelme": theirs}))
        return
    print(f"{ours['versions']} beside {theirs['versions']}; {COUNT} polygons of {VERTICES} vertices, CPU ms, medians")
    print(f"{'':24}{'ours':>10}{'labelme':>10}{'ratio':>8}")
    for row in ("hover", "zoom", "load"):
        print(f"{row:24}{ours[row]:10.2f}{theirs[row]:10.2f}{theirs[row] / ours[row]:7.0f}×")
    print(f"{'settled full frame':24}{ours['settled']:10.2f}{theirs['zoom']:10.2f}", end="")
    print(f"{theirs['zoom'] / ours['settled']:7.0f}×")


if __name__ == "__main__":
    main()
