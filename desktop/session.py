"""The open session: the prompts of one object that is not accepted yet, and what engines answered (ux.md §4).

A plain state machine without Qt and without threads. The window feeds it prompts and answers; it says what to ask next
(:meth:`Session.next_ask`) and what to show (:attr:`Session.candidates`, :attr:`Session.chosen`). Answers are kept per
prompt set and engine, so undo, redo and coming back to an engine never run anything twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

import numpy as np

from desktop.composition import candidate_of_mask, compose, stand_in_prompts
from desktop.worktime import WorkTime
from inference.engine import EngineSpec, Speed
from inference.prompts import MaskArray, MaskPrompt, Prompt, PromptKind, PromptSet
from inference.results import Candidate, Ignored, Memory, Segmentation

SEARCH_KINDS = frozenset({PromptKind.TEXT, PromptKind.REFERENCE})
"""Prompts that search the image, as against those that touch a place."""

CHOSEN = "chosen"
"""Key of :attr:`Memory.arrays` under which the index of the chosen candidate travels (int64 scalar array)."""


class Stop(Enum):
    """What Esc did."""

    REQUEST = auto()
    """The running request was dropped; the session stays open."""
    SESSION = auto()
    """Nothing was running: the session is to be discarded."""


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """One request to an engine. ``prompts`` are what the engine gets, ``about`` the prompts of the person behind it."""

    engine: str
    prompts: PromptSet
    about: PromptSet
    revision: int
    memory: Memory | None = None
    as_job: bool = False


@dataclass(slots=True)
class Round:
    """An answer and what the person chose in it."""

    candidates: tuple[Candidate, ...]
    memory: Memory | None = None
    ignored: tuple[Ignored, ...] = ()
    chosen: int = 0
    kept: frozenset[int] = field(default_factory=frozenset)
    notes: tuple[str, ...] = ()


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
        engine, about, _ = self._route()
        known = self._rounds.get((engine, about))
        if known is not None:
            self._show(known, self.revision, engine)

    # -- asking --------------------------------------------------------------------------------------------------

    @property
    def engine(self) -> str:
        """The engine that answers the present prompts."""
        return self._route()[0]

    @property
    def ignored(self) -> tuple[Ignored, ...]:
        """Prompts that no engine answers: not the chosen one, and *find with* did not either.

        The prior mask does not count: it has a stand-in.
        """
        engine, about, seed = self._route()
        spec = self._specs.get(engine)
        if spec is None:
            return ()
        used = frozenset[str]()
        if seed is not None and self._prior is None:
            used = frozenset(prompt.kind for prompt in about if self._was_found(prompt))
        return tuple(i for i in spec.ignored(about) if i.kind != PromptKind.MASK and i.kind not in used)

    def _was_found(self, prompt: Prompt) -> bool:
        """Whether *find with* answers this prompt, so that the mask it found already stands for it."""
        find = self._specs.get(self.find_with)
        return self._prior is None and prompt.kind in SEARCH_KINDS and find is not None and prompt.kind in find.prompts

    def unusable(self) -> str:
        """Empty, or why the engine can do nothing with the present prompts."""
        engine, about, _ = self._route()
        spec = self._specs.get(engine)
        if spec is None:
            return "No engine is chosen."
        said = [prompt for prompt in about if prompt.kind is not PromptKind.MASK]
        if not said:
            return "There is no prompt yet."
        if not any(prompt.kind in spec.prompts for prompt in said):
            return f"{spec.title} takes none of these prompts."
        return ""

    def next_ask(self, *, explicit: bool = False) -> Ask | None:
        """What to ask an engine now, or None: nothing to ask, known already, asked already, or held back.

        Engines of the *minutes* class are asked only when ``explicit`` (the Run button). An explicit ask of a known
        answer asks again.
        """
        if (self._held and not explicit) or self.is_empty or self.unusable():
            return None
        engine, about, seed = self._route()
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
        ask = Ask(
            engine, self._for_engine(engine, about, seed), about, self.revision, self._memory(engine, about), as_job
        )
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
        ask = Ask(engine, self._for_engine(engine, self.prompts, self._prior), self.prompts, self.revision)
        self._asked[self.revision] = ask
        self.busy = True
        return ask

    def _route(self) -> tuple[str, PromptSet, MaskArray | None]:
        """(engine, the prompts it answers, the mask it starts from) for the present prompts.

        With two engines chosen, *find with* answers what searches the image (or, without such prompts, the first
        prompt), and *refine with* continues from its mask. Engines that take nothing of it are passed over.
        """
        if self._prior is not None:
            return self.refine_with, self.prompts, self._prior
        find, refine = self._specs.get(self.find_with), self._specs.get(self.refine_with)
        if find is None or refine is None or self.find_with == self.refine_with:
            return self.find_with, self.prompts, None
        searching = [i for i, p in enumerate(self.prompts.prompts) if p.kind in SEARCH_KINDS]
        touching = [i for i, p in enumerate(self.prompts.prompts) if p.kind not in SEARCH_KINDS]
        first = searching or touching[:1]
        finding = _subset(self.prompts, first)
        if not any(p.kind in find.prompts for p in finding):
            return (self.refine_with, self.prompts, None) if touching else (self.find_with, self.prompts, None)
        rest = _subset(self.prompts, touching)
        found = self._rounds.get((self.find_with, finding))
        is_more = any(p.kind in refine.prompts for p in rest) and (bool(searching) or len(touching) > 1)
        if not is_more or found is None:
            return self.find_with, finding if is_more else self.prompts, None
        if not found.candidates:
            return self.refine_with, self.prompts, None
        return self.refine_with, self.prompts, found.candidates[found.chosen].mask()

    def _for_engine(self, engine: str, about: PromptSet, seed: MaskArray | None) -> PromptSet:
        """The prompts in the words of the engine: the starting mask as a mask prompt, or as its box and points."""
        if seed is None:
            return about
        said = tuple(prompt for prompt in about if prompt.kind is not PromptKind.MASK and not self._was_found(prompt))
        if PromptKind.MASK in self._specs[engine].prompts:
            return PromptSet((MaskPrompt(seed), *said))
        return PromptSet((*stand_in_prompts(seed), *said))

    def _memory(self, engine: str, about: PromptSet) -> Memory | None:
        """The engine's own memory of the longest beginning of these prompts, with the person's choice in it."""
        for length in range(len(about.prompts) - 1, 0, -1):
            start = PromptSet(about.prompts[:length], frozenset(m for m in about.muted if m < length))
            known = self._rounds.get((engine, start))
            if known is not None and known.memory is not None and known.memory.engine == engine:
                return replace(known.memory, arrays={**known.memory.arrays, CHOSEN: np.array(known.chosen, np.int64)})
        return None

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
        engine, about, seed = self._route()
        comparing = ask.engine != engine and ask.about == self.prompts and revision > self._shown_revision
        if comparing and self._shown is not None and (engine, about) in self._rounds:
            shown = self._shown
            shown.candidates = (*shown.candidates, *answer.candidates)
            return True
        candidates = self._composed(ask, answer.candidates, seed)
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


def _subset(prompts: PromptSet, indices: list[int]) -> PromptSet:
    """The prompts at ``indices``, with their mutes."""
    return PromptSet(
        tuple(prompts.prompts[i] for i in indices),
        frozenset(position for position, i in enumerate(indices) if i in prompts.muted),
    )
