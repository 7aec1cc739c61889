"""Evidence: what speaks for and against each region being part of the object, as a row of numbers per region."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.classic.regions import Regions, Values

_RAY_SAMPLES = 24
_FAR = 1.5
_COLOUR_TURNS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """The prompts in view pixels: seed points (k, 2) xy of both signs, the newest, a box, what was found before.

    ``newest`` are the points of the last prompt, ``newest_positive`` its sign. ``box`` is xyxy or None. ``before`` is
    the probability (n,) per region of the last round or of a prior mask, ``earlier`` the same per pixel (h, w), both
    None in a first round; ``correcting`` says that the newest prompt corrects them rather than gives them. ``reach`` is
    how far, in view pixels, the newest prompt lies on the wrong side of the earlier border (:func:`reach_of`), 0 when
    there is none. ``share`` is the part of the image that the view shows, in (0, 1].
    """

    positive: Values
    negative: Values
    newest: Values
    newest_positive: bool
    box: tuple[float, float, float, float] | None = None
    before: Values | None = None
    correcting: bool = True
    earlier: Values | None = None
    reach: float = 0.0
    share: float = 1.0


def reach_of(earlier: Values, newest: Values, newest_positive: bool) -> float:
    """The distance, in pixels, from the newest points (k, 2) to the border of the earlier map (h, w) they correct.

    A correction is put into the middle of what is wrong, so what is wrong reaches about as far from it as the border.
    0 when the points are on the right side already. The rim of the view counts as a border.
    """
    if not len(newest):
        return 0.0
    wrong = (earlier <= 0.5) if newest_positive else (earlier > 0.5)
    depth = cv2.distanceTransform(np.pad(wrong.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    h, w = depth.shape
    rows = np.clip(np.floor(newest[:, 1]), 0, h - 1).astype(np.int64)
    columns = np.clip(np.floor(newest[:, 0]), 0, w - 1).astype(np.int64)
    return float(depth[rows, columns].max())


def region_at(regions: Regions, points: Values) -> NDArray[np.int32]:
    """The regions (k,) under points (k, 2) xy; points outside the view count as its nearest pixel."""
    h, w = regions.labels.shape
    columns = np.clip(np.floor(points[:, 0]), 0, w - 1).astype(np.int64)
    rows = np.clip(np.floor(points[:, 1]), 0, h - 1).astype(np.int64)
    return regions.labels[rows, columns]


def gather(regions: Regions, seeds: Seeds) -> Values:
    """The evidence matrix, float32 (n, 50). Distances are in diagonals of the view."""
    centre = seeds.positive[0] if len(seeds.positive) else regions.centres.mean(axis=0)
    columns: list[Values] = []
    for points in (seeds.positive, seeds.negative):
        columns += _from_points(regions, points)
    columns += _paths(regions, seeds.newest)
    newest = 1.0 if seeds.newest_positive else -1.0
    columns.append(np.full(regions.count, newest, dtype=np.float32))
    columns += _around(regions, centre)
    columns += _looks(regions, seeds)
    columns += _earlier(regions, seeds)
    columns += _boxed(regions, seeds)
    columns += _corrected(regions, seeds)
    columns += [*regions.colours.T, regions.texture, np.full(regions.count, np.log(seeds.share), dtype=np.float32)]
    counts = (len(seeds.positive), len(seeds.negative))
    columns += [np.full(regions.count, np.log1p(min(count, 20)), dtype=np.float32) for count in counts]
    return np.stack(columns, axis=1).astype(np.float32)


def _from_points(regions: Regions, points: Values) -> list[Values]:
    """What :func:`_paths` says, and the barriers on the straight line from the nearest point."""
    if not len(points):
        return [np.full(regions.count, _FAR, dtype=np.float32)] * 6
    nearest = _straight(regions, points).argmin(axis=1)
    return [*_paths(regions, points), *_on_lines(regions, points[nearest], regions.centres)]


def _paths(regions: Regions, points: Values) -> list[Values]:
    """Straight, geodesic and ultrametric distance to the nearest point, and the distance in colour."""
    if not len(points):
        return [np.full(regions.count, _FAR, dtype=np.float32)] * 4
    at = np.unique(region_at(regions, points)).tolist()
    colour = np.linalg.norm(regions.colours[:, None] - regions.colours[at][None], axis=2).min(axis=1)
    return [
        _straight(regions, points).min(axis=1).astype(np.float32),
        (np.minimum(regions.walk(at), 4.0) * 0.5).astype(np.float32),
        regions.climb(at),
        colour * 4,
    ]


def _straight(regions: Regions, points: Values) -> Values:
    offsets = regions.centres[:, None] - points[None]
    result: Values = np.hypot(offsets[..., 0], offsets[..., 1]) / np.float32(regions.diagonal)
    return result


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
    elif seeds.box is not None:
        weights = _unlike_outside(regions, seeds.box)
    elif len(seeds.positive):
        distance = regions.walk(np.unique(region_at(regions, seeds.positive)).tolist())
        weights = np.exp(-distance / 0.4)
    else:
        weights = np.full(regions.count, 0.5, dtype=np.float32)
    sums = regions.kinship @ np.stack([weights * regions.sizes, regions.sizes], axis=1).astype(np.float32)
    inner, every = np.maximum(sums.T, 0)
    odds = np.log((inner + 1.0) / (np.maximum(every - inner, 0) + 1.0))
    rarity = every / regions.sizes.sum()
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


def _corrected(regions: Regions, seeds: Seeds) -> list[Values]:
    """Distance to the newest prompt in units of its reach, the reach itself, and how deep inside the earlier mask."""
    if seeds.earlier is None or not len(seeds.newest):
        return [np.full(regions.count, value, dtype=np.float32) for value in (4.0, 0.0, 0.0)]
    offsets = regions.centres[:, None] - seeds.newest[None]
    nearest = np.hypot(offsets[..., 0], offsets[..., 1]).min(axis=1)
    mask = (seeds.earlier > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3) - cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
    # where there is no border at all, it is the largest number there is
    depth = np.clip(depth, -regions.diagonal, regions.diagonal)
    columns, rows = np.floor(regions.centres).astype(np.int64).T
    return [
        np.minimum(nearest / max(seeds.reach, 1.0), 4.0).astype(np.float32),
        np.full(regions.count, np.log1p(seeds.reach), dtype=np.float32),
        np.clip(depth[rows, columns] / regions.diagonal * 10, -1, 1).astype(np.float32),
    ]


def _boxed(regions: Regions, seeds: Seeds) -> list[Values]:
    """Where the region lies in the box, -1 … 1 from edge to edge, and how far it is from what lies outside."""
    if seeds.box is None:
        return [np.zeros(regions.count, dtype=np.float32)] * 5
    u, v = _in_box(regions, seeds.box)
    outside = np.flatnonzero((u > 1) | (v > 1)).tolist()
    # a box round everything: nothing lies outside
    away = [regions.walk(outside), regions.climb(outside)] if outside else [np.ones_like(u)] * 2
    return [np.ones_like(u), np.clip(u, 0, 2) - 1, np.clip(v, 0, 2) - 1, *(np.minimum(each, 2) for each in away)]


def _in_box(regions: Regions, box: tuple[float, float, float, float]) -> tuple[Values, Values]:
    """The place of the regions in a box, across and down: 0 in the middle, 1 at the edge, more outside."""
    x0, y0, x1, y1 = box
    u = np.abs(regions.centres[:, 0] - (x0 + x1) / 2) / max((x1 - x0) / 2, 0.5)
    v = np.abs(regions.centres[:, 1] - (y0 + y1) / 2) / max((y1 - y0) / 2, 0.5)
    return u.astype(np.float32), v.astype(np.float32)


def _unlike_outside(regions: Regions, box: tuple[float, float, float, float]) -> Values:
    """How much (n,) the colours of regions in a box are those of its inside; told from the outside's in a few turns.

    The idea of GrabCut (Rother et al. 2004) without the cut: colours inside that also lie outside are given up.
    """
    u, v = _in_box(regions, box)
    inside = (np.maximum(u, v) <= 1).astype(np.float32)
    weights = inside
    for _ in range(_COLOUR_TURNS):
        inner = regions.kinship @ (weights * regions.sizes)
        outer = regions.kinship @ ((1 - weights) * regions.sizes)
        odds = np.log((inner / max(float(inner.sum()), 1.0) + 1e-6) / (outer / max(float(outer.sum()), 1.0) + 1e-6))
        weights = (inside / (1 + np.exp(-2 * odds))).astype(np.float32)
    return weights
