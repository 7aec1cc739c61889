"""The workspace as one object: panels, canvas and actions use this class and nothing below it."""

from __future__ import annotations

from PySide6.QtCore import QObject

from desktop.image_service import ImageService
from desktop.settings import Settings
from desktop.workspace.batch import Batches
from desktop.workspace.link import InferenceLink
from inference.messages import WorkerRestarted


class Workspace(Batches):
    """What is open, what is selected, what is being prompted; implements :class:`desktop.canvas.host.ToolHost`.

    ``link`` is the inference thread (None: no engines answer, as in tests of panels). All methods belong to the GUI
    thread and return at once.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        link: InferenceLink | None = None,
        images: ImageService | None = None,
        parent: QObject | None = None,
    ) -> None:
        settings = settings if settings is not None else Settings()
        service = images if images is not None else ImageService(settings.number("memory.images_mb") * 2**20)
        super().__init__(settings, link, service, parent)
        service.setParent(self)
        if link is not None:
            link.event.connect(self.take_event)

    def connect_inference(self, link: InferenceLink) -> None:
        """Use a worker that was started after the window was shown."""
        self._link = link
        link.event.connect(self.take_event)
        self._pixels_arrived()

    def take_event(self, event: object) -> None:
        """An event of the inference worker (``inference.messages``), on the GUI thread."""
        self._engine_event(event)
        self._session_event(event)
        self._label_event(event)
        self._relabel_event(event)
        self._proposal_event(event)
        self._following_event(event)
        self._batch_event(event)
        if isinstance(event, WorkerRestarted):
            self.problem(
                self.tr("The inference worker stopped and was started again. Your annotations and prompts are kept."),
                event.reason,
                severe=False,
            )
