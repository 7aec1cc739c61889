"""Views: the part of the image that is looked at, reduced to a working size, and the way back to full resolution."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models.classic.regions import Regions, Values, build_regions

WORKING_PIXELS = 250_000
"""The most pixels a view has."""

FINE_PIXELS = 4_000_000
"""The most pixels an edge is refined on: full resolution for objects up to that size, as near as possible beyond."""

_FAINT = 0.03
_GUIDE_RADIUS = 3
_GUIDE_SOFTNESS = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A crop of the image, ``area`` xyxy whole image pixels, reduced and cut into regions."""

    area: tuple[int, int, int, int]
    regions: Regions

    @property
    def scale(self) -> tuple[float, float]:
        """View pixels per image pixel, in x and y (at most 1)."""
        h, w = self.regions.labels.shape
        x0, y0, x1, y1 = self.area
        return w / (x1 - x0), h / (y1 - y0)

    def points(self, image_points: Values) -> Values:
        """Image coordinates (k, 2) -> view pixels."""
        origin = np.array(self.area[:2], dtype=np.float32)
        return ((image_points - origin) * np.array(self.scale, dtype=np.float32)).astype(np.float32)

    def matrix(self, other: View) -> NDArray[np.float64]:
        """The 2 × 3 affine map from pixel indices of this view to pixel indices of another (for warpAffine)."""
        (sx, sy), (tx, ty) = self.scale, other.scale
        (ax, ay), (bx, by) = self.area[:2], other.area[:2]
        return np.array(
            [
                [tx / sx, 0, (0.5 / sx + ax - bx) * tx - 0.5],
                [0, ty / sy, (0.5 / sy + ay - by) * ty - 0.5],
            ]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """The object's surroundings at fine resolution: ``probability`` (h, w) lies over ``area`` xyxy, image pixels.

    ``reach`` is half the size, in its pixels, of what the view could tell apart.
    """

    area: tuple[int, int, int, int]
    probability: Values
    reach: float

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the cut per image pixel, in x and y (at most 1)."""
        h, w = self.probability.shape
        x0, y0, x1, y1 = self.area
        return w / (x1 - x0), h / (y1 - y0)

    def points(self, image_points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Image coordinates (k, 2) -> coordinates in the cut."""
        inside: NDArray[np.float64] = (image_points - np.array(self.area[:2])) * np.array(self.scale)
        return inside


def look(pixels: NDArray[np.uint8], area: tuple[int, int, int, int]) -> View:
    """Reduce the crop to :data:`WORKING_PIXELS` and cut it into regions (some 100 ms on one core)."""
    x0, y0, x1, y1 = area
    crop = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    factor = min(1.0, sqrt(WORKING_PIXELS / (crop.shape[0] * crop.shape[1])))
    if factor < 1:
        size = (max(1, floor(crop.shape[1] * factor)), max(1, floor(crop.shape[0] * factor)))
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return View(area, build_regions(crop))


def surrounding(
    bounds: tuple[float, float, float, float], height: int, width: int, margin: float = 0.6
) -> tuple[int, int, int, int]:
    """The crop with ``margin`` of the bounds' larger side on every side, kept inside the image, never empty."""
    x0, y0, x1, y1 = bounds
    room = margin * max(x1 - x0, y1 - y0, 32.0)
    left, top = max(0, floor(x0 - room)), max(0, floor(y0 - room))
    right, bottom = min(width, ceil(x1 + room)), min(height, ceil(y1 + room))
    return min(left, width - 1), min(top, height - 1), max(right, left + 1), max(bottom, top + 1)


def soft_edges(view: View, flat: Values) -> Values:
    """A map (h, w) of probabilities -> one whose borders the image's own edges bend."""
    lightness = (view.regions.lab[..., 0] / 255).astype(np.float32)
    slope, offset = _guided(lightness, flat, _GUIDE_RADIUS, _GUIDE_SOFTNESS)
    fine = slope * lightness + offset
    return np.clip(0.5 * fine + 0.5 * cv2.GaussianBlur(flat, (0, 0), 0.8), 0, 1).astype(np.float32)


def fine_cut(view: View, probability: Values, pixels: NDArray[np.uint8], kept: Values) -> Cut:
    """Cut out where a view's map (h, w) is not plainly background and refine it there along the image's edges.

    The points ``kept`` (k, 2), in view pixels, are in the cut whatever the map says.
    """
    h, w = probability.shape
    likely = (probability > _FAINT).astype(np.uint8)
    at = np.clip(np.floor(kept), 0, (w - 1, h - 1)).astype(np.int64)
    likely[at[:, 1], at[:, 0]] = 1
    found = cv2.boundingRect(likely)
    left, top, right, bottom = found[0] - 4, found[1] - 4, found[0] + found[2] + 4, found[1] + found[3] + 4
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, w), min(bottom, h)
    (sx, sy), (ax, ay, bx, by) = view.scale, view.area
    # whole image pixels; the view's rim is the area's rim
    x0, y0 = ax + floor(left / sx), ay + floor(top / sy)
    x1, y1 = min(bx, ax + ceil(right / sx)), min(by, ay + ceil(bottom / sy))
    factor = min(1.0, sqrt(FINE_PIXELS / ((x1 - x0) * (y1 - y0))))
    width, height = max(1, floor((x1 - x0) * factor)), max(1, floor((y1 - y0) * factor))
    crop = pixels[y0:y1, x0:x1]
    if factor < 1:
        crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    tx, ty = width / (x1 - x0), height / (y1 - y0)
    # indices of the cut -> indices of the map: both stand for pixel centres
    back = np.array([[sx / tx, 0, (0.5 / tx + x0 - ax) * sx - 0.5], [0, sy / ty, (0.5 / ty + y0 - ay) * sy - 0.5]])
    reach = max(1.0, 1.5 * tx / sx)
    return Cut((x0, y0, x1, y1), _refined(probability, np.ascontiguousarray(crop), back), reach)


