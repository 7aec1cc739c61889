"""The QThread that owns the inference server (design.md §4): requests go in at once, events come out as a signal."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QThread, Signal, Slot

from inference.features import Budgets
from inference.messages import Event, Request
from inference.server import Server, Supervised

log = logging.getLogger(__name__)

_left_behind: list[InferenceThread] = []
"""Threads that did not end in time: destroying a running QThread would abort the program."""


class InferenceThread(QThread):
    """``event`` carries the immutable messages of ``inference.messages``; connect it by a queued connection.

    The slots never block: the server's thread, which is this one, copies pixels and writes to the worker.
    """

    event = Signal(object)  # type: ignore[assignment]  # the workspace's word; QObject.event() in C++ is not affected

    def __init__(
        self, parent: QObject | None = None, budgets: Budgets | None = None, server: Server | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("inference")
        self._server = server if server is not None else Supervised(budgets)
        self._unsubscribe = self._server.subscribe(self._tell)

    def run(self) -> None:
        self._server.serve()

    def submit(self, request: Request) -> int:
        """Queue a request; returns the number of its job. Raises :class:`inference.server.ServerClosed`."""
        return self._server.submit(request)

    @Slot(int)
    def cancel(self, job: int) -> None:
        self._server.cancel(job)

    @Slot(str)
    def close_session(self, session: str) -> None:
        self._server.close_session(session)

    @Slot(str)
    def pin(self, content_hash: str) -> None:
        """Name the current image; an empty text: there is none."""
        self._server.pin(content_hash or None)

    @Slot(str)
    def restart_engine(self, name: str) -> None:
        self._server.restart_engine(name)

    @Slot(str)
    def use_cpu(self, reason: str) -> None:
        """Compute on the CPU from now on; ``reason`` is for the device line."""
        self._server.use_cpu(reason)

    def close(self, timeout: float = 2.0) -> bool:
        """Wait at most about ``timeout`` seconds for the worker, then leave safely. True when everything has ended."""
        self._unsubscribe()
        if not self.isRunning():
            return True
        self._server.close(timeout * 0.75)
        if self.wait(int(timeout * 1000)):
            return True
        self._server.kill()
        if self.wait(500):
            return True
        log.warning("The inference thread did not end in time; it is left to itself")
        self.setParent(None)
        _left_behind.append(self)
        return False

    def _tell(self, event: Event) -> None:
        self.event.emit(event)
