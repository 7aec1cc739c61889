"""How many clicks an engine needs: NoC@80/85/90 and the IoU after 1, 3, 5 and 10 clicks.

The protocol is the one of the interactive-segmentation literature (Xu et al. 2016; Sofiiuk et al. 2021) and is written
out in docs/evaluation.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine import Engine, Features, Image, UnusablePrompts, silent
from inference.evaluation.index import (
    VOID,
    BadIndex,
    ClickTask,
    IndexImage,
    evenly_spaced,
    load_index,
    load_mask,
    load_pixels,
    tasks,
)
from inference.prompts import MaskArray, Point, PromptSet
from inference.results import Memory

MAX_CLICKS = 20
STOP_IOU = 0.90
"""A task ends once its IoU is this high: no figure asks for more."""

_NOC_LEVELS = (80, 85, 90)
_IOU_CLICKS = (1, 3, 5, 10)


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


def evaluate(
    engine: Engine,
    index: Path,
    *,
    limit: int | None = None,
    domain: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, object]:
    """Play the click tasks of an index against an engine.

    ``limit`` takes that many evenly spaced tasks (after ``domain`` has picked those of one domain); ``progress`` is
    called with (tasks done, tasks in all). Returns the figures of design.md §6: ``noc*`` mean clicks, ``iou*`` mean
    IoU in [0, 1], ``failures90`` the number of tasks that never reached 0.90, times in milliseconds. Raises
    :class:`~inference.evaluation.index.BadIndex` when there is nothing to evaluate.
    """
    started = time.perf_counter()
    chosen = [task for task in tasks(load_index(index)) if domain is None or task.domain == domain]
    chosen = list(evenly_spaced(chosen, limit))
    if not chosen:
        raise BadIndex(f"{index} has no click tasks{'' if domain is None else f' of the domain {domain!r}'}.")
    runs: list[ClickRun] = []
    encodings: list[tuple[str, float]] = []
    current: IndexImage | None = None
    for done, task in enumerate(chosen):
        if progress is not None:
            progress(done, len(chosen))
        if task.image is not current:
            current = task.image
            pixels, values = load_pixels(current), load_mask(current)
            if pixels.shape[:2] != values.shape:
                raise BadIndex(f"{current.mask} does not have the size of {current.image.name}.")
            begun = time.perf_counter()
            features = engine.encode(Image(pixels, content_hash=current.id), silent)
            encodings.append((task.domain, time.perf_counter() - begun))
        runs.append(play(engine, features, task, values))
    if progress is not None:
        progress(len(chosen), len(chosen))
    domains = {
        name: _figures([r for r in runs if r.domain == name], [s for d, s in encodings if d == name])
        for name in sorted({run.domain for run in runs})
    }
    return {
        "engine": engine.spec.name,
        "n": len(runs),
        "seconds": round(time.perf_counter() - started, 3),
        **{
            key: value
            for key, value in _figures(runs, [s for _, s in encodings]).items()
            if key not in ("n", "seconds")
        },
        "domains": domains,
    }


def play(engine: Engine, features: Features, task: ClickTask, values: NDArray[np.uint8]) -> ClickRun:
    """Click until the IoU is :data:`STOP_IOU`, nothing is wrong any more, or :data:`MAX_CLICKS` are spent.

    ``values`` is the mask of the index (H, W). The best candidate of every round counts; a round in which the engine
    finds nothing keeps the mask of the round before.
    """
    truth, valid = values == task.object_id, values != VOID
    if not truth.any():
        raise BadIndex(f"{task.image.mask} has no pixel of the object {task.object_id}.")
    predicted = np.zeros_like(truth)
    prompts, memory = PromptSet(), None
    clicked = np.zeros_like(truth)
    ious: list[float] = []
    seconds = 0.0
    while len(ious) < MAX_CLICKS:
        click = next_click(truth, predicted, valid, clicked)
        if click is None:
            break
        clicked[int(click.y), int(click.x)] = True
        prompts = prompts.added(click)
        begun = time.perf_counter()
        predicted, memory = _answer(engine, features, prompts, memory, predicted)
        seconds += time.perf_counter() - begun
        ious.append(iou(predicted, truth, valid))
        if ious[-1] >= STOP_IOU:
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


def iou(predicted: MaskArray, truth: MaskArray, valid: MaskArray) -> float:
    """Intersection over union on the valid pixels, in [0, 1]."""
    union = np.count_nonzero((predicted | truth) & valid)
    return np.count_nonzero(predicted & truth & valid) / union if union else 1.0


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


def _figures(runs: Sequence[ClickRun], encodings: Sequence[float]) -> dict[str, object]:
    clicks = sum(len(run.ious) for run in runs)
    seconds = sum(run.seconds for run in runs)
    figures: dict[str, object] = {"n": len(runs), "seconds": round(seconds + sum(encodings), 3)}
    for level in _NOC_LEVELS:
        figures[f"noc{level}"] = round(float(np.mean([run.clicks_to(level / 100) for run in runs])), 3)
    for count in _IOU_CLICKS:
        figures[f"iou{count}"] = round(float(np.mean([run.iou_after(count) for run in runs])), 4)
    figures["failures90"] = sum(1 for run in runs if max(run.ious) < STOP_IOU)
    figures["encode_ms"] = round(1000 * float(np.mean(encodings)), 1) if encodings else 0.0
    figures["ms_per_click"] = round(1000 * seconds / clicks, 1)
    return figures
