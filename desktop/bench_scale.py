"""Measures the window with a large project: ``maskwright bench scale`` runs it in a fresh process.

Times are milliseconds of the GUI thread's own CPU time unless a name says ``wall``; a *turn* is what one pass of the
event loop takes, which is how long the window would not answer. Memory is the resident memory of this process, which
never loads a model.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.main_window import MainWindow
from desktop.workspace.values import ImageFilter

SEARCHES = ("y", "yard", "00123", "nothing has this name")
TYPED = "yard.jpg"
SCROLL_STEPS = 100
OPENED = 200
PATIENCE = 60.0
"""Seconds that anything may take before the measurement gives up."""

TURN_MS = 50.0
"""The longest that the window may not answer."""

MEMORY_MB = 600.0


def budget_ms(figure: str) -> float | None:
    """What a figure may be, for those with a budget: filters and later sorts are felt at once."""
    if figure.startswith(("filter_", "order_")) and not figure.endswith(("first_ms", "wall_ms")):
        return 100.0
    return None


class Turns(QObject):
    """How long the passes of the event loop take: the longest, in milliseconds of this thread's CPU time and wall."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._beat)
        self.restart()
        self._timer.start()

    def restart(self) -> None:
        self._last = time.perf_counter(), time.thread_time()
        self.longest_ms = self.longest_wall_ms = 0.0

    def _beat(self) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        self.longest_wall_ms = max(self.longest_wall_ms, (wall - self._last[0]) * 1e3)
        self.longest_ms = max(self.longest_ms, (cpu - self._last[1]) * 1e3)
        self._last = wall, cpu

    def stop(self) -> None:
        self._timer.stop()


def resident_mb() -> float:
    """Memory of this process that is in RAM, in MB; where the system does not tell, the most it ever was."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    import resource  # there is none on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def measure(window: MainWindow, project: Path) -> dict[str, Any]:
    """All figures of one project, by name."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    figures: dict[str, Any] = {"empty_mb": resident_mb()}
    figures |= _opening(window, project)
    figures |= _filters(window)
    figures |= _orders(window)
    figures |= _typing(window, app)
    figures |= _scrolling(window, app)
    figures |= _going(window, app)
    figures |= _annotating(window, app)
    return figures


