"""A workspace stand-in: real signals and values, no storage, no worker. It records the calls that panels make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QImage

from desktop.canvas.host import SelectMode, ToolOptions
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Image, ImageState, Instance, Provenance
from desktop.dataset.palette import CLASS_COLOURS
from desktop.workspace import ClassCount, EngineStatus, HistoryEntry, ImageFilter, JobInfo, Saved, SessionInfo
from inference.engine import Capability, EngineSpec, Speed
from inference.messages import DeviceInfo, EngineState
from inference.prompts import Box, Point, PromptKind, PromptSet, Text
from inference.results import Candidate, Frame, Ignored, Label


def engine(
    name: str, title: str, kinds: Sequence[PromptKind], state: EngineState = EngineState.READY, **status: Any
) -> EngineStatus:
    capabilities = frozenset({Capability.EVERYTHING}) if name == "seem" else frozenset[Capability]()
    spec = EngineSpec(
        name, title, frozenset(kinds), capabilities, Speed.INSTANT, "Apache-2.0", "", f"{title}: finds objects."
    )
    return EngineStatus(spec, state, **status)


CLASSIC = engine("classic", "Classic", [PromptKind.POINT, PromptKind.BOX, PromptKind.SCRIBBLE, PromptKind.MASK])
SEEM = engine("seem", "SEEM", list(PromptKind), EngineState.NOT_INSTALLED)
TCL = engine("tcl", "TCL", [PromptKind.TEXT], EngineState.AVAILABLE)


def square(x: int, y: int, side: int, size: int = 64) -> Mask:
    pixels = np.zeros((size, size), bool)
    pixels[y : y + side, x : x + side] = True
    return Mask.from_array(pixels)


def candidate(score: float, engine_name: str = "classic") -> Candidate:
    y, x = np.mgrid[0:64, 0:64]
    logits = (20 * score - np.hypot(x - 32, y - 30)).astype(np.float32)
    return Candidate(logits, Frame.whole(64, 64), score, engine_name, (Label("cat", 0.81),))


def session(**changes: Any) -> SessionInfo:
    prompts = PromptSet((Point(20.5, 30.5), Point(50.5, 12.5, False), Box(4, 5, 40, 60), Text("red car")))
    base = SessionInfo(
        "s1",
        prompts,
        (candidate(0.94), candidate(0.71), candidate(0.4, "seem")),
        0,
        engine="classic",
        ignored=(Ignored("text", 1),),
    )
    return replace(base, **changes)


class FakeWorkspace(QObject):
    project_changed = Signal()
    images_changed = Signal()
    image_state_changed = Signal(int)
    image_changed = Signal()
    pixels_changed = Signal()
    thumbnail_ready = Signal(int)
    instances_changed = Signal(object)
    selection_changed = Signal()
    categories_changed = Signal()
    current_category_changed = Signal()
    session_changed = Signal()
    engines_changed = Signal()
    jobs_changed = Signal()
    proposals_changed = Signal()
    saved_changed = Signal()
    options_changed = Signal()
    history_changed = Signal()
    status_message = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.project: Any = None
        self.read_only = ""
        self.images: list[Image] = []
        self.image_filter = ImageFilter()
        self.filter_problem = ""
        self.current_image: Image | None = None
        self.done_counts = (0, 0)
        self.session: SessionInfo | None = None
        self.parked_sessions: tuple[Any, ...] = ()
        self.label_suggestion: Any = None
        self.images_with_proposals: frozenset[int] = frozenset()
        self.text_threshold = 0.3
        self.max_results = 20
        self.text_history: list[str] = []
        self.engines = [CLASSIC, SEEM, TCL]
        self.find_with = "classic"
        self.refine_with = "classic"
        self.device: DeviceInfo | None = DeviceInfo("CPU", "no CUDA device found")
        self.cache = (3, 410 << 20, 1024 << 20)
        self.cache_on_disk = 0
        self.categories: list[Category] = []
        self.current_category: Category | None = None
        self.hidden_categories: frozenset[int] = frozenset()
        self.solo_category: int | None = None
        self.instances: dict[int, Instance] = {}
        self.hidden: set[int] = set()
        self.selection: tuple[int, ...] = ()
        self.jobs: list[JobInfo] = []
        self.saved = Saved()
        self.options = ToolOptions()
        self.pixels: Any = None
        self.entries: list[HistoryEntry] = []
        self.recent: list[Path] = []

    # what panels read ---------------------------------------------------------------------------------------------

    @property
    def visible_images(self) -> list[Image]:
        return [i for i in self.images if self.image_filter.name.lower() in i.path.lower()]

    def image(self, image_id: int) -> Image | None:
        return next((image for image in self.images if image.id == image_id), None)

    def thumbnail(self, image_id: int) -> QImage | None:
        picture = QImage(160, 107, QImage.Format.Format_RGB32)
        picture.fill(QColor.fromHsv(image_id * 37 % 360, 90, 190))
        return picture

    def category(self, category_id: int | None) -> Category | None:
        return next((c for c in self.categories if c.id == category_id), None)

    def count(self, category_id: int | None) -> ClassCount:
        here = sum(i.category_id == category_id for i in self.instances.values())
        return ClassCount(here, here * 12)

    def title_of(self, instance_id: int) -> str:
        category = self.category(self.instances[instance_id].category_id)
        return f"{category.name if category else 'unlabelled'} #{instance_id}"

    def colour_of(self, instance_id: int) -> str:
        category = self.category(self.instances[instance_id].category_id)
        return category.colour if category else "#c8ccd2"

    def is_hidden(self, instance_id: int) -> bool:
        return instance_id in self.hidden

    def history(self) -> list[HistoryEntry]:
        return self.entries

    def recent_projects(self) -> list[Path]:
        return self.recent

    def can_accept(self) -> str:
        return "" if self.session and self.session.candidate else "There is no mask to accept yet."

    def can_run(self) -> str:
        return "" if self.session else "There are no prompts yet."

    def editable(self) -> str:
        return self.read_only

    # what panels do -----------------------------------------------------------------------------------------------

    def called(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for called, arguments in self.calls if called == name]

    def set_image_filter(self, wanted: ImageFilter) -> None:
        self.calls.append(("set_image_filter", (wanted,)))
        self.image_filter = wanted
        self.images_changed.emit()

    def select(self, ids: Any, mode: SelectMode = SelectMode.REPLACE) -> None:
        self.calls.append(("select", (tuple(ids), mode)))
        self.selection = self.calls[-1][1][0]
        self.selection_changed.emit()

    def add_category(self, name: str, *rest: Any) -> int:
        self.calls.append(("add_category", (name, *rest)))
        new = len(self.categories) + 1
        self.categories.append(Category(new, name, CLASS_COLOURS[(new - 1) % 20], position=new))
        self.categories_changed.emit()
        return new

    def change_options(self, options: ToolOptions) -> None:
        self.calls.append(("change_options", (options,)))
        self.options = options
        self.options_changed.emit()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def record(*arguments: Any, **named: Any) -> None:
            self.calls.append((name, (*arguments, *named.items())))

        return record


def filled(instances: int = 40, images: int = 12) -> FakeWorkspace:
    """A workspace in the middle of work: five classes, instances, images, a session, jobs."""
    workspace = FakeWorkspace()
    names = ("person", "bicycle", "car", "traffic light", "dog")
    workspace.categories = [Category(i, n, CLASS_COLOURS[i - 1], position=i) for i, n in enumerate(names, 1)]
    workspace.current_category = workspace.categories[2]
    states = list(ImageState)
    workspace.images = [
        Image(i, f"photos/street_{i:04d}.jpg", width=640, height=480, state=states[i % len(states)])
        for i in range(1, images + 1)
    ]
    workspace.current_image = workspace.images[0] if images else None
    workspace.done_counts = (images // 4, images)
    shape = square(10, 10, 20)
    for i in range(1, instances + 1):
        score = None if i % 3 == 0 else (i % 100) / 100
        source = "hand" if score is None else "classic"
        workspace.instances[i] = Instance(
            i, 1, shape, (i % 6) or None, z_order=i, provenance=Provenance(source=source, score=score)
        )
    return workspace
