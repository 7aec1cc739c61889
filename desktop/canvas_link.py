"""Between workspace and canvas: what changed in the one is shown by the other, and views are kept per image."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.canvas.chips import Labels
from desktop.canvas.overlay import Style
from desktop.canvas.view import CanvasView, ViewState
from desktop.languages import word
from desktop.workspace import Workspace

STYLES = (Style.CONTOUR_FILL, Style.CONTOUR, Style.FILL, Style.OFF)

MAX_CHANGED = 200
"""Above so many changed instances the canvas is filled anew instead of patched."""


class CanvasLink(QObject):
    """Feeds a :class:`CanvasView` from a :class:`Workspace`. Also holds the display choices that are no data."""

    def __init__(self, workspace: Workspace, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._workspace = workspace
        self._canvas = canvas
        self._views: dict[int, ViewState] = {}
        self._image_id: int | None = None
        self._has_pixels = False
        self.style = Style.CONTOUR_FILL
        self.uncertainty = False
        canvas.set_host(workspace)
        workspace.project_changed.connect(self._project_changed)
        workspace.image_leaving.connect(canvas.finish_drawing)
        workspace.image_changed.connect(self._show_image)
        workspace.pixels_changed.connect(self._show_pixels)
        workspace.instances_changed.connect(self._show_instances)
        workspace.selection_changed.connect(lambda: canvas.set_selection(workspace.selection))
        workspace.session_changed.connect(self.show_session)
        workspace.current_category_changed.connect(self.show_session)
        workspace.options_changed.connect(canvas.update)
        workspace.region_of_interest_changed.connect(
            lambda: canvas.set_region_of_interest(workspace.region_of_interest)
        )
        self.apply_settings()

    def apply_settings(self) -> None:
        """Take the canvas settings over."""
        settings = self._workspace.settings
        self._canvas.set_wheel_scrolls(settings.flag("canvas.wheel_scrolls"))
        self._canvas.set_minimap(settings.flag("canvas.minimap"))
        self._canvas.set_reduce_motion(settings.flag("appearance.reduce_motion"))
        self._canvas.set_style(self.style, settings.number("canvas.fill_opacity") / 100)

    def _project_changed(self) -> None:
        # while an image is shown, the folder only got its project file: the images are the same
        if self._workspace.current_image is None:
            self._views.clear()

    def _show_image(self) -> None:
        if self._image_id is not None and self._has_pixels:
            self._views[self._image_id] = self._canvas.view_state()
        image = self._workspace.current_image
        self._image_id = image.id if image is not None else None
        self._has_pixels = False
        # also when the next pixels are here already: an image of the same size would inherit the unfinished drawing
        self._canvas.set_image(None, keep_view=self._workspace.settings.flag("canvas.keep_zoom"))

    def _show_pixels(self) -> None:
        levels = self._workspace.levels
        if not levels:
            self._canvas.set_image(None)
            return
        first = not self._has_pixels
        keep = not first or self._workspace.settings.flag("canvas.keep_zoom")
        self._canvas.set_image(levels, self._workspace.image_size, keep_view=keep)
        self._has_pixels = True
        if first:
            known = self._views.get(self._image_id or 0)
            if known is not None:
                transform = self._canvas.transform_now if keep else known.transform
                self._canvas.restore_view(ViewState(transform, known.drafts))
        if first and not keep:
            self._canvas.set_instances(self._workspace.canvas_instances())
            self._canvas.set_selection(self._workspace.selection)

    def _show_instances(self, ids: frozenset[int]) -> None:
        present = self._workspace.instances
        # proposals and order are not among the ids, so anything but a small edit is drawn anew
        small = 0 < len(ids) <= min(MAX_CHANGED, max(len(present) // 2, 1)) and not self._workspace.proposals
        if small and not self._order_changed():
            changed = [shown for i in ids if (shown := self._workspace.instance(i)) is not None]
            self._canvas.update_instances(changed, [i for i in ids if i not in present])
        else:
            self._canvas.set_instances(self._workspace.canvas_instances())
        self.show_session()

    def _order_changed(self) -> bool:
        """True unless every instance keeps its place and new ones come in front."""
        present = self._workspace.instances
        drawn = [item.id for item in self._canvas.index.instances() if item.id in present]
        old = set(drawn)
        return list(present) != [*drawn, *(i for i in present if i not in old)]

    def show_session(self) -> None:
        """Draw the session; without one nothing of it stays."""
        self._canvas.set_session(self._workspace.session_view if self._workspace.session is not None else None)

    def cycle_style(self) -> None:
        """Contour and fill, contour, fill, off."""
        self.style = STYLES[(STYLES.index(self.style) + 1) % len(STYLES)]
        self._canvas.set_style(self.style)
        self._workspace.notice(self.tr("Overlay: {style}").format(style=word(self.style)))

    def change_opacity(self, percent: int) -> None:
        settings = self._workspace.settings
        settings.set("canvas.fill_opacity", min(max(settings.number("canvas.fill_opacity") + percent, 0), 100))

    def toggle_labels(self) -> None:
        """All class chips, or those of hovered and selected instances only."""
        alone = self._canvas.labels is not Labels.ALL
        self._canvas.show_labels(Labels.ALL if alone else Labels.HOVER_SELECTION)

    def toggle_uncertainty(self) -> None:
        self.uncertainty = not self.uncertainty
        self._canvas.uncertainty(self.uncertainty)

    def toggle_doubt(self) -> None:
        """Hatch the pixels of the session's candidate with a probability between 0.4 and 0.6, or stop it."""
        self._canvas.show_doubt(not self.doubt)

    @property
    def doubt(self) -> bool:
        return self._canvas.session_layer.doubt

    def can_show_uncertainty(self) -> str:
        """Empty, or why there is no probability to show."""
        session = self._workspace.session
        if self.uncertainty:
            return ""
        if session is None or session.candidate is None:
            return self.tr("Open a session first: the view shows the probability of its candidate.")
        if not session.candidate.calibrated:
            return self.tr("{engine} has no probabilities.").format(engine=session.candidate.engine)
        return ""
