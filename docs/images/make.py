"""Re-makes the pictures of this folder: ``python docs/images/make.py [NAME ...]``.

Each picture is taken in a process of its own, with a fresh profile in a temporary folder: the real window with the real
inference worker on the bundled photos. No display is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SAMPLE = ROOT / "resources" / "sample"
BUDGET_BYTES = 400_000
WINDOW = (1440, 900)
SETTLE_S = 2.0
"""How long a picture waits for overlays that are drawn in slices, and for a dialog's pre-flight."""

WAIT_MS = 300_000
"""How long an engine may take to load and answer, on a machine that is busy with other things too."""

BUS, BUS_BOX = "train2017_000000000471.jpg", (119, 110, 583, 326)
BUS_ANNOTATION = 5
CAT, CAT_POINT = "train2017_000000000599.jpg", (150, 230)
CAT_ANNOTATION = 44
NUCLEI, NUCLEUS = "dsb_0c2550a23b8a.jpg", (208, 134)
NUCLEI_VIEW = 320, 256, 1.62


class Stage:
    """A window with an empty profile, and a person who acts on it."""

    def __init__(self, folder: Path, *, theme: str = "light", size: tuple[int, int] = WINDOW) -> None:
        from desktop import scripted_person
        from desktop.app import create_application, create_window
        from desktop.settings import Settings

        self.folder = folder
        scripted_person.WAIT_MS = WAIT_MS
        settings = Settings()
        settings.set("appearance.theme", theme)
        settings.set("engines.prefetch", False)
        self.application = create_application(["maskwright"], settings)
        self.window = create_window([], settings)
        self.window.resize(*size)
        self.window.show()
        self.workspace = self.window.workspace
        self.person = scripted_person.ScriptedPerson(self.window)
        self.person.settle()

    def open_sample(self, current: str, *, without: Collection[int] = ()) -> None:
        """All bundled photos with their ground truth, but for the annotations ``without``; shows ``current``."""
        truth = json.loads((SAMPLE / "instances.json").read_text(encoding="utf-8"))
        truth["annotations"] = [a for a in truth["annotations"] if a["id"] not in without]
        photos = self.folder / "photos"
        shutil.copytree(SAMPLE / "images", photos)
        self._open(photos, truth, current)

    def open_nuclei(self) -> None:
        """One large picture: the bundled nuclei four times, turned, with 288 instances."""
        from desktop.dataset.masks import Mask

        truth = json.loads((SAMPLE / "instances.json").read_text(encoding="utf-8"))
        (file,) = (i for i in truth["images"] if i["file_name"].endswith(NUCLEI))
        image = np.array(Image.open(SAMPLE / file["file_name"]).convert("RGB"))

        count = 0
        annotations = []
        height, width = image.shape[:2]
        whole = np.zeros((2 * height, 2 * width, 3), np.uint8)
        for quarter, (down, right) in enumerate(((1, 1), (-1, -1), (1, -1), (-1, 1))):
            y, x = height * (quarter // 2), width * (quarter % 2)
            whole[y : y + height, x : x + width] = image[::down, ::right]
            for a in truth["annotations"]:
                if a["image_id"] != file["id"]:
                    continue
                mask = np.zeros((2 * height, 2 * width), bool)
                mask[y : y + height, x : x + width] = _pixels(a, width, height)[::down, ::right]
                count += 1
                annotations.append({**a, "id": count, **_as_coco(Mask.from_array(mask))})
        photos = self.folder / "photos"
        photos.mkdir()
        Image.fromarray(whole).save(photos / "nuclei.png")
        file = {**file, "file_name": "images/nuclei.png", "width": 2 * width, "height": 2 * height}
        used = {a["category_id"] for a in annotations}
        categories = [c for c in truth["categories"] if c["id"] in used]
        self._open(
            photos, {**truth, "images": [file], "annotations": annotations, "categories": categories}, "nuclei.png"
        )

    def _open(self, photos: Path, truth: dict[str, Any], current: str) -> None:
        annotations = self.folder / "instances.json"
        annotations.write_text(json.dumps(truth), encoding="utf-8")
        wanted = len(list(photos.iterdir()))
        workspace, person = self.workspace, self.person
        workspace.new_project(self.folder / "sample.maskwright", [photos])
        person.wait(lambda: len(workspace.images) == wanted, "the photos are listed")
        ready: list[bool] = []
        workspace.with_sizes(lambda: ready.append(True))
        person.wait(lambda: bool(ready), "the sizes of the photos are read")
        workspace.import_from("coco", annotations, {})
        job = workspace.jobs[-1]
        if str(job.state) != "done":
            raise SystemExit(f"The import failed: {job.message}")
        workspace.set_find_with("lite")
        workspace.set_refine_with("lite")
        person.go_to(current)
        while self.window.notices.notice is not None:
            self.window.notices.dismiss()
        person.settle()
        person.wait(lambda: self._thumbnails() >= min(wanted, 10), "the thumbnails are made")

    def _thumbnails(self) -> int:
        return sum(self.workspace.thumbnail(image.id) is not None for image in self.workspace.images)

    def _engine_is_ready(self) -> bool:
        from inference.messages import EngineState

        status = self.workspace.engine_status(self.workspace.find_with)
        return status is not None and status.state is EngineState.READY

    def choose_class(self, name: str) -> None:
        (category,) = (c for c in self.workspace.categories if c.name == name)
        self.workspace.set_current_category(category.id)

    def box(self, x0: int, y0: int, x1: int, y1: int) -> None:
        self.person.canvas.set_tool("box")
        self.person.drag([(x0, y0), ((x0 + x1) / 2, (y0 + y1) / 2), (x1, y1)])
        self.person.answer()

    def point(self, x: float, y: float) -> None:
        self.person.canvas.set_tool("point")
        self.person.click(x, y)
        self.person.answer()

    def look_at(self, x: float, y: float, scale: float) -> None:
        """Show the image point in the middle, ``scale`` view pixels per image pixel."""
        canvas = self.person.canvas
        canvas.zoom_by(scale / canvas.zoom)
        canvas.center_on(x, y)

    def dialog(self, open_it: Callable[[], None]) -> Any:
        """The dialog that ``open_it`` shows, in front of the window."""
        from PySide6.QtWidgets import QApplication, QDialog

        def found() -> QDialog | None:
            shown = (w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog) and w.isVisible())
            return next(shown, None)

        open_it()
        self.person.wait(lambda: found() is not None, "the dialog opens")
        return found()

    def photograph(self, file: Path, *, over: Any = None) -> None:
        """The window as PNG; ``over`` is a dialog to show in its middle."""
        from PySide6.QtGui import QColor, QPainter

        if self.workspace.session is not None:
            self.person.wait(self._engine_is_ready, "the engine rests")
        self.person.rest(SETTLE_S)
        self.person.canvas.settling.settle()
        self.person.settle()
        picture = self.window.grab()
        if over is not None:
            front = over.grab()
            size = front.deviceIndependentSize()
            painter = QPainter(picture)
            painter.fillRect(self.window.rect(), QColor(0, 0, 0, 90))
            x, y = (self.window.width() - size.width()) / 2, (self.window.height() - size.height()) / 2
            painter.drawPixmap(round(x), round(y), front)
            painter.end()
        picture.save(str(file))


