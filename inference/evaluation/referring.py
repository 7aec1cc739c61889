"""Referring segmentation: how well the mask that a phrase finds covers what the phrase means.

oIoU (also called cIoU): the intersections of all tasks by their unions, so large objects count more. mIoU: the mean of
the tasks' IoU. P@0.5: the share of tasks with an IoU of at least 0.5. The protocol is written out in
docs/evaluation.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.engine import Engine, EngineError, Features, UnusablePrompts, silent
from inference.evaluation.index import VOID, BadIndex, EvaluationIndex, IndexImage, load_index
from inference.evaluation.looking import ReportProgress, answer_of, chosen, looks
from inference.prompts import MaskArray, PromptKind, PromptSet, Text

BESIDE = "referring.json"
"""The file beside an index that is read when the index itself has no ``text_tasks``."""

GOOD_IOU = 0.5


@dataclass(frozen=True, slots=True)
class TextTask:
    """Find what a text means: the union of the objects with these values in the image's mask."""

    image: IndexImage
    text: str
    objects: tuple[int, ...]
    domain: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """One answered task in pixels."""

    domain: str
    intersection: int
    union: int

    @property
    def iou(self) -> float:
        return self.intersection / self.union if self.union else 1.0


def evaluate(
    engine: Engine,
    index: Path,
    *,
    limit: int | None = None,
    domain: str | None = None,
    progress: ReportProgress | None = None,
) -> dict[str, object]:
    """Ask an engine for every phrase of an index; its best candidate counts, no candidate is an empty mask.

    Arguments as for :func:`inference.evaluation.clicks.evaluate`. Returns ``oiou``, ``miou`` and ``p50``, each in
    [0, 1], over all tasks and by domain. Raises :class:`BadIndex` without tasks, and :class:`EngineError` when the
    engine takes no text.
    """
    started = time.perf_counter()
    if PromptKind.TEXT not in engine.spec.prompts:
        raise EngineError(f"{engine.spec.title} takes no text, so it cannot be evaluated on referring expressions.")
    found: list[Overlap] = []
    tasks = chosen(text_tasks(load_index(index)), limit, domain, f"{index} has no text tasks")
    for task, look in looks(engine, tasks, progress):
        truth = np.isin(look.values, task.objects)
        if not truth.any():
            raise BadIndex(f"{task.image.mask} has no pixel of what “{task.text}” means.")
        found.append(overlap(task.domain, _answer(engine, look.features, task.text, truth), truth, look.values != VOID))
    domains = {
        name: figures([each for each in found if each.domain == name])
        for name in sorted({each.domain for each in found})
    }
    return answer_of(engine, started, figures(found), domains)


def overlap(domain: str, predicted: MaskArray, truth: MaskArray, valid: MaskArray) -> Overlap:
    """Count the valid pixels of both and of either."""
    both, either = predicted & truth & valid, (predicted | truth) & valid
    return Overlap(domain, int(both.sum()), int(either.sum()))


def figures(found: Sequence[Overlap]) -> dict[str, object]:
    """``n``, ``oiou``, ``miou``, ``p50`` of answered tasks (at least one)."""
    ious = np.array([each.iou for each in found])
    union = sum(each.union for each in found)
    return {
        "n": len(found),
        "oiou": round(sum(each.intersection for each in found) / union if union else 1.0, 4),
        "miou": round(float(ious.mean()), 4),
        "p50": round(float((ious >= GOOD_IOU).mean()), 4),
    }


def text_tasks(index: EvaluationIndex) -> tuple[TextTask, ...]:
    """The ``text_tasks`` of an index, else the expressions of ``referring.json`` beside it, in their order.

    A task is ``{"image_id", "text", "object_ids"}`` (``image`` and ``object_id``, a number or a list, do as well).
    Raises :class:`BadIndex` when a task names an image or an object that the index does not have.
    """
    where, listed = str(index.path), index.document.get("text_tasks")
    beside = index.path.parent / BESIDE
    if listed is None and beside.is_file():
        where, listed = str(beside), _expressions(beside)
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise BadIndex(f"{where}: text_tasks is not a list.")
    images = {image.id: image for image in index.images}
    return tuple(_task(f"{where}: text task {number}", entry, images) for number, entry in enumerate(listed))


def _expressions(path: Path) -> Any:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadIndex(f"{path} cannot be read as a list of expressions: {error}.") from error
    return document.get("expressions") if isinstance(document, dict) else document


def _task(where: str, entry: Any, images: Mapping[str, IndexImage]) -> TextTask:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("text"), str):
        raise BadIndex(f"{where} has no text.")
    image_id = entry.get("image_id", entry.get("image"))
    image = images.get(str(image_id))
    if image is None:
        raise BadIndex(f"{where} names the image {image_id!r}, which the index does not have.")
    told = next((entry[key] for key in ("object_ids", "objects", "object_id", "object") if key in entry), ())
    values = tuple(told) if isinstance(told, list | tuple) else (told,)
    known = {each.id for each in image.objects}
    if not values or any(not isinstance(value, int) or value not in known for value in values):
        raise BadIndex(f"{where} names the objects {list(values)}, which {image.id} does not have.")
    domain = entry.get("domain")
    return TextTask(image, entry["text"], values, image.domain if domain is None else str(domain))


def _answer(engine: Engine, features: Features, text: str, like: MaskArray) -> MaskArray:
    try:
        answer = engine.segment(features, PromptSet((Text(text),)), None, silent)
    except UnusablePrompts:
        return np.zeros_like(like)
    return answer.candidates[0].mask() if answer.candidates else np.zeros_like(like)
