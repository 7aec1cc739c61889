"""Rounds: one prompt after the other, each decided in the view that shows the object best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.classic.borders import Band, band, judged
from inference.models.classic.decide import decide
from inference.models.classic.evidence import Seeds, gather, reach_of
from inference.models.classic.judge import Judges
from inference.models.classic.prompting import Bounds, area, bounds_of, ordered, seeding
from inference.models.classic.regions import Values
from inference.models.classic.view import View, look, surrounding
from inference.prompts import Box, MaskArray, MaskPrompt, Polygon, Prompt

_CROP_GAIN = 0.35
"""A crop is looked at anew when it has at most this share of the pixels of the image."""

_ROUGH = 0.9
"""Pixels of a view per image pixel below which a first look is a rough one."""

_ROOM = 0.2
"""The last crop stays in use while the object keeps this share of its larger side as a margin in it."""


class Witness(Protocol):
    """Sees what the judges are given; the recipe of the judges learns from it."""

    def __call__(self, view: View, evidence: Values, doubted: Band | None) -> None: ...


@dataclass(eq=False)
class Sight:
    """The pixels of the image and the view of all of it; the last crop is kept because refinements look at it again."""

    pixels: NDArray[np.uint8]
    whole: View
    crops: dict[tuple[int, int, int, int], View] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return int(self.pixels.nbytes) + 2 * self.whole.regions.nbytes

    def view(self, bounds: Bounds | None, last: View | None = None) -> View:
        """The view for an object with those bounds: the whole image unless a crop shows it much larger.

        The ``last`` view stays when it is a crop that still fits.
        """
        height, width = self.pixels.shape[:2]
        if bounds is None:
            return self.whole
        crop = surrounding(bounds, height, width)
        if _size(crop) > _CROP_GAIN * height * width:
            return self.whole
        if last is not None and last is not self.whole:
            near = surrounding(bounds, height, width, _ROOM)
            inside = all(a >= b for a, b in zip(near[:2], last.area[:2], strict=True)) and all(
                a <= b for a, b in zip(near[2:], last.area[2:], strict=True)
            )
            if inside and _size(last.area) < 2 * _size(crop):
                return last
        return self.at(crop)

    def at(self, crop: tuple[int, int, int, int]) -> View:
        """The view of a crop, xyxy."""
        if crop == self.whole.area:
            return self.whole
        if crop not in self.crops:
            self.crops.clear()
            self.crops[crop] = look(self.pixels, crop)
        return self.crops[crop]


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """What one round found: the probability (h, w) of every pixel of a view."""

    view: View
    probability: Values


def play(
    sight: Sight, taken: Sequence[Prompt], before: Round | None, judges: Judges, witness: Witness | None = None
) -> Round:
    """Decide in the view that the prompts ask for; when the object turns out small, again in a crop round it."""
    bounds = extent(sight, taken, before)
    view = sight.view(bounds, None if before is None else before.view)
    if bounds is not None or view is not sight.whole:
        return _decided(view, sight, taken, before, judges, witness)
    # when much of the image's resolution is missing, its pixels are judged only if no crop follows
    rough = view.scale[0] < _ROUGH
    found = _decided(view, sight, taken, before, Judges(judges.regions, None) if rough else judges, witness)
    closer = sight.view(extent(sight, taken, found))
    if closer is not view:
        return _decided(closer, sight, taken, None, judges, witness, keep=found)
    return _decided(view, sight, taken, before, judges, None) if rough else found


def extent(sight: Sight, taken: Sequence[Prompt], before: Round | None) -> Bounds | None:
    """Where the object is as far as known: areas that were drawn, what was found, and every click."""
    height, width = sight.pixels.shape[:2]
    known: list[Bounds] = []
    for each in taken:
        if isinstance(each, Box) and each.positive:
            known.append(ordered(each))
        elif isinstance(each, Polygon | MaskPrompt) and each.positive:
            bounds = bounds_of(area(each, height, width))
            known += [] if bounds is None else [bounds]
    if before is not None:
        bounds = bounds_of(before.probability > 0.5)
        if bounds is not None:
            (sx, sy), (ax, ay) = before.view.scale, before.view.area[:2]
            known.append((bounds[0] / sx + ax, bounds[1] / sy + ay, bounds[2] / sx + ax, bounds[3] / sy + ay))
    if not known:
        return None
    for each in taken:
        points = seeding(each, height, width).points
        known += [(float(x), float(y), float(x), float(y)) for x, y in points]
    corners = np.array(known)
    x0, y0 = corners[:, :2].min(axis=0)
    x1, y1 = corners[:, 2:].max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def carried(before: Round, view: View) -> Values:
    """The map of a round as a map (h, w) of another view; outside it there was nothing."""
    if before.view is view:
        return before.probability
    h, w = view.regions.labels.shape
    matrix = before.view.matrix(view)
    moved = cv2.warpAffine(before.probability, matrix, (w, h), flags=cv2.INTER_LINEAR, borderValue=0)
    return moved.astype(np.float32, copy=False)


def inside(found: Round, box: Box) -> Values:
    """The part (h, w) of a round's map that lies in a box, at least one pixel."""
    h, w = found.probability.shape
    x0, y0, x1, y1 = _box_in(found.view, box)
    left, top = min(max(round(x0), 0), w - 1), min(max(round(y0), 0), h - 1)
    return found.probability[top : max(round(y1), top + 1), left : max(round(x1), left + 1)]