def _pixels(annotation: dict[str, Any], width: int, height: int) -> Any:
    from desktop.dataset.masks import Mask

    outline = annotation["segmentation"]
    if isinstance(outline, dict):
        return Mask.from_rle(outline).to_array()
    rings = [list(zip(ring[::2], ring[1::2], strict=True)) for ring in outline]
    return Mask.from_polygons(rings, width, height).to_array()


def _as_coco(mask: Any) -> dict[str, Any]:
    x0, y0, x1, y1 = mask.bbox
    return {"segmentation": mask.rle(), "bbox": [x0, y0, x1 - x0, y1 - y0], "area": mask.area, "iscrowd": 0}


def empty(folder: Path, file: Path) -> None:
    Stage(folder).photograph(file)


def session(folder: Path, file: Path) -> None:
    stage = Stage(folder)
    stage.open_sample(BUS, without=[BUS_ANNOTATION])
    stage.choose_class("bus")
    stage.box(*BUS_BOX)
    stage.person.canvas.set_tool("point")
    stage.photograph(file)


def instances(folder: Path, file: Path) -> None:
    stage = Stage(folder)
    stage.open_nuclei()
    stage.point(*NUCLEUS)
    stage.workspace.discard()
    stage.look_at(*NUCLEI_VIEW)
    stage.workspace.select([150, 151, 152])
    stage.photograph(file)


def export(folder: Path, file: Path) -> None:
    stage = Stage(folder)
    stage.open_sample(BUS)
    dialog = stage.dialog(stage.window.show_export)
    dialog.folder.setText("~/street/export")
    stage.photograph(file, over=dialog)


def dark(folder: Path, file: Path) -> None:
    stage = Stage(folder, theme="dark")
    stage.open_sample(CAT, without=[CAT_ANNOTATION])
    stage.choose_class("cat")
    stage.point(*CAT_POINT)
    stage.photograph(file)


def scale_200(folder: Path, file: Path) -> None:
    stage = Stage(folder, size=(1180, 800))
    stage.open_sample(BUS, without=[BUS_ANNOTATION])
    stage.choose_class("bus")
    stage.box(*BUS_BOX)
    stage.person.canvas.set_tool("point")
    stage.photograph(file)


PICTURES: dict[str, Callable[[Path, Path], None]] = {
    "empty": empty,
    "session": session,
    "instances": instances,
    "dark": dark,
    "export": export,
    "scale-200": scale_200,
}


def shrink(file: Path) -> None:
    """Bring a PNG under the budget with a palette of its own, as large as the budget allows."""
    image = Image.open(file).convert("RGB")
    for colours in (256, 192, 128, 96, 64, 48):
        small = image.quantize(colours, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
        small.save(file, optimize=True)
        if file.stat().st_size <= BUDGET_BYTES:
            return
    raise SystemExit(f"{file.name} does not fit into {BUDGET_BYTES} bytes.")


def take(name: str, file: Path) -> None:
    """Run one picture in a child process with its own profile; Qt reads the scale factor once, at start."""
    with tempfile.TemporaryDirectory() as folder:
        profile = {f"XDG_{k}_HOME": f"{folder}/{k.lower()}" for k in ("CONFIG", "DATA", "STATE", "CACHE")}
        scale = {"QT_SCALE_FACTOR": "2"} if name == "scale-200" else {}
        threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        environment = {**os.environ, **profile, **scale, **threads, "QT_QPA_PLATFORM": "offscreen"}
        command = [sys.executable, __file__, "--inside", folder, "--to", str(file), name]
        subprocess.run(command, env=environment, cwd=ROOT, check=True)
    shrink(file)
    print(f"{file.name}: {file.stat().st_size // 1000} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(PICTURES), metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside is None:
        for name in chosen.names:
            take(name, HERE / f"{name}.png")
        return
    PICTURES[chosen.names[0]](chosen.inside, chosen.to)
    sys.stdout.flush()
    os._exit(0)  # the picture is taken; a worker that still loads an engine must not hold it up


if __name__ == "__main__":
    main()
