"""What a canvas shows, and how: image, instances, selection, session, overlay style, display adjustments (ux.md §9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from desktop.canvas.chips import Labels
from desktop.canvas.host import CanvasInstance, SessionView
from desktop.canvas.looking import Looking
from desktop.canvas.motion import Motion
from desktop.canvas.overlay import Overlay, Style
from desktop.canvas.renderer import Adjustments
from desktop.canvas.scene_painter import ScenePainter
from desktop.canvas.session_layer import SessionLayer


class Showing(Looking):
    """The part of a canvas that is told what to show; the canvas itself makes the parts that draw it."""

    overlay: Overlay
    session_layer: SessionLayer
    motion: Motion
    _painter: ScenePainter
    hovered: int | None = None
    labels = Labels.HOVER_SELECTION
    peeking = False
    region_of_interest: tuple[int, int, int, int] | None = None
    previewed: tuple[CanvasInstance, ...] = ()
    _lifted: frozenset[int] = frozenset()

    def set_image(
        self,
        levels: Sequence[NDArray[np.uint8]] | None,
        size: tuple[int, int] | None = None,
        *,
        keep_view: bool = False,
    ) -> None:
        """Show a pyramid (uint8 (H, W, 3) RGB, finest first) or nothing.

        ``size`` is the full (width, height) when the finest level is only a placeholder. The view is fitted to a new
        image unless ``keep_view``; replacing a placeholder by an image of the same size never moves the view.
        """
        before = self.renderer.size if not self.renderer.empty else None
        self.renderer.set_levels(levels or (), size)
        same = before == self.renderer.size
        self.minimap.set_image(self.renderer.thumbnail(), self.renderer.size)
        if not same:
            self.hovered = None
            self._another_image()
            if not keep_view:
                self._fit_pending = True
                self.zoom_to_fit()
        self._image_changed()

    def set_instances(self, instances: Sequence[CanvasInstance]) -> None:
        """Replace all instances, in drawing order (the last on top)."""
        self.index.reset(instances)
        self.overlay.paths.clear()
        self.hovered = None
        self._mark_selection()
        for layer in self.overlay.layers:
            layer.clear()
        self.settling.rebuild()

    def update_instances(self, changed: Sequence[CanvasInstance], removed: Iterable[int] = ()) -> None:
        """Replace or add some instances and drop others; only their surroundings are painted anew."""
        gone = list(removed)
        touched = [*gone, *(instance.id for instance in changed)]
        known = [old for instance_id in touched if (old := self.index.get(instance_id)) is not None]
        for instance in changed:
            old = self.index.get(instance.id)
            if old is None or old.mask != instance.mask:
                self.overlay.paths.forget(instance.id)
        for instance_id in gone:
            self.overlay.paths.forget(instance_id)
        self.index.update(changed, gone)
        if self.hovered in gone:
            self.hovered = None
        self.settling.redraw([item.mask.bbox for item in (*known, *changed) if not item.mask.is_empty])

    def set_selection(self, ids: Iterable[int]) -> None:
        """Mark these instances as selected."""
        before = set(self._selection)
        self._selection = tuple(ids)
        self._mark_selection()
        now = set(self._selection)
        items = [item for i in before ^ now if (item := self.index.get(i)) is not None]
        self.settling.redraw([item.mask.bbox for item in items], marks_only=True)

    @property
    def selected(self) -> tuple[int, ...]:
        return self._selection

    def set_session(self, session: SessionView | None) -> None:
        """Show the open session, or none."""
        self.session_layer.set_session(session)
        self.motion.touched()
        self.motion.refresh()
        self.update()

    def set_region_of_interest(self, box: tuple[int, int, int, int] | None) -> None:
        """Show the region that engines see; what is outside is dimmed."""
        self.region_of_interest = box
        self.update()

    # how it is shown
    def set_style(self, style: Style | str, opacity: float | None = None) -> None:
        """Overlay style, and the opacity of fills in [0, 1]."""
        self.overlay.style = Style(style)
        if opacity is not None:
            self.overlay.opacity = min(max(opacity, 0.0), 1.0)
        self.settling.rebuild()

    def show_labels(self, labels: Labels | str) -> None:
        self.labels = Labels(labels)
        self.update()

    def peek(self, on: bool) -> None:
        """Hide every overlay while on."""
        self.peeking = on
        self.update()

    def uncertainty(self, on: bool) -> None:
        """Show the probability of the session's candidate, when its engine has probabilities."""
        self.session_layer.uncertainty = on
        self.update()

    def show_doubt(self, on: bool) -> None:
        """Hatch where the session's candidate is nearly undecided."""
        self.session_layer.doubt = on
        self.update()

    def adjust(self, adjustments: Adjustments) -> None:
        """Change how the image is displayed."""
        self.renderer.adjustments = adjustments
        self._image_changed()

    def set_reduce_motion(self, on: bool) -> None:
        """Stop animations: dashes and ring stand still."""
        self.motion.reduce(on)

    def lift(self, instance_ids: Iterable[int]) -> None:
        """Leave these out of the overlay while a tool shows them itself; an empty call puts them back."""
        self._lifted = frozenset(instance_ids)
        self._leave_out()

    def show_preview(self, instances: Sequence[CanvasInstance]) -> None:
        """Show these in place of the instances of the same ids, until an empty call puts those back."""
        self.previewed = tuple(instances)
        self.overlay.previews.clear()
        self._leave_out()
        self.update()

    def _leave_out(self) -> None:
        left_out = self._lifted | {instance.id for instance in self.previewed}
        before = self.overlay.base.excluded
        if left_out == before:
            return
        touched = [item for i in left_out ^ before if (item := self.index.get(i)) is not None]
        for layer in self.overlay.layers:
            layer.excluded = left_out
        self.settling.redraw([item.mask.bbox for item in touched])

    def _another_image(self) -> None:
        """Another image is about to be shown: the canvas drops what was drawn on the old one."""

    def _image_changed(self) -> None:
        self._painter.forget_image()
        self._place_minimap()
        self.settling.rebuild()

    def _mark_selection(self) -> None:
        self.overlay.marks.only = frozenset(self._selection)
