"""What every tool is: a small state machine fed with pointer and key values, free of Qt but for translations.

A tool never paints. It says what to show as a tuple of shapes (:data:`Shape`) and asks the host for every change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntFlag
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from desktop.canvas.hit_test import HitIndex
from desktop.canvas.host import ToolHost
from desktop.dataset.masks import Mask

Vertices: TypeAlias = tuple[tuple[float, float], ...]

DRAG_THRESHOLD = 4.0
"""View pixels after which a press becomes a drag (ux.md §4)."""


def tr(text: str) -> str:
    """A text of a tool in the language of the window: names of undo steps, sentences of the status bar."""
    return QCoreApplication.translate("Tools", text)


class Mods(IntFlag):
    """Modifier keys."""

    NONE = 0
    SHIFT = 1
    CTRL = 2
    ALT = 4


class Key(Enum):
    """Keys that tools know."""

    ENTER = "enter"
    ESCAPE = "escape"
    BACKSPACE = "backspace"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"

    @property
    def step(self) -> tuple[int, int]:
        """The direction of an arrow key; (0, 0) for others."""
        return {Key.LEFT: (-1, 0), Key.RIGHT: (1, 0), Key.UP: (0, -1), Key.DOWN: (0, 1)}.get(self, (0, 0))


@dataclass(frozen=True, slots=True)
class Pointer:
    """One pointer event in image coordinates. ``secondary``: right button, or Alt+left in the tools that want it.

    ``scale`` is view pixels per image pixel; ``global_x``/``global_y`` are for menus.
    """

    x: float
    y: float
    secondary: bool = False
    mods: Mods = Mods.NONE
    scale: float = 1.0
    global_x: int = 0
    global_y: int = 0

    def far_from(self, other: Pointer) -> bool:
        """Whether the pointer went further than a click allows."""
        return max(abs(self.x - other.x), abs(self.y - other.y)) * self.scale > DRAG_THRESHOLD


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline being drawn. ``width`` > 0 (image pixels) paints a broad stroke as well; ``handles`` shows vertices.

    ``negative`` lines are dashed; ``faint`` ones are only a hint (rubber bands of the pointer).
    """

    vertices: Vertices
    closed: bool = False
    negative: bool = False
    width: float = 0.0
    handles: bool = False
    faint: bool = False


@dataclass(frozen=True, slots=True)
class BoxShape:
    """A rectangle being drawn, xyxy; ``band`` is the rubber band of a selection."""

    box: tuple[float, float, float, float]
    negative: bool = False
    band: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The outline of the brush at the pointer: diameter in image pixels."""

    x: float
    y: float
    size: float
    square: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Pixels being painted: bool array at (x0, y0), drawn in ``colour`` (empty: the current class)."""

    pixels: NDArray[np.bool_]
    x0: int
    y0: int
    colour: str = ""
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Spot:
    """A vertex that a press would take, or the place on an edge where one would be added."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Ghost:
    """The outlines of instances drawn elsewhere while they are moved."""

    ids: tuple[int, ...]
    dx: int
    dy: int


Shape: TypeAlias = Line | BoxShape | Cursor | Raster | Ghost | Spot


class Surface(Protocol):
    """What the canvas gives to its tools."""

    @property
    def index(self) -> HitIndex: ...

    def changed(self) -> None:
        """The tool's shapes changed: show them."""
        ...

    def lift(self, instance_ids: Iterable[int]) -> None:
        """Leave these out of the overlay while the tool shows them itself; an empty call puts them back."""
        ...

    def ask_for_text(self) -> None:
        """Move the focus to the text box."""
        ...


class Tool:
    """The behaviour all tools share: nothing happens. Sub-classes override what they use."""

    name = ""
    prompts = False
    """Whether right click and Alt+left mean "negative" here (else right click opens the context menu)."""

    picks = False
    """Whether a click picks instances, so that hovering highlights the one it would pick."""

    secondary = False
    """Whether the tool uses the right button although it is no prompt tool (lasso, brush, wand)."""

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        self.host = host
        self.surface = surface

    # pointer
    def press(self, at: Pointer) -> None:
        """A button went down."""

    def move(self, at: Pointer) -> None:
        """The pointer moved with a button down."""

    def release(self, at: Pointer) -> None:
        """The button went up."""

    def hover(self, at: Pointer) -> None:
        """The pointer moved with no button down."""

    def double_click(self, at: Pointer) -> None:
        """Second press of a double click; the default treats it as one more click."""
        self.press(at)

    def leave(self) -> None:
        """The pointer left the canvas."""

    def before_menu(self, at: Pointer) -> None:
        """The context menu is about to open there."""

    # keys
    def key(self, key: Key, mods: Mods) -> bool:
        """A key went down; true when the tool used it."""
        if key is Key.ENTER:
            return self.finish()
        if key is Key.ESCAPE:
            return self.cancel()
        return False

    def modifiers(self, mods: Mods) -> None:
        """The held modifier keys changed."""

    # unfinished drawings
    def activate(self) -> None:
        """The tool was chosen."""

    def finish(self) -> bool:
        """Commit the unfinished drawing; false when there is none or it is not valid yet."""
        return False

    def cancel(self) -> bool:
        """Drop the unfinished drawing; false when there was none."""
        return False

    def deactivate(self) -> None:
        """Another tool was chosen: commit what is valid, keep the rest as a draft (ux.md §5)."""
        self.finish()

    def busy(self) -> bool:
        """Whether there is an unfinished drawing."""
        return False

    def draft(self) -> object | None:
        """The unfinished drawing as a value that :meth:`restore` takes, or None."""
        return None

    def restore(self, draft: object | None) -> None:
        """Put an unfinished drawing back (None: none)."""

    def shapes(self) -> tuple[Shape, ...]:
        """What to show."""
        return ()

    # shared by the drawing tools
    def may_edit(self) -> bool:
        """Whether the image can be edited; says why not in the status bar."""
        reason = self.host.editable()
        if reason:
            self.host.notice(reason)
        return not reason

    def cut_from_selection(self, region: Mask, name: str) -> None:
        """Take a region from all selected instances in one step; what would vanish stays, and that is said."""
        rests: dict[int, Mask] = {}
        for instance_id in self.host.selection:
            instance = self.host.instance(instance_id)
            if instance is None or instance.locked or not instance.mask.overlap(region):
                continue
            rest = instance.mask.subtract(region)
            if rest.is_empty:
                self.host.notice(tr("That would cut the whole instance away; press Del to delete it."))
            else:
                rests[instance_id] = rest
        if rests:
            self.host.edit_instances(rests, name)
        elif not self.host.selection:
            self.host.notice(tr("Select the instance to cut from first."))

    def clipped(self, x: float, y: float) -> tuple[float, float]:
        """The nearest point of the image."""
        width, height = self.host.image_size
        return min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))