def _wait(app: QApplication, done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("The window did not finish in time.")
        app.processEvents()
        time.sleep(0.001)


def _timed(action: Callable[[], object]) -> float:
    started = time.thread_time()
    action()
    return (time.thread_time() - started) * 1e3


def _opening(window: MainWindow, project: Path) -> dict[str, float]:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    wall, cpu = time.perf_counter(), time.process_time()
    window.workspace.open_project(project)
    window.repaint()
    listed = time.perf_counter()
    _wait(app, lambda: bool(window.workspace.levels))
    window.repaint()
    return {
        "open_wall_ms": (listed - wall) * 1e3,
        "open_first_image_wall_ms": (time.perf_counter() - wall) * 1e3,
        "open_cpu_ms": (time.process_time() - cpu) * 1e3,
        "open_mb": resident_mb(),
    }


def _show(window: MainWindow, wanted: ImageFilter) -> float:
    """Until the strip shows the images that pass."""

    def action() -> None:
        window.workspace.set_image_filter(wanted)
        window.strip.repaint()

    return _timed(action)


def _filters(window: MainWindow) -> dict[str, float]:
    figures = {}
    everything = ImageFilter()
    chosen = {f"chip_{chip}": ImageFilter(chip=chip) for chip in window.strip.chips}
    first, last = window.workspace.categories[0].id, window.workspace.categories[-1].id
    chosen |= {"class": ImageFilter(category_id=last), "class_draft": ImageFilter("draft", category_id=first)}
    chosen |= {f"name_{number}": ImageFilter(name=name) for number, name in enumerate(SEARCHES)}
    for name, wanted in chosen.items():
        times = []
        for _ in range(5):
            times.append(_show(window, wanted))
            _show(window, everything)
        figures[f"filter_{name}_ms"] = statistics.median(times)
    return figures


def _orders(window: MainWindow) -> dict[str, float]:
    """The first sort by time asks the disk for every file; later ones know the answer."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    figures = {}
    for order in ("time", "uncertainty", "name"):
        wall = time.perf_counter()
        figures[f"order_{order}_first_ms"] = _show(window, ImageFilter(order=order))
        _wait(app, lambda: not window.workspace.ordering)
        figures[f"order_{order}_first_wall_ms"] = (time.perf_counter() - wall) * 1e3
        _show(window, ImageFilter(chip="draft", order=order))
        figures[f"order_{order}_ms"] = _show(window, ImageFilter(order=order))
    _show(window, ImageFilter())
    return figures


def _typing(window: MainWindow, app: QApplication) -> dict[str, float]:
    """Letters into the search field, a pause after each that lets the filter run."""
    window.strip.search.setFocus()
    turns = Turns()
    for letter in TYPED:
        QTest.keyClicks(window.strip.search, letter)
        end = time.monotonic() + 0.25
        while time.monotonic() < end:
            app.processEvents()
    for _ in TYPED:
        QTest.keyClick(window.strip.search, Qt.Key.Key_Backspace)
        end = time.monotonic() + 0.25
        while time.monotonic() < end:
            app.processEvents()
    turns.stop()
    return {"typing_turn_ms": turns.longest_ms, "typing_turn_wall_ms": turns.longest_wall_ms}


def _scrolling(window: MainWindow, app: QApplication) -> dict[str, float]:
    """From the first image to the last in the strip, waiting for the thumbnails of every place."""
    bar = window.strip.view.horizontalScrollBar()
    turns = Turns()
    waits = []
    for step in range(SCROLL_STEPS + 1):
        bar.setValue(round(bar.maximum() * step / SCROLL_STEPS))
        started = time.perf_counter()
        app.processEvents()
        _wait(app, lambda: not window.workspace.image_service.thumbnails.in_work)
        waits.append((time.perf_counter() - started) * 1e3)
    turns.stop()
    return {
        "scroll_turn_ms": turns.longest_ms,
        "scroll_thumbnails_wall_ms": statistics.median(waits),
        "scroll_mb": resident_mb(),
    }


def _going(window: MainWindow, app: QApplication) -> dict[str, float]:
    """Open images all over the project, as ``go_to_image`` with its panels and canvas takes it."""
    workspace = window.workspace
    images = workspace.images
    times, turns = [], Turns()
    for number in range(OPENED):
        image = images[number * len(images) // OPENED]
        times.append(_timed(lambda image=image: workspace.go_to_image(image.id)))  # type: ignore[misc]
        _wait(app, lambda: workspace.pixels is not None)
        app.processEvents()
    turns.stop()
    return {
        "go_ms": statistics.median(times),
        "go_longest_ms": max(times),
        "go_turn_ms": turns.longest_ms,
        "go_mb": resident_mb(),
    }


def _annotating(window: MainWindow, app: QApplication) -> dict[str, float]:
    """One change after another in the large project: undo steps of a class that is reassigned."""
    workspace = window.workspace
    image = next(image for image in workspace.images if image.state.value == "draft")
    workspace.go_to_image(image.id)
    _wait(app, lambda: workspace.pixels is not None)
    ids = list(workspace.instances)[:1]
    turns = Turns()
    times = []
    for number in range(10):
        category = workspace.categories[number % len(workspace.categories)].id
        times.append(_timed(lambda category=category: workspace.set_category(ids, category)))  # type: ignore[misc]
        app.processEvents()
    for _ in range(10):
        workspace.undo()
        app.processEvents()
    turns.stop()
    return {"change_ms": statistics.median(times), "change_turn_ms": turns.longest_ms, "change_mb": resident_mb()}


def main() -> None:
    """Print the figures of the project that the environment names as JSON."""
    with tempfile.TemporaryDirectory() as profile:
        os.environ["MASKWRIGHT_CONFIG_DIR"] = os.environ["MASKWRIGHT_STATE_DIR"] = profile
        from desktop.app import create_application, create_window

        create_application(["maskwright"])
        window = create_window([])
        window.resize(1440, 900)
        window.show()
        QApplication.processEvents()
        try:
            print(json.dumps(measure(window, Path(os.environ["MASKWRIGHT_BENCH_PROJECT"]))))
        finally:
            window.close()
            window.finish()


if __name__ == "__main__":
    main()
