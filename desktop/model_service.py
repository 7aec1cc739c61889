"""What the Models page does off the GUI thread: looking for weights, downloading, checking, adding, removing.

The network is used by :meth:`ModelService.download` only. Downloads go on when the page is closed; closing the window
pauses them, and what arrived is kept.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.panels.background import Latest
from inference import registry, weights
from inference.engine import EngineError
from inference.weights import Entry, Located, fetching, keeping, readable
from inference.weights.transfer import Control, FetchProblem, Stopped

_TICK_MS = 200
_SPEED_SECONDS = 5.0
_PATIENCE = 2.0


class Doing(StrEnum):
    """What is under way for some weights."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    STOPPING = "stopping"
    CHECKING = "checking"


@dataclass(frozen=True, slots=True)
class Activity:
    """``done`` and ``total`` in bytes (None: not known), ``speed`` in bytes per second or None."""

    doing: Doing
    done: int = 0
    total: int | None = None
    speed: float | None = None


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One entry of the catalogue as it is on this computer. ``partial``: bytes of an unfinished download."""

    entry: Entry
    located: Located | None
    partial: int
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Task:
    """``run`` returns what to say at the end."""

    name: str
    control: Control
    run: Callable[[Control], str]


@dataclass(frozen=True, slots=True)
class _Listing:
    rows: tuple[ModelRow, ...]
    missing: frozenset[str]


class ModelService(QObject):
    """``changed``: the rows are known anew; ``moved``: activities changed; ``said``: name, sentence, is it trouble."""

    changed = Signal()
    moved = Signal()
    said = Signal(str, str, bool)
    located = Signal(str)
    """Weights of that name were found where a person said."""
    engines_found = Signal(object)
    """The names of the engines without weights, a frozenset, after something was added or removed."""

    _ended = Signal(str, str, bool)

    def __init__(self, is_offline: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_offline = is_offline
        self.rows: dict[str, ModelRow] = {}
        self.activities: dict[str, Activity] = {}
        self._last_words: dict[str, tuple[str, bool]] = {}
        self._controls: dict[str, Control] = {}
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._doing: dict[str, Doing] = {}
        self._thread: threading.Thread | None = None
        self._news: dict[str, tuple[int, int | None]] = {}
        self._pace: deque[tuple[float, int]] = deque()
        self._closed = False
        self._listing = Latest[_Listing](self._listed, self._not_listed, self)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK_MS)
        self._clock.timeout.connect(self._tick)
        self._ended.connect(self._finish)

    # -- what is known -------------------------------------------------------------------------------------------

    def offline_reason(self) -> str:
        """Why nothing can be downloaded, or an empty text."""
        if self._is_offline():
            return self.tr("The setting “Never use the network” is on.")
        return fetching.offline_reason()

    def last_words(self, name: str) -> tuple[str, bool]:
        """The last sentence about some weights, and whether it tells of a problem."""
        return self._last_words.get(name, ("", False))

    def refresh(self) -> None:
        """Look for weights in a thread; ``changed`` follows."""
        if not self._closed:
            self._listing.ask(_look)

    # -- what a person asks for ----------------------------------------------------------------------------------

    def download(self, name: str) -> None:
        """Fetch weights and what they work with, one after the other; goes on with what arrived before."""
        for entry in fetching.missing_entries(name):
            self._start(entry.name, Doing.DOWNLOADING, partial(self._fetch, entry))

    def pause(self, name: str) -> None:
        """Stop a download and keep what arrived."""
        self._stop(name, Control.pause)

    def cancel(self, name: str) -> None:
        """Stop a download, now or when it was paused before, and delete what arrived."""
        if name not in self.activities:
            fetching.discard(weights.catalogue().entry(name))
            self.refresh()
        self._stop(name, Control.cancel)

    def verify(self, name: str) -> None:
        """Read the files to their end and compare checksums."""
        found = self.rows[name].located if name in self.rows else None
        if found is not None:
            self._start(name, Doing.CHECKING, partial(self._verify, found))

    def add(self, place: Path) -> None:
        """Use weights that lie elsewhere on this computer. Reads tables of contents only, so it is done at once."""
        try:
            found = keeping.add(place)
        except EngineError as error:
            self._say("", str(error), True)
            return
        for each in found:
            self._say(each.entry.name, self.tr("Found in {path}.").format(path=each.path), False)
            self.located.emit(each.entry.name)
        self.refresh()

    def remove(self, name: str) -> None:
        """Delete downloaded weights or forget an added place."""
        try:
            removal = keeping.remove(name)
        except EngineError as error:
            self._say(name, str(error), True)
            return
        if removal.deleted:
            text = self.tr("Deleted; {size} are free again.").format(size=readable(removal.bytes))
        else:
            text = self.tr("No longer looked at; the files were left as they are.")
        self._say(name, text, False)
        self.refresh()

    def close(self) -> None:
        """Pause what runs and wait for it a moment; what hangs in the network ends with the process."""
        self._closed = True
        for control in tuple(self._controls.values()):
            control.pause()
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join(_PATIENCE)
        self._clock.stop()
        self._listing.forget()

    # -- in the thread -------------------------------------------------------------------------------------------

    def _fetch(self, entry: Entry, control: Control) -> str:
        def heard(progress: fetching.Progress) -> None:
            self._news[entry.name] = (progress.done, progress.total)

        self._news[entry.name] = (fetching.partial_bytes(entry), entry.size)
        found = fetching.fetch(entry, control, heard)
        return self.tr("Downloaded and checked: {path}").format(path=found.path)

    def _verify(self, found: Located, control: Control) -> str:
        def heard(done: int, total: int) -> None:
            self._news[found.entry.name] = (done, total)

        self._news[found.entry.name] = (0, found.size)
        checks = keeping.verify(found, control, heard)
        bad = [check for check in checks if check.ok is False]
        if bad:
            raise FetchProblem(f"{bad[0].path.name}: {bad[0].text}.")
        texts = sorted({check.text for check in checks})
        digest = f" SHA-256 {checks[0].sha256[:16]}…" if len(checks) == 1 else ""
        return f"{'; '.join(texts).capitalize()}.{digest}"

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            is_problem = False
            try:
                task.control.check()
                text = task.run(task.control)
            except Stopped as stop:
                text = self.tr("Paused; what arrived is kept.") if stop.keep else self.tr("Cancelled.")
            except EngineError as error:
                text, is_problem = str(error), True
            except Exception as error:  # shown on the page: an exception must not end the thread and what waits
                text, is_problem = f"{type(error).__name__}: {error}", True
            self._ended.emit(task.name, text, is_problem)

    # -- on the GUI thread ---------------------------------------------------------------------------------------

    def _start(self, name: str, doing: Doing, run: Callable[[Control], str]) -> None:
        if name in self.activities or self._closed:
            return
        self._last_words.pop(name, None)
        self.activities[name] = Activity(Doing.WAITING)
        self._doing[name] = doing
        self._controls[name] = Control()
        self._tasks.put(_Task(name, self._controls[name], run))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="models", daemon=True)
            self._thread.start()
        self._clock.start()
        self.moved.emit()

    def _stop(self, name: str, how: Callable[[Control], None]) -> None:
        control = self._controls.get(name)
        if control is not None:
            how(control)
            self.activities[name] = replace(self.activities[name], doing=Doing.STOPPING, speed=None)
            self.moved.emit()

    def _tick(self) -> None:
        for name, (done, total) in tuple(self._news.items()):
            before = self.activities.get(name)
            if before is None or before.doing is Doing.STOPPING:
                continue
            now = time.monotonic()
            self._pace.append((now, done))
            while self._pace[0][0] < now - _SPEED_SECONDS:
                self._pace.popleft()
            first_time, first_done = self._pace[0]
            speed = (done - first_done) / (now - first_time) if now - first_time > 0.5 else None
            self.activities[name] = Activity(self._doing[name], done, total, speed)
        self.moved.emit()

    def _finish(self, name: str, text: str, is_problem: bool) -> None:
        self.activities.pop(name, None)
        self._controls.pop(name, None)
        self._doing.pop(name, None)
        self._news.pop(name, None)
        self._pace.clear()
        if not self.activities:
            self._clock.stop()
        self._say(name, text, is_problem)
        self.moved.emit()  # the words are known by now
        self.refresh()

    def _say(self, name: str, text: str, is_problem: bool) -> None:
        self._last_words[name] = (text, is_problem)
        self.said.emit(name, text, is_problem)

    def _listed(self, listing: _Listing) -> None:
        self.rows = {row.entry.name: row for row in listing.rows}
        self.changed.emit()
        self.engines_found.emit(listing.missing)

    def _not_listed(self, error: Exception) -> None:
        self._say("", str(error), True)


def _look() -> _Listing:
    specs = registry.engine_specs()
    rows = []
    for entry in weights.catalogue().entries.values():
        used = tuple(spec.title for spec in specs if _serves(entry, spec.weights))
        rows.append(ModelRow(entry, weights.find(entry.name), fetching.partial_bytes(entry), used))
    return _Listing(tuple(rows), frozenset(spec.name for spec in specs if not registry.installed(spec.name)))


def _serves(entry: Entry, wanted: Sequence[str]) -> bool:
    return entry.name in wanted or entry.family in wanted
