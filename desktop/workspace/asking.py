"""Requests of the open session go to the worker, answers come back (ux.md §4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from desktop.image_service import ImageService
from desktop.rounds import Ask
from desktop.session import Session
from desktop.settings import Settings
from desktop.workspace.engines import Engines
from desktop.workspace.link import InferenceLink
from desktop.workspace.remedies import remedies
from desktop.workspace.values import Notice, Severity
from inference.messages import Dropped, Failed, FailureKind, Finished, Progress, Segment, Started
from inference.results import Segmentation


class Asking(Engines):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._parked: dict[int, Session] = {}
        self._jobs_of_session: dict[int, str] = {}
        self._message = ""
        self._busy_text = ""
        self._fraction: float | None = None
        self._preview: NDArray[np.float32] | None = None

    def run(self) -> None:
        """Ask the engine (again) with the present prompts."""
        if self._session is not None:
            self._send(self._session.next_ask(explicit=True))
            self.session_changed.emit()

    def compare(self, engine: str) -> None:
        """Ask a second engine the same prompts and add its masks to the candidates."""
        if self._session is not None:
            self._send(self._session.ask_also(engine))
            self.session_changed.emit()

    def _session_moved(self, *, ask: bool = True) -> None:
        self._message = ""
        if ask and self._session is not None:
            self._send(self._session.next_ask())
        self.session_changed.emit()
        self.history_changed.emit()

    def _send(self, ask: Ask | None) -> None:
        image = self.engine_image()
        session = self._session
        if ask is None or session is None:
            return
        if image is None or self._link is None:
            # the prompts wait for the pixels: asked again when they arrive
            session.fail(ask.revision)
            self._busy_text = self.tr("Reading the image…")
            return
        self._preview, self._fraction, self._busy_text = None, None, ""
        request = Segment(
            ask.engine, image, ask.prompts, session.id, ask.revision, ask.memory,
            self.settings.number("engines.seed"), self._roi, ask.as_job, self.changed_options(ask.engine),
        )  # fmt: skip
        job = self._link.submit(request)
        self._jobs_of_session[job] = session.id

    def _drop_requests(self) -> None:
        """Cancel what runs for the open session."""
        if self._session is None or self._link is None:
            return
        for job, session in list(self._jobs_of_session.items()):
            if session == self._session.id:
                del self._jobs_of_session[job]
                self._link.cancel(job)
        self._preview = None

    def _session_by_id(self, session_id: str) -> Session | None:
        if self._session is not None and self._session.id == session_id:
            return self._session
        return next((s for s in self._parked.values() if s.id == session_id), None)

    def _session_event(self, event: object) -> None:
        match event:
            case Started(job=job) if job in self._jobs_of_session:
                self.session_changed.emit()
            case Progress(job=job) if self._is_open(job):
                self._fraction, self._busy_text = event.fraction, event.message
                self._preview = event.preview if event.preview is not None else self._preview
                self.session_changed.emit()
            case Finished(job=job, request=Segment() as request, result=Segmentation() as answer):
                self._jobs_of_session.pop(job, None)
                session = self._session_by_id(request.session)
                if session is not None:
                    session.take(request.revision, answer)
                    if session is self._session:
                        self._preview = None
                        self._send(session.next_ask())
                        self.session_changed.emit()
            case Failed(job=job, request=Segment() as request):
                self._jobs_of_session.pop(job, None)
                session = self._session_by_id(request.session)
                if session is not None and session.fail(request.revision):
                    self._failed(event)
                self.session_changed.emit()
            case Dropped(job=job) if job in self._jobs_of_session:
                del self._jobs_of_session[job]

    def _is_open(self, job: int) -> bool:
        return self._session is not None and self._jobs_of_session.get(job) == self._session.id

    def _failed(self, event: Failed) -> None:
        if event.kind is FailureKind.UNUSABLE_PROMPTS:
            self._message = event.message
            return
        self._message = self.tr("The engine failed; your prompts are kept.")
        self.raise_notice(Notice(event.message, Severity.ERROR, remedies(self, event), event.details))
