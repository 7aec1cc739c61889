"""Views: square pieces of an image at the network's size, as wide as the image or as close as the object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

VIEW = 256
"""Side of a training view in pixels."""

TARGET = VIEW // 2
"""Side of the masks that the network predicts."""

MIN_SIDE = 56.0
"""The closest view shows so many image pixels: upscaling further adds nothing."""

MIN_VISIBLE_AREA = 24
"""A target smaller than this (pixels of the TARGET grid) is not worth a lesson."""

TURNED_SHARE, MOST_TURN, MOST_STRETCH = 0.4, 25.0, 0.18
"""How often a view is turned, by how many degrees at most, and the largest logarithm of a stretch along an axis."""

KIND_SHARES = {"whole": 0.28, "wide": 0.24, "zoom": 0.30, "part": 0.18}
"""How often each kind of view is drawn. A part shows a piece of the object's border from close by, as the engine's
last look at a correction does; the others show the whole object."""


@dataclass(frozen=True, slots=True)
class View:
    """``pixels`` uint8 (VIEW, VIEW, 3); ``target`` float32 (TARGET, TARGET) coverage by the object in [0, 1];
    ``known`` float32 (TARGET, TARGET): 0 where the truth is unknown or outside the image; ``is_part`` says that the
    object goes on beyond the view."""

    pixels: NDArray[np.uint8]
    target: NDArray[np.float32]
    known: NDArray[np.float32]
    is_part: bool = False


def square_for(
    kind: str, box: tuple[int, int, int, int], size: tuple[int, int], random: np.random.Generator
) -> tuple[float, float, float]:
    """Left, top and side of a square that shows the object of ``box`` (xyxy) in an image of ``size`` (w, h)."""
    width, height = size
    x0, y0, x1, y1 = box
    extent = float(max(x1 - x0, y1 - y0))
    short, long = float(min(size)), float(max(size))
    if kind == "whole":
        side = max(short * random.uniform(0.85, 1.15), extent * 1.04)
    elif kind == "wide":
        side = min(extent * random.uniform(2.0, 4.0), max(short, extent * 1.1))
    else:
        side = extent * random.uniform(1.12, 2.0)
    side = max(min(side, long * 1.1), MIN_SIDE)
    return _start(x0, x1, width, side, random), _start(y0, y1, height, side, random), side


def part_square(
    mask: NDArray[np.bool_], box: tuple[int, int, int, int], random: np.random.Generator
) -> tuple[float, float, float]:
    """Left, top and side of a square round a random place on the object's border, smaller than the object."""
    x0, y0, x1, y1 = box
    inside = mask[y0:y1, x0:x1].astype(np.uint8)
    padded = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    rows, columns = np.nonzero(inside - cv2.erode(padded, np.ones((3, 3), np.uint8))[1:-1, 1:-1])
    index = int(random.integers(len(rows)))
    side = max(float(max(x1 - x0, y1 - y0)) * random.uniform(0.3, 0.75), MIN_SIDE)
    off_x, off_y = random.uniform(-0.3, 0.3, 2) * side
    return x0 + float(columns[index]) + off_x - side / 2, y0 + float(rows[index]) + off_y - side / 2, side


def _start(low: int, high: int, length: int, side: float, random: np.random.Generator) -> float:
    """Where a span of ``side`` begins so that it covers [low, high) and strays from the image as little as it can."""
    first, last = high - side, float(low)
    inside_first, inside_last = max(first, 0.0), min(last, length - side)
    if inside_first <= inside_last:
        first, last = inside_first, inside_last
    elif side >= length:
        first = last = (length - side) / 2
    return float(random.uniform(min(first, last), max(first, last)))


