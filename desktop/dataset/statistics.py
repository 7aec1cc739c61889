"""The figures of a project: what is in it, how it was made, and how far it is (ux.md §17). Qt-free.

The statistics page draws them, ``maskwright info --json`` prints them, and both call :func:`read`.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desktop.dataset.model import HAND, IMPORTED, ImageState, ReviewState
from desktop.dataset.review import state_word
from desktop.dataset.store import Project

SECONDS = (0, 2, 5, 10, 20, 40, 60, 120, 300)
"""Lower ends of the bins of time per object; the last has no upper end."""

PROMPTS = (1, 2, 3, 4, 5, 6, 8, 11, 16)
"""Lower ends of the bins of prompts per object; the last has no upper end."""


@dataclass(frozen=True, slots=True)
class Bin:
    """So many instances with ``low`` ≤ value < ``high``; no upper end is None."""

    low: float
    high: float | None
    count: int


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class (``id`` None: instances without one). ``seconds`` is the median time per object where it is known,
    ``prompts`` the mean number of prompts per object that has any."""

    id: int | None
    name: str
    colour: str
    instances: int
    seconds: float | None = None
    prompts: float | None = None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What became of what models proposed. ``names_kept`` and ``names_changed`` count class names that a model
    suggested; ``masks_kept`` and ``masks_edited`` the masks of engines, accepted as they are or changed by hand after.
    """

    names_kept: int = 0
    names_changed: int = 0
    masks_kept: int = 0
    masks_edited: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """One day (local time, ISO 8601): instances that were made and reviewed, images whose present state is from it."""

    date: str
    made: int = 0
    reviewed: int = 0
    images_done: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """What one person did: instances made, instances of others or own changed last, instances reviewed."""

    name: str
    made: int = 0
    edited: int = 0
    reviewed: int = 0


@dataclass(frozen=True, slots=True)
class Statistics:
    """All figures of a project. ``seconds_median`` and ``prompts_mean`` are None without a timed or prompted object;
    ``timed`` and ``prompted`` say how many there are."""

    images: int
    instances: int
    image_states: dict[str, int]
    review_states: dict[str, int]
    classes: tuple[ClassFigures, ...]
    sizes: tuple[Bin, ...]
    sources: dict[str, int]
    suggestions: Suggestions
    seconds: tuple[Bin, ...]
    seconds_median: float | None
    timed: int
    prompts: tuple[Bin, ...]
    prompts_mean: float | None
    prompted: int
    days: tuple[Day, ...]
    people: tuple[Person, ...]


def read(project: Project) -> Statistics:
    """The figures of everything that was changed up to now. Raises :class:`ProjectDamaged` for an unreadable file."""
    with project.reading() as connection:
        connection.execute("BEGIN")
        return _read(connection, project)


def _read(connection: sqlite3.Connection, project: Project) -> Statistics:
    images, categories = project.images(), {category.id: category for category in project.categories()}
    names = {category_id: category.name for category_id, category in categories.items()}
    tally = _Tally(connection, names)
    classes = [
        ClassFigures(
            category_id, category.name, category.colour, tally.classes[category_id], *tally.typical(category_id)
        )
        for category_id, category in categories.items()
    ]
    if tally.classes[None]:
        classes.append(ClassFigures(None, "", "", tally.classes[None], *tally.typical(None)))
    states = Counter(state_word(image.state) for image in images)
    seconds, prompts = tally.effort()
    return Statistics(
        images=len(images),
        instances=tally.total,
        image_states={state_word(state): states[state_word(state)] for state in ImageState},
        review_states={state.value: tally.reviews[state.value] for state in ReviewState},
        classes=tuple(classes),
        sizes=_sizes(tally.areas),
        sources=dict(sorted(tally.sources.items(), key=lambda item: (-item[1], item[0]))),
        suggestions=tally.suggestions,
        seconds=_binned(seconds, SECONDS),
        seconds_median=_median(seconds),
        timed=len(seconds),
        prompts=_binned(prompts, PROMPTS),
        prompts_mean=_mean(prompts),
        prompted=len(prompts),
        days=_days(
            tally.made,
            tally.reviewed,
            Counter(_moment()(i.changed) for i in images if i.state in _FINISHED and i.changed),
        ),
        people=tuple(
            Person(name, tally.people["made", name], tally.people["edited", name], tally.people["reviewed", name])
            for name in sorted({name for _, name in tally.people if name})
        ),
    )


_FINISHED = (ImageState.DONE, ImageState.REVIEWED)

_COLUMNS = (
    "category_id, review, source, mask_edits > 0, suggested, area, seconds, prompt_count, created, reviewed, "
    "author, editor, reviewer"
)
_AT_ONCE = 256
"""Rows taken at once: few enough to stay in the processor's cache, which halves the time of a large project."""


