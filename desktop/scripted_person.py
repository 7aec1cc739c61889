"""A scripted person: mouse and keys on the real window, for the demo, the screenshots and the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QDeadlineTimer, QEvent, QEventLoop, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    from desktop.main_window import MainWindow

WAIT_MS = 60_000
"""How long the person waits for one thing to happen before saying what did not."""


class NothingHappened(Exception):
    """What was waited for did not come about; the text says what."""


class ScriptedPerson:
    """Acts on a window as a person does, and waits for what the window shows. Points are image coordinates."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window
        self.workspace = window.workspace
        self.canvas = window.canvas

    def click(self, x: float, y: float, *, right: bool = False, modifiers: Sequence[Qt.KeyboardModifier] = ()) -> None:
        """Click the canvas at an image point."""
        self.drag([(x, y)], right=right, modifiers=modifiers)

    def drag(
        self,
        path: Sequence[tuple[float, float]],
        *,
        right: bool = False,
        modifiers: Sequence[Qt.KeyboardModifier] = (),
    ) -> None:
        """Press at the first image point, move along the others, release at the last: with one point, a click."""
        button = Qt.MouseButton.RightButton if right else Qt.MouseButton.LeftButton
        none = Qt.MouseButton.NoButton
        points = [QPointF(self.canvas.image_to_widget(x, y)) for x, y in path]
        self._send(QEvent.Type.MouseMove, points[0], none, none, modifiers)
        self._send(QEvent.Type.MouseButtonPress, points[0], button, button, modifiers)
        for point in points[1:]:
            self._send(QEvent.Type.MouseMove, point, none, button, modifiers)
        self._send(QEvent.Type.MouseButtonRelease, points[-1], button, none, modifiers)

    def key(self, name: str, *, on: QWidget | None = None) -> None:
        """Press keys as they are written in the key map ("Return", "Ctrl+Z") with the focus on the canvas."""
        from PySide6.QtGui import QKeySequence
        from PySide6.QtTest import QTest

        target = on if on is not None else self.canvas
        self.window.activateWindow()
        target.setFocus()
        self.settle()  # commands learn whether they can run when the window is idle, as they do for a person
        QTest.keySequence(target, QKeySequence(name))

    def type(self, text: str, *, into: QWidget) -> None:
        """Type text into a field."""
        from PySide6.QtTest import QTest

        into.setFocus()
        QTest.keyClicks(into, text)

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Run the event loop until ``until()`` is true. Raises :class:`NothingHappened`."""
        deadline = QDeadlineTimer(WAIT_MS)
        while not until():
            if deadline.hasExpired():
                raise NothingHappened(f"Waited {WAIT_MS // 1000} s in vain until {what}.")
            _let_pass(5)

    def settle(self) -> None:
        """Let the window catch up with what was sent."""
        for _ in range(3):
            QApplication.processEvents()

    def rest(self, seconds: float) -> None:
        """Do nothing for that long; the window goes on with what it does by itself."""
        _let_pass(round(seconds * 1000))

    def answer(self) -> NDArray[np.bool_]:
        """Wait until the session has answered its newest prompt; the mask that is shown, bool (H, W)."""

        def answered() -> bool:
            session = self.workspace.session
            return session is not None and not session.busy and (session.candidate is not None or bool(session.message))

        self.wait(answered, "the engine answers")
        session = self.workspace.session
        if session is None or session.candidate is None:
            raise NothingHappened(f"No mask: {session.message if session else 'the session is gone'}")
        return session.candidate.mask()

    def accept(self) -> int:
        """Press Enter and wait for the instance; its id."""
        before = set(self.workspace.instances)
        self.key("Return")
        self.wait(lambda: len(set(self.workspace.instances) - before) == 1, "the mask is accepted")
        (made,) = set(self.workspace.instances) - before
        return made

    def go_to(self, name: str) -> None:
        """Open the image of that file name and wait for its pixels."""
        image = next(image for image in self.workspace.images if Path(image.path).name == name)
        self.workspace.go_to_image(image.id)
        self.wait(lambda: self.workspace.pixels is not None, f"{name} is decoded")
        self.canvas.zoom_to_fit()
        self.settle()

    def screenshot(self, path: Path) -> None:
        """The window as it is now, as PNG."""
        self.settle()
        self.canvas.settling.settle()  # what would be drawn in slices over the next frames
        self.settle()
        self.window.grab().save(str(path))

    def _send(
        self,
        kind: QEvent.Type,
        at: QPointF,
        changed: Qt.MouseButton,
        held: Qt.MouseButton,
        modifiers: Sequence[Qt.KeyboardModifier],
    ) -> None:
        keys = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            keys |= modifier
        place = QPointF(self.canvas.mapToGlobal(at.toPoint()))
        QApplication.sendEvent(self.canvas, QMouseEvent(kind, at, place, changed, held, keys))


def _let_pass(milliseconds: int) -> None:
    """Run the event loop for that long, asleep while nothing happens."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