def _decided(
    view: View,
    sight: Sight,
    taken: Sequence[Prompt],
    before: Round | None,
    judges: Judges,
    witness: Witness | None,
    keep: Round | None = None,
) -> Round:
    newest = taken[-1]
    earlier = None if before is None else carried(before, view)
    outlined = isinstance(newest, MaskPrompt | Polygon) and newest.positive
    if outlined:
        earlier = _prior(area(newest, *sight.pixels.shape[:2]), view, earlier)
    if isinstance(newest, MaskPrompt) and earlier is not None:
        # a prior mask is the object until a later prompt says otherwise
        return Round(view, earlier)
    seeds = _seeds(view, sight, taken, earlier, not outlined)
    evidence = gather(view.regions, seeds)
    probability = decide(view.regions, seeds, evidence, judges.regions)
    if keep is not None:
        first = view.regions.averages(carried(keep, view))
        probability = (0.6 * probability + 0.4 * first).astype(np.float32)
    doubted = band(view.regions, probability, seeds)
    if witness is not None:
        witness(view, evidence, doubted)
    if judges.pixels is None:
        return Round(view, probability[view.regions.labels])
    return Round(view, judged(view.regions, probability, doubted, seeds, judges.pixels))


def _seeds(view: View, sight: Sight, taken: Sequence[Prompt], earlier: Values | None, correcting: bool) -> Seeds:
    height, width = sight.pixels.shape[:2]
    every = [seeding(each, height, width) for each in taken]
    empty = np.zeros((0, 2), dtype=np.float32)
    positive = [view.points(each.points) for each in every if each.positive and len(each.points)]
    negative = [view.points(each.points) for each in every if not each.positive and len(each.points)]
    box = next((each for each in reversed(taken) if isinstance(each, Box) and each.positive), None)
    newest, sign = view.points(every[-1].points), taken[-1].positive
    return Seeds(
        np.concatenate([empty, *positive]),
        np.concatenate([empty, *negative]),
        newest,
        sign,
        None if box is None else _box_in(view, box),
        None if earlier is None else view.regions.averages(earlier),
        correcting,
        earlier,
        0.0 if earlier is None else reach_of(earlier, newest, sign),
        _size(view.area) / (height * width),
    )


def _box_in(view: View, box: Box) -> Bounds:
    x0, y0, x1, y1 = ordered(box)
    corners = view.points(np.array([[x0, y0], [x1, y1]], dtype=np.float32))
    return float(corners[0, 0]), float(corners[0, 1]), float(corners[1, 0]), float(corners[1, 1])


def _prior(mask: MaskArray, view: View, before: Values | None) -> Values:
    """A mask at image size as a map of a view; joined to what was there before."""
    x0, y0, x1, y1 = view.area
    h, w = view.regions.labels.shape
    small = cv2.resize(mask[y0:y1, x0:x1].astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)
    share: Values = np.clip(small, 0.03, 0.97).astype(np.float32)
    joined: Values = share if before is None else np.maximum(share, before).astype(np.float32)
    return joined


def _size(bounds: tuple[int, int, int, int]) -> int:
    return (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])
