"""Wand: select by colour from a seed; dragging changes the tolerance live; preview until Enter (ux.md §5)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from desktop.canvas.host import ToolHost
from desktop.canvas.tools.base import Pointer, Raster, Shape, Surface, Tool, tr
from desktop.dataset.masks import Mask
from inference.contours.wand import wand

_DRAG_PER_STEP = 2.0
"""View pixels of dragging (right and up count up) per step of tolerance."""


class WandTool(Tool):
    name = "wand"
    secondary = True

    def __init__(self, host: ToolHost, surface: Surface) -> None:
        super().__init__(host, surface)
        self._region: NDArray[np.bool_] | None = None
        self._before: NDArray[np.bool_] | None = None
        self._subtracts_selection = False
        self._seed: Pointer | None = None
        self._start_tolerance = 0
        self._tolerance = -1

    def press(self, at: Pointer) -> None:
        pixels = self.host.pixels
        if not self.may_edit():
            return
        if pixels is None:
            self.host.notice(tr("The image is still being decoded."))
            return
        width, height = self.host.image_size
        if not (0 <= at.x < width and 0 <= at.y < height):
            return
        if self._region is None:
            self._subtracts_selection = at.secondary
        self._before = self._region
        self._seed = at
        self._start_tolerance = self.host.options.wand_tolerance
        self._tolerance = -1
        self._grow(self._start_tolerance)

    def move(self, at: Pointer) -> None:
        if self._seed is None:
            return
        dragged = (at.x - self._seed.x) - (at.y - self._seed.y)
        self._grow(min(max(self._start_tolerance + round(dragged * at.scale / _DRAG_PER_STEP), 0), 255))

    def release(self, at: Pointer) -> None:
        if self._seed is not None and self._tolerance != self.host.options.wand_tolerance:
            self.host.change_options(replace(self.host.options, wand_tolerance=self._tolerance))
        self._seed = self._before = None

    def finish(self) -> bool:
        region = self._region
        if region is None:
            return False
        mask = Mask.from_array(region)
        self.cancel()
        if mask.is_empty or not self.may_edit():
            return not mask.is_empty
        if self._subtracts_selection:
            self.cut_from_selection(mask, tr("Cut with the wand"))
        else:
            self.host.create_instance(mask, tr("Wand"))
        return True

    def cancel(self) -> bool:
        drawing = self.busy()
        self._region = self._before = None
        self._seed = None
        self.surface.changed()
        return drawing

    def busy(self) -> bool:
        return self._region is not None

    def draft(self) -> object | None:
        return None if self._region is None else (self._region, self._subtracts_selection)

    def restore(self, draft: object | None) -> None:
        self._region, self._subtracts_selection = draft if isinstance(draft, tuple) else (None, False)

    def shapes(self) -> tuple[Shape, ...]:
        if self._region is None:
            return ()
        return (Raster(self._region, 0, 0, negative=self._subtracts_selection),)

    def _grow(self, tolerance: int) -> None:
        pixels = self.host.pixels
        if self._seed is None or pixels is None or tolerance == self._tolerance:
            return
        self._tolerance = tolerance
        found = wand(pixels, self._seed.x, self._seed.y, tolerance, self.host.options.wand_contiguous)
        if self._before is None:
            self._region = found
        elif self._seed.secondary != self._subtracts_selection:
            self._region = self._before & ~found
        else:
            self._region = self._before | found
        self.surface.changed()
