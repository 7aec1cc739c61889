"""What every evaluation does with an image: read it, check its mask, encode it once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from inference.engine import Engine, Features, Image, silent
from inference.evaluation.index import BadIndex, IndexImage, evenly_spaced, load_mask, load_pixels

ReportProgress: TypeAlias = Callable[[int, int], None]
"""Called with (tasks done, tasks in all)."""


class Task(Protocol):
    """What one task of any evaluation has."""

    @property
    def image(self) -> IndexImage: ...

    @property
    def domain(self) -> str: ...


_T = TypeVar("_T", bound=Task)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """An encoded image: features, the values of its mask uint8 (H, W), and the seconds that encoding took.

    ``fresh`` is True for the first task of the image, so that its encoding is counted once.
    """

    features: Features
    values: NDArray[np.uint8]
    seconds: float
    fresh: bool


def chosen(tasks: Sequence[_T], limit: int | None, domain: str | None, nothing: str) -> tuple[_T, ...]:
    """The tasks of one domain, then ``limit`` evenly spaced ones of them.

    Raises :class:`BadIndex` with the sentence ``nothing`` (which ends without a stop) when none is left.
    """
    kept = evenly_spaced([task for task in tasks if domain is None or task.domain == domain], limit)
    if not kept:
        raise BadIndex(f"{nothing}{'' if domain is None else f' of the domain {domain!r}'}.")
    return kept


def looks(engine: Engine, tasks: Sequence[_T], progress: ReportProgress | None) -> Iterator[tuple[_T, Look]]:
    """Every task with its encoded image; an image is encoded once for all its consecutive tasks."""
    current: IndexImage | None = None
    look: Look | None = None
    for done, task in enumerate(tasks):
        if progress is not None:
            progress(done, len(tasks))
        if look is None or task.image is not current:
            current, look = task.image, _look(engine, task.image)
        else:
            look = Look(look.features, look.values, look.seconds, fresh=False)
        yield task, look
    if progress is not None:
        progress(len(tasks), len(tasks))


def answer_of(
    engine: Engine, started: float, figures: Mapping[str, object], domains: Mapping[str, Mapping[str, object]]
) -> dict[str, object]:
    """What an evaluation returns: ``engine, n, seconds``, the figures, and the same figures by domain.

    ``started`` is :func:`time.perf_counter` at the start; ``figures`` has ``n``.
    """
    seconds = round(time.perf_counter() - started, 3)
    head = {"engine": engine.spec.name, "n": figures["n"], "seconds": seconds}
    return {**head, **{key: value for key, value in figures.items() if key not in head}, "domains": dict(domains)}


def _look(engine: Engine, image: IndexImage) -> Look:
    pixels, values = load_pixels(image), load_mask(image)
    if pixels.shape[:2] != values.shape:
        raise BadIndex(f"{image.mask} does not have the size of {image.image.name}.")
    begun = time.perf_counter()
    features = engine.encode(Image(pixels, content_hash=image.id), silent)
    return Look(features, values, time.perf_counter() - begun, fresh=True)
