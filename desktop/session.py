"""The open session: the prompts of one object that is not accepted yet, and what engines answered (ux.md §4).

A plain state machine without Qt and without threads. The window feeds it prompts and answers; it says what to ask next
(:meth:`Session.next_ask`) and what to show (:attr:`Session.candidates`, :attr:`Session.chosen`). Answers are kept per
prompt set and engine, so undo, redo and coming back to an engine never run anything twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from enum import Enum, auto

from desktop.composition import candidate_of_mask, compose
from desktop.rounds import Ask, Round, memory_for
from desktop.routing import SEARCH_KINDS, Route, Router
from desktop.worktime import WorkTime
from inference.engine import EngineSpec, Speed
from inference.prompts import MaskArray, MaskPrompt, Prompt, PromptKind, PromptSet
from inference.results import Candidate, Ignored, Segmentation


class Stop(Enum):
    """What Esc did."""

    REQUEST = auto()
    """The running request was dropped; the session stays open."""
    SESSION = auto()
    """Nothing was running: the session is to be discarded."""


class Session:
    """One object in the making.

    ``specs`` are the known engines by name. ``prior`` (bool (H, W)) opens the session on a mask; with ``refines`` it is
    the mask of that instance and accepting replaces it.
    """

    def __init__(
        self,
        image_id: int,
        specs: Mapping[str, EngineSpec],
        find_with: str,
        refine_with: str,
        *,
        prior: MaskArray | None = None,
        refines: int | None = None,
        compose_edits: bool = True,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.image_id = image_id
        self.refines = refines
        self.find_with = find_with
        self.refine_with = refine_with
        self.text_threshold = 0.3
        self.max_results = 20
        self.revision = 0
        self.busy = False
        self.part = 0
        self.work = WorkTime()
        self._specs = specs
        self._compose_edits = compose_edits
        self._prior = prior
        self._done: list[PromptSet] = []
        self._undone: list[PromptSet] = []
        self._last_asked = -1
        self._held = False
        self._dragged_from: PromptSet | None = None
        self._asked: dict[int, Ask] = {}
        self._rounds: dict[tuple[str, PromptSet], Round] = {}
        self._shown: Round | None = None
        self._shown_revision = -1
        self._shown_engine = ""
        self.prompts = PromptSet()
        if prior is not None:
            self.prompts = PromptSet((MaskPrompt(prior),))
            self._shown = Round((candidate_of_mask(prior, "prior"),))
            self._rounds["prior", self.prompts] = self._shown

    # -- prompts -------------------------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def is_empty(self) -> bool:
        """True when nothing was said yet: no prompts but the prior mask."""
        return all(prompt.kind is PromptKind.MASK for prompt in self.prompts.prompts)

    def add(self, prompt: Prompt) -> None:
        """Append a prompt; what was undone before is forgotten."""
        self._change(self.prompts.added(prompt))

    def remove(self, index: int) -> None:
        """Delete the prompt at ``index``. The prior mask of a refining session cannot be deleted (ValueError)."""
        if self.prompts.prompts[index].kind is PromptKind.MASK and self._prior is not None and index == 0:
            raise ValueError("The mask that is being refined cannot be removed from its session.")
        self._change(self.prompts.removed(index))

    def mute(self, index: int, muted: bool) -> None:
        if (index in self.prompts.muted) != muted:
            self._change(self.prompts.with_muted(index, muted))

    def replace(self, index: int, prompt: Prompt, *, final: bool = True) -> None:
        """Change a prompt. A drag sends many with ``final`` False, then one with True: one undo step in all."""
        if self._dragged_from is None:
            self._dragged_from = self.prompts
        self.prompts = self.prompts.replaced(index, prompt)
        self.revision += 1
        if final:
            before, self._dragged_from = self._dragged_from, None
            after, self.prompts = self.prompts, before
            self._change(after)

    def undo(self) -> bool:
        """Take the last change of the prompts back; False when there is none."""
        if not self._done:
            return False
        self._undone.append(self.prompts)
        self._arrive(self._done.pop())
        return True

    def redo(self) -> bool:
        if not self._undone:
            return False
        self._done.append(self.prompts)
        self._arrive(self._undone.pop())
        return True

    def hold(self, held: bool) -> None:
        """While held, nothing is asked; prompts are collected."""
        self._held = held

    def new_part(self) -> int:
        self.part += 1
        return self.part

    def set_engines(self, find_with: str, refine_with: str) -> None:
        """Choose other engines. Prompts stay; answers that an engine gave before are shown again."""
        if (find_with, refine_with) == (self.find_with, self.refine_with):
            return
        self.find_with, self.refine_with = find_with, refine_with
        self._arrive(self.prompts)

    def forget(self, engine: str) -> None:
        """Drop what an engine answered (it was changed), so that it is asked again; what is shown stays meanwhile."""
        self._rounds = {key: known for key, known in self._rounds.items() if key[0] != engine}
        self._asked = {revision: ask for revision, ask in self._asked.items() if ask.engine != engine}
        self.revision += 1
        self.busy = False

    def _change(self, prompts: PromptSet) -> None:
        self._done.append(self.prompts)
        self._undone.clear()
        self._arrive(prompts)

    def _arrive(self, prompts: PromptSet) -> None:
        """Make ``prompts`` the present ones and show what is known about them."""
        self.work.touch()
        self.prompts = prompts
        self.revision += 1
        self.busy = False
        if self.is_empty and SEARCH_KINDS.isdisjoint(p.kind for p in prompts):
            self._show(self._rounds.get(("prior", prompts)), self.revision, "prior")
            return
        route = self._route()
        known = self._rounds.get((route.engine, route.about))
        if known is not None:
            self._show(known, self.revision, route.engine)

    # -- asking --------------------------------------------------------------------------------------------------

    @property
    def engine(self) -> str:
        """The engine that answers the present prompts."""
        return self._route().engine

    @property
    def ignored(self) -> tuple[Ignored, ...]:
        """Prompts that no engine answers."""
        return self._router.ignored(self._route())

    def unusable(self) -> str:
        """Empty, or why the engine can do nothing with the present prompts."""
        return self._router.unusable(self._route())

    def next_ask(self, *, explicit: bool = False) -> Ask | None:
        """What to ask an engine now, or None: nothing to ask, known already, asked already, or held back.

        Engines of the *minutes* class are asked only when ``explicit`` (the Run button). An explicit ask of a known
        answer asks again.
        """
        if (self._held and not explicit) or self.is_empty or self.unusable():
            return None
        route = self._route()
        engine, about = route.engine, route.about
        if not explicit and (engine, about) in self._rounds:
            return None
        if not explicit and self.busy:
            pending = self._asked.get(self.revision)
            if pending is not None and (pending.engine, pending.about) == (engine, about):
                return None
        as_job = self._specs[engine].speed is Speed.MINUTES
        if as_job and not explicit:
            return None
        if self.revision <= self._last_asked:
            self.revision += 1
        self._last_asked = self.revision
        memory = memory_for(self._rounds, engine, about)
        ask = Ask(engine, self._router.for_engine(route), about, self.revision, memory, as_job)
        self._asked[self.revision] = ask
        self.busy = True
        return ask

    def ask_also(self, engine: str) -> Ask | None:
        """Ask another engine the same prompts (*Compare*); its masks are added to the present candidates."""
        spec = self._specs.get(engine)
        if spec is None or not any(p.kind in spec.prompts for p in self.prompts if p.kind is not PromptKind.MASK):
            return None
        self.revision = self._last_asked = max(self.revision, self._last_asked) + 1
        # the shown answer keeps its right to be shown: a comparison is newer, but adds instead of replacing
        prompts = self._router.for_engine(Route(engine, self.prompts, self._prior))
        ask = Ask(engine, prompts, self.prompts, self.revision)
        self._asked[self.revision] = ask
        self.busy = True
        return ask

    @property
    def _router(self) -> Router:
        return Router(self._specs, self.find_with, self.refine_with, self._prior)

    def _route(self) -> Route:
        return self._router.route(self.prompts, self._rounds)

    # -- answers -------------------------------------------------------------------------------------------------

    def take(self, revision: int, answer: Segmentation) -> bool:
        """Take an answer in. It is always remembered; True when it is also shown.

        Shown is the newest revision, or an older one as long as nothing newer has been shown.
        """
        ask = self._asked.pop(revision, None)
        if ask is None:
            return False
        self.work.touch()
        if revision == self.revision:
            self.busy = False
        route = self._route()
        comparing = ask.engine != route.engine and ask.about == self.prompts and revision > self._shown_revision
        if comparing and self._shown is not None and (route.engine, route.about) in self._rounds:
            shown = self._shown
            shown.candidates = (*shown.candidates, *answer.candidates)
            return True
        candidates = self._composed(ask, answer.candidates, route.seed)
        known = Round(candidates, answer.memory, answer.ignored, notes=answer.notes)
        self._rounds[ask.engine, ask.about] = known
        if revision <= self._shown_revision:
            return False
        self._show(known, revision, ask.engine)
        return True

    def fail(self, revision: int) -> bool:
        """The request of a revision came to nothing; True when it was the newest (the person waits no longer)."""
        self._asked.pop(revision, None)
        if revision != self.revision:
            return False
        self.busy = False
        return True

    def stop(self) -> Stop:
        """Esc. First the running request is dropped, then (the next time) the session."""
        if not self.busy:
            return Stop.SESSION
        self.busy = False
        self._shown_revision = self.revision
        return Stop.REQUEST

    def _composed(self, ask: Ask, candidates: tuple[Candidate, ...], seed: MaskArray | None) -> tuple[Candidate, ...]:
        if seed is None or not self._compose_edits or PromptKind.MASK in self._specs[ask.engine].prompts:
            return candidates
        return tuple(
            candidate_of_mask(compose(seed, candidate.mask(), ask.about), candidate.engine, candidate.score)
            for candidate in candidates
        )

    def _show(self, known: Round | None, revision: int, engine: str) -> None:
        self._shown, self._shown_revision, self._shown_engine = known, revision, engine

    # -- what to show --------------------------------------------------------------------------------------------

    @property
    def has_search(self) -> bool:
        return any(prompt.kind in SEARCH_KINDS for prompt in self.prompts)

    @property
    def has_answer(self) -> bool:
        """Whether an answer (also an empty one) to some of the prompts is shown."""
        return self._shown is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the engine says about the shown answer."""
        return self._shown.notes if self._shown is not None else ()

    @property
    def all_candidates(self) -> tuple[Candidate, ...]:
        """The shown answer without threshold."""
        return self._shown.candidates if self._shown is not None else ()

    def _visible(self) -> list[int]:
        everything = self.all_candidates
        if not self.has_search:
            return list(range(len(everything)))
        return [i for i, c in enumerate(everything) if c.score >= self.text_threshold][: self.max_results]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The shown answer, filtered by threshold and number when words or references searched for it."""
        everything = self.all_candidates
        return tuple(everything[i] for i in self._visible())

    @property
    def chosen(self) -> int:
        """Index into :attr:`candidates`, -1 when there are none."""
        visible = self._visible()
        if not visible or self._shown is None:
            return -1
        return visible.index(self._shown.chosen) if self._shown.chosen in visible else 0

    @property
    def candidate(self) -> Candidate | None:
        index = self.chosen
        return self.candidates[index] if index >= 0 else None

    def choose(self, index: int) -> None:
        """Show another candidate; the choice goes with the next prompt as the previous mask."""
        visible = self._visible()
        if self._shown is not None and 0 <= index < len(visible):
            self.work.touch()
            self._shown.chosen = visible[index]

    def cycle(self, step: int = 1) -> None:
        visible = self._visible()
        if visible:
            self.choose((self.chosen + step) % len(visible))

    @property
    def kept(self) -> frozenset[int]:
        """Indices into :attr:`candidates` that are checked to be accepted together."""
        kept = self._shown.kept if self._shown is not None else frozenset()
        return frozenset(position for position, index in enumerate(self._visible()) if index in kept)

    def keep(self, index: int, keep: bool) -> None:
        visible = self._visible()
        if self._shown is not None and 0 <= index < len(visible):
            self._shown.kept = self._shown.kept | {visible[index]} if keep else self._shown.kept - {visible[index]}

    def to_accept(self) -> tuple[Candidate, ...]:
        """The candidates that *Accept* makes instances of: the kept ones, or the chosen one; never an empty mask."""
        kept = self.kept
        taken = [c for i, c in enumerate(self.candidates) if i in kept] if kept else [self.candidate]
        return tuple(c for c in taken if c is not None and bool(c.mask().any()))
