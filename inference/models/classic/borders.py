"""Borders: regions are too coarse for the last percent, so a second judge goes over the pixels in doubt.

In doubt are the pixels near a change of the regions' probabilities and those that the newest prompt moved. For each a
row of numbers is gathered from its surroundings; a judge fitted like that of the regions turns it into a probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.classic.decide import one_way
from inference.models.classic.evidence import Seeds
from inference.models.classic.judge import Judge
from inference.models.classic.regions import Regions, Values

_DOUBT = 0.08
_HISTOGRAM_BITS = 4
_MOST = 60_000
"""About the most pixels that are judged one by one, for the sake of time."""

_SOFT = (0.35, 1.0, 2.5)
"""Widths, in steps, that the probabilities are averaged over."""

_LOCAL = (1.0, 2.5)
"""Half sides, in steps, of the windows in which the colours inside and outside are compared."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Pixels in doubt: ``at`` their flat indices (k,) in a map (h, w) and their evidence (k, 23)."""

    at: NDArray[np.int64]
    evidence: Values


def logit(probability: Values) -> Values:
    """The log odds, within ±4.6."""
    clipped = np.clip(probability, 0.01, 0.99)
    odds: Values = np.log(clipped / (1 - clipped)).astype(np.float32)
    return odds


def band(regions: Regions, probability: Values, seeds: Seeds) -> Band:
    """The pixels in doubt under the probabilities of the regions (n,)."""
    flat = probability[regions.labels]
    step = regions.step
    side = 2 * round(step) + 1
    near = cv2.blur(flat, (side, side))
    doubted = (near > _DOUBT) & (near < 1 - _DOUBT)
    if seeds.earlier is not None:
        doubted |= np.abs(flat - seeds.earlier) > 0.1
    count = int(np.count_nonzero(doubted))
    if count > _MOST:
        # those whose surroundings are the least certain
        certainty = np.where(doubted, np.abs(near - 0.5), np.inf)
        doubted &= certainty <= np.partition(certainty.ravel(), _MOST)[_MOST]
    box = cv2.boundingRect(doubted.astype(np.uint8))
    if not box[2]:
        return Band(np.zeros(0, dtype=np.int64), np.zeros((0, 23), dtype=np.float32))
    # the windows reach this far beyond the pixels in doubt
    margin = round(_LOCAL[-1] * step) + 2
    left, top = max(box[0] - margin, 0), max(box[1] - margin, 0)
    window = slice(top, box[1] + box[3] + margin), slice(left, box[0] + box[2] + margin)
    rows, columns = np.nonzero(doubted[window])
    inner = np.ravel_multi_index((rows, columns), doubted[window].shape)
    seen = _seen(regions, flat, seeds, window, inner)
    rows, columns = rows + top, columns + left
    points = np.stack([columns, rows], axis=1).astype(np.float32) + 0.5
    told = _told(regions, seeds, points, rows, columns)
    scale = np.log(step / np.sqrt(max(float(flat.sum()), step * step)))
    clicks = np.log1p(min(len(seeds.positive) + len(seeds.negative), 20))
    constants = [np.full(len(rows), value, dtype=np.float32) for value in (scale, clicks)]
    evidence = np.stack([*seen, *told, *constants], axis=1).astype(np.float32, copy=False)
    return Band(np.ravel_multi_index((rows, columns), flat.shape), evidence)


def judged(regions: Regions, probability: Values, doubted: Band, seeds: Seeds, judge: Judge) -> Values:
    """The probability (h, w) of every pixel: the regions' own, and the judge's at the pixels in doubt."""
    result = probability[regions.labels]
    result.ravel()[doubted.at] = 1 / (1 + np.exp(-np.clip(judge.logits(doubted.evidence), -15, 15)))
    if seeds.earlier is not None and seeds.correcting:
        result = one_way(result, seeds.earlier, seeds.newest_positive)
    return result


