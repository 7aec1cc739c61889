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


def soft_edges(view: View, probability: Values) -> Values:
    """Region probabilities (n,) -> a map (h, w) in which the image's own edges bend the regions' borders."""
    flat = probability[view.regions.labels]
    lightness = (view.regions.lab[..., 0] / 255).astype(np.float32)
    slope, offset = _guided(lightness, flat, _GUIDE_RADIUS, _GUIDE_SOFTNESS)
    fine = slope * lightness + offset
    return np.clip(0.5 * fine + 0.5 * cv2.GaussianBlur(flat, (0, 0), 0.8), 0, 1).astype(np.float32)


def to_full_resolution(probability: Values, pixels: NDArray[np.uint8]) -> Values:
    """Enlarge a map (h, w) to the crop it was computed on, uint8 (H, W, 3), along the crop's own edges.

    The fast guided filter (He and Sun 2015): the local linear model is fitted at the size of the map and applied at
    full resolution. Returns float32 (H, W) in [0, 1].
    """
    height, width = pixels.shape[:2]
    h, w = probability.shape
    if (h, w) == (height, width):
        return probability
    small = cv2.cvtColor(cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    slope, offset = _guided((small / 255).astype(np.float32), probability, _GUIDE_RADIUS, _GUIDE_SOFTNESS)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey *= cv2.resize(slope, (width, height), interpolation=cv2.INTER_LINEAR) / 255
    grey += cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
    # near the map itself: the model may only move the edge, not invent one
    plain = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(grey, np.maximum(plain - 0.3, 0), np.minimum(plain + 0.3, 1)).astype(np.float32, copy=False)


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
