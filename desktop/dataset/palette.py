"""Twenty class colours that stay apart for people with any of the three colour-vision deficiencies (ux.md §20).

Free of Qt. Colours were chosen by exchange: from a grid of sRGB colours of middle to high Oklab lightness (0.42–0.94),
the twenty whose smallest distance in Oklab, taken over normal vision and three simulated dichromacies, is largest. That
forces differences of lightness and of the blue-yellow axis, which dichromats see. Classes keep their colour in every
theme; the first ones are vivid, so that they stand out on photographs, and differ most.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import combinations
from math import dist

import numpy as np
from numpy.typing import NDArray

CLASS_COLOURS = (
    "#4bf03c", "#b478ff", "#c32d1e", "#780096", "#962dff", "#960000", "#e19600", "#4b00d2", "#ff3cc3", "#a53ca5",
    "#c37800", "#c3a5ff", "#f0f0a5", "#5a9678", "#2d785a", "#a5fff0", "#78b487", "#c3d2ff", "#f0c3b4", "#5a4b69",
)  # fmt: skip


class Vision(StrEnum):
    NORMAL = "normal"
    PROTANOPIA = "protanopia"
    DEUTERANOPIA = "deuteranopia"
    TRITANOPIA = "tritanopia"


# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB
_SIMULATION = {
    Vision.NORMAL: np.eye(3),
    Vision.PROTANOPIA: np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    Vision.DEUTERANOPIA: np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    Vision.TRITANOPIA: np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}

# Ottosson 2020: linear sRGB -> cone responses -> Oklab
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(colour: str, vision: Vision = Vision.NORMAL) -> NDArray[np.float64]:
    """Oklab coordinates (L, a, b), float64 (3,), of ``#rrggbb`` as a person with that vision sees it."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(_SIMULATION[vision] @ linear, 0, 1)
    return np.asarray(_TO_OKLAB @ np.cbrt(_TO_CONES @ seen), dtype=np.float64)


def smallest_distance(colours: Sequence[str], vision: Vision) -> float:
    """The least Oklab distance between two of the colours; 0.02 is about a just noticeable difference."""
    places = [oklab(colour, vision) for colour in colours]
    return min(dist(a, b) for a, b in combinations(places, 2))


def class_colour(position: int) -> str:
    """The colour of the class at ``position`` (from 0) of the list, going round after 20."""
    return CLASS_COLOURS[position % len(CLASS_COLOURS)]


def next_colour(used: Sequence[str]) -> str:
    """The first colour that no class has yet; when all are taken, the one that is used least."""
    counts = dict.fromkeys(CLASS_COLOURS, 0)
    for colour in used:
        if colour.lower() in counts:
            counts[colour.lower()] += 1
    return min(CLASS_COLOURS, key=lambda colour: counts[colour])
