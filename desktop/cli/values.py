"""The forms in which the command line takes prompts (design.md §6), for example ``--point 120,80,-``."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from desktop.cli.output import InputProblem
from inference import vocabularies
from inference.engine import Vocabulary
from inference.prompts import Box, MaskArray, Point, Scribble
from inference.vocabularies import BadVocabulary

SCRIBBLE_WIDTH = 8.0
_SIGNS = {"+": True, "-": False, "−": False}


def point(text: str) -> Point:
    """``X,Y[,+|-]`` in image coordinates; without a sign positive."""
    (x, y), positive = _split(text, 2, "--point X,Y[,+|-]")
    return Point(x, y, positive)


def box(text: str) -> Box:
    """``X0,Y0,X1,Y1[,+|-]``, right and bottom exclusive; corners may come in any order."""
    (x0, y0, x1, y1), positive = _split(text, 4, "--box X0,Y0,X1,Y1[,+|-]")
    if x0 == x1 or y0 == y1:
        raise InputProblem(f"--box {text} has no area.")
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1), positive=positive)


def scribble(text: str) -> Scribble:
    """``"X,Y X,Y …[,+|-]"``: the vertices of the stroke."""
    form = '--scribble "X,Y X,Y …[,+|-]"'
    words = text.split()
    positive = True
    if words and words[-1].rpartition(",")[2] in _SIGNS:
        rest, _, sign = words[-1].rpartition(",")
        positive = _SIGNS[sign]
        words = [*words[:-1], rest] if rest else words[:-1]
    if not words:
        raise InputProblem(f"'{text}' is not of the form {form}.")
    vertices = tuple((x, y) for (x, y), _ in (_split(word, 2, form, signed=False) for word in words))
    return Scribble(vertices, SCRIBBLE_WIDTH, positive)


def mask_file(path: Path, size: tuple[int, int] | None = None) -> MaskArray:
    """Read a mask image: what is not 0 is inside. ``size`` is the (width, height) that it must have."""
    try:
        with PillowImage.open(path) as image:
            values = np.asarray(image)
    except FileNotFoundError:
        raise InputProblem(f"{path} does not exist.") from None
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise InputProblem(f"{path} cannot be read as a mask image: {error}.") from None
    inside: MaskArray = (values if values.ndim == 2 else values[..., :3].any(axis=2)) != 0
    if size is not None and (inside.shape[1], inside.shape[0]) != size:
        have = f"{inside.shape[1]}×{inside.shape[0]}"
        raise InputProblem(f"{path} is {have} pixels, but the image is {size[0]}×{size[1]}.")
    if not inside.any():
        raise InputProblem(f"{path} is an empty mask.")
    return inside


def names(text: str) -> tuple[str, ...]:
    """As :func:`vocabulary`, the names alone."""
    return vocabulary(text).names


def vocabulary(text: str) -> Vocabulary:
    """A comma-separated list, a file of names (:mod:`inference.vocabularies`), or the name of a packaged list."""
    try:
        if "," not in text and Path(text).is_file():
            return vocabularies.read(Path(text))
        if text in vocabularies.packaged_names():
            return vocabularies.packaged(text)
    except BadVocabulary as error:
        raise InputProblem(str(error)) from None
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not found:
        raise InputProblem(f"'{text}' holds no names.")
    return Vocabulary(found)


def _split(text: str, count: int, form: str, *, signed: bool = True) -> tuple[list[float], bool]:
    words = [word.strip() for word in text.split(",")]
    positive = True
    if signed and len(words) == count + 1 and words[-1] in _SIGNS:
        positive = _SIGNS[words.pop()]
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise InputProblem(f"'{text}' is not of the form {form}.")
    return numbers, positive
