"""Scenes: a few coloured shapes on a background, each with its mask. Deterministic for a given generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (212, 36, 40),
    "green": (40, 158, 62),
    "blue": (42, 84, 214),
    "yellow": (236, 212, 48),
    "purple": (136, 56, 178),
    "orange": (240, 136, 36),
    "white": (238, 238, 238),
    "pink": (244, 152, 190),
}
SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")
TEXTURES = ("", "striped", "dotted", "checkered")
"""The first is the plain one, which no caption names."""

SIZE = 256
"""Side of a scene in pixels, unless told otherwise."""

GAP = 0.02
"""Least distance between the circles round two things, as a share of the side."""

SMALLEST = 0.12
"""Least radius of the circle round a thing, as a share of the side."""

CONTRAST = 0.4
"""Least distance between a thing's colour and the background's, RGB in 0..1."""

Twins: TypeAlias = Literal["horizontal", "vertical"]
"""Two things of the same look, side by side or one above the other: only words of position tell them apart."""


@dataclass(frozen=True, slots=True)
class Look:
    """What words can say of a thing by itself."""

    colour: str
    shape: str
    texture: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One shape of a scene: its look, its circle (``x``, ``y``, ``radius``, pixels) and mask bool (size, size)."""

    look: Look
    x: float
    y: float
    radius: float
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Pixels uint8 (size, size, 3) RGB, and the things in it; no two overlap."""

    pixels: NDArray[np.uint8]
    things: tuple[Thing, ...]

    @property
    def size(self) -> int:
        return int(self.pixels.shape[0])


def make_scene(
    rng: np.random.Generator, count: int | None = None, twins: Twins | None = None, size: int = SIZE, zoom: float = 1.0
) -> Scene:
    """A scene of ``count`` things (1 to 4, drawn when None); with ``twins`` the first two look the same.

    With ``zoom`` above 1 it is a window on such a scene, enlarged: things whose middle is outside are not listed.
    """
    count = count if count is not None else int(rng.integers(1, 5))
    if twins is not None and count < 2:
        raise ValueError("Twins need at least two things.")
    circles = _place(rng, count, twins)
    looks = _looks(rng, count, twins is not None)
    shades = [_jittered(rng, COLOURS[look.colour]) for look in looks]
    if twins is not None:
        shades[1] = shades[0]
    canvas = _background(rng, shades, size)
    left, top = _window(rng, circles[0], zoom)
    things = [
        _draw(rng, canvas, look, shade, ((x - left) * zoom, (y - top) * zoom, radius * zoom), zoom)
        for look, shade, (x, y, radius) in zip(looks, shades, circles, strict=True)
    ]
    listed = tuple(thing for thing in things if 0 < thing.x < size and 0 < thing.y < size)
    return Scene(np.round(canvas * 255).astype(np.uint8), listed)


def tight_crop(scene: Scene, index: int, side: int, masked: bool) -> NDArray[np.uint8]:
    """A square view (side, side, 3) of one thing's bounding box, on black outside the thing when ``masked``."""
    thing = scene.things[index]
    rows, columns = np.flatnonzero(thing.mask.any(1)), np.flatnonzero(thing.mask.any(0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pixels = scene.pixels[window]
    if masked:
        pixels = pixels * thing.mask[window][..., None]
    return cv2.resize(np.ascontiguousarray(pixels), (side, side), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _place(rng: np.random.Generator, count: int, twins: Twins | None) -> list[tuple[float, float, float]]:
    """Circles (x, y, radius) in 0..1 that do not touch; starts afresh with smaller ones when there is no room."""
    largest = (0.38, 0.27, 0.22, 0.19)[count - 1]
    while True:
        circles: list[tuple[float, float, float]] = []
        for _ in range(60):
            radius = float(rng.uniform(SMALLEST, largest))
            if len(circles) == 1 and twins is not None:
                radius = circles[0][2]
            x, y = (float(v) for v in rng.uniform(radius + GAP, 1 - radius - GAP, 2))
            if len(circles) == 1 and twins is not None and not _opposite(circles[0], (x, y), twins):
                continue
            if all(np.hypot(x - u, y - v) > radius + r + GAP for u, v, r in circles):
                circles.append((x, y, radius))
            if len(circles) == count:
                return circles
        largest = max(SMALLEST + 0.01, largest * 0.9)


def _opposite(first: tuple[float, float, float], second: tuple[float, float], twins: Twins) -> bool:
    """On two sides of the middle, clearly apart in the named direction and little in the other."""
    along, across = (0, 1) if twins == "horizontal" else (1, 0)
    a, b = first[along], second[along]
    return (a - 0.5) * (b - 0.5) < 0 and abs(a - b) > 0.35 and abs(first[across] - second[across]) < 0.3


def _looks(rng: np.random.Generator, count: int, twins: bool) -> list[Look]:
    """Different in colour or shape, but often alike in one of them, so that both words matter."""
    looks: list[Look] = []
    while len(looks) < count:
        colour, shape = str(rng.choice(list(COLOURS))), str(rng.choice(SHAPES))
        if looks and rng.random() < 0.5:
            other = looks[int(rng.integers(len(looks)))]
            colour, shape = (other.colour, shape) if rng.random() < 0.5 else (colour, other.shape)
        if any(look.colour == colour and look.shape == shape for look in looks):
            continue
        texture = str(rng.choice(TEXTURES[1:])) if rng.random() < 0.25 else ""
        looks.append(Look(colour, shape, texture))
        if twins and len(looks) == 1:
            looks.append(looks[0])
    return looks


def _jittered(rng: np.random.Generator, colour: tuple[int, int, int]) -> NDArray[np.float32]:
    return np.clip((np.array(colour) + rng.uniform(-16, 16, 3)) / 255, 0, 1).astype(np.float32)


def _background(rng: np.random.Generator, shades: Sequence[NDArray[np.float32]], size: int) -> NDArray[np.float32]:
    """One colour, a gradient between two, or faint clouds; never close to a thing's colour."""
    kind = rng.random()
    first = _far_from(rng, shades)
    if kind < 0.6:
        return np.broadcast_to(first, (size, size, 3)).astype(np.float32).copy()
    if kind < 0.8:
        second = np.clip(first + rng.uniform(-0.18, 0.18, 3), 0, 1)
        angle = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[0:size, 0:size] / size - 0.5
        share = np.clip(0.5 + x * np.cos(angle) + y * np.sin(angle), 0, 1)[..., None]
        return (first * (1 - share) + second * share).astype(np.float32)
    cells = int(rng.integers(3, 12))
    clouds = cv2.resize(
        rng.normal(0, 1, (cells, cells)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    return np.clip(first + 0.05 * clouds[..., None], 0, 1).astype(np.float32)


def _far_from(rng: np.random.Generator, shades: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    while True:
        colour = np.zeros(3) if rng.random() < 0.1 else rng.uniform(0, 1, 3)
        if all(np.linalg.norm(colour - shade) > CONTRAST for shade in shades):
            return colour.astype(np.float32)


def _window(rng: np.random.Generator, circle: tuple[float, float, float], zoom: float) -> tuple[float, float]:
    """Left and top, in 0..1, of a window of side 1 / zoom that holds the middle of a circle."""
    side = 1 / zoom
    left, top = (float(rng.uniform(max(0.0, at - side), min(at, 1 - side))) for at in circle[:2])
    return left, top


def _draw(
    rng: np.random.Generator,
    canvas: NDArray[np.float32],
    look: Look,
    shade: NDArray[np.float32],
    circle: tuple[float, float, float],
    zoom: float,
) -> Thing:
    """Paint a thing onto ``canvas``, in place, with soft edges; its mask are the pixels it covers by half or more.

    ``circle`` in shares of the canvas's side."""
    size = canvas.shape[0]
    x, y, radius = (each * size for each in circle)
    x0, y0 = (min(size - 1, max(0, int(at - radius) - 1)) for at in (x, y))
    x1, y1 = (max(1, min(size, int(at + radius) + 2)) for at in (x, y))
    angle = float(rng.uniform(-0.35, 0.35))
    fine = 2  # samples per pixel and axis
    v, u = np.mgrid[0 : (y1 - y0) * fine, 0 : (x1 - x0) * fine].astype(np.float32)
    u, v = ((u + 0.5) / fine + x0 - x) / radius, ((v + 0.5) / fine + y0 - y) / radius
    u, v = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    inside = _inside(look.shape, u, v)
    cover = inside.reshape(y1 - y0, fine, x1 - x0, fine).mean((1, 3), dtype=np.float32)
    scale = radius / size / zoom
    dark = _is_dark(look.texture, u[::fine, ::fine] * scale, v[::fine, ::fine] * scale)
    paint = np.where(dark[..., None], shade * 0.45, shade)
    window = canvas[y0:y1, x0:x1]
    window += cover[..., None] * (paint - window)
    mask = np.zeros((size, size), bool)
    mask[y0:y1, x0:x1] = cover >= 0.5
    return Thing(look, x, y, radius, mask)


def _inside(shape: str, u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which points (u, v) of the unit circle's surroundings belong to the shape."""
    distance = np.hypot(u, v)
    match shape:
        case "circle":
            return np.asarray(distance < 0.95)
        case "ring":
            return np.asarray((distance < 0.98) & (distance > 0.55))
        case "square":
            return np.asarray(np.maximum(np.abs(u), np.abs(v)) < 0.7)
        case "triangle":
            return np.asarray((v < 0.5) & (np.sqrt(3) * np.abs(u) - v < 1.0))
        case "cross":
            arm, length = np.minimum(np.abs(u), np.abs(v)), np.maximum(np.abs(u), np.abs(v))
            return np.asarray((arm < 0.28) & (length < 0.93))
        case "star":
            # distance to the outline of a five-pointed star, by folding the plane into one tenth of it
            turn = np.abs(np.mod(np.arctan2(u, -v) + np.pi / 5, 2 * np.pi / 5) - np.pi / 5)
            a, b = distance * np.cos(turn), distance * np.sin(turn)
            inner = 0.42
            edge = np.array([inner * np.cos(np.pi / 5) - 1.0, inner * np.sin(np.pi / 5)])
            return np.asarray((a - 1.0) * edge[1] - b * edge[0] < 0)
    raise ValueError(f"No shape '{shape}'.")


def _is_dark(texture: str, u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a texture is in the darker tone; ``u``, ``v`` in shares of the scene's side."""
    period = 0.055
    if not texture:
        return np.zeros(u.shape, bool)
    a, b = np.mod(u / period, 1), np.mod(v / period, 1)
    match texture:
        case "striped":
            return np.asarray(b < 0.5)
        case "checkered":
            return np.asarray((a < 0.5) ^ (b < 0.5))
        case "dotted":
            return np.asarray(np.hypot(a - 0.5, b - 0.5) < 0.32)
    raise ValueError(f"No texture '{texture}'.")
