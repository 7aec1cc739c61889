"""What the tools of the reference pane work on: one region of one other image, nothing that is stored (ux.md §6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.canvas.host import CanvasInstance, SelectMode, ToolOptions
from desktop.canvas.tools.stroke import swept
from desktop.dataset.masks import Mask
from inference.prompts import Box, Prompt, PromptSet, Scribble

REGION_ID = -1
"""The id under which the marked region is drawn."""


class ReferenceHost(QObject):
    """A :class:`desktop.canvas.host.ToolHost` whose marks add up to one region; negative marks take away from it.

    ``region`` is a mask of the reference image's size, ``instances`` are those of the image, to be picked.
    ``picked`` is the id of the instance that is the region, None once it was marked by hand.
    """

    changed = Signal()
    said = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.region = Mask.empty(0, 0)
        self.picked: int | None = None
        self._pixels: NDArray[np.uint8] | None = None
        self._instances: dict[int, CanvasInstance] = {}
        self._options = ToolOptions()

    def show(self, pixels: NDArray[np.uint8] | None, instances: Sequence[CanvasInstance] = ()) -> None:
        """Work on another image: RGB uint8 (H, W, 3), or None while there is none."""
        self._pixels = pixels
        self._instances = {instance.id: instance for instance in instances}
        self.clear()

    def clear(self) -> None:
        """Forget the region."""
        self.region, self.picked = Mask.empty(*self.image_size), None
        self.changed.emit()

    def drawn(self) -> list[CanvasInstance]:
        """The image's instances, and the region in front of them."""
        marked = CanvasInstance(REGION_ID, self.region, "#ffb000", self.tr("reference"))
        return [*self._instances.values(), *(() if self.region.is_empty else (marked,))]

    def _mark(self, mask: Mask, positive: bool) -> None:
        self.picked = None
        self.region = self.region.union(mask) if positive else self.region.subtract(mask)
        self.changed.emit()

    # -- what tools read -----------------------------------------------------------------------------------------

    @property
    def image_size(self) -> tuple[int, int]:
        return (0, 0) if self._pixels is None else (self._pixels.shape[1], self._pixels.shape[0])

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        return self._pixels

    @property
    def options(self) -> ToolOptions:
        return self._options

    def change_options(self, options: ToolOptions) -> None:
        self._options = options

    @property
    def selection(self) -> tuple[int, ...]:
        # the lasso's right button cuts from what is selected
        return () if self.region.is_empty else (REGION_ID,)

    @property
    def prompts(self) -> PromptSet:
        """Always empty: marks become the region at once and are not prompts of their own."""
        return PromptSet()

    def instance(self, instance_id: int) -> CanvasInstance | None:
        return next((shown for shown in self.drawn() if shown.id == instance_id), None)

    def editable(self) -> str:
        return "" if self._pixels is not None else self.tr("The image is still being read.")

    # -- what tools do -------------------------------------------------------------------------------------------

    def add_prompt(self, prompt: Prompt) -> None:
        """A box or a scribble on the image becomes part of the region."""
        width, height = self.image_size
        if isinstance(prompt, Box):
            corners = (prompt.x0, prompt.y0), (prompt.x1, prompt.y0), (prompt.x1, prompt.y1), (prompt.x0, prompt.y1)
            self._mark(Mask.from_polygons([corners], width, height), prompt.positive)
        elif isinstance(prompt, Scribble) and prompt.vertices:
            ends = prompt.vertices[1:] or prompt.vertices
            stroke = Mask.empty(width, height)
            for start, end in zip(prompt.vertices, ends, strict=False):
                pixels, x0, y0 = swept(start, end, max(round(prompt.width), 1), square=False)
                stroke = stroke.union(Mask.from_crop(pixels, x0, y0, width, height))
            self._mark(stroke, prompt.positive)

    def create_instance(self, mask: Mask, name: str) -> None:
        """A lasso round a region."""
        self._mark(mask, positive=True)

    def edit_instances(self, masks: Mapping[int, Mask], name: str) -> bool:
        """The lasso cut from the region; instances of the image are not edited here."""
        if REGION_ID in masks:
            self.region, self.picked = masks[REGION_ID], None
            self.changed.emit()
        return REGION_ID in masks

    def select(self, instance_ids: Iterable[int], mode: SelectMode) -> None:
        """Pick an instance: its mask is the region."""
        found = next((self._instances[i] for i in instance_ids if i in self._instances), None)
        if found is not None:
            self.region, self.picked = found.mask, found.id
            self.changed.emit()

    def notice(self, text: str) -> None:
        self.said.emit(text)

    def refine(self, instance_id: int) -> None:
        """A double-click picks like a click."""
        self.select([instance_id], SelectMode.REPLACE)

    def move_instances(self, instance_ids: Iterable[int], dx: int, dy: int) -> None:
        self.said.emit(self.tr("Instances of the reference image are not moved here."))

    nudge_instances = move_instances

    # marks are not prompts, so there is none to change, to hold back or to count, and engines see no region of this
    # image; the protocol asks for these all the same
    def replace_prompt(self, index: int, prompt: Prompt, *, final: bool) -> None: ...

    def split_selected(self, line: Sequence[tuple[float, float]], *, closed: bool) -> None: ...

    def remove_prompt(self, index: int) -> None: ...

    def hold_requests(self, held: bool) -> None: ...

    def new_part(self) -> int:
        return 0

    def set_region_of_interest(self, box: tuple[int, int, int, int] | None) -> None: ...

    def context_menu(self, global_x: int, global_y: int) -> None: ...
