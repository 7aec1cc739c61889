"""One look: prompts drawn over a sight, the mask so far as prior, an answer that agrees with the prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.lite.agreement import agreeing, kept_elsewhere
from inference.models.lite.prompt_maps import STRIDE, Canvas
from inference.models.lite.sight import Sight
from inference.prompts import Box, MaskPrompt, Point, Polygon, Scribble

VisualPrompt = Point | Box | Scribble | Polygon | MaskPrompt


@dataclass(frozen=True, slots=True)
class Answer:
    """The masks of one round: logits float32 (candidates, h, w) over ``sight``, and the expected IoU of each."""

    sight: Sight
    logits: NDArray[np.float32]
    quality: NDArray[np.float32]

    def probability(self) -> NDArray[np.float32]:
        """The first candidate as float32 (h, w) in [0, 1]."""
        return sigmoid(self.logits[0])


class Eyes(Protocol):
    """What a round needs of the network."""

    height: int
    width: int
    whole: Sight

    def answer(
        self, sight: Sight, canvas: Canvas, glance: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (candidates, h, w) at stride 2 of the sight, and expected IoUs (candidates,); a glance is cheaper."""
        ...


@dataclass(frozen=True, slots=True)
class Correction:
    """A click that changes only what it touches: the answer before it, the click, and how far it reaches at most.

    ``reach`` is in multiples of the distance from the click to the border of the mask; None sets no limit.
    """

    before: Answer
    click: Point
    reach: float | None


def look(
    eyes: Eyes,
    sight: Sight,
    said: Sequence[VisualPrompt],
    prior: Answer | None,
    correction: Correction | None = None,
    glance: bool = False,
) -> Answer:
    """The answer to the prompts ``said`` in a sight; a ``glance`` is cheaper."""
    canvas = Canvas(*sight.grid)
    for prompt in said:
        draw(canvas, prompt, sight)
    if prior is not None:
        canvas.prior = sight.resampled(prior.probability(), prior.sight.region, sight.grid)
    logits, quality = eyes.answer(sight, canvas, glance)
    logits = agreeing(sight, logits, said)
    if correction is not None:
        click = correction.click
        others = [p for p in said if isinstance(p, Point) and p.positive != click.positive]
        before = logits_on(sight, correction.before)
        clicked, contrary = cells_of([click], sight), cells_of(others, sight)
        logits[0] = kept_elsewhere(logits[0], before, clicked, correction.reach, contrary)
    return Answer(sight, logits, quality)


def logits_on(sight: Sight, answer: Answer) -> NDArray[np.float32]:
    """The first candidate of an answer as logits at stride 2 of another sight."""
    if answer.sight == sight:
        return np.asarray(answer.logits[0], np.float32)
    return logit(sight.resampled(answer.probability(), answer.sight.region, (sight.height // 2, sight.width // 2)))


def cells_of(prompts: Sequence[VisualPrompt], sight: Sight) -> list[tuple[int, int]]:
    """Rows and columns at stride 2 of the clicks among prompts."""
    found = []
    for prompt in prompts:
        if isinstance(prompt, Point) and sight.contains(prompt.x, prompt.y):
            x, y = sight.point(prompt.x, prompt.y)
            found.append((min(int(y / 2), sight.height // 2 - 1), min(int(x / 2), sight.width // 2 - 1)))
    return found


def draw(canvas: Canvas, prompt: VisualPrompt, sight: Sight) -> None:
    """Draw one prompt on the canvas of a sight. A positive mask is not drawn: it is the answer of its round."""
    sx, sy = sight.scale
    if isinstance(prompt, Point):
        if prompt.positive or sight.contains(prompt.x, prompt.y):
            canvas.click(*sight.point(prompt.x, prompt.y), prompt.positive)
    elif isinstance(prompt, Scribble):
        vertices = np.array([sight.point(x, y) for x, y in prompt.line])
        canvas.stroke(vertices, prompt.width * (sx + sy) / 2, prompt.positive)
    elif isinstance(prompt, Box):
        x0, y0 = sight.point(prompt.x0, prompt.y0)
        x1, y1 = sight.point(prompt.x1, prompt.y1)
        left, top, right, bottom = (round(v / STRIDE) for v in (x0, y0, x1, y1))
        inside = np.zeros((canvas.height, canvas.width), bool)
        inside[max(top, 0) : max(bottom, top + 1, 1), max(left, 0) : max(right, left + 1, 1)] = True
        canvas.outline(inside, prompt.positive)
    elif isinstance(prompt, Polygon):
        canvas.outline(_filled(canvas, [sight.point(x, y) for x, y in prompt.vertices]), prompt.positive)
    elif isinstance(prompt, MaskPrompt) and not prompt.positive:
        canvas.outline(sight.mask(prompt.mask, sight.grid), positive=False)


def _filled(canvas: Canvas, corners: list[tuple[float, float]]) -> NDArray[np.bool_]:
    """The cells inside a polygon given in network pixels."""
    inside = np.zeros((canvas.height, canvas.width), np.uint8)
    cells = np.round(np.array(corners) / STRIDE - 0.5).astype(np.int32)
    cv2.fillPoly(inside, [cells.reshape(-1, 1, 2)], 1)
    return inside > 0


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits as float32 in [0, 1]."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30))), np.float32)


def logit(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shares in [0, 1] as float32 logits of at most 9.2."""
    share = np.clip(share, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(share / (1 - share)), np.float32)
