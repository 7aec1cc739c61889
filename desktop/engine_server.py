"""The machine that lends its engines to this window, by the settings: asked once at the start what it has."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal

from desktop.settings import Settings
from inference import remote
from inference.engine import EngineError


def environment(settings: Settings) -> dict[str, str]:
    """What the worker must know of the server; nothing when there is none, or the network is not to be used."""
    address = settings.text("engines.server").strip()
    if not address or settings.flag("general.offline"):
        return {}
    return {remote.ADDRESS_VARIABLE: address, remote.TOKEN_VARIABLE: settings.text("engines.server_token").strip()}


class EngineServer(QObject):
    """``answered`` carries the names of the engines that the server has (a frozenset), ``failed`` one sentence."""

    answered = Signal(object)
    failed = Signal(str)

    def ask(self, variables: Mapping[str, str]) -> None:
        """Ask on a thread of its own; does nothing without a server."""
        if variables:
            threading.Thread(target=self._ask, args=(dict(variables),), name="engine server", daemon=True).start()

    def _ask(self, variables: dict[str, str]) -> None:
        from inference.remote.client import Connection

        with contextlib.suppress(RuntimeError):  # the window was closed meanwhile
            try:
                connection = Connection(variables[remote.ADDRESS_VARIABLE], variables[remote.TOKEN_VARIABLE])
                hello = connection.hello()
                connection.close()
            except EngineError as error:
                self.failed.emit(str(error))
            else:
                self.answered.emit(frozenset(hello.engines))
