"""What the workspace needs of the inference thread; tests put a stand-in here."""

from __future__ import annotations

from typing import Any, Protocol

from inference.messages import Request


class InferenceLink(Protocol):
    """See :class:`desktop.inference_thread.InferenceThread`. ``event`` is a Qt signal that carries an Event."""

    @property
    def event(self) -> Any: ...

    def submit(self, request: Request) -> int: ...

    def cancel(self, job: int) -> None: ...

    def close_session(self, session: str) -> None: ...

    def pin(self, content_hash: str) -> None: ...

    def restart_engine(self, name: str) -> None: ...

    def use_cpu(self, reason: str) -> None: ...
