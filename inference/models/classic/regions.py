"""Regions: an image as a few hundred to some thousand watershed regions and the graph of their borders."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

REGIONS = 1400
"""About how many regions a view is cut into: one takes some 140 pixels of a 0.2 megapixel view."""

_KEPT_SPREADS = 8

Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of one view (an image reduced, or a crop of it) and their neighbourhood.

    ``labels`` int32 (h, w) with values 0 … n-1; ``centres`` (n, 2) xy in view pixels; ``colours`` (n, 3) mean Lab in
    [0, 1]; ``sizes`` (n,) pixels; ``edges`` (m, 2) neighbouring regions; ``barriers`` (m,) mean edge strength along
    their border in [0, 1]; ``contours`` (h, w) edge strength per pixel; ``lab`` uint8 (h, w, 3).
    """

    lab: NDArray[np.uint8]
    labels: NDArray[np.int32]
    centres: Values
    colours: Values
    sizes: Values
    edges: NDArray[np.int32]
    barriers: Values
    contours: Values

    @property
    def count(self) -> int:
        return len(self.sizes)

    @property
    def nbytes(self) -> int:
        arrays = (self.lab, self.labels, self.centres, self.colours, self.edges, self.contours)
        # the table of kinship is the largest
        return sum(int(array.nbytes) for array in arrays) + 4 * self.count**2

    @property
    def diagonal(self) -> float:
        """The diagonal of the view in pixels: the unit of distances."""
        return float(np.hypot(*self.labels.shape))

    @property
    def step(self) -> float:
        """The side of a region of mean size, in view pixels."""
        return float(np.sqrt(self.sizes.mean()))

    @cached_property
    def texture(self) -> Values:
        """The mean edge strength (n,) inside each region."""
        return self.averages(self.contours)

    def averages(self, values: Values) -> Values:
        """The mean (n,) over each region of a map (h, w)."""
        sums = np.bincount(self.labels.ravel(), values.ravel(), self.count)
        return (sums / self.sizes).astype(np.float32)

    @cached_property
    def border_share(self) -> Values:
        """How far (n,) a region is from the border of the view along cheap paths: low for background."""
        rim = np.unique(np.concatenate([self.labels[0], self.labels[-1], self.labels[:, 0], self.labels[:, -1]]))
        return self.walk(rim.tolist())

    @cached_property
    def kinship(self) -> Values:
        """How alike the colours of two regions are, (n, n) in [0, 1]; the lightness counts half."""
        scaled = self.colours * np.array((12, 24, 24), dtype=np.float32)
        norms = (scaled * scaled).sum(axis=1)
        # in place: the array is large
        alike: Values = scaled @ (2 * scaled.T)
        alike -= norms[:, None]
        alike -= norms
        np.minimum(alike, 0, out=alike)
        np.exp(alike, out=alike)
        return alike

    def prepare(self) -> None:
        """Work out now what the first round would otherwise wait for."""
        _ = self.kinship, self.border_share

    @cached_property
    def _neighbours(self) -> list[list[tuple[int, float, float]]]:
        steps = np.hypot(*(self.centres[self.edges[:, 0]] - self.centres[self.edges[:, 1]]).T) / self.diagonal
        colour = np.linalg.norm(self.colours[self.edges[:, 0]] - self.colours[self.edges[:, 1]], axis=1)
        height = 0.5 * self.barriers + 0.5 * np.minimum(1.0, 3 * colour)
        cost = height + 0.3 * steps
        table: list[list[tuple[int, float, float]]] = [[] for _ in range(self.count)]
        for (a, b), c, top in zip(self.edges.tolist(), cost.tolist(), height.tolist(), strict=True):
            table[a].append((b, c, top))
            table[b].append((a, c, top))
        return table

    def walk(self, seeds: Iterable[int]) -> Values:
        """The geodesic distance (n,) of every region from the seeds: the sum of the barriers on the best path."""
        return self._remembered(seeds, highest=False)

    def climb(self, seeds: Iterable[int]) -> Values:
        """The ultrametric distance (n,) from the seeds: the highest barrier on the path where it is lowest."""
        return self._remembered(seeds, highest=True)

    @cached_property
    def _spreads(self) -> dict[tuple[bool, tuple[int, ...]], Values]:
        return {}

    def _remembered(self, seeds: Iterable[int], highest: bool) -> Values:
        """The last few distances are kept: a round changes the prompts of one sign only."""
        key = (highest, tuple(seeds))
        known = self._spreads.pop(key, None)
        if known is None:
            known = self._spread(key[1], highest)
        while len(self._spreads) >= _KEPT_SPREADS:
            self._spreads.pop(next(iter(self._spreads)))
        self._spreads[key] = known
        return known

    def _spread(self, seeds: Iterable[int], highest: bool) -> Values:
        table = self._neighbours
        best = [np.inf] * self.count
        queue: list[tuple[float, int]] = []
        for seed in seeds:
            best[seed] = 0.0
            queue.append((0.0, seed))
        while queue:
            reached, region = heapq.heappop(queue)
            if reached > best[region]:
                continue
            for other, cost, top in table[region]:
                value = (top if top > reached else reached) if highest else reached + cost
                if value < best[other]:
                    best[other] = value
                    heapq.heappush(queue, (value, other))
        return np.minimum(np.array(best, dtype=np.float32), 9.0)

    def averaged(self, values: Values, weights: Values, passes: int) -> Values:
        """Smooth values (n,) over the graph: each pass averages a region with its neighbours, weighted (m,)."""
        a, b = self.edges[:, 0], self.edges[:, 1]
        total = 1.0 + np.bincount(a, weights, self.count) + np.bincount(b, weights, self.count)
        current = values.astype(np.float64)
        for _ in range(passes):
            inflow = np.bincount(a, weights * current[b], self.count) + np.bincount(b, weights * current[a], self.count)
            current = (values + inflow) / total
        return current.astype(np.float32)


