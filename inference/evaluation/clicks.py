"""How many clicks an engine needs: NoC@80/85/90 and the IoU after 1, 3, 5 and 10 clicks.

The usual protocol is the one of the interactive-segmentation literature (Xu et al. 2016; Sofiiuk et al. 2021); SEEM's
own (Zou et al. 2023) is the other. Both are written out in docs/evaluation.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine import Engine, Features, UnusablePrompts, silent
from inference.evaluation.index import VOID, BadIndex, ClickTask, load_index, tasks
from inference.evaluation.looking import ReportProgress, answer_of, chosen, looks
from inference.prompts import MaskArray, Point, PromptSet
from inference.results import Memory

MAX_CLICKS = 20
STOP_IOU = 0.90
"""A task ends once its IoU is this high: no figure asks for more."""

_IOU_CLICKS = (1, 3, 5, 10)

NextClick: TypeAlias = Callable[[MaskArray, MaskArray, MaskArray, MaskArray], Point | None]
"""From the object, the prediction, the pixels that count and the pixels that earlier clicks cover, all bool (H, W)."""


@dataclass(frozen=True, slots=True)
class ClickRun:
    """One task played to its end: the IoU after every click, and the seconds that the clicks took together."""

    domain: str
    ious: tuple[float, ...]
    seconds: float

    def clicks_to(self, iou: float) -> int:
        """The first click with at least that IoU, :data:`MAX_CLICKS` when there is none."""
        return next((number for number, each in enumerate(self.ious, 1) if each >= iou), MAX_CLICKS)

    def iou_after(self, clicks: int) -> float:
        """The IoU after that many clicks; that of the last click when the task ended before."""
        return self.ious[min(clicks, len(self.ious)) - 1]


@dataclass(frozen=True, slots=True)
class ClickProtocol:
    """How the person clicks. ``reach``: a click covers the pixels this far round its own.

    ``beyond``: a task ends when its IoU exceeds :data:`STOP_IOU`, not already when it reaches it.
    """

    name: str
    next_click: NextClick
    reach: int
    beyond: bool
    levels: tuple[int, ...]

    def is_enough(self, reached: float) -> bool:
        """Whether a task ends with this IoU."""
        return reached > STOP_IOU if self.beyond else reached >= STOP_IOU


def evaluate(
    engine: Engine,
    index: Path,
    *,
    limit: int | None = None,
    domain: str | None = None,
    protocol: str = "usual",
    progress: ReportProgress | None = None,
) -> dict[str, object]:
    """Play the click tasks of an index against an engine.

    ``limit`` takes that many evenly spaced tasks (after ``domain`` has picked those of one domain); ``protocol`` is a
    key of :data:`PROTOCOLS`; ``progress`` is called with (tasks done, tasks in all). Returns the figures of design.md
    §6: ``noc*`` mean clicks, ``iou*`` mean IoU in [0, 1], ``failures90`` the number of tasks that never reached 0.90,
    times in milliseconds. Raises :class:`~inference.evaluation.index.BadIndex` when there is nothing to evaluate.
    """
    started = time.perf_counter()
    how = PROTOCOLS[protocol]
    runs: list[ClickRun] = []
    encodings: list[tuple[str, float]] = []
    for task, look in looks(
        engine, chosen(tasks(load_index(index)), limit, domain, f"{index} has no click tasks"), progress
    ):
        if look.fresh:
            encodings.append((task.domain, look.seconds))
        runs.append(play(engine, look.features, task, look.values, how))
    domains = {
        name: _figures([r for r in runs if r.domain == name], [s for d, s in encodings if d == name], how)
        for name in sorted({run.domain for run in runs})
    }
    return answer_of(engine, started, _figures(runs, [s for _, s in encodings], how), domains)


def play(
    engine: Engine,
    features: Features,
    task: ClickTask,
    values: NDArray[np.uint8],
    protocol: ClickProtocol | None = None,
) -> ClickRun:
    """Click until the IoU is high enough, nothing is wrong any more, or :data:`MAX_CLICKS` are spent.

    ``values`` is the mask of the index (H, W). The best candidate of every round counts; a round in which the engine
    finds nothing keeps the mask of the round before.
    """
    how = protocol or USUAL
    truth, valid = values == task.object_id, values != VOID
    if not truth.any():
        raise BadIndex(f"{task.image.mask} has no pixel of the object {task.object_id}.")
    predicted = np.zeros_like(truth)
    prompts, memory = PromptSet(), None
    clicked = np.zeros_like(truth)
    ious: list[float] = []
    seconds = 0.0
    while len(ious) < MAX_CLICKS:
        click = how.next_click(truth, predicted, valid, clicked)
        if click is None:
            break
        row, column = int(click.y), int(click.x)
        clicked[max(row - how.reach, 0) : row + how.reach + 1, max(column - how.reach, 0) : column + how.reach + 1] = (
            True
        )
        prompts = prompts.added(click)
        begun = time.perf_counter()
        predicted, memory = _answer(engine, features, prompts, memory, predicted)
        seconds += time.perf_counter() - begun
        ious.append(iou(predicted, truth, valid))
        if how.is_enough(ious[-1]):
            break
    return ClickRun(task.domain, tuple(ious), seconds)


def next_click(truth: MaskArray, predicted: MaskArray, valid: MaskArray, clicked: MaskArray) -> Point | None:
    """The click in the middle of the larger error: where the distance to the error's outside is largest.

    Missing and surplus pixels have a distance transform each (image border and void count as outside); the larger
    maximum wins, missing pixels on a tie. A pixel is clicked once. None when no error is left.
    """
    missing = _depth(truth & ~predicted & valid) * ~clicked
    surplus = _depth(predicted & ~truth & valid) * ~clicked
    positive = bool(missing.max() >= surplus.max())
    depth = missing if positive else surplus
    if depth.max() <= 0:
        return None
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return Point(float(column) + 0.5, float(row) + 0.5, positive)


def seem_next_click(truth: MaskArray, predicted: MaskArray, valid: MaskArray, clicked: MaskArray) -> Point | None:
    """SEEM's next click: positive when more pixels are missing than surplus, else negative.

    It lies where the distance to the outside of *all* pixels of that error is largest, the image border being outside.
    Pixels that earlier clicks cover belong to no error; void pixels are not the object, so they can be surplus.
    """
    missing, surplus = truth & ~predicted & ~clicked, predicted & ~truth & ~clicked
    positive = np.count_nonzero(missing) > np.count_nonzero(surplus)
    error = missing if positive else surplus
    if not error.any():
        return None
    depth = _depth(error)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return Point(float(column) + 0.5, float(row) + 0.5, bool(positive))


def iou(predicted: MaskArray, truth: MaskArray, valid: MaskArray) -> float:
    """Intersection over union on the valid pixels, in [0, 1]."""
    union = np.count_nonzero((predicted | truth) & valid)
    return np.count_nonzero(predicted & truth & valid) / union if union else 1.0


USUAL = ClickProtocol("usual", next_click, reach=0, beyond=False, levels=(80, 85, 90))
SEEM = ClickProtocol("seem", seem_next_click, reach=1, beyond=True, levels=(50, 80, 85, 90))
PROTOCOLS = {each.name: each for each in (USUAL, SEEM)}
"""The protocols by name."""


def _depth(region: MaskArray) -> NDArray[np.float32]:
    framed = np.pad(region.astype(np.uint8), 1)
    return cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1].astype(np.float32)


def _answer(
    engine: Engine, features: Features, prompts: PromptSet, memory: Memory | None, before: MaskArray
) -> tuple[MaskArray, Memory | None]:
    try:
        answer = engine.segment(features, prompts, memory, silent)
    except UnusablePrompts:
        return before, memory
    mask = answer.candidates[0].mask() if answer.candidates else before
    return mask, answer.memory


def _figures(runs: Sequence[ClickRun], encodings: Sequence[float], protocol: ClickProtocol) -> dict[str, object]:
    clicks = sum(len(run.ious) for run in runs)
    seconds = sum(run.seconds for run in runs)
    figures: dict[str, object] = {"n": len(runs), "seconds": round(seconds + sum(encodings), 3)}
    for level in protocol.levels:
        figures[f"noc{level}"] = round(float(np.mean([run.clicks_to(level / 100) for run in runs])), 3)
    for count in _IOU_CLICKS:
        figures[f"iou{count}"] = round(float(np.mean([run.iou_after(count) for run in runs])), 4)
    figures["failures90"] = sum(1 for run in runs if max(run.ious) < STOP_IOU)
    figures["encode_ms"] = round(1000 * float(np.mean(encodings)), 1) if encodings else 0.0
    figures["ms_per_click"] = round(1000 * seconds / clicks, 1)
    return figures
