"""The open session on the screen: prompts come and go, sessions are opened, parked and discarded (ux.md §4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject

from desktop.canvas.host import SessionView
from desktop.dataset.changes import AddTextPrompt
from desktop.dataset.history import Step
from desktop.dataset.model import Instance
from desktop.image_service import ImageService
from desktop.session import Session, Stop
from desktop.settings import Settings
from desktop.workspace.asking import Asking
from desktop.workspace.link import InferenceLink
from desktop.workspace.undo import timestamp
from desktop.workspace.unused import unused_sentence
from desktop.workspace.values import Notice, NoticeAction, ParkedSession, SessionInfo, Severity
from inference.engine import Speed
from inference.prompts import Prompt, PromptKind, PromptSet, Text


class Prompting(Asking):
    """See :class:`desktop.workspace.Workspace`."""

    def __init__(
        self, settings: Settings, link: InferenceLink | None, images: ImageService, parent: QObject | None = None
    ) -> None:
        super().__init__(settings, link, images, parent)
        self._text_threshold = 0.3
        self._max_results = 20
        self._text_history: list[str] = []
        self._highlighted: int | None = None
        self._held = False

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def prompts(self) -> PromptSet:
        """The prompts of the open session (empty when none is open)."""
        return self._session.prompts if self._session is not None else PromptSet()

    @property
    def session(self) -> SessionInfo | None:
        s = self._session
        if s is None:
            return None
        return SessionInfo(
            s.id, s.prompts, s.candidates, s.chosen, s.kept, s.busy, self._busy_text if s.busy else "",
            self._fraction if s.busy else None, self._preview if s.busy else None, s.engine, s.ignored,
            self._session_message(s), s.refines, s.can_undo, s.can_redo, () if s.busy else s.notes,
        )  # fmt: skip

    def _session_message(self, session: Session) -> str:
        if session.busy:
            return ""
        if self._message:
            return self._message
        unusable = self.can_run() if not session.is_empty else ""
        if unusable and session.candidate is None:
            return unusable
        if session.has_answer and session.candidate is None:
            if session.has_search:
                words = ", ".join(p.text for p in session.prompts if isinstance(p, Text))
                text = self.tr("No region matched '{words}' above {threshold}.")
                return text.format(words=words, threshold=f"{session.text_threshold:.2f}")
            return self.tr("Nothing found — add a positive point or lower the threshold")
        return ""

    @property
    def session_view(self) -> SessionView:
        """What the canvas draws of the session."""
        s = self._session
        if s is None:
            return SessionView(colour=self.class_colour(self._current_category))
        colour = self.class_colour(self._current_category)
        if s.refines is not None and s.refines in self._instances:
            colour = self.colour_of(s.refines)
        busy_text = self._busy_text if s.busy else ""
        return SessionView(
            s.prompts, s.candidate, colour, s.busy, busy_text, self._preview, self._highlighted, self._label_text()
        )

    def _label_text(self) -> str:
        """What the candidate probably is (see :class:`Suggesting`)."""
        return ""

    @property
    def parked_sessions(self) -> Sequence[ParkedSession]:
        return [ParkedSession(s.id, image_id, len(s.prompts)) for image_id, s in self._parked.items()]

    @property
    def text_threshold(self) -> float:
        return self._text_threshold

    @property
    def max_results(self) -> int:
        return self._max_results

    @property
    def text_history(self) -> Sequence[str]:
        """Latest first, at most 100, without repeats."""
        project = self.storage.project
        stored = [p.text for p in project.text_prompts()] if project is not None else []
        return list(dict.fromkeys([*self._text_history, *stored]))[:100]

    def can_run(self) -> str:
        """Empty, or the reason why the engine cannot be asked."""
        if self._session is None:
            return self.tr("There is no prompt yet.")
        reason = self._session.unusable()
        return (self.unused_prompts() or reason) if reason else ""

    def unused_prompts(self) -> str:
        """Which prompts of the session count for nothing with the engine that answers, and who would take them."""
        session = self._session
        spec = self.specs.get(session.engine) if session is not None else None
        if session is None or spec is None:
            return ""
        kinds = [PromptKind(ignored.kind) for ignored in session.ignored]
        return " ".join(unused_sentence(kind, spec, self.engines) for kind in kinds)

    def can_refine(self) -> str:
        if len(self._selection) != 1 or self._selection[0] not in self._instances:
            return self.tr("Select one instance to refine it.")
        if self._instances[self._selection[0]].locked:
            return self.tr("The instance is locked.")
        return self.editable()

    # -- prompts -------------------------------------------------------------------------------------------------

    def _open(self) -> Session | None:
        """The open session, made if there is none; None (with a sentence) when the image cannot be edited."""
        reason = self.editable()
        if reason or self._image is None:
            self.notice(reason)
            return None
        if self._session is None:
            self._session = self._new_session(self._image.id)
        return self._session

    def _new_session(self, image_id: int, prior: Instance | None = None) -> Session:
        session = Session(
            image_id,
            self.specs,
            self._find_with,
            self._refine_with,
            prior=prior.mask.to_array() if prior is not None else None,
            refines=prior.id if prior is not None else None,
            compose_edits=self.settings.flag("engines.compose"),
        )
        session.text_threshold, session.max_results = self._text_threshold, self._max_results
        session.hold(self._held)
        return session

    def add_prompt(self, prompt: Prompt) -> None:
        """Add a prompt to the open session, which the first one opens; the engine is asked at once."""
        session = self._open()
        if session is not None:
            session.add(prompt)
            self._session_moved()

    def replace_prompt(self, index: int, prompt: Prompt, *, final: bool) -> None:
        """Move or change a prompt; ``final`` is False while it is dragged (then only instant engines are asked)."""
        if self._session is None:
            return
        self._session.replace(index, prompt, final=final)
        spec = self.specs.get(self._session.engine)
        self._session_moved(ask=final or (spec is not None and spec.speed is Speed.INSTANT))

    def remove_prompt(self, index: int) -> None:
        if self._session is None:
            return
        try:
            self._session.remove(index)
        except ValueError as error:
            self.notice(str(error))
            return
        self._session_moved()

    def mute_prompt(self, index: int, muted: bool) -> None:
        if self._session is not None:
            self._session.mute(index, muted)
            self._session_moved()

    def highlight_prompt(self, index: int | None) -> None:
        """Hovering in the list highlights the prompt on the canvas."""
        if index != self._highlighted:
            self._highlighted = index
            self.session_changed.emit()

    def invert_last_prompt(self) -> None:
        """``I``: positive becomes negative and the reverse."""
        session = self._session
        if session is None or not session.prompts.prompts or session.is_empty:
            return
        index = len(session.prompts.prompts) - 1
        last = session.prompts.prompts[index]
        session.replace(index, replace(last, positive=not last.positive))
        self._session_moved()

    def hold_requests(self, held: bool) -> None:
        """While held (Ctrl down), prompts are collected and run once on release, also those of a new session."""
        self._held = held
        if self._session is not None:
            self._session.hold(held)
            if not held:
                self._session_moved()

    def new_part(self) -> int:
        session = self._open()
        return session.new_part() if session is not None else 0

    def add_text(self, text: str) -> None:
        """Run the text box: the phrases (commas and newlines separate) replace those of the session."""
        phrases = [p for p in (part.strip() for part in re.split(r"[,\n]", text)) if p]
        if not phrases:
            return
        entry = text.strip()
        if self.storage.project is not None and not self.read_only:
            self.storage.project.apply(AddTextPrompt(entry, used=timestamp()))
        else:
            self._text_history = [entry, *(t for t in self._text_history if t != entry)][:100]
        session = self._open()
        if session is None:
            return
        for index in reversed([i for i, p in enumerate(session.prompts.prompts) if p.kind is PromptKind.TEXT]):
            session.remove(index)
        for phrase in phrases:
            session.add(Text(phrase))
        self._session_moved()
        self._say_ignored(session)

    def _say_ignored(self, session: Session) -> None:
        spec = self.specs.get(session.engine)
        takers = [e for e in self.engines if PromptKind.TEXT in e.spec.prompts and e.usable]
        if spec is None or PromptKind.TEXT in spec.prompts:
            return
        actions = tuple(
            NoticeAction(
                self.tr("Switch to {engine}").format(engine=e.spec.title), partial(self.set_find_with, e.spec.name)
            )
            for e in takers[:1]
        )
        text = unused_sentence(PromptKind.TEXT, spec, self.engines)
        self.raise_notice(Notice(text, Severity.WARNING, actions))

    def set_text_threshold(self, threshold: float) -> None:
        """0–1; re-filters cached candidates, never runs anything."""
        self._text_threshold = min(max(threshold, 0.0), 1.0)
        self._filter_changed()

    def set_max_results(self, count: int) -> None:
        self._max_results = max(count, 1)
        self._filter_changed()

    def _filter_changed(self) -> None:
        if self._session is not None:
            self._session.text_threshold, self._session.max_results = self._text_threshold, self._max_results
        self.session_changed.emit()

    def undo_prompt(self) -> None:
        """Backspace: the session's last change goes; its result comes from the session's cache."""
        if self._session is not None and self._session.undo():
            if self._session.is_empty and not self._session.can_undo and self._session.refines is None:
                self._drop_requests()
            self._session_moved()

    def redo_prompt(self) -> None:
        if self._session is not None and self._session.redo():
            self._session_moved()

    # -- candidates ----------------------------------------------------------------------------------------------

    def cycle_candidate(self, step: int = 1) -> None:
        if self._session is not None:
            self._session.cycle(step)
            self.session_changed.emit()

    def choose_candidate(self, index: int) -> None:
        if self._session is not None:
            self._session.choose(index)
            self.session_changed.emit()

    def keep_candidate(self, index: int, keep: bool) -> None:
        """Check several to keep several on accept."""
        if self._session is not None:
            self._session.keep(index, keep)
            self.session_changed.emit()

    # -- the way out ---------------------------------------------------------------------------------------------

    def cancel(self) -> bool:
        """Esc in layers: the running request, then the session; False when nothing was open."""
        if self._session is None:
            return False
        if self._session.stop() is Stop.REQUEST:
            self._drop_requests()
            self.notice(self.tr("Cancelled; your prompts are kept."))
            self.session_changed.emit()
        else:
            self.discard()
        return True

    def discard(self) -> None:
        """Close the session without an instance; undo brings it back."""
        session = self._session
        if session is None:
            return
        self._drop_requests()
        self._session, self._message = None, ""
        if not session.is_empty:
            self._remember_discarded(session)
        self.session_changed.emit()

    def refine(self, instance_id: int) -> None:
        """Open a session on an instance's mask."""
        instance = self._instances.get(instance_id)
        reason = self.editable()
        if instance is None or reason or instance.locked:
            self.notice(reason or self.tr("The instance is locked."))
            return
        self.discard()
        self.select([instance_id])
        self._session = self._new_session(instance.image_id, instance)
        self._session_moved()

    def refine_selected(self) -> None:
        if not self.can_refine():
            self.refine(self._selection[0])

    # -- engines --------------------------------------------------------------------------------------------------

    def _engines_chosen(self) -> None:
        super()._engines_chosen()
        if self._session is not None:
            self._session.set_engines(self._find_with, self._refine_with)
            self._session_moved()

    def _options_chosen(self, engine: str) -> None:
        super()._options_chosen(engine)
        for session in (self._session, *self._parked.values()):
            if session is not None:
                session.forget(engine)
        if self._session is not None:
            self._session_moved()

    # -- parking and undo ----------------------------------------------------------------------------------------

    def _park(self) -> None:
        """Leave the session on its image (badge "1 open session")."""
        if self._session is not None and not self._session.is_empty:
            self._parked[self._session.image_id] = self._session
        self._session, self._message = None, ""

    def _unpark(self, image_id: int) -> None:
        self._session = self._parked.pop(image_id, None)
        if self._session is not None:
            self._session.set_engines(self._find_with, self._refine_with)

    def _next_redo(self) -> Step | None:
        steps = self._history
        return steps.steps[steps.position] if steps.position < len(steps.steps) else None

    def _remember_discarded(self, session: Session) -> None:
        """Make the discard undoable. A session that undo re-opened is left to redo, which makes its instance again."""
        following = self._next_redo()
        if following is None or following.payload is not session:
            self._history.push(Step(self.tr("Discard session"), (), (), session, 500_000))
        self.history_changed.emit()
