"""Labels: how often the name of an object is the best, or among the five best, of a list of names for its mask."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.engine import Capability, Engine, EngineError, Features, Vocabulary
from inference.evaluation.index import BadIndex, EvaluationIndex, IndexImage, load_index
from inference.evaluation.label_sets import LabelSets
from inference.evaluation.looking import ReportProgress, answer_of, chosen, looks
from inference.prompts import MaskArray
from inference.results import LabelScores

SHORT_LIST = 5
"""A name counts for ``top5`` when it is among this many."""

Ranked: TypeAlias = tuple[str, int]
"""The domain of an answered task, and the place (from 0) of the right name in the ranking."""


@dataclass(frozen=True, slots=True)
class LabelTask:
    """Name the object with value ``object_id``; the right answer is ``name``."""

    image: IndexImage
    object_id: int
    name: str
    vocabulary: Vocabulary
    domain: str


def evaluate(
    engine: Engine,
    index: Path,
    *,
    limit: int | None = None,
    domain: str | None = None,
    progress: ReportProgress | None = None,
) -> dict[str, object]:
    """Let an engine rank the label set of an index for the true masks of its objects.

    Arguments as for :func:`inference.evaluation.clicks.evaluate`. Returns ``top1`` and ``top5`` in [0, 1] over all
    tasks and by domain. Raises :class:`BadIndex` without tasks, :class:`EngineError` when the engine has no labels.
    """
    started = time.perf_counter()
    if Capability.LABEL not in engine.spec.capabilities:
        raise EngineError(f"{engine.spec.title} does not rank labels, so it cannot be evaluated on them.")
    found: list[Ranked] = []
    tasks = chosen(label_tasks(load_index(index)), limit, domain, f"{index} has no named objects")
    for task, look in looks(engine, tasks, progress):
        mask = look.values == task.object_id
        if not mask.any():
            raise BadIndex(f"{task.image.mask} has no pixel of the object {task.object_id}.")
        found.append((task.domain, _place(engine, look.features, mask, task)))
    domains = {
        name: figures([each for each in found if each[0] == name]) for name in sorted({each[0] for each in found})
    }
    return answer_of(engine, started, figures(found), domains)


def figures(found: Sequence[Ranked]) -> dict[str, object]:
    """``n``, ``top1``, ``top5`` of answered tasks (at least one)."""
    places = np.array([place for _, place in found])
    return {
        "n": len(found),
        "top1": round(float((places == 0).mean()), 4),
        "top5": round(float((places < SHORT_LIST).mean()), 4),
    }


def label_tasks(index: EvaluationIndex) -> tuple[LabelTask, ...]:
    """Every object whose category is in a label set of its image, in the order of the index."""
    sets = LabelSets(index)
    return tuple(
        LabelTask(image, each.id, each.category, label_set.vocabulary, image.domain)
        for image in index.images
        for label_set in sets.of(image)
        for each in image.objects
        if each.category is not None and each.category in label_set.vocabulary.names
    )


def place_of(scores: LabelScores, name: str) -> int:
    """The place of a name in the ranking of the first mask. Names with the same score come behind each other: a tie is
    no right answer, so the name gets the last place of its tie."""
    row: NDArray[np.float32] = scores.scores[0]
    own = row[scores.names.index(name)]
    return int(np.count_nonzero(row >= own)) - 1


def _place(engine: Engine, features: Features, mask: MaskArray, task: LabelTask) -> int:
    return place_of(engine.label(features, [mask], task.vocabulary), task.name)
