"""Which engine answers which prompts when two are chosen, one to find and one to refine (ux.md §4). Qt-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from desktop.composition import stand_in_prompts
from desktop.rounds import Rounds
from inference.engine import EngineSpec
from inference.prompts import MaskArray, MaskPrompt, Prompt, PromptKind, PromptSet
from inference.results import Ignored

SEARCH_KINDS = frozenset({PromptKind.TEXT, PromptKind.REFERENCE})
"""Prompts that search the image, as against those that touch a place."""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """``engine`` answers the prompts ``about``, starting from the mask ``seed`` (bool (H, W)) when there is one."""

    engine: str
    about: PromptSet
    seed: MaskArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Router:
    """The two chosen engines among all ``specs``, and the mask that the session opened on, if any."""

    specs: Mapping[str, EngineSpec]
    find_with: str
    refine_with: str
    prior: MaskArray | None = None

    def route(self, prompts: PromptSet, rounds: Rounds) -> Route:
        """Where the prompts go, given what is answered already.

        With two engines chosen, *find with* answers what searches the image (or, without such prompts, the first
        prompt), and *refine with* continues from its mask. Engines that take nothing of it are passed over.
        """
        if self.prior is not None:
            return Route(self.refine_with, prompts, self.prior)
        find, refine = self.specs.get(self.find_with), self.specs.get(self.refine_with)
        if find is None or refine is None or self.find_with == self.refine_with:
            return Route(self.find_with, prompts)
        searching = [i for i, p in enumerate(prompts.prompts) if p.kind in SEARCH_KINDS]
        touching = [i for i, p in enumerate(prompts.prompts) if p.kind not in SEARCH_KINDS]
        finding = _subset(prompts, searching or touching[:1])
        if not any(p.kind in find.prompts for p in finding):
            return Route(self.refine_with if touching else self.find_with, prompts)
        rest = _subset(prompts, touching)
        found = rounds.get((self.find_with, finding))
        is_more = any(p.kind in refine.prompts for p in rest) and (bool(searching) or len(touching) > 1)
        if not is_more or found is None:
            return Route(self.find_with, finding if is_more else prompts)
        if not found.candidates:
            return Route(self.refine_with, prompts)
        return Route(self.refine_with, prompts, found.candidates[found.chosen].mask())

    def was_found(self, prompt: Prompt) -> bool:
        """Whether *find with* answers this prompt, so that the mask it found already stands for it."""
        find = self.specs.get(self.find_with)
        return self.prior is None and prompt.kind in SEARCH_KINDS and find is not None and prompt.kind in find.prompts

    def for_engine(self, route: Route) -> PromptSet:
        """The prompts in the words of the engine: the starting mask as a mask prompt, or as its box and points."""
        if route.seed is None:
            return route.about
        said = tuple(p for p in route.about if p.kind is not PromptKind.MASK and not self.was_found(p))
        if PromptKind.MASK in self.specs[route.engine].prompts:
            return PromptSet((MaskPrompt(route.seed), *said))
        return PromptSet((*stand_in_prompts(route.seed), *said))

    def ignored(self, route: Route) -> tuple[Ignored, ...]:
        """Prompts that no engine answers: not the chosen one, and *find with* did not either.

        The prior mask does not count: it has a stand-in.
        """
        spec = self.specs.get(route.engine)
        if spec is None:
            return ()
        used = frozenset[str]()
        if route.seed is not None and self.prior is None:
            used = frozenset(prompt.kind for prompt in route.about if self.was_found(prompt))
        return tuple(i for i in spec.ignored(route.about) if i.kind != PromptKind.MASK and i.kind not in used)

    def unusable(self, route: Route) -> str:
        """Empty, or why the engine can do nothing with the prompts."""
        spec = self.specs.get(route.engine)
        if spec is None:
            return "No engine is chosen."
        said = [prompt for prompt in route.about if prompt.kind is not PromptKind.MASK]
        if not said:
            return "There is no prompt yet."
        if not any(prompt.kind in spec.prompts for prompt in said):
            return f"{spec.title} takes none of these prompts."
        return ""


def _subset(prompts: PromptSet, indices: list[int]) -> PromptSet:
    """The prompts at ``indices``, with their mutes."""
    return PromptSet(
        tuple(prompts.prompts[i] for i in indices),
        frozenset(position for position, i in enumerate(indices) if i in prompts.muted),
    )
