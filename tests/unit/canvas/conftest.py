"""A host that records what tools ask for, and a surface without a window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from desktop.canvas.hit_test import HitIndex
from desktop.canvas.host import CanvasInstance, ToolOptions
from desktop.canvas.tools.base import Mods, Pointer
from desktop.dataset.masks import Mask
from inference.prompts import PromptSet

WIDTH, HEIGHT = 100, 80


class RecordingHost:
    """Keeps prompts and instances, and lists every call in ``calls``."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.image_size = (width, height)
        self.pixels: Any = np.zeros((height, width, 3), np.uint8)
        self.options = ToolOptions()
        self.selection: tuple[int, ...] = ()
        self.prompts = PromptSet()
        self.instances: dict[int, CanvasInstance] = {}
        self.reason = ""
        self.parts = 0
        self.closed = False
        self.calls: list[tuple[Any, ...]] = []

    def instance(self, instance_id: int) -> CanvasInstance | None:
        return self.instances.get(instance_id)

    def editable(self) -> str:
        return self.reason

    def add_prompt(self, prompt: Any) -> None:
        self.prompts = self.prompts.added(prompt)
        self.calls.append(("add_prompt", prompt))

    def replace_prompt(self, index: int, prompt: Any, *, final: bool) -> None:
        self.prompts = self.prompts.replaced(index, prompt)
        self.calls.append(("replace_prompt", index, prompt, final))

    def remove_prompt(self, index: int) -> None:
        self.prompts = self.prompts.removed(index)
        self.calls.append(("remove_prompt", index))

    def new_part(self) -> int:
        self.parts += 1
        return self.parts

    def select(self, instance_ids: Iterable[int], mode: Any) -> None:
        self.selection = tuple(instance_ids)
        self.calls.append(("select", self.selection, mode))

    def move_instances(self, instance_ids: Iterable[int], dx: int, dy: int) -> None:
        self.calls.append(("move_instances", tuple(instance_ids), dx, dy))

    def nudge_instances(self, instance_ids: Iterable[int], dx: int, dy: int) -> None:
        self.calls.append(("nudge_instances", tuple(instance_ids), dx, dy))

    def split_selected(self, line: Any, *, closed: bool) -> None:
        self.closed = closed
        self.calls.append(("split_selected", line))

    def change_options(self, options: ToolOptions) -> None:
        self.options = options
        self.calls.append(("change_options", options))

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments))

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of the calls of that name."""
        return [call[1:] for call in self.calls if call[0] == name]


class RecordingSurface:
    def __init__(self) -> None:
        self.index = HitIndex()
        self.lifted: tuple[int, ...] = ()
        self.asked = 0

    def changed(self) -> None: ...

    def lift(self, instance_ids: Iterable[int]) -> None:
        self.lifted = tuple(instance_ids)

    def ask_for_text(self) -> None:
        self.asked += 1


class Bench:
    """A tool's world: host, surface, and short words for gestures."""

    def __init__(self) -> None:
        self.host = RecordingHost()
        self.surface = RecordingSurface()

    def tool(self, kind: Any) -> Any:
        return kind(self.host, self.surface)

    def put(self, *instances: CanvasInstance) -> None:
        self.host.instances = {instance.id: instance for instance in instances}
        self.surface.index.reset(instances)

    def click(self, tool: Any, x: float, y: float, **how: Any) -> None:
        tool.press(Pointer(x, y, **how))
        tool.release(Pointer(x, y, **how))

    def drag(self, tool: Any, *places: tuple[float, float], **how: Any) -> None:
        tool.press(Pointer(*places[0], **how))
        for place in places[1:]:
            tool.move(Pointer(*place, **how))
        tool.release(Pointer(*places[-1], **how))


def square(number: int, x0: int, y0: int, x1: int, y1: int, **fields: Any) -> CanvasInstance:
    """A rectangular instance of the test image."""
    mask = Mask.from_crop(np.ones((y1 - y0, x1 - x0), bool), x0, y0, WIDTH, HEIGHT)
    return CanvasInstance(number, mask, "#ff0000", f"thing #{number}", **fields)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make() -> Any:
    return square


@pytest.fixture
def shift() -> Mods:
    return Mods.SHIFT
