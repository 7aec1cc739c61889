"""The forms in which prompts are written on the command line (design.md §6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from desktop.cli.failures import BadInput
from desktop.dataset import images
from inference.prompts import Box, MaskArray, Point, Reference, Scribble


def point(text: str) -> Point:
    """``X,Y[,+|-]``."""
    numbers, positive = _numbers(text, 2, "--point is X,Y or X,Y,+ or X,Y,-")
    return Point(numbers[0], numbers[1], positive)


def box(text: str) -> Box:
    """``X0,Y0,X1,Y1[,+|-]``."""
    numbers, positive = _numbers(text, 4, "--box is X0,Y0,X1,Y1 with an optional ,+ or ,-")
    x0, y0, x1, y1 = numbers
    if x1 <= x0 or y1 <= y0:
        raise BadInput(f"The box '{text}' is empty: X1 must be above X0 and Y1 above Y0.")
    return Box(x0, y0, x1, y1, positive)


def scribble(text: str) -> Scribble:
    """``X,Y X,Y …[,+|-]``: at least two points, the sign after the last one."""
    form = '--scribble is "X,Y X,Y …" with an optional ,+ or ,- at the end'
    pieces = text.split()
    if len(pieces) < 2:
        raise BadInput(f"{form}, not '{text}'.")
    vertices = [_numbers(piece, 2, form)[0] for piece in pieces[:-1]]
    last, positive = _numbers(pieces[-1], 2, form)
    return Scribble(tuple((x, y) for x, y in (*vertices, last)), positive=positive)


def reference(text: str) -> Reference:
    """``IMG:MASK.png``: an image, and a mask of the same size whose non-zero pixels are the region."""
    image, colon, mask = text.rpartition(":")
    if not colon or not image:
        raise BadInput(f"--reference is IMG:MASK.png, not '{text}'.")
    pixels = images.load(Path(image)).pixels
    return Reference(pixels, read_mask(Path(mask), pixels.shape[1], pixels.shape[0]), Path(image).name)


def read_mask(path: Path, width: int, height: int) -> MaskArray:
    """A mask file as bool (height, width): non-zero pixels are in."""
    try:
        with PillowImage.open(path) as opened:
            values = np.asarray(opened)
    except FileNotFoundError:
        raise BadInput(f"{path} was not found.") from None
    except (OSError, PillowImage.DecompressionBombError):
        raise BadInput(f"{path} cannot be read as an image.") from None
    mask = values.any(axis=2) if values.ndim == 3 else values != 0
    if mask.shape != (height, width):
        raise BadInput(f"{path} has {mask.shape[1]} × {mask.shape[0]} pixels but its image has {width} × {height}.")
    found: MaskArray = np.ascontiguousarray(mask, np.bool_)
    return found


def inside(prompts: Sequence[Point | Box | Scribble], width: int, height: int) -> None:
    """Raise :class:`BadInput` when a prompt lies outside the image."""
    for prompt in prompts:
        if isinstance(prompt, Point):
            corners: Sequence[tuple[float, float]] = [(prompt.x, prompt.y)]
        elif isinstance(prompt, Box):
            corners = [(prompt.x0, prompt.y0), (prompt.x1, prompt.y1)]
        else:
            corners = prompt.vertices
        for x, y in corners:
            if not (0 <= x <= width and 0 <= y <= height):
                raise BadInput(f"The {prompt.kind} at {x:g},{y:g} is outside the image of {width} × {height} pixels.")


def names(text: str) -> tuple[str, ...]:
    """``a,b,c`` as names, blanks around them and empty ones dropped, in order, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _numbers(text: str, count: int, form: str) -> tuple[tuple[float, ...], bool]:
    parts = [part.strip() for part in text.split(",")]
    positive = True
    if len(parts) == count + 1 and parts[-1] in ("+", "-"):
        positive = parts.pop() == "+"
    try:
        numbers = tuple(float(part) for part in parts)
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise BadInput(f"{form}, not '{text}'.")
    return numbers, positive