def _refined(probability: Values, pixels: NDArray[np.uint8], back: NDArray[np.float64]) -> Values:
    """Enlarge a map to the pixels of a cut, uint8 (H, W, 3), along their edges; ``back`` maps cut to map indices.

    The fast guided filter (He and Sun 2015): the local linear model is fitted at the size of the map and applied at
    the fine one. Returns float32 (H, W) in [0, 1].
    """
    height, width = pixels.shape[:2]
    h, w = probability.shape
    linear = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

    def enlarged(small: Values) -> Values:
        fine = cv2.warpAffine(small, back, (width, height), flags=linear, borderMode=cv2.BORDER_REPLICATE)
        return fine.astype(np.float32, copy=False)

    plain = enlarged(probability)
    if back[0, 0] == 1:
        return plain
    grey = (cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) / np.float32(255)).astype(np.float32)
    forth = cv2.invertAffineTransform(back)
    # averaged over the map's pixels: a point sample would bring noise in
    blurred = cv2.GaussianBlur(grey, (0, 0), 0.4 / back[0, 0])
    guide = cv2.warpAffine(blurred, forth, (w, h), flags=linear, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    slope, offset = _guided(guide, probability, _GUIDE_RADIUS, _GUIDE_SOFTNESS)
    bent = enlarged(slope) * grey + enlarged(offset)
    # near the map itself: the model may only move the edge, not invent one
    near: Values = np.clip(bent, np.maximum(plain - 0.3, 0), np.minimum(plain + 0.3, 1)).astype(np.float32, copy=False)
    return near


def _guided(guide: Values, values: Values, radius: int, softness: float) -> tuple[Values, Values]:
    """Slope and offset of the guided filter (He, Sun and Tang 2010), smoothed over the window."""
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(array: Values) -> Values:
        return cv2.blur(array, window).astype(np.float32, copy=False)

    guide_mean, value_mean = mean(guide), mean(values)
    variance = mean((guide * guide).astype(np.float32)) - guide_mean * guide_mean
    covariance = mean((guide * values).astype(np.float32)) - guide_mean * value_mean
    slope = covariance / (variance + softness)
    return mean(slope.astype(np.float32)), mean((value_mean - slope * guide_mean).astype(np.float32))
