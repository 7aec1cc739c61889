"""Panoptic quality (Kirillov et al., Panoptic Segmentation, CVPR 2019): PQ = SQ × RQ, averaged over the classes.

A predicted and a true segment of one class match when their IoU exceeds 0.5, which at most one pair can. Void pixels
belong to no union, and a prediction that lies in void by more than half is no error. The protocol, and how engines
whose regions overlap are made to answer, are written out in docs/evaluation.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.engine import Capability, Engine, EngineError, Vocabulary, silent
from inference.evaluation.index import VOID, EvaluationIndex, IndexImage, load_index
from inference.evaluation.label_sets import LabelSets
from inference.evaluation.looking import ReportProgress, answer_of, chosen, looks
from inference.prompts import MaskArray
from inference.results import Region

MATCH_IOU = 0.5
VOID_SHARE = 0.5
"""A prediction that lies in void by more than this is not counted."""

SegmentMap = NDArray[np.int32]
"""Segment numbers (H, W); 0 belongs to none."""


@dataclass(frozen=True, slots=True)
class PanopticTask:
    """All of one image."""

    image: IndexImage
    vocabulary: Vocabulary
    domain: str


@dataclass(slots=True)
class Tally:
    """Of one class: the sum of the IoUs of matched pairs, and how many matched, were made up, were missed."""

    iou: float = 0.0
    matched: int = 0
    made_up: int = 0
    missed: int = 0

    def add(self, other: Tally) -> None:
        self.iou += other.iou
        self.matched += other.matched
        self.made_up += other.made_up
        self.missed += other.missed

    @property
    def sq(self) -> float:
        """Segmentation quality: the mean IoU of the matched pairs, 0 without any."""
        return self.iou / self.matched if self.matched else 0.0

    @property
    def rq(self) -> float:
        """Recognition quality: the F1 score of finding the segments."""
        whole = self.matched + 0.5 * self.made_up + 0.5 * self.missed
        return self.matched / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Segments:
    """A map of segments and the class of each: ``classes`` from the numbers in the map to names."""

    map: SegmentMap
    classes: Mapping[int, str] = field(default_factory=dict)


def evaluate(
    engine: Engine,
    index: Path,
    *,
    limit: int | None = None,
    domain: str | None = None,
    progress: ReportProgress | None = None,
) -> dict[str, object]:
    """Run an engine on whole images with the label set of each, and compare with all objects of the image.

    Arguments as for :func:`inference.evaluation.clicks.evaluate`; a task is an image. Returns ``pq``, ``sq``, ``rq`` in
    [0, 1], means over the classes that occur, over all tasks and by domain. Raises ``BadIndex`` without tasks,
    :class:`EngineError` when the engine cannot run on a whole image or names nothing.
    """
    started = time.perf_counter()
    if not {Capability.EVERYTHING, Capability.VOCABULARY} <= engine.spec.capabilities:
        raise EngineError(
            f"{engine.spec.title} does not name the regions of a whole image, so panoptic quality cannot be measured."
        )
    found: list[tuple[str, dict[str, Tally]]] = []
    tasks = chosen(panoptic_tasks(load_index(index)), limit, domain, f"{index} has no image with named objects")
    for task, look in looks(engine, tasks, progress):
        truth, void = truth_of(task.image, task.vocabulary, look.values)
        regions = engine.everything(look.features, task.vocabulary, silent)
        found.append((task.domain, compare(segments_of(regions, look.values.shape), truth, void)))
    domains = {
        name: figures([tallies for where, tallies in found if where == name])
        for name in sorted({where for where, _ in found})
    }
    return answer_of(engine, started, figures([tallies for _, tallies in found]), domains)


def panoptic_tasks(index: EvaluationIndex) -> tuple[PanopticTask, ...]:
    """The images with a label set; those only whose objects are all labelled, where the index says so of any."""
    sets = LabelSets(index)
    complete = any(image.all_labelled for image in index.images)
    return tuple(
        PanopticTask(image, label_set.vocabulary, image.domain)
        for image in index.images
        if image.all_labelled or not complete
        for label_set in sets.of(image)
        if any(each.category in label_set.vocabulary.names for each in image.objects)
    )


def truth_of(image: IndexImage, vocabulary: Vocabulary, values: NDArray[np.uint8]) -> tuple[Segments, MaskArray]:
    """The true segments and the void pixels, bool (H, W).

    Objects of other classes are void, and so is what carries no object in images that are not labelled completely.
    Objects of one class of stuff are one segment.
    """
    numbers = np.zeros(values.shape, np.int32)
    void = values == VOID
    classes: dict[int, str] = {}
    stuff: dict[str, int] = {}
    for each in image.objects:
        inside = values == each.id
        if each.category is None or each.category not in vocabulary.names:
            void |= inside
            continue
        number = stuff.setdefault(each.category, each.id) if each.category in vocabulary.stuff else each.id
        numbers[inside] = number
        if inside.any():
            classes[number] = each.category
    if not image.all_labelled:
        void |= values == 0
    return Segments(numbers, classes), void


def segments_of(regions: Iterable[Region], shape: tuple[int, ...]) -> Segments:
    """The named regions as segments that do not overlap: a pixel belongs to the region with the highest score.

    Stuff of one name is one segment.
    """
    numbers = np.zeros(shape, np.int32)
    classes: dict[int, str] = {}
    stuff: dict[str, int] = {}
    named = [(region, region.label) for region in regions if region.label is not None]
    for place, (region, label) in enumerate(sorted(named, key=lambda pair: -pair[0].score), 1):
        number = place if region.is_thing else stuff.setdefault(label, place)
        free = region.mask & (numbers == 0)
        if free.any():
            numbers[free] = number
            classes[number] = label
    return Segments(numbers, classes)


def compare(predicted: Segments, truth: Segments, void: MaskArray) -> dict[str, Tally]:
    """The tallies by class of one image."""
    found: dict[str, Tally] = {}
    areas = _areas(predicted.map)
    in_void = _areas(predicted.map[void])
    true_areas = _areas(np.where(void, 0, truth.map))
    pairs, counts = np.unique(np.stack((predicted.map[~void], truth.map[~void])), axis=1, return_counts=True)
    matched_predictions: set[int] = set()
    matched_truths: set[int] = set()
    for (guess, true), both in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        name = truth.classes.get(true)
        if not guess or not true or predicted.classes.get(guess) != name or name is None:
            continue
        iou = both / (areas[guess] - in_void.get(guess, 0) + true_areas[true] - both)
        if iou > MATCH_IOU:
            tally = found.setdefault(name, Tally())
            tally.iou += iou
            tally.matched += 1
            matched_predictions.add(guess)
            matched_truths.add(true)
    for true, name in truth.classes.items():
        if true not in matched_truths and true in true_areas:
            found.setdefault(name, Tally()).missed += 1
    for guess, name in predicted.classes.items():
        if guess not in matched_predictions and in_void.get(guess, 0) <= VOID_SHARE * areas[guess]:
            found.setdefault(name, Tally()).made_up += 1
    return found


def figures(images: Iterable[Mapping[str, Tally]]) -> dict[str, object]:
    """``n`` images, and ``pq``, ``sq``, ``rq`` averaged over the classes with any match, invention or miss."""
    total: dict[str, Tally] = {}
    count = 0
    for tallies in images:
        count += 1
        for name, tally in tallies.items():
            total.setdefault(name, Tally()).add(tally)
    classes = list(total.values())
    return {
        "n": count,
        "pq": _mean([each.sq * each.rq for each in classes]),
        "sq": _mean([each.sq for each in classes]),
        "rq": _mean([each.rq for each in classes]),
    }


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4) if values else 0.0


def _areas(numbers: NDArray[np.int32]) -> dict[int, int]:
    found, counts = np.unique(numbers, return_counts=True)
    return {int(number): int(count) for number, count in zip(found, counts, strict=True) if number}
