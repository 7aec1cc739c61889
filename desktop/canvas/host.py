"""What the canvas shows and what its tools may ask for: the seam between the canvas and the rest of the window.

The canvas knows nothing of projects, engines or undo. The window's workspace implements :class:`ToolHost`; tests use a
recording stand-in. All coordinates are image coordinates (see ``inference.prompts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.masks import Mask
from inference.prompts import Prompt, PromptSet
from inference.results import Candidate


@dataclass(frozen=True, slots=True)
class CanvasInstance:
    """One instance as the canvas draws it; ``colour`` is ``#rrggbb``; ``title`` is the chip ("car #12")."""

    id: int
    mask: Mask
    colour: str
    title: str = ""
    hidden: bool = False
    locked: bool = False
    proposal: bool = False


@dataclass(frozen=True, slots=True)
class SessionView:
    """The open session as the canvas draws it: prompts, the shown candidate, and whether a request is running."""

    prompts: PromptSet = field(default_factory=PromptSet)
    candidate: Candidate | None = None
    colour: str = "#ffffff"
    busy: bool = False
    busy_text: str = ""
    preview: NDArray[np.float32] | None = None
    highlighted: int | None = None
    label: str = ""
    """What the candidate probably is, drawn beside it."""


class BrushShape(StrEnum):
    ROUND = "round"
    SQUARE = "square"


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """Options of the context bar. Sizes are image pixels; ``tolerance`` is a colour distance 0–255."""

    brush_size: int = 20
    brush_shape: BrushShape = BrushShape.ROUND
    scribble_width: int = 8
    protect_others: bool = False
    wand_tolerance: int = 24
    wand_contiguous: bool = True
    positive: bool = True
    outline_prompts: bool = False
    """Polygon and lasso show the engine where the object is, instead of drawing an instance."""
    cut_into_parts: bool = False
    """Split leaves one instance whose parts are a pixel apart, instead of making one instance of each piece."""
    polygon_detail: int = 75
    """0–100: how closely the vertices of the selected instance follow its mask; see ``tools.outline``."""


class SelectMode(StrEnum):
    REPLACE = "replace"
    ADD = "add"
    TOGGLE = "toggle"


class ToolHost(Protocol):
    """What a tool can read and do. Every editing call is one named undo step."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the oriented image; (0, 0) without one."""
        ...

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """Full-resolution RGB uint8 (H, W, 3), or None while it is still being decoded."""
        ...

    @property
    def options(self) -> ToolOptions: ...

    @property
    def selection(self) -> tuple[int, ...]: ...

    @property
    def prompts(self) -> PromptSet:
        """The prompts of the open session (empty when none is open)."""
        ...

    def instance(self, instance_id: int) -> CanvasInstance | None: ...

    def editable(self) -> str:
        """Empty when the image can be edited, else the reason why not (read-only project, no image)."""
        ...

    # session
    def add_prompt(self, prompt: Prompt) -> None: ...
    def replace_prompt(self, index: int, prompt: Prompt, *, final: bool) -> None:
        """Move or change a prompt; ``final`` is False while it is still being dragged."""
        ...

    def remove_prompt(self, index: int) -> None: ...
    def hold_requests(self, held: bool) -> None:
        """While held (Ctrl down), prompts are collected and run once on release."""
        ...

    def new_part(self) -> int:
        """Start an additional part of the same object (Shift+click); returns its number."""
        ...

    def refine(self, instance_id: int) -> None: ...

    # drawing and editing
    def create_instance(self, mask: Mask, name: str) -> None:
        """Make an instance of the current class; ``name`` is the undo text ("Polygon")."""
        ...

    def edit_instances(self, masks: Mapping[int, Mask], name: str) -> bool:
        """Give instances other masks in one step; an empty mask deletes. False when nothing changed."""
        ...

    def split_selected(self, line: Sequence[tuple[float, float]], *, closed: bool) -> None:
        """Cut the selected instances along a line of image points, or along a closed one."""
        ...

    def move_instances(self, instance_ids: Iterable[int], dx: int, dy: int) -> None: ...
    def nudge_instances(self, instance_ids: Iterable[int], dx: int, dy: int) -> None:
        """Move by a key press; a row of presses is one step."""
        ...

    def select(self, instance_ids: Iterable[int], mode: SelectMode) -> None: ...
    def set_region_of_interest(self, box: tuple[int, int, int, int] | None) -> None: ...
    def notice(self, text: str) -> None:
        """Say something in the status bar."""
        ...

    def change_options(self, options: ToolOptions) -> None: ...
    def context_menu(self, global_x: int, global_y: int) -> None: ...
