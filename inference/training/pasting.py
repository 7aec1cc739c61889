"""Pasted lessons: an object cut out of another photo, as the target or in front of it.

A few thousand photos are soon learned by heart, and with them what in each of them somebody had labelled. An object
before a background of another photo was never seen before (Ghiasi et al. 2021, "Simple Copy-Paste").
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.training.views import MIN_VISIBLE_AREA, TARGET, VIEW, View

LONGEST_BORDER_RUN = 0.25
"""An object that meets its photo's border along more than this part of its box is cut off there: no good donor."""

SMALLEST_DONOR = 900
"""Pixels that a donor has at least: smaller ones show nothing when enlarged."""

LEAST_LEFT = 0.45
"""What must stay visible of a target behind a pasted object."""


@dataclass(frozen=True, slots=True)
class Donor:
    """An object's box of its photo: ``pixels`` uint8 (h, w, 3), ``alpha`` float32 (h, w), 1 on the object."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.float32]


def donor_of(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Donor | None:
    """The object of ``mask`` (H, W) ready to be pasted, or None when it is too small or cut off by the border."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if np.count_nonzero(mask) < SMALLEST_DONOR:
        return None
    runs = mask[0].sum(), mask[-1].sum(), mask[:, 0].sum(), mask[:, -1].sum()
    lengths = len(columns), len(columns), len(rows), len(rows)
    if any(run > LONGEST_BORDER_RUN * length for run, length in zip(runs, lengths, strict=True)):
        return None
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Donor(np.ascontiguousarray(pixels[part]), mask[part].astype(np.float32))


def pasted_as_target(background: View, donor: Donor, random: np.random.Generator) -> View | None:
    """The donor somewhere on the background's pixels, as the target; None when too little of it shows."""
    placed, alpha = _placed(donor, VIEW * random.uniform(0.2, 0.85), None, random)
    target = cv2.resize(alpha, (TARGET, TARGET), interpolation=cv2.INTER_AREA)
    if target.sum() < MIN_VISIBLE_AREA:
        return None
    known = np.ones((TARGET, TARGET), np.float32)
    # the thing that it lies on is what an engine might take it for
    wrong = np.maximum(target, background.target) if (target * background.target).sum() >= MIN_VISIBLE_AREA else None
    return View(_mixed(background.pixels, placed, alpha), target.astype(np.float32), known, wrong=wrong)


def pasted_in_front(view: View, donor: Donor, random: np.random.Generator) -> View | None:
    """The view with the donor over a piece of its target; None when it hides too much of it or misses it."""
    rows, columns = np.nonzero(view.target > 0.5)
    if not len(rows):
        return None
    index = int(random.integers(len(rows)))
    centre = (float(columns[index]) * VIEW / TARGET, float(rows[index]) * VIEW / TARGET)
    extent = float(np.sqrt(len(rows))) * VIEW / TARGET
    placed, alpha = _placed(donor, max(extent * random.uniform(0.4, 1.2), 24.0), centre, random)
    hidden = cv2.resize(alpha, (TARGET, TARGET), interpolation=cv2.INTER_AREA)
    target = (view.target * (1 - hidden)).astype(np.float32)
    before, after = float(view.target.sum()), float((target * view.known).sum())
    if after < max(LEAST_LEFT * before, MIN_VISIBLE_AREA) or after > 0.99 * before:
        return None
    known = np.where(hidden > 0.5, np.float32(1), view.known)
    return replace(view, pixels=_mixed(view.pixels, placed, alpha), target=target, known=known)


def _placed(
    donor: Donor, extent: float, centre: tuple[float, float] | None, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The donor with its longer side ``extent`` view pixels long, round ``centre`` or anywhere: pixels and alpha of a
    whole view, zero where it is not."""
    height, width = donor.alpha.shape
    scale = extent / max(height, width)
    size = max(round(width * scale), 4), max(round(height * scale), 4)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    flip = -1 if random.random() < 0.5 else 1
    alpha = cv2.resize(donor.alpha, size, interpolation=how)[:, ::flip]
    if centre is None:
        # mostly inside: what sticks out is cut off by the view's border, as in a photo
        room = VIEW - size[0], VIEW - size[1]
        left, top = (
            round(random.uniform(min(-0.1 * s, r), max(r + 0.1 * s, 0))) for s, r in zip(size, room, strict=True)
        )
    else:
        left, top = round(centre[0] - size[0] / 2), round(centre[1] - size[1] / 2)
    pixels = np.zeros((VIEW, VIEW, 3), np.uint8)
    whole = np.zeros((VIEW, VIEW), np.float32)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + size[0], VIEW), min(top + size[1], VIEW)
    if x0 < x1 and y0 < y1:
        inner = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        pixels[y0:y1, x0:x1] = cv2.resize(donor.pixels, size, interpolation=how)[:, ::flip][inner]
        whole[y0:y1, x0:x1] = alpha[inner]
    return pixels, whole


def _mixed(below: NDArray[np.uint8], above: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """``above`` over ``below``; its edge is a little soft and drawn in, or the donor's old background would show."""
    soft = np.clip(cv2.GaussianBlur(alpha, (0, 0), 0.9) * 1.6 - 0.6, 0, 1)[:, :, None]
    mixed: NDArray[np.uint8] = np.round(below * (1 - soft) + above * soft).astype(np.uint8)
    return mixed
