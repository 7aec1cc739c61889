"""Evidence: what speaks for and against each region being part of the object, as a row of numbers per region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.models.classic.regions import Regions, Values

_RAY_SAMPLES = 24
_FAR = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """The prompts in view pixels: seed points (k, 2) xy of both signs, the newest, a box, what was found before.

    ``newest`` are the points of the last prompt, ``newest_positive`` its sign. ``box`` is xyxy or None. ``before`` is
    the probability (n,) per region of the last round or of a prior mask, None in a first round; ``correcting`` says
    that the newest prompt corrects ``before`` rather than gives it.
    """

    positive: Values
    negative: Values
    newest: Values
    newest_positive: bool
    box: tuple[float, float, float, float] | None = None
    before: Values | None = None
    correcting: bool = True


def region_at(regions: Regions, points: Values) -> NDArray[np.int32]:
    """The regions (k,) under points (k, 2) xy; points outside the view count as its nearest pixel."""
    h, w = regions.labels.shape
    columns = np.clip(np.floor(points[:, 0]), 0, w - 1).astype(np.int64)
    rows = np.clip(np.floor(points[:, 1]), 0, h - 1).astype(np.int64)
    return regions.labels[rows, columns]


def gather(regions: Regions, seeds: Seeds) -> Values:
    """The evidence matrix, float32 (n, 40). Distances are in diagonals of the view."""
    centre = seeds.positive[0] if len(seeds.positive) else regions.centres.mean(axis=0)
    columns: list[Values] = []
    for points in (seeds.positive, seeds.negative):
        columns += _from_points(regions, points)
    columns += _from_points(regions, seeds.newest)[:4]
    newest = 1.0 if seeds.newest_positive else -1.0
    columns.append(np.full(regions.count, newest, dtype=np.float32))
    columns += _around(regions, centre)
    columns += _looks(regions, seeds)
    columns += _earlier(regions, seeds)
    columns += _boxed(regions, seeds)
    counts = (len(seeds.positive), len(seeds.negative))
    columns += [np.full(regions.count, np.log1p(min(count, 20)), dtype=np.float32) for count in counts]
    return np.stack(columns, axis=1).astype(np.float32)


def _from_points(regions: Regions, points: Values) -> list[Values]:
    """Straight, geodesic and ultrametric distance, colour distance, and barriers on the straight line."""
    if not len(points):
        return [np.full(regions.count, _FAR, dtype=np.float32)] * 6
    at = np.unique(region_at(regions, points)).tolist()
    offsets = regions.centres[:, None] - points[None]
    straight = np.hypot(offsets[..., 0], offsets[..., 1]) / regions.diagonal
    nearest = straight.argmin(axis=1)
    colour = np.linalg.norm(regions.colours[:, None] - regions.colours[at][None], axis=2).min(axis=1)
    highest, mean = _on_lines(regions, points[nearest], regions.centres)
    return [
        straight.min(axis=1).astype(np.float32),
        (np.minimum(regions.walk(at), 4.0) * 0.5).astype(np.float32),
        regions.climb(at),
        colour * 4,
        highest,
        mean,
    ]


def _on_lines(regions: Regions, starts: Values, ends: Values) -> tuple[Values, Values]:
    """The intervening contour (Leung and Malik 1998): highest and summed edge strength between points, (n,) each."""
    h, w = regions.contours.shape
    share = np.linspace(0.0, 1.0, _RAY_SAMPLES, dtype=np.float32)[:, None, None]
    points = starts[None] * (1 - share) + ends[None] * share
    rows = np.clip(points[..., 1].astype(np.int64), 0, h - 1)
    columns = np.clip(points[..., 0].astype(np.int64), 0, w - 1)
    strength = regions.contours[rows, columns]
    return strength.max(axis=0), strength.mean(axis=0)


def _around(regions: Regions, centre: Values) -> list[Values]:
    """People click the middle: the mirror image through the first click and the ring at the same distance."""
    offsets = regions.centres - centre
    radius = np.hypot(offsets[:, 0], offsets[:, 1])
    mirrored = centre - offsets
    h, w = regions.labels.shape
    inside = (mirrored[:, 0] >= 0) & (mirrored[:, 0] < w) & (mirrored[:, 1] >= 0) & (mirrored[:, 1] < h)
    starts = np.broadcast_to(centre, mirrored.shape)
    highest, mean = _on_lines(regions, starts, mirrored.astype(np.float32))
    own, _ = _on_lines(regions, starts, regions.centres)
    twin = region_at(regions, mirrored)
    alike = np.linalg.norm(regions.colours[twin] - regions.colours, axis=1) * 4
    rings = np.minimum((radius / regions.diagonal * 40).astype(np.int64), 39)
    members = np.maximum(np.bincount(rings, minlength=40), 1)
    ring = (np.bincount(rings, own, 40) / members)[rings]
    room = np.array([centre[0], w - centre[0], centre[1], h - centre[1]]).min() / regions.diagonal
    return [
        highest,
        mean,
        alike,
        inside.astype(np.float32),
        ring.astype(np.float32),
        np.full(regions.count, room, dtype=np.float32),
        np.abs(offsets[:, 0]) / w,
        np.abs(offsets[:, 1]) / h,
    ]


def _looks(regions: Regions, seeds: Seeds) -> list[Values]:
    """The region by itself, and how much its colour belongs to the seeds' surroundings rather than to the rest."""
    h, w = regions.labels.shape
    x, y = regions.centres[:, 0] / w, regions.centres[:, 1] / h
    rim = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    if seeds.before is not None:
        weights = seeds.before
    elif len(seeds.positive):
        distance = regions.walk(np.unique(region_at(regions, seeds.positive)).tolist())
        weights = np.exp(-distance / 0.4)
    else:
        weights = np.full(regions.count, 0.5, dtype=np.float32)
    spread = regions.kinship
    inner = spread @ (weights * regions.sizes)
    outer = spread @ ((1 - weights) * regions.sizes)
    odds = np.log((inner + 1.0) / (outer + 1.0))
    rarity = (spread @ regions.sizes) / regions.sizes.sum()
    return [
        rim,
        y,
        regions.border_share,
        np.sqrt(regions.sizes / regions.sizes.sum()) * 10,
        np.clip(odds, -5, 5).astype(np.float32),
        rarity.astype(np.float32),
    ]


