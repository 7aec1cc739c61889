"""The prompts as Lite reads them: words and references become the masks that they find, empty shapes say nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inference.engine import Report
from inference.models.lite.looks import Answer, VisualPrompt
from inference.models.lite.meaning import Meaning
from inference.models.lite.view import LiteFeatures
from inference.prompts import Box, MaskArray, MaskPrompt, Polygon, Prompt, PromptSet, Reference, Text
from inference.results import Frame, Ignored, to_image_size

LEAST_EXTENT = 1.0
"""A box or outline narrower than so many image pixels shows no object."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``said``: the prompts about pixels, a find's mask first. ``found``: what a phrase or reference found, best first,
    None when there was none. ``unread``: what could not be used."""

    said: list[VisualPrompt]
    found: list[tuple[float, Answer]] | None
    unread: tuple[Ignored, ...]

    @property
    def searches_only(self) -> bool:
        """Whether a phrase or reference is all there is."""
        return self.found is not None and len(self.said) == bool(self.found)


def read(view: LiteFeatures, prompts: PromptSet, meaning: Callable[[], Meaning], report: Report) -> Reading:
    """Words that come after something was shown say nothing about the mask's pixels, and are left unread."""
    said: list[VisualPrompt] = []
    found: list[tuple[float, Answer]] | None = None
    unread: dict[str, int] = {}
    for prompt in prompts:
        if isinstance(prompt, Text | Reference):
            if found is not None or not prompt.positive or any(p.positive for p in said):
                unread[prompt.kind] = unread.get(prompt.kind, 0) + 1
                continue
            if isinstance(prompt, Text):
                found = meaning().find_text(view, prompt, report)
            else:
                found = meaning().find_like(view, prompt, report)
            if found:
                said.append(MaskPrompt(_mask(view, found[0][1])))
        elif _is_empty(prompt):
            unread[prompt.kind] = unread.get(prompt.kind, 0) + 1
        else:
            said.append(prompt)
    return Reading(said, found, tuple(Ignored(kind, count) for kind, count in unread.items()))


def _is_empty(prompt: Prompt) -> bool:
    """Whether a box, an outline or a mask holds no pixel: taken at its word it would ask for nothing at all."""
    if isinstance(prompt, MaskPrompt):
        return not prompt.mask.any()
    if isinstance(prompt, Box):
        return min(prompt.x1 - prompt.x0, prompt.y1 - prompt.y0) < LEAST_EXTENT
    if isinstance(prompt, Polygon):
        xs, ys = zip(*prompt.vertices, strict=True)
        return len(xs) < 3 or min(max(xs) - min(xs), max(ys) - min(ys)) < LEAST_EXTENT
    return False


def _mask(view: LiteFeatures, answer: Answer) -> MaskArray:
    return to_image_size(answer.logits[0], Frame(view.height, view.width, answer.sight.region)) > 0
