"""What the prompt tools share: hitting, moving and deleting prompts, and collecting them while Ctrl is held."""

from __future__ import annotations

from dataclasses import replace
from math import hypot

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import Mods, Pointer, Surface, Tool
from inference.prompts import Box, Point, Polygon, Prompt, Scribble

PROMPT_REACH = 10.0
"""View pixels round a prompt's marker within which it is hit."""


class PromptTool(Tool):
    """A tool that adds prompts to the session (ux.md §4).

    A click on an existing prompt deletes it, a drag moves it; while Ctrl is held the host collects prompts and runs
    once on release; Shift starts an additional part of the same object.
    """

    prompts = True

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._holding = False
        self._grabbed: tuple[int, Prompt] | None = None
        self._pressed: Pointer | None = None
        self._dragging = False
        self._part = 0

    def press(self, at: Pointer) -> None:
        self._pressed = at
        self._dragging = False
        index = self.hit(at)
        self._grabbed = None if index is None else (index, self.host.prompts.prompts[index])

    def move(self, at: Pointer) -> None:
        if self._pressed is None:
            return
        self._dragging = self._dragging or at.far_from(self._pressed)
        if self._grabbed is not None and self._dragging:
            self._carry(at, final=False)

    def release(self, at: Pointer) -> None:
        pressed, self._pressed = self._pressed, None
        grabbed = self._grabbed
        if pressed is None:
            return
        if grabbed is not None:
            if self._dragging:
                self._pressed = pressed
                self._carry(at, final=True)
                self._pressed = None
            else:
                self.host.remove_prompt(grabbed[0])
            self._grabbed = None
        elif self._dragging:
            self.dragged(pressed, at)
        else:
            self.clicked(pressed)

    def modifiers(self, mods: Mods) -> None:
        held = bool(mods & Mods.CTRL)
        if held != self._holding:
            self._holding = held
            self.host.hold_requests(held)

    def deactivate(self) -> None:
        self.modifiers(Mods.NONE)
        super().deactivate()

    def clicked(self, at: Pointer) -> None:
        """A click away from any prompt."""

    def dragged(self, start: Pointer, end: Pointer) -> None:
        """A drag that began away from any prompt ended."""

    def positive(self, at: Pointer) -> bool:
        """The polarity of a prompt: the default of the context bar, turned round by the right button."""
        return self.host.options.positive != at.secondary

    def part(self, at: Pointer) -> int:
        """The part that a prompt belongs to: the newest one, or a new one with Shift."""
        if at.mods & Mods.SHIFT:
            return self.host.new_part()
        return max((p.part for p in self.host.prompts.prompts if isinstance(p, Point | Box)), default=0)

    def add_box(self, start: Pointer, end: Pointer) -> None:
        """Add the box between two points, cut to the image; nothing when it is less than a pixel."""
        x0, y0 = self.clipped(min(start.x, end.x), min(start.y, end.y))
        x1, y1 = self.clipped(max(start.x, end.x), max(start.y, end.y))
        if x1 - x0 >= 1 and y1 - y0 >= 1 and self.may_edit():
            self.host.add_prompt(Box(x0, y0, x1, y1, self.positive(start), self.part(start)))

    def hit(self, at: Pointer) -> int | None:
        """The index of the prompt whose marker is under the pointer, the newest first."""
        reach = PROMPT_REACH / at.scale
        for index in range(len(self.host.prompts) - 1, -1, -1):
            anchor = anchor_of(self.host.prompts.prompts[index])
            if anchor is not None and hypot(anchor[0] - at.x, anchor[1] - at.y) <= reach:
                return index
        return None

    def _carry(self, at: Pointer, *, final: bool) -> None:
        assert self._grabbed is not None
        assert self._pressed is not None
        index, prompt = self._grabbed
        moved = self._moved(prompt, at.x - self._pressed.x, at.y - self._pressed.y)
        self.host.replace_prompt(index, moved, final=final)

    def _moved(self, prompt: Prompt, dx: float, dy: float) -> Prompt:
        width, height = self.host.image_size
        if isinstance(prompt, Point):
            x, y = self.clipped(prompt.x + dx, prompt.y + dy)
            return replace(prompt, x=x, y=y)
        if isinstance(prompt, Box):
            dx = min(max(dx, -prompt.x0), width - prompt.x1)
            dy = min(max(dy, -prompt.y0), height - prompt.y1)
            return replace(prompt, x0=prompt.x0 + dx, y0=prompt.y0 + dy, x1=prompt.x1 + dx, y1=prompt.y1 + dy)
        if isinstance(prompt, Scribble | Polygon):
            return replace(prompt, vertices=tuple(self.clipped(x + dx, y + dy) for x, y in prompt.vertices))
        return prompt


def anchor_of(prompt: Prompt) -> tuple[float, float] | None:
    """Where the marker of a prompt sits in the image; None for prompts without a place (text, reference, mask)."""
    if isinstance(prompt, Point):
        return prompt.x, prompt.y
    if isinstance(prompt, Box):
        return prompt.x0, prompt.y0
    if isinstance(prompt, Scribble | Polygon) and prompt.vertices:
        return prompt.vertices[0]
    return None
