"""Undo and redo across the open session and the steps of the image (ux.md §10)."""

from __future__ import annotations

from desktop.session import Session
from desktop.workspace.accepting import Accepting


class Stepping(Accepting):
    """See :class:`desktop.workspace.Workspace`."""

    def undo(self) -> None:
        """In a session its last prompt; else the last step of the image. An accepted session opens again."""
        if self._session is not None and self._session.can_undo:
            self.undo_prompt()
            return
        if self._session is not None:
            self._drop_requests()
            self._session = None
        step = self._undo_step()
        if step is not None and isinstance(step.payload, Session):
            self._session = step.payload
            self._session_moved(ask=False)
        self.session_changed.emit()

    def redo(self) -> None:
        """A prompt of the session, or the next step of the image; redoing an accept closes its session."""
        session = self._session
        if session is not None and session.can_redo:
            self.redo_prompt()
            return
        following = self._next_redo()
        if session is not None and (following is None or following.payload is not session):
            return
        if self._redo_step() is not None:
            self._session = None
            self.session_changed.emit()

    @property
    def undo_name(self) -> str:
        """ "Undo Brush stroke on car #12", or empty when there is nothing to undo."""
        if self._session is not None and self._session.can_undo:
            return self.tr("Undo prompt {n}").format(n=len(self._session.prompts))
        name = self._history.undo_name
        return self.tr("Undo {name}").format(name=name) if name else ""

    @property
    def redo_name(self) -> str:
        if self._session is not None and self._session.can_redo:
            return self.tr("Redo prompt")
        following = self._next_redo()
        if following is None or (self._session is not None and following.payload is not self._session):
            return ""
        return self.tr("Redo {name}").format(name=following.name)

    def jump_to(self, index: int) -> None:
        """Make the first ``index`` entries of the history done, the others undone."""
        self._park_quietly()
        history = self._history
        while history.position > max(index, 0) and self._undo_step() is not None:
            pass
        while history.position < index and self._redo_step() is not None:
            pass

    def _park_quietly(self) -> None:
        self._drop_requests()
        self._session = None
        self.session_changed.emit()
