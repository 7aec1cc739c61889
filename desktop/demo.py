"""``maskwright demo``: the main job in the real window with the real worker, scripted (design.md §6).

The script acts as a person does: it sends mouse and key events to the canvas and waits for what the window shows. It
opens the bundled sample photos in a new project, finds objects by click, box and scribble, corrects one with a negative
click, accepts, names classes, exports COCO and mask PNGs, and compares the result with the sample's ground truth.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from desktop.dataset.masks import Mask
from inference.registry import default_engine, spec
from resources import resource


class DemoFailed(Exception):
    """A step of the script did not come about; the text says which."""


@dataclass(frozen=True, slots=True)
class Target:
    """One object to annotate: the sample's annotation id, its image, and the tool that finds it."""

    annotation: int
    image: str
    tool: str
    corrections: int = 0


SCRIPT = (
    Target(10, "val2017_000000006012.jpg", "point", corrections=2),
    Target(7, "val2017_000000000285.jpg", "box"),
    Target(1, "train2017_000000000072.jpg", "box", corrections=2),
    Target(31, "train2017_000000358083.jpg", "scribble", corrections=2),
    Target(169, "coins.jpg", "point"),
    Target(38, "train2017_000000234748.jpg", "box"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the final table."""

    image: str
    category: str
    prompts: str
    engine: str
    iou: float


def run_demo(out: Path, *, engine: str | None = None) -> int:
    """Run the script, write everything under ``out``, print the IoU table; 0 when all went well, 1 when not."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    chosen = spec(engine or default_engine()).name  # an unknown engine is refused before the window opens
    console = Console(stderr=True)
    try:
        with as_file(resource("sample")) as sample, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            # the demo is the same whatever this person's settings say, and changes none of them
            os.environ["MASKWRIGHT_CONFIG_DIR"] = os.environ["MASKWRIGHT_STATE_DIR"] = profile
            rows = _Script(Path(sample), out, chosen).run()
    except DemoFailed as failure:
        console.print(f"[red]{failure}[/red]")
        return 1
    _print(rows, out)
    return 0


def _print(rows: list[Row], out: Path) -> None:
    table = Table(title="Masks of the demo against the sample's ground truth")
    for name in ("image", "class", "prompts", "engine"):
        table.add_column(name)
    table.add_column("IoU", justify="right")
    for row in rows:
        table.add_row(row.image, row.category, row.prompts, row.engine, f"{row.iou:.3f}")
    table.add_row("mean", "", "", "", f"{np.mean([row.iou for row in rows]):.3f}", style="bold")
    console = Console(width=max(100, Console().width))
    console.print(table)
    console.print(f"Project, exports and screenshots: {out}")


def deepest(region: NDArray[np.bool_]) -> tuple[float, float, float]:
    """The point furthest from the border of ``region`` (outside the image counts as border), and that distance."""
    padded = np.pad(region.astype(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), distance.shape)
    return float(x) + 0.5, float(y) + 0.5, float(distance[y, x])


def stroke_inside(region: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """A straight stroke a person might draw: along the main axis through the deepest point, within the region."""
    x, y, _ = deepest(region)
    ys, xs = np.nonzero(region)
    axis = np.linalg.svd(np.stack([xs - xs.mean(), ys - ys.mean()], 1)[:: max(1, len(xs) // 4000)], full_matrices=False)
    dx, dy = axis[2][0]
    ends = []
    for sign in (-1, 1):
        reach = 0.0
        while True:
            nx, ny = int(x + sign * dx * (reach + 2)), int(y + sign * dy * (reach + 2))
            if not (0 <= ny < region.shape[0] and 0 <= nx < region.shape[1] and region[ny, nx]):
                break
            reach += 2
        ends.append((x + sign * dx * reach * 0.7, y + sign * dy * reach * 0.7))
    (ax, ay), (bx, by) = ends
    return [(ax + (bx - ax) * t, ay + (by - ay) * t) for t in np.linspace(0, 1, 12)]


class _Script:
    """One run. Qt is imported inside, so that the command line stays Qt-free until the demo runs."""

    def __init__(self, sample: Path, out: Path, engine: str) -> None:
        self.sample, self.out, self.engine = sample, out, engine
        truth = json.loads((sample / "instances.json").read_text(encoding="utf-8"))
        self.annotations: dict[int, dict[str, Any]] = {a["id"]: a for a in truth["annotations"]}
        self.class_names = {c["id"]: str(c["name"]) for c in truth["categories"]}
        self.image_files = {i["id"]: i for i in truth["images"]}
        self.shots = 0

    def run(self) -> list[Row]:
        from desktop.app import create_application, create_window
        from desktop.scripted_person import NothingHappened, ScriptedPerson

        photos = self._fresh_folder()
        application = create_application(["maskwright"])
        window = create_window([])
        window.resize(1440, 900)
        window.show()
        self.person = ScriptedPerson(window)
        self.workspace = window.workspace
        try:
            self.shot("empty")
            self.workspace.new_project(self.out / "demo.maskwright", [photos])
            names = {target.image for target in SCRIPT}
            self.person.wait(lambda: len(self.workspace.images) == len(names), "the photos are listed")
            self.workspace.set_find_with(self.engine)
            self.workspace.set_refine_with(self.engine)
            rows = [self.annotate(target) for target in SCRIPT]
            self.export()
        except NothingHappened as problem:
            self.shot("stopped")
            raise DemoFailed(str(problem)) from None
        finally:
            window.close()
            application.processEvents()
        return rows

    def _fresh_folder(self) -> Path:
        """``out``, with nothing in it but the photos of the script. Only an earlier demo's folder is cleared."""
        if self.out.exists() and any(self.out.iterdir()):
            if not (self.out / "demo.maskwright").exists():
                raise DemoFailed(f"{self.out} holds other files; choose an empty folder with --out.")
            shutil.rmtree(self.out)
        photos = self.out / "photos"
        photos.mkdir(parents=True)
        for target in SCRIPT:
            shutil.copy(self.sample / "images" / target.image, photos)
        return photos

    def annotate(self, target: Target) -> Row:
        """Find, correct and accept one object."""
        annotation = self.annotations[target.annotation]
        name = self.class_names[annotation["category_id"]]
        truth = self.truth(annotation)
        self.person.go_to(target.image)
        self.workspace.set_current_category(self.workspace.add_category(name))
        prompts = [self.first_prompt(target.tool, truth)]
        result = self.person.answer()
        self.shot(f"{name}-{target.tool}")
        for _ in range(target.corrections):
            prompts.append(self.correct(result, truth))
            result = self.person.answer()
        if target.corrections:
            self.shot(f"{name}-refined")
        session = self.workspace.session
        engine = session.candidate.engine if session and session.candidate else ""
        accepted = self.workspace.instances[self.person.accept()]
        self.shot(f"{name}-accepted")
        return Row(target.image, name, " ".join(prompts), engine, iou(accepted.mask.to_array(), truth))

    def first_prompt(self, tool: str, truth: NDArray[np.bool_]) -> str:
        """Use the tool on the object as a person would; its name."""
        self.person.canvas.set_tool(tool)
        if tool == "point":
            x, y, _ = deepest(truth)
            self.person.click(x, y)
        elif tool == "box":
            ys, xs = np.nonzero(truth)
            self.person.drag([(xs.min(), ys.min()), (xs.mean(), ys.mean()), (xs.max() + 1, ys.max() + 1)])
        else:
            self.person.drag(stroke_inside(truth))
        self.person.canvas.set_tool("point")
        return tool

    def correct(self, result: NDArray[np.bool_], truth: NDArray[np.bool_]) -> str:
        """Click where the mask is most wrong: left where the object is missed, right where it is too much."""
        missed, extra = truth & ~result, result & ~truth
        positive = deepest(missed)[2] >= deepest(extra)[2]
        x, y, _ = deepest(missed if positive else extra)
        self.person.click(x, y, right=not positive)
        return "+" if positive else "−"

    def export(self) -> None:
        for name, folder in (("coco", "coco"), ("mask-png", "masks")):
            job = self.workspace.export(name, self.out / folder, {})
            self.person.wait(lambda job=job: not self.job(job).active, f"the {name} export ends")  # type: ignore[misc]
            if str(self.job(job).state) != "done":
                raise DemoFailed(f"The {name} export failed: {self.job(job).message}")
        self.shot("exported")

    def job(self, job: str) -> Any:
        return next(each for each in self.workspace.jobs if each.id == job)

    def shot(self, name: str) -> None:
        self.shots += 1
        self.person.screenshot(self.out / f"{self.shots:02d}-{name.replace(' ', '-')}.png")

    def truth(self, annotation: dict[str, Any]) -> NDArray[np.bool_]:
        file = self.image_files[annotation["image_id"]]
        width, height = int(file["width"]), int(file["height"])
        segmentation = annotation["segmentation"]
        if isinstance(segmentation, dict):
            return Mask.from_rle(segmentation).to_array()
        rings = [list(zip(ring[::2], ring[1::2], strict=True)) for ring in segmentation]
        return Mask.from_polygons(rings, width, height).to_array()


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; 1 when both are empty."""
    union = np.count_nonzero(a | b)
    return 1.0 if union == 0 else np.count_nonzero(a & b) / union
