"""One computation at a time off the GUI thread, for dialogs that show what would happen while options change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

_Result = TypeVar("_Result")


class _Bridge(QObject):
    finished = Signal(int, object, object)


class Latest(QObject, Generic[_Result]):
    """Runs functions in a thread; only the answer of the newest request is delivered, older ones are dropped."""

    def __init__(
        self, deliver: Callable[[_Result], None], fail: Callable[[Exception], None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._deliver = deliver
        self._fail = fail
        self._number = 0
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._bridge = _Bridge(self)
        self._bridge.finished.connect(self._arrived)

    def ask(self, compute: Callable[[], _Result]) -> None:
        """Start a computation; what still waits is forgotten, what runs is not heard any more."""
        self._number += 1
        self._pool.clear()
        self._pool.start(_Task(self._number, compute, self._bridge))

    def forget(self) -> None:
        """Hear nothing of what was asked so far, and wait for the running computation to end."""
        self._number += 1
        self._pool.clear()
        self._pool.waitForDone()

    def _arrived(self, number: int, result: _Result, error: Exception | None) -> None:
        if number != self._number:
            return
        if error is not None:
            self._fail(error)
        else:
            self._deliver(result)


class _Task(QRunnable):
    def __init__(self, number: int, compute: Callable[[], object], bridge: _Bridge) -> None:
        super().__init__()
        self._number = number
        self._compute = compute
        self._bridge = bridge

    def run(self) -> None:
        result: object = None
        problem: Exception | None = None
        try:
            result = self._compute()
        except Exception as error:  # shown in the dialog: an exception cannot leave a pool thread
            problem = error
        self._bridge.finished.emit(self._number, result, problem)
