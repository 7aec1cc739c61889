"""Runs jobs with engines, one at a time: what the worker process and the in-process server have in common.

A more urgent job that arrives while another runs is served at that one's next ``report``. When it needs another engine
it runs right there, on a thread of its own (torch's gradient and autocast modes belong to threads), and the first job
then goes on where it was. When it needs the same engine, whose state must not be entered twice, the first job gives
way and starts again later; an encoding that both need is finished first. Features that are computed stay.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from inference import device, failures, labels, remote
from inference.commands import Answer, Broke, Done, Run, Stop, Stopped, Yielded
from inference.engine import Cancelled, Configurable, Engine, EngineError, Features, Preview, Report, WeightsMissing
from inference.features import FeatureCache, FeatureKey, RestoresFeatures, StorableFeatures
from inference.messages import (
    Encode,
    EngineChanged,
    EngineState,
    Everything,
    GivenFeatures,
    Progress,
    RankLabels,
    Request,
    Result,
    Segment,
    Started,
)
from inference.outbox import Outbox
from inference.region_of_interest import Crop, whole_image_memory
from inference.results import Ignored, Segmentation


@runtime_checkable
class Seeded(Protocol):
    """An engine with random numbers: it is given the seed of the request before each job."""

    def reseed(self, seed: int) -> None: ...


class _Preempted(Cancelled):
    """A more urgent job needs the engine, or the memory, of this one."""


@dataclass(slots=True, eq=False)
class _Running:
    run: Run
    encoding: FeatureKey | None = None
    encode_ms: float = 0.0
    stop: Stop | None = None
    crop: Crop | None = None


@dataclass(slots=True)
class _Inbox:
    changed: threading.Condition = field(default_factory=threading.Condition)
    waiting: list[Run] = field(default_factory=list)
    errands: list[Callable[[], None]] = field(default_factory=list)
    closed: bool = False


class Runner:
    """``outbox`` gets the answers, ``create`` loads an engine by name."""

    def __init__(self, outbox: Outbox, create: Callable[[str], Engine], cache: FeatureCache) -> None:
        self._outbox = outbox
        self._send = outbox.put
        self._create = create
        self.cache = cache
        self._inbox = _Inbox()
        self._stack: list[_Running] = []
        self._engines: dict[str, Engine] = {}
        self._device_line: object = None

    # --- called from any thread

    def submit(self, run: Run) -> None:
        run = _to_ranker(run)
        with self._inbox.changed:
            self._inbox.waiting.append(run)
            self._inbox.changed.notify()

    def stop(self, stop: Stop) -> None:
        """A job that waits is stopped at once, one that runs at its next ``report``."""
        with self._inbox.changed:
            for run in self._inbox.waiting:
                if run.job == stop.job:
                    self._inbox.waiting.remove(run)
                    self._send(Stopped(run.job))
                    return
            for running in self._stack:
                if running.run.job == stop.job:
                    running.stop = stop

    def later(self, errand: Callable[[], None]) -> None:
        """Run ``errand`` on the working thread between two jobs or at the next ``report``."""
        with self._inbox.changed:
            self._inbox.errands.append(errand)
            self._inbox.changed.notify()

    def close(self) -> None:
        with self._inbox.changed:
            self._inbox.closed = True
            for running in self._stack:
                running.stop = Stop(running.run.job, keep_features=False)
            self._inbox.changed.notify()

    # --- the working thread

    def run(self) -> None:
        """Work until :meth:`close`."""
        while True:
            with self._inbox.changed:
                while not (self._inbox.waiting or self._inbox.errands or self._inbox.closed):
                    self._inbox.changed.wait()
                if self._inbox.closed:
                    return
                run = self._most_urgent() if not self._inbox.errands else None
                if run is not None:
                    self._begin(run)
            self._run_errands()
            if run is not None:
                self._execute()

    def unload(self, engine: str) -> None:
        """Forget an engine and its features; its next use loads it again. Call through :meth:`later`."""
        self._engines.pop(engine, None)
        self.cache.drop_engine(engine)
        self._send(EngineChanged(engine, EngineState.AVAILABLE))
        self._release()

    def pin(self, content_hash: str | None) -> None:
        """Protect the features of the current image. Call through :meth:`later`."""
        self.cache.pin(content_hash)
        self._send(self.cache.counters())

    def _run_errands(self) -> None:
        with self._inbox.changed:
            errands, self._inbox.errands = self._inbox.errands, []
        for errand in errands:
            errand()

    def _most_urgent(self) -> Run | None:
        return min(self._inbox.waiting, key=lambda run: (run.priority, run.job), default=None)

    def _begin(self, run: Run) -> None:
        """From waiting to running in one step under the lock, so that a stop always finds the job in one place."""
        self._inbox.waiting.remove(run)
        self._stack.append(_Running(run))

    def _execute(self) -> bool:
        """Run the top of the stack to an answer. False when it needs the memory of the jobs below it."""
        running = self._stack[-1]
        job, engine = running.run.job, running.run.request.engine
        self._send(Started(job))
        self._outbox.flush()  # if this job now kills the process, the server must know which one it was
        answer: Answer
        state = EngineChanged(engine, EngineState.READY)
        fits = True
        try:
            answer = self._attempt(running)
        except _Preempted:
            answer = Yielded(job)
        except Cancelled:
            answer = Stopped(job)
        except Exception as error:
            kind, sentence, details = failures.describe(error, self._title(engine))
            fits = not (failures.is_out_of_memory(error) and len(self._stack) > 1)
            answer = Broke(job, kind, sentence, details) if fits else Yielded(job)
            if isinstance(error, WeightsMissing):
                state = EngineChanged(engine, EngineState.NOT_INSTALLED, sentence)
            elif not isinstance(error, EngineError) and fits:
                state = EngineChanged(engine, EngineState.FAILED, sentence)
        with self._inbox.changed:
            self._stack.pop()
        if state.state is EngineState.READY and engine not in self._engines:
            state = EngineChanged(engine, EngineState.AVAILABLE)  # it never came to be, but may be asked for again
        self._send(state)
        self._send_device_line()
        self._send(answer)
        return fits

    def _attempt(self, running: _Running) -> Answer:
        """Once, and once more after making room when the memory was not enough."""
        try:
            return self._work(running)
        except Cancelled:
            raise
        except Exception as error:
            if not failures.is_out_of_memory(error):
                raise
            short = _is_prefetch(running.run.request)
        if short:
            # looking ahead is not worth what others hold; its own tensors go with the traceback
            self._release()
            raise Cancelled
        # outside the except block: the traceback holds the tensors of the failed attempt
        running.encoding = None
        self._make_room(running.run.request)
        self._check(running)
        return self._work(running)

    def _make_room(self, request: Request) -> None:
        """Drop what waits to look ahead and features of other images, then engines that no job is in the middle of."""
        self._drop_prefetch()
        self.cache.drop_others(request.image.content_hash)
        in_use = {running.run.request.engine for running in self._stack}
        for name in [name for name in self._engines if name not in in_use]:
            self.unload(name)
        self._release()

    def _drop_prefetch(self) -> None:
        with self._inbox.changed:
            ahead = [run for run in self._inbox.waiting if _is_prefetch(run.request)]
            for run in ahead:
                self._inbox.waiting.remove(run)
        for run in ahead:
            self._send(Stopped(run.job))

    def _release(self) -> None:
        gc.collect()
        device.release_unused()
        self._send(self.cache.counters())

    def _work(self, running: _Running) -> Answer:
        request = running.run.request
        engine = self._loaded(request.engine)
        running.crop = Crop.of(request.image, request.region_of_interest) if isinstance(request, Segment) else None
        if isinstance(engine, Seeded) and isinstance(request, Segment | Everything):
            engine.reseed(request.seed)
        if isinstance(engine, Configurable):
            engine.configure(request.options)
        features = self._features(running, engine)
        if isinstance(request, Encode):
            given = _given(engine, features) if request.give else None
            return Done(running.run.job, given, running.encode_ms, 0.0)
        self._check(running)
        self._send(EngineChanged(request.engine, EngineState.RUNNING))
        start = time.perf_counter()
        result = self._answer(running, engine, features)
        return Done(running.run.job, result, running.encode_ms, (time.perf_counter() - start) * 1000)

    def _loaded(self, name: str) -> Engine:
        engine = self._engines.get(name)
        if engine is None:
            self._send(EngineChanged(name, EngineState.LOADING))
            engine = self._engines[name] = self._create(name)
            self._send(EngineChanged(name, EngineState.READY, fingerprint=engine.fingerprint))
            self._send_device_line()
        return engine

    def _features(self, running: _Running, engine: Engine) -> Features:
        request, crop = running.run.request, running.crop
        key = FeatureKey(
            request.engine, engine.fingerprint, request.image.content_hash, crop.rectangle if crop is not None else None
        )
        before = self.cache.used_bytes
        features = self.cache.get(key, engine)
        if features is not None:
            if self.cache.used_bytes != before:  # it came from the disk
                self._send(self.cache.counters())
            return features
        if _is_prefetch(request) and not self.cache.has_room_beside_pinned(request.engine):
            raise Cancelled
        self._send(EngineChanged(request.engine, EngineState.ENCODING))
        image = crop.image(request.image) if crop is not None else request.image
        start = time.perf_counter()
        running.encoding = key
        features = engine.encode(image, self._report(running))
        running.encoding = None
        running.encode_ms = (time.perf_counter() - start) * 1000
        self.cache.put(key, features, running.encode_ms)
        self._send(self.cache.counters())
        return features

    def _answer(self, running: _Running, engine: Engine, features: Features) -> Result:
        request, report = running.run.request, self._report(running)
        match request:
            case Segment():
                return _segment(request, running.crop, engine, features, report)
            case Everything():
                try:
                    return engine.everything(features, request.vocabulary, report)
                finally:
                    device.return_freed_memory()
            case RankLabels():
                return engine.label(features, request.masks, request.vocabulary)
            case Encode():
                return None

    def _report(self, running: _Running) -> Report:
        def report(fraction: float | None, message: str, preview: Preview | None = None) -> None:
            self._check(running)
            if preview is not None and running.crop is not None:
                preview = running.crop.preview(preview)
            self._send(Progress(running.run.job, fraction, message, preview))
            if fraction is not None:
                state = EngineState.ENCODING if running.encoding is not None else EngineState.RUNNING
                self._send(EngineChanged(running.run.request.engine, state, message, fraction))

        return report

    def _check(self, running: _Running) -> None:
        """Raise when the job shall end or give way; serve more urgent work of other engines first."""
        while True:
            # errands act on the cache and the table of engines only, and this job keeps its own references: safe here
            self._run_errands()
            stop = running.stop
            if stop is not None and not (stop.keep_features and running.encoding is not None):
                raise Cancelled
            with self._inbox.changed:
                urgent = self._most_urgent()
                if urgent is None or urgent.priority >= running.run.priority:
                    return
                if urgent.request.engine in {below.run.request.engine for below in self._stack}:
                    if self._waits_for_the_same_features(running, urgent.request):
                        return
                    raise _Preempted
                self._begin(urgent)
            if not self._execute_beside():
                raise _Preempted

    def _waits_for_the_same_features(self, running: _Running, urgent: Request) -> bool:
        key = running.encoding
        if key is None or key.engine != urgent.engine or key.content_hash != urgent.image.content_hash:
            return False
        crop = Crop.of(urgent.image, urgent.region_of_interest) if isinstance(urgent, Segment) else None
        return key.crop == (crop.rectangle if crop is not None else None)

    def _execute_beside(self) -> bool:
        outcome: list[bool] = []
        thread = threading.Thread(target=lambda: outcome.append(self._execute()), name="urgent job", daemon=True)
        thread.start()
        thread.join()
        return bool(outcome) and outcome[0]

    def _title(self, name: str) -> str:
        engine = self._engines.get(name)
        return engine.spec.title if engine is not None else name

    def _send_device_line(self) -> None:
        line = device.describe()
        server = _server_line()
        if server:
            line = replace(line, name=f"{server} + {line.name}")
        if line != self._device_line:
            self._device_line = line
            self._send(line)


def _to_ranker(run: Run) -> Run:
    """Names are ranked by an engine that can; a request that no engine can serve goes on and fails by itself."""
    request = run.request
    if not isinstance(request, RankLabels):
        return run
    try:
        ranker = labels.ranker(request.engine)
    except EngineError:
        return run
    # options are those of the engine that was asked
    return run if ranker == request.engine else replace(run, request=replace(request, engine=ranker, options={}))


def _server_line() -> str:
    """The server that engines work on, when they do."""
    if not remote.configured():
        return ""
    from inference.remote.engines import server_line

    return server_line()


def _given(engine: Engine, features: Features) -> GivenFeatures:
    if isinstance(features, StorableFeatures) and isinstance(engine, RestoresFeatures):
        return GivenFeatures(engine.fingerprint, dict(features.to_arrays()))
    return GivenFeatures(engine.fingerprint, None)


def _is_prefetch(request: Request) -> bool:
    return isinstance(request, Encode) and request.prefetch


def _segment(request: Segment, crop: Crop | None, engine: Engine, features: Features, report: Report) -> Segmentation:
    """One round, in the crop when there is one; prompts that the engine does not take are reported in any case."""
    if crop is None:
        prompts, memory = request.prompts, whole_image_memory(request.memory)
        outside: tuple[Ignored, ...] = ()
    else:
        prompts, outside = crop.prompts(request.prompts)
        memory = crop.memory_in(request.memory)
    result = engine.segment(features, prompts, memory, report)
    ignored: tuple[Ignored, ...] = (*(result.ignored or engine.spec.ignored(prompts)), *outside)
    result = replace(result, ignored=ignored)
    return result if crop is None else crop.placed(result)