def _seen(
    regions: Regions, flat: Values, seeds: Seeds, window: tuple[slice, slice], inner: NDArray[np.int64]
) -> list[Values]:
    """What lies round the pixels ``inner`` (k,), flat indices in the window: probabilities, edges and colours."""
    step = regions.step
    inside = np.ascontiguousarray(flat[window])
    columns = [logit(inside.ravel()[inner])]
    columns += [_blurred(_blurred(inside, width * step), width * step).ravel()[inner] for width in _SOFT]
    columns.append(regions.contours[window].ravel()[inner])
    lab = cv2.blur(regions.lab[window], (3, 3)).astype(np.float32)
    lab /= 255
    own = lab.reshape(-1, 3)[inner]
    both = cv2.merge([*cv2.split(lab * inside[..., None]), inside])
    for radius in _LOCAL:
        size = _side(2 * radius * step)
        mean = cv2.blur(lab, size).reshape(-1, 3)[inner]
        part = cv2.blur(both, size).reshape(-1, 4)[inner]
        share = part[:, 3:]
        within = (part[:, :3] + 0.01 * mean) / (share + 0.01)
        without = (mean - part[:, :3] + 0.01 * mean) / (1 - share + 0.01)
        apart = _squared(within - without)
        lean = _squared(own - without) - _squared(own - within)
        columns += [np.clip(lean / (apart + 0.002), -2, 2), np.sqrt(apart) * 4]
    columns.append(_colour_odds(regions.lab, flat)[window].ravel()[inner])
    if seeds.earlier is None:
        columns += [np.full(len(inner), value, dtype=np.float32) for value in (0.0, 0.0, 0.5)]
    else:
        earlier = np.ascontiguousarray(seeds.earlier[window])
        blurred = _blurred(earlier, 2 * step)
        columns += [np.ones(len(inner), dtype=np.float32), logit(earlier.ravel()[inner]), blurred.ravel()[inner]]
    return columns


def _told(
    regions: Regions, seeds: Seeds, points: Values, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> list[Values]:
    """What the prompts say of pixels: how far, in steps and in reaches, and how different in colour they are."""
    step, h, w = regions.step, *regions.labels.shape
    colours = cv2.blur(regions.lab, (3, 3))
    own = colours[rows, columns].astype(np.float32) / 255
    result: list[Values] = [np.full(len(points), 1.0 if seeds.newest_positive else -1.0, dtype=np.float32)]
    for turn, prompts in enumerate((seeds.newest, seeds.positive, seeds.negative)):
        distance = np.full(len(points), np.inf, dtype=np.float32)
        colour = np.full(len(points), 1.0, dtype=np.float32)
        for x, y in prompts:
            away = np.hypot(points[:, 0] - x, points[:, 1] - y)
            there = colours[min(max(int(y), 0), h - 1), min(max(int(x), 0), w - 1)].astype(np.float32) / 255
            nearer = away < distance
            distance[nearer] = away[nearer]
            colour[nearer] = np.sqrt(_squared(own[nearer] - there)) * 4
        if turn == 0:
            result.append(np.minimum(distance / max(seeds.reach, 1.0), 4.0))
            result.append(np.full(len(points), np.log1p(seeds.reach / step), dtype=np.float32))
        else:
            result.append(np.minimum(distance / step, 8.0))
        result.append(colour)
    return result


def _colour_odds(lab: NDArray[np.uint8], flat: Values) -> Values:
    """How much more often, as log odds (h, w), a pixel's colour occurs inside the object than outside."""
    bins = 1 << _HISTOGRAM_BITS
    coarse = (lab >> (8 - _HISTOGRAM_BITS)).astype(np.int64)
    keys = (coarse[..., 0] * bins + coarse[..., 1]) * bins + coarse[..., 2]
    total = np.bincount(keys.ravel(), minlength=bins**3)
    inside = np.bincount(keys.ravel(), flat.ravel(), bins**3)
    share = (inside.sum() + 1) / (total.sum() + 2)
    odds = np.log((inside + 3 * share) / (total - inside + 3 * (1 - share)) * (1 - share) / share)
    result: Values = np.clip(odds, -4, 4).astype(np.float32)[keys]
    return result


def _squared(rows: Values) -> Values:
    result: Values = np.einsum("ij,ij->i", rows, rows)
    return result


def _blurred(values: Values, length: float) -> Values:
    return cv2.blur(values, _side(length)).astype(np.float32, copy=False)


def _side(length: float) -> tuple[int, int]:
    side = 2 * round(length / 2) + 1
    return side, side
