"""The Engine contract (design.md §3). Torch-free at import: the window reads specs without loading any model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inference.prompts import MaskArray, PromptKind, PromptSet
from inference.results import Ignored, LabelScores, Memory, Region, Segmentation


class EngineError(Exception):
    """Base of what goes wrong in an engine; its text is one sentence that can be shown to a person."""


class WeightsMissing(EngineError):
    """The weights that the engine needs were not found."""


class WrongWeights(EngineError):
    """A weights file is damaged, unsafe or of another architecture."""


class OutOfMemory(EngineError):
    """The device ran out of memory even after the server freed what it could."""


class UnusablePrompts(EngineError):
    """Nothing in the prompt set can be used (no positive prompt, or only kinds that the engine does not take)."""


class UnusableOption(EngineError):
    """An engine has no such option, or the value is not one of those that it can have."""


class Cancelled(Exception):
    """The job was cancelled; raised by ``report`` and by nothing else. Not an error."""


class Speed(StrEnum):
    INSTANT = "instant"
    SECONDS = "seconds"
    MINUTES = "minutes"


class Capability(StrEnum):
    """What an engine can do besides taking prompts of a kind."""

    EVERYTHING = "everything"
    VOCABULARY = "vocabulary"
    LABEL = "label"
    MEMORY = "memory"
    UNCERTAINTY = "uncertainty"


OptionValue: TypeAlias = str | int | float | bool
Options: TypeAlias = Mapping[str, OptionValue]


@dataclass(frozen=True, slots=True)
class EngineOption:
    """A setting of an engine that a person may change before a run. The type of ``default`` is the type of the values.

    With ``choices`` it is one of these texts; numbers lie between ``least`` and ``most`` where these are given.
    """

    name: str
    title: str
    default: OptionValue
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    help: str = ""

    def checked(self, value: object) -> OptionValue:
        """The value in the option's type, also from a text. Raises :class:`UnusableOption`."""
        if self.choices:
            if str(value) not in self.choices:
                raise UnusableOption(f"{self.title} can be {', '.join(self.choices)}, not '{value}'.")
            return str(value)
        if isinstance(self.default, bool):
            known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            if str(value).lower() not in known:
                raise UnusableOption(f"{self.title} can be yes or no, not '{value}'.")
            return known[str(value).lower()]
        if isinstance(self.default, str):
            return str(value)
        try:
            number = type(self.default)(str(value))
        except ValueError:
            raise UnusableOption(f"{self.title} is a number, not '{value}'.") from None
        low, high = self.least, self.most
        if not math.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
            bounds = " and ".join(
                [f"at least {low:g}"] * (low is not None) + [f"at most {high:g}"] * (high is not None)
            )
            raise UnusableOption(f"{self.title} is {bounds or 'a finite number'}, not {value}.")
        return number


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What the window and the docs say about an engine, without loading it.

    ``name`` is the word on the command line; ``prompts`` are the kinds it takes; ``weights`` the catalogue names it
    needs (empty: built in); ``adds`` is one line on what a person gains by installing it.
    """

    name: str
    title: str
    prompts: frozenset[PromptKind]
    capabilities: frozenset[Capability]
    speed: Speed
    licence: str
    citation: str
    adds: str
    weights: tuple[str, ...] = ()
    options: tuple[EngineOption, ...] = ()

    def settled(self, given: Options) -> dict[str, OptionValue]:
        """The value of every option: what was given, checked, else the default. Raises :class:`UnusableOption`."""
        unknown = [name for name in given if name not in {option.name for option in self.options}]
        if unknown:
            there = ", ".join(option.name for option in self.options) or "none"
            raise UnusableOption(f"{self.title} has no option '{unknown[0]}'; there are: {there}.")
        return {option.name: option.checked(given.get(option.name, option.default)) for option in self.options}

    def ignored(self, prompts: PromptSet) -> tuple[Ignored, ...]:
        """The prompts of kinds that this engine does not take, counted by kind."""
        counts: dict[str, int] = {}
        for prompt in prompts:
            if prompt.kind not in self.prompts:
                counts[prompt.kind] = counts.get(prompt.kind, 0) + 1
        return tuple(Ignored(kind, count) for kind, count in counts.items())


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Pixels uint8 (height, width, 3) RGB of the oriented image, and a hash of its content (the cache key)."""

    pixels: NDArray[np.uint8]
    content_hash: str

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])


@runtime_checkable
class Features(Protocol):
    """What ``encode`` returns: opaque to the server but for its size, which the cache's budgets need."""

    @property
    def nbytes(self) -> int: ...


Preview: TypeAlias = NDArray[np.float32]
"""An intermediate probability map, float32 (h, w) in [0, 1], stretched over the whole image."""


class Report(Protocol):
    """Called by every loop of every engine at least every 200 ms on a GPU.

    ``fraction`` in [0, 1], or None when the end is not known. Raises :class:`Cancelled` when the job was cancelled.
    """

    def __call__(self, fraction: float | None, message: str, preview: Preview | None = None) -> None: ...


def silent(fraction: float | None, message: str, preview: Preview | None = None) -> None:
    """A report that no one reads, for library use."""


@runtime_checkable
class Configurable(Protocol):
    """An engine with options: it is given them before each job, and keeps them until it is given others."""

    def configure(self, options: Options) -> None:
        """Use these values, and the defaults of all other options. Raises :class:`UnusableOption`."""
        ...


@runtime_checkable
class Overlapping(Protocol):
    """An engine that may ``encode`` one image on one thread while it answers about another image on a second one."""

    @property
    def may_overlap(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names to choose labels from; ``stuff`` are those among them that are not countable things.

    ``synonyms`` are other names of the same class, one tuple per name, or empty when there are none at all: an engine
    that compares texts takes the best of a class's names.
    """

    names: tuple[str, ...]
    stuff: frozenset[str] = field(default_factory=frozenset)
    synonyms: tuple[tuple[str, ...], ...] = ()

    def all_names(self, index: int) -> tuple[str, ...]:
        """The name at ``index``, then its synonyms."""
        others = self.synonyms[index] if self.synonyms else ()
        return (self.names[index], *others)


class Engine(Protocol):
    """A named segmenter. Deterministic for a given seed; never writes files; one device and dtype from one place."""

    @property
    def spec(self) -> EngineSpec: ...

    @property
    def fingerprint(self) -> str:
        """Identifies weights and preprocessing version: part of every cache key and of the provenance."""
        ...

    def encode(self, image: Image, report: Report) -> Features:
        """The heavy part, once per image; the server caches what it returns."""
        ...

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        """One round: light, uses ``features`` only. Raises :class:`UnusablePrompts` when nothing can be used."""
        ...

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        """Regions of the whole image. Engines without :attr:`Capability.EVERYTHING` raise :class:`EngineError`."""
        ...

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        """Rank the vocabulary for each mask. Engines without :attr:`Capability.LABEL` raise :class:`EngineError`."""
        ...


EngineFactory: TypeAlias = Callable[[], Engine]