def build_regions(pixels: NDArray[np.uint8], count: int = REGIONS) -> Regions:
    """Cut a view, uint8 (h, w, 3) RGB, into about ``count`` regions that keep to its edges."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.uint8, copy=False)
    contours = _edge_strength(lab)
    labels = _watershed(lab, contours, count)
    n = int(labels.max()) + 1
    flat = labels.ravel()
    sizes = np.bincount(flat, minlength=n).astype(np.float32)
    h, w = labels.shape
    columns, rows = np.meshgrid(np.arange(w, dtype=np.float32) + 0.5, np.arange(h, dtype=np.float32) + 0.5)

    def mean(channel: NDArray[np.generic]) -> Values:
        return (np.bincount(flat, channel.ravel(), n) / sizes).astype(np.float32)

    centres = np.stack([mean(columns), mean(rows)], axis=1)
    colours = np.stack([mean(lab[..., channel]) for channel in range(3)], axis=1) / 255.0
    edges, barriers = _borders(labels, contours, n)
    return Regions(lab, labels, centres, colours.astype(np.float32), sizes, edges, barriers, contours)


def _edge_strength(lab: NDArray[np.uint8]) -> Values:
    """The colour gradient at two scales, scaled by the image's own strong edges to [0, 1]."""
    total = np.zeros(lab.shape[:2], dtype=np.float32)
    for sigma in (0.8, 2.0):
        smooth = cv2.GaussianBlur(lab, (0, 0), sigma).astype(np.float32)
        dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=0.125)
        dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=0.125)
        total += sigma * np.sqrt((dx * dx + dy * dy).sum(axis=2))
    # an absolute floor keeps the noise of a flat image from counting as edges
    strong = max(float(np.percentile(total, 97)), 12.0)
    scaled: Values = np.minimum(total / strong, 1.0).astype(np.float32)
    return scaled


def _watershed(lab: NDArray[np.uint8], contours: Values, count: int) -> NDArray[np.int32]:
    """Flood from the flattest pixel of every cell of a grid; the watershed lines go to a neighbouring region."""
    h, w = contours.shape
    step = max(2, round(float(np.sqrt(h * w / count))))
    markers = np.zeros((h, w), dtype=np.int32)
    number = 0
    for top in range(0, h, step):
        for left in range(0, w, step):
            cell = contours[top : top + step, left : left + step]
            row, column = divmod(int(cell.argmin()), cell.shape[1])
            number += 1
            markers[top + row, left + column] = number
    # OpenCV writes -1 along the rim of what it floods: a replicated frame takes those
    flooded = cv2.watershed(
        cv2.copyMakeBorder(cv2.GaussianBlur(lab, (0, 0), 0.8), 1, 1, 1, 1, cv2.BORDER_REPLICATE),
        cv2.copyMakeBorder(markers, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0),
    )[1:-1, 1:-1]
    lines = flooded <= 0
    if lines.any():
        _, nearest = cv2.distanceTransformWithLabels(
            lines.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        owner = np.zeros(int(nearest.max()) + 1, dtype=np.int32)
        owner[nearest[~lines]] = flooded[~lines]
        flooded = np.where(lines, owner[nearest], flooded)
    # numbers without gaps: a marker may have been flooded by its neighbours
    present = np.bincount(flooded.ravel()) > 0
    numbers = (np.cumsum(present) - 1).astype(np.int32)
    labels: NDArray[np.int32] = numbers[flooded]
    return labels


def _borders(labels: NDArray[np.int32], contours: Values, n: int) -> tuple[NDArray[np.int32], Values]:
    pairs, strengths = [], []
    for first, second in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
    ):
        a, b = labels[first], labels[second]
        differ = a != b
        low, high = np.minimum(a, b)[differ].astype(np.int64), np.maximum(a, b)[differ]
        pairs.append(low * n + high)
        strengths.append(np.maximum(contours[first], contours[second])[differ])
    keys, inverse = np.unique(np.concatenate(pairs), return_inverse=True)
    strength = np.concatenate(strengths)
    barriers = np.bincount(inverse, strength, len(keys)) / np.maximum(np.bincount(inverse, minlength=len(keys)), 1)
    edges = np.stack([keys // n, keys % n], axis=1).astype(np.int32)
    return edges, barriers.astype(np.float32)
