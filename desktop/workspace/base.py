"""The state of the workspace and its signals; the other files of this package add what can be done with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from desktop.canvas.host import ToolOptions
from desktop.dataset.model import Image, Instance
from desktop.dataset.store import Project
from desktop.image_service import ImageService
from desktop.message_log import MessageLog
from desktop.session import Session
from desktop.settings import Settings, Value
from desktop.workspace.link import InferenceLink
from desktop.workspace.storage import Storage
from desktop.workspace.values import ColourBy, EngineStatus, Notice, Severity


class WorkspaceBase(QObject):
    """Signals and read access. Signals carry no state but ids: read the properties after one."""

    project_changed = Signal()
    """Another project (or none) is open."""
    images_changed = Signal()
    """The list of images, its filter or its order changed."""
    image_state_changed = Signal(int)
    """The badge of one image changed (image id)."""
    image_leaving = Signal()
    """The current image is about to be left: unfinished drawings on it are committed now, if they are valid."""
    image_changed = Signal()
    """Another image is current (or none)."""
    pixels_changed = Signal()
    """The pixels of the current image arrived (first scaled, then at full resolution)."""
    thumbnail_ready = Signal(int)
    """``thumbnail(image id)`` now returns a picture."""
    instances_changed = Signal(object)
    """Instances of the current image changed: a frozenset of ids (added, edited, removed, hidden, recoloured)."""
    selection_changed = Signal()
    categories_changed = Signal()
    """Classes were added, changed, removed, reordered, hidden; or their counts changed."""
    current_category_changed = Signal()
    session_changed = Signal()
    """Prompts, candidates, choice, busy state or the parked sessions changed."""
    engines_changed = Signal()
    """States of engines, *find with* / *refine with*, device or feature cache changed."""
    jobs_changed = Signal()
    proposals_changed = Signal()
    saved_changed = Signal()
    options_changed = Signal()
    """Tool options of the context bar changed."""
    history_changed = Signal()
    notice_raised = Signal(object)
    """A :class:`Notice` for the notice bar."""
    status_message = Signal(str)
    """A transient sentence for the left of the status bar."""
    region_of_interest_changed = Signal()
    context_menu_requested = Signal(int, int)
    """Global position."""
    save_elsewhere_requested = Signal()
    """A place for the project file must be chosen (the window asks)."""
    models_requested = Signal(str)
    """The page of model weights is wanted, for an engine by name (the window shows it)."""
    _store_told = Signal(object)
    """A :class:`desktop.dataset.store.SaveState` from the writer thread."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.settings = settings
        self.storage = Storage()
        self.log = MessageLog(self)
        self._link = link
        self.image_service = images
        self._image: Image | None = None
        self._pixels: NDArray[np.uint8] | None = None
        self._hash = ""
        self._instances: dict[int, Instance] = {}
        self._selection: tuple[int, ...] = ()
        self._current_category: int | None = None
        self._hidden_categories: frozenset[int] = frozenset()
        self._solo_category: int | None = None
        self._hidden: frozenset[int] = frozenset()
        self._all_hidden = False
        self._solo: frozenset[int] = frozenset()
        self._colour_by = ColourBy.CLASS
        self._session: Session | None = None
        self._engines: dict[str, EngineStatus] = {}
        self._roi: tuple[int, int, int, int] | None = None
        self._options = ToolOptions(
            brush_size=settings.number("tools.brush_size"),
            scribble_width=settings.number("tools.scribble_width"),
            protect_others=settings.flag("tools.protect_others"),
        )

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def project(self) -> Project | None:
        """The open project file, None while only browsing."""
        return self.storage.project

    @property
    def current_image(self) -> Image | None:
        return self._image

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the oriented image; (0, 0) without one or before its header was read."""
        return (self._image.width, self._image.height) if self._image is not None else (0, 0)

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """Full-resolution RGB uint8 (H, W, 3), or None while it is being decoded."""
        return self._pixels

    @property
    def options(self) -> ToolOptions:
        return self._options

    def change_options(self, options: ToolOptions) -> None:
        if options != self._options:
            self._options = options
            self.options_changed.emit()

    @property
    def region_of_interest(self) -> tuple[int, int, int, int] | None:
        """xyxy in pixels: engines see only this crop, at full resolution."""
        return self._roi

    def set_region_of_interest(self, box: tuple[int, int, int, int] | None) -> None:
        width, height = self.image_size
        if box is not None:
            x0, y0, x1, y1 = box
            box = (max(x0, 0), max(y0, 0), min(x1, width), min(y1, height))
            if box[2] - box[0] < 8 or box[3] - box[1] < 8:
                box = None
        self._roi = box
        self.region_of_interest_changed.emit()

    @property
    def read_only(self) -> str:
        """Why nothing can be changed, or empty."""
        return self.storage.read_only

    def editable(self) -> str:
        """Empty when the image can be edited, else the reason why not."""
        if self._image is None:
            return self.tr("No image is open.")
        if self._image.error:
            return self.tr("The image cannot be read.")
        if self._image.width == 0:
            return self.tr("The image is still being read.")
        return self.read_only

    def setting(self, name: str) -> Value:
        """The value of a setting ("canvas.wheel_scrolls"); see :mod:`desktop.settings`."""
        return self.settings.value(name)

    # -- saying --------------------------------------------------------------------------------------------------

    def notice(self, text: str) -> None:
        """Say something in the status bar (and in the message log)."""
        self.log.add(text)
        self.status_message.emit(text)

    def raise_notice(self, notice: Notice) -> None:
        """Show a notice above the canvas."""
        self.log.add(notice.text)
        self.notice_raised.emit(notice)

    def problem(self, text: str, details: str = "", *, severe: bool = True) -> None:
        """A notice without actions."""
        self.raise_notice(Notice(text, Severity.ERROR if severe else Severity.WARNING, details=details))

    def messages(self) -> list[tuple[str, str]]:
        """(HH:MM:SS, text), oldest first."""
        return self.log.rows()

    def context_menu(self, global_x: int, global_y: int) -> None:
        self.context_menu_requested.emit(global_x, global_y)