def cut(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], ignored: NDArray[np.bool_], square: tuple[float, float, float]
) -> View:
    """The view of a square (left, top, side): pixels repeated beyond the image's border, where nothing is known."""
    left, top, side = square
    x0, y0, extent = round(left), round(top), max(round(side), 8)
    height, width = mask.shape
    cx0, cy0, cx1, cy1 = max(x0, 0), max(y0, 0), min(x0 + extent, width), min(y0 + extent, height)
    pads = (cy0 - y0, y0 + extent - cy1, cx0 - x0, x0 + extent - cx1)
    image = cv2.copyMakeBorder(pixels[cy0:cy1, cx0:cx1], *pads, cv2.BORDER_REPLICATE)
    inside = mask[cy0:cy1, cx0:cx1].astype(np.float32)
    known = 1.0 - ignored[cy0:cy1, cx0:cx1].astype(np.float32)
    covered = cv2.copyMakeBorder(inside, *pads, cv2.BORDER_CONSTANT, value=0.0)
    told = cv2.copyMakeBorder(known, *pads, cv2.BORDER_CONSTANT, value=0.0)
    shrinks = extent > VIEW
    image = cv2.resize(image, (VIEW, VIEW), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    how = cv2.INTER_AREA if extent > TARGET else cv2.INTER_LINEAR
    target = cv2.resize(covered, (TARGET, TARGET), interpolation=how)
    sure = cv2.resize(told, (TARGET, TARGET), interpolation=how) > 0.5
    return View(image.astype(np.uint8), target.astype(np.float32), sure.astype(np.float32))


def turned(view: View, random: np.random.Generator) -> View:
    """Turned by up to :data:`MOST_TURN`, stretched by up to :data:`MOST_STRETCH`; the corners are not known then."""
    angle = np.deg2rad(random.uniform(-MOST_TURN, MOST_TURN))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn * np.exp(random.uniform(-MOST_STRETCH, MOST_STRETCH, 2))

    def seen(values: NDArray[Any], border: int) -> NDArray[Any]:
        centre = values.shape[0] / 2 - 0.5
        matrix = np.column_stack([linear, centre - linear @ (centre, centre)])
        size = values.shape[1], values.shape[0]
        return cv2.warpAffine(values, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)

    known = (seen(view.known, cv2.BORDER_CONSTANT) > 0.99).astype(np.float32)
    return View(seen(view.pixels, cv2.BORDER_REFLECT), seen(view.target, cv2.BORDER_CONSTANT), known, view.is_part)


def augmented(view: View, random: np.random.Generator) -> View:
    """Turned now and then, mirrored half of the time; brightness, contrast and saturation changed; rarely grey."""
    if random.random() < TURNED_SHARE:
        after = turned(view, random)
        view = after if (after.target * after.known).sum() >= MIN_VISIBLE_AREA else view
    pixels, target, known = view.pixels, view.target, view.known
    if random.random() < 0.5:
        pixels, target, known = pixels[:, ::-1], target[:, ::-1], known[:, ::-1]
    if random.random() < 0.7:
        values = pixels.astype(np.float32)
        grey = values.mean(2, keepdims=True)
        values = grey + (values - grey) * (0.0 if random.random() < 0.04 else random.uniform(0.7, 1.3))
        values = (values - 127.0) * random.uniform(0.75, 1.25) + 127.0 + random.uniform(-24, 24)
        pixels = np.clip(values, 0, 255).astype(np.uint8)
    return View(
        np.ascontiguousarray(pixels), np.ascontiguousarray(target), np.ascontiguousarray(known), is_part=view.is_part
    )


def draw_view(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    values: tuple[int, ...],
    ignored_value: int,
    random: np.random.Generator,
    parts: bool = True,
) -> View | None:
    """A random view of the objects ``values``, or None when too little of them shows; ``parts``: may it be a part."""
    mask = np.isin(labels, values)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    kinds = [kind for kind in KIND_SHARES if parts or kind != "part"]
    shares = np.array([KIND_SHARES[kind] for kind in kinds])
    kind = str(random.choice(kinds, p=shares / shares.sum()))
    if kind == "part":
        square = part_square(mask, box, random)
    else:
        square = square_for(kind, box, (labels.shape[1], labels.shape[0]), random)
    view = replace(cut(pixels, mask, labels == ignored_value, square), is_part=kind == "part")
    return view if view.target.sum() >= MIN_VISIBLE_AREA else None