class _Tally:
    """Everything about the instances, counted in one pass: grouping in SQL would sort the table once per figure."""

    def __init__(self, connection: sqlite3.Connection, names: dict[int, str]) -> None:
        self.classes: Counter[int | None] = Counter()
        self.reviews: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.reviewed: Counter[str] = Counter()
        self.people: Counter[tuple[str, str]] = Counter()
        groups: Counter[tuple[Any, ...]] = Counter()
        people: dict[str, Counter[str]] = {"made": Counter(), "edited": Counter(), "reviewed": Counter()}
        numbers: list[NDArray[np.float64]] = []
        moment = _moment()
        rows = connection.execute(f"SELECT {_COLUMNS} FROM instances")
        while portion := rows.fetchmany(_AT_ONCE):
            columns = list(zip(*portion, strict=True))
            groups.update(zip(*columns[:5], strict=True))
            numbers.append(np.array((columns[0], *columns[5:8]), np.float64))
            self.made.update(map(moment, columns[8]))
            self.reviewed.update(map(moment, columns[9]))
            for counter, who in zip(people.values(), columns[10:], strict=True):
                counter.update(who)
        for what, counts in people.items():
            self.people.update({(what, name): count for name, count in counts.items()})
        table = np.concatenate(numbers, axis=1) if numbers else np.zeros((4, 0))
        self._category, self.areas, self._seconds, self._prompts = table
        self._known = names
        self.suggestions = self._sum(groups, names)
        self.total = sum(self.classes.values())

    def _sum(self, groups: Counter[tuple[Any, ...]], names: dict[int, str]) -> Suggestions:
        kept: Counter[tuple[str, bool]] = Counter()
        for (category_id, review, source, edited, suggested), count in groups.items():
            self.classes[category_id if category_id in names else None] += count
            self.reviews[review] += count
            self.sources[source] += count
            if source not in (HAND, IMPORTED):
                kept["mask", not edited] += count
            if suggested:
                kept["name", suggested.casefold() == names.get(category_id, "").casefold()] += count
        return Suggestions(kept["name", True], kept["name", False], kept["mask", True], kept["mask", False])

    def effort(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Seconds and prompts of the objects that have any."""
        return self._seconds[self._seconds > 0], self._prompts[self._prompts > 0]

    def typical(self, category_id: int | None) -> tuple[float | None, float | None]:
        """Median seconds and mean prompts of the objects of a class (or of none) that have any."""
        chosen = self._category == category_id
        if category_id is None:
            chosen = ~np.isin(self._category, list(self._known))
        seconds, prompts = self._seconds[chosen], self._prompts[chosen]
        return _median(seconds[seconds > 0]), _mean(prompts[prompts > 0])


def _sizes(areas: NDArray[np.float64]) -> tuple[Bin, ...]:
    """Areas in pixels, in bins that double; from the smallest to the largest that occur. Empty masks are left out."""
    powers = np.frexp(areas[areas > 0])[1] - 1
    if not len(powers):
        return ()
    counts = np.bincount(powers)
    return tuple(Bin(2**power, 2 ** (power + 1), int(counts[power])) for power in range(powers.min(), len(counts)))


def _binned(values: NDArray[np.float64], lows: Sequence[float]) -> tuple[Bin, ...]:
    counts = np.bincount(np.searchsorted(np.array(lows, np.float64), values, "right"), minlength=len(lows) + 1)
    ends = [*lows[1:], None]
    return tuple(Bin(low, high, int(counts[i + 1])) for i, (low, high) in enumerate(zip(lows, ends, strict=True)))


def _days(made: Counter[str], reviewed: Counter[str], done: Counter[str]) -> tuple[Day, ...]:
    made_on, reviewed_on, done_on = _by_day(made), _by_day(reviewed), _by_day(done)
    return tuple(
        Day(day, made_on[day], reviewed_on[day], done_on[day]) for day in sorted({*made_on, *reviewed_on, *done_on})
    )


def _moment() -> Callable[[str], str]:
    """Cuts a time (ISO 8601 UTC) to what decides its local day: the hour, in zones of half hours the minute."""
    offset = datetime.now().astimezone().utcoffset() or timedelta()
    return itemgetter(slice(0, 16 if offset % timedelta(hours=1) else 13))


def _by_day(moments: Counter[str]) -> Counter[str]:
    """Counts by local day of counts by moment; what is no time is left out."""
    days: Counter[str] = Counter()
    for moment, count in moments.items():
        day = _local_day(moment)
        if day:
            days[day] += count
    return days


@lru_cache(maxsize=100_000)
def _local_day(moment: str) -> str:
    try:
        return datetime.fromisoformat(f"{moment}+00:00").astimezone().date().isoformat()
    except ValueError:
        return ""


def _median(values: NDArray[np.float64]) -> float | None:
    return round(float(np.median(values)), 1) if len(values) else None


def _mean(values: NDArray[np.float64]) -> float | None:
    return round(float(values.mean()), 2) if len(values) else None


# for others to read


def as_json(figures: Statistics) -> dict[str, Any]:
    """The figures as plain values."""
    return asdict(figures)


def as_csv(figures: Statistics) -> str:
    """All figures as one table: group, name, value. Bins are named by their ends."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("group", "name", "value"))
    table.writerow(("total", "images", figures.images))
    table.writerow(("total", "instances", figures.instances))
    for group in ("image_states", "review_states", "sources"):
        table.writerows((group, name, count) for name, count in getattr(figures, group).items())
    for each in figures.classes:
        name = each.name or "unlabelled"
        table.writerow(("instances_of_class", name, each.instances))
        if each.seconds is not None:
            table.writerow(("median_seconds_of_class", name, each.seconds))
        if each.prompts is not None:
            table.writerow(("mean_prompts_of_class", name, each.prompts))
    for group in ("sizes", "seconds", "prompts"):
        table.writerows((group, bin_name(each), each.count) for each in getattr(figures, group))
    table.writerows(("suggestions", name, count) for name, count in asdict(figures.suggestions).items())
    for day in figures.days:
        table.writerows((name, day.date, getattr(day, name)) for name in ("made", "reviewed", "images_done"))
    for person in figures.people:
        table.writerows((f"{what}_by", person.name, getattr(person, what)) for what in ("made", "edited", "reviewed"))
    return out.getvalue()


def bin_name(each: Bin) -> str:
    """ "16–32", where 32 belongs to the next bin; "3" for a single whole number; "300+" without an upper end."""
    if each.high is None:
        return f"{each.low:g}+"
    return f"{each.low:g}" if each.high - each.low == 1 else f"{each.low:.10g}–{each.high:.10g}"