def _earlier(regions: Regions, seeds: Seeds) -> list[Values]:
    """The last round: its probability, smoothed and at the newest prompt."""
    if seeds.before is None:
        return [np.full(regions.count, value, dtype=np.float32) for value in (0.0, 0.0, 0.0, 0.0)]
    logit = np.log((seeds.before + 0.01) / (1.01 - seeds.before))
    ones = np.ones(len(regions.edges), dtype=np.float32)
    there = float(seeds.before[region_at(regions, seeds.newest)].mean()) if len(seeds.newest) else 0.5
    return [
        np.ones(regions.count, dtype=np.float32),
        (logit * 0.5).astype(np.float32),
        regions.averaged(seeds.before, ones, 4) - 0.5,
        np.full(regions.count, there - 0.5, dtype=np.float32),
    ]


def _boxed(regions: Regions, seeds: Seeds) -> list[Values]:
    """Where the region lies in the box, -1 … 1 from edge to edge."""
    if seeds.box is None:
        return [np.zeros(regions.count, dtype=np.float32)] * 3
    x0, y0, x1, y1 = seeds.box
    u = np.abs(regions.centres[:, 0] - (x0 + x1) / 2) / max((x1 - x0) / 2, 0.5)
    v = np.abs(regions.centres[:, 1] - (y0 + y1) / 2) / max((y1 - y0) / 2, 0.5)
    return [np.ones(regions.count, dtype=np.float32), np.clip(u, 0, 2) - 1, np.clip(v, 0, 2) - 1]
