"""Prompts: what a person says about one object, in the order it was said (design.md §3).

Coordinates are float pixels of the oriented image with the origin at the top-left *corner*: a click on the pixel
(x, y) is the point (x + 0.5, y + 0.5). Boxes are xyxy with exclusive right and bottom. All prompts are immutable and
picklable, because they travel to the worker process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

MaskArray: TypeAlias = NDArray[np.bool_]
"""A boolean array of shape (height, width) at image size."""

Vertices: TypeAlias = tuple[tuple[float, float], ...]


class PromptKind(StrEnum):
    """The kinds of prompts an engine can take; the names are used on the command line and in the project file."""

    POINT = "point"
    BOX = "box"
    SCRIBBLE = "scribble"
    POLYGON = "polygon"
    MASK = "mask"
    TEXT = "text"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Point:
    """A click at (x, y) in image coordinates. ``part`` counts the parts of the object (Shift+click starts another)."""

    x: float
    y: float
    positive: bool = True
    part: int = 0

    @property
    def kind(self) -> PromptKind:
        return PromptKind.POINT


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-parallel box, xyxy, right and bottom exclusive. Negative: the area is excluded from the object."""

    x0: float
    y0: float
    x1: float
    y1: float
    positive: bool = True
    part: int = 0

    @property
    def kind(self) -> PromptKind:
        return PromptKind.BOX


@dataclass(frozen=True, slots=True)
class Scribble:
    """A stroke: polyline vertices in image coordinates and its width in image pixels."""

    vertices: Vertices
    width: float = 5.0
    positive: bool = True

    @property
    def line(self) -> Vertices:
        """The vertices as a line to be drawn: the one vertex of a dot twice, because a line needs an end."""
        return (*self.vertices, *self.vertices) if len(self.vertices) == 1 else self.vertices

    @property
    def kind(self) -> PromptKind:
        return PromptKind.SCRIBBLE


@dataclass(frozen=True, slots=True)
class Polygon:
    """A rough closed outline in image coordinates; its inside is the prompt."""

    vertices: Vertices
    positive: bool = True

    @property
    def kind(self) -> PromptKind:
        return PromptKind.POLYGON


@dataclass(frozen=True, slots=True, eq=False)
class MaskPrompt:
    """A whole mask at image size: the prior that a session opened on (hand-drawn, imported or another engine's)."""

    mask: MaskArray
    positive: bool = True

    @property
    def kind(self) -> PromptKind:
        return PromptKind.MASK


@dataclass(frozen=True, slots=True)
class Text:
    """One phrase in plain words."""

    text: str
    positive: bool = True

    @property
    def kind(self) -> PromptKind:
        return PromptKind.TEXT


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A region of another image: pixels uint8 (H, W, 3) RGB and a boolean mask (H, W) of the region."""

    pixels: NDArray[np.uint8]
    mask: MaskArray
    name: str = ""
    positive: bool = True

    @property
    def kind(self) -> PromptKind:
        return PromptKind.REFERENCE


Prompt: TypeAlias = Point | Box | Scribble | Polygon | MaskPrompt | Text | Reference


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The ordered history of the prompts of one object. Every change makes a new set, so undo keeps the old one."""

    prompts: tuple[Prompt, ...] = ()
    muted: frozenset[int] = field(default_factory=frozenset)

    def __iter__(self) -> Iterator[Prompt]:
        """The prompts that count: all but the muted ones, oldest first."""
        return (prompt for index, prompt in enumerate(self.prompts) if index not in self.muted)

    def __len__(self) -> int:
        return len(self.prompts)

    def added(self, prompt: Prompt) -> PromptSet:
        return replace(self, prompts=(*self.prompts, prompt))

    def removed(self, index: int) -> PromptSet:
        """The set without the prompt at ``index``; mutes of later prompts move with them."""
        kept = self.prompts[:index] + self.prompts[index + 1 :]
        muted = frozenset(m if m < index else m - 1 for m in self.muted if m != index)
        return PromptSet(kept, muted)

    def replaced(self, index: int, prompt: Prompt) -> PromptSet:
        return replace(self, prompts=(*self.prompts[:index], prompt, *self.prompts[index + 1 :]))

    def with_muted(self, index: int, muted: bool) -> PromptSet:
        return replace(self, muted=self.muted | {index} if muted else self.muted - {index})

    def of_kind(self, kind: PromptKind) -> tuple[Prompt, ...]:
        """The prompts of one kind that are not muted."""
        return tuple(prompt for prompt in self if prompt.kind is kind)
