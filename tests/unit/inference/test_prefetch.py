"""Looking ahead: it never keeps a person waiting, never costs what others hold, and saves the wait it is for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.commands import Answer, Broke, Done, Run, Stopped, Yielded
from inference.engine import Capability, EngineSpec, Image, Report, Speed, Vocabulary
from inference.features import Budgets, FeatureCache, FeatureKey, worth_storing
from inference.messages import CacheChanged, Encode, EngineChanged, EngineState, Request, Segment
from inference.outbox import Outbox
from inference.prompts import MaskArray, Point, PromptKind, PromptSet
from inference.results import Candidate, Frame, LabelScores, Memory, Region, Segmentation
from inference.runner import Runner
from inference.schedule import priority_of

SPEC = EngineSpec(
    "counting", "Counting", frozenset({PromptKind.POINT}), frozenset({Capability.MEMORY}), Speed.SECONDS, "", "", ""
)
SECONDS = 10.0


@dataclass(frozen=True)
class Values:
    values: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def to_arrays(self) -> Mapping[str, NDArray[np.generic]]:
        return {"values": self.values}


class CountingEngine:
    """Counts its reports. ``fails``: how many of the next encodings run out of memory."""

    fingerprint = "1"

    def __init__(self, name: str = "counting", size: int = 100, steps: int = 0) -> None:
        self.spec = replace(SPEC, name=name)
        self.size, self.steps, self.fails = size, steps, 0
        self.encoded: list[str] = []
        self.log: list[str] = []
        self.at_report: Callable[[int], None] = lambda number: None

    def encode(self, image: Image, report: Report) -> Values:
        for number in range(self.steps):
            self.log.append(f"report {number} of {image.content_hash}")
            self.at_report(number)
            report(number / self.steps, "encoding")
        if self.fails:
            self.fails -= 1
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.14 GiB.")
        self.encoded.append(image.content_hash)
        return Values(np.zeros(self.size // 4, np.float32))

    def segment(self, features: object, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        self.log.append("prompt")
        return Segmentation((Candidate(np.zeros((4, 4), np.float32), Frame.whole(4, 4), 0.5, self.spec.name),), None)

    def everything(self, features: object, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        return []

    def label(self, features: object, masks: list[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        raise AssertionError

    def features_from_arrays(self, arrays: Mapping[str, NDArray[np.generic]]) -> Values:
        return Values(arrays["values"].astype(np.float32))


class Bench:
    """A runner on a thread, with engines of our own; keeps its answers."""

    def __init__(self, budgets: Budgets, *engines: CountingEngine) -> None:
        self.answers: list[Answer] = []
        self._changed = threading.Condition()
        self._outbox = Outbox(self._hear)
        known = {engine.spec.name: engine for engine in engines}
        self.runner = Runner(self._outbox, lambda name: known[name], FeatureCache(budgets))  # type: ignore[arg-type,return-value]
        self._thread = threading.Thread(target=self.runner.run, daemon=True)
        self._thread.start()
        self._jobs = 0

    def _hear(self, answer: Answer) -> None:
        with self._changed:
            self.answers.append(answer)
            self._changed.notify_all()

    def submit(self, request: Request) -> int:
        self._jobs += 1
        self.runner.submit(Run(self._jobs, priority_of(request), request))
        return self._jobs

    def end(self, job: int) -> Done | Broke | Stopped | Yielded:
        def found() -> list[Done | Broke | Stopped | Yielded]:
            kinds = (Done, Broke, Stopped, Yielded)
            return [answer for answer in self.answers if isinstance(answer, kinds) and answer.job == job]

        with self._changed:
            assert self._changed.wait_for(lambda: bool(found()), SECONDS)
            return found()[-1]

    def pin(self, name: str) -> None:
        self.runner.later(lambda: self.runner.pin(name))

    def counters(self) -> CacheChanged:
        return [answer for answer in self.answers if isinstance(answer, CacheChanged)][-1]

    def close(self) -> None:
        self.runner.close()
        self._thread.join(SECONDS)
        self._outbox.close()
        self.runner.cache.close()


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(budgets: Budgets, *engines: CountingEngine) -> Bench:
        made.append(Bench(budgets, *engines))
        return made[-1]

    yield make
    for each in made:
        each.close()


def image(name: str) -> Image:
    return Image(np.zeros((4, 4, 3), np.uint8), name)


def ahead(name: str, engine: str = "counting") -> Encode:
    return Encode(engine, image(name), prefetch=True)


def prompt(name: str, engine: str = "counting") -> Segment:
    return Segment(engine, image(name), PromptSet((Point(1.5, 1.5),)), "s", 1)


@pytest.mark.parametrize("engine", ["counting", "other"])
def test_a_prompt_waits_for_one_report_at_most(bench: Callable[..., Bench], engine: str) -> None:
    looking, other = CountingEngine(steps=50), CountingEngine("other")
    run = bench(Budgets(), looking, other)
    run.end(run.submit(Encode(engine, image("current"))))
    asked: list[int] = []

    def ask(number: int) -> None:
        if number == 7 and not asked:
            looking.log.append("asked")
            asked.append(run.submit(prompt("current", engine)))

    looking.log.clear()
    looking.at_report = ask
    job = run.submit(ahead("next"))
    assert isinstance(run.end(job), Yielded if engine == "counting" else Done)
    assert isinstance(run.end(asked[0]), Done)
    log = looking.log if engine == "counting" else [*looking.log, *other.log]
    between = log[log.index("asked") + 1 : log.index("prompt")]
    if engine == "counting":
        assert len(between) <= 1, between
    else:  # it ran inside the report, while the work ahead stood still there
        assert other.log == ["prompt"]
        assert isinstance(run.end(job), Done)


def test_features_ahead_are_there_when_the_person_arrives(bench: Callable[..., Bench]) -> None:
    engine = CountingEngine()
    run = bench(Budgets(), engine)
    run.end(run.submit(ahead("next")))
    done = run.end(run.submit(prompt("next")))
    assert isinstance(done, Done)
    assert done.encode_ms == 0
    assert engine.encoded == ["next"]


def test_a_person_who_arrives_early_gets_the_encoding_under_way(bench: Callable[..., Bench]) -> None:
    engine = CountingEngine(steps=20)
    run = bench(Budgets(), engine)
    asked: list[int] = []
    engine.at_report = lambda number: asked.append(run.submit(prompt("next"))) if number == 3 else None
    assert isinstance(run.end(run.submit(ahead("next"))), Done)
    assert isinstance(run.end(asked[0]), Done)
    assert engine.encoded == ["next"]


def test_nothing_is_computed_ahead_that_there_is_no_room_for(bench: Callable[..., Bench]) -> None:
    engine = CountingEngine(size=100)
    run = bench(Budgets(ram_bytes=150), engine)
    run.pin("current")
    run.end(run.submit(Encode("counting", image("current"))))
    assert isinstance(run.end(run.submit(ahead("next"))), Stopped)
    assert engine.encoded == ["current"]
    assert run.counters().encoded == {("counting", "current")}


def test_running_out_of_memory_ahead_costs_only_the_work_ahead(bench: Callable[..., Bench]) -> None:
    engine, other = CountingEngine(), CountingEngine("other")
    run = bench(Budgets(), engine, other)
    run.end(run.submit(Encode("counting", image("seen"))))
    run.end(run.submit(Encode("other", image("seen"))))
    engine.fails = 1
    assert isinstance(run.end(run.submit(ahead("next"))), Stopped)
    assert run.counters().encoded == {("counting", "seen"), ("other", "seen")}
    states = [answer.state for answer in run.answers if isinstance(answer, EngineChanged)]
    assert EngineState.FAILED not in states
    assert EngineState.AVAILABLE not in states, "no engine had to go"
    assert isinstance(run.end(run.submit(prompt("seen"))), Done)


def test_memory_for_a_prompt_is_made_in_the_order_prefetch_features_engines(bench: Callable[..., Bench]) -> None:
    engine, other = CountingEngine(steps=1), CountingEngine("other")
    run = bench(Budgets(), engine, other)
    run.end(run.submit(Encode("other", image("seen"))))
    run.end(run.submit(Encode("counting", image("seen"))))
    waiting: list[int] = []

    def queue(number: int) -> None:
        if not waiting:
            waiting.append(run.submit(ahead("next")))

    engine.at_report = queue
    engine.fails = 1
    run.answers.clear()
    assert isinstance(run.end(run.submit(prompt("current"))), Done), "one failure, one retry"
    assert isinstance(run.end(waiting[0]), Stopped)
    said = [
        answer
        for answer in run.answers
        if isinstance(answer, Stopped | CacheChanged)
        or (isinstance(answer, EngineChanged) and answer.state is EngineState.AVAILABLE)
    ]
    kinds = [type(answer) for answer in said]
    assert kinds.index(Stopped) < kinds.index(EngineChanged)
    assert run.counters().encoded == {("counting", "current")}
    engine.fails = 2
    broke = run.end(run.submit(prompt("again")))
    assert isinstance(broke, Broke)
    assert broke.message == "The GPU ran out of memory (needed about 2.3 GB). Your prompts are kept."


# --- the disk


def test_features_outlive_the_process_on_disk(bench: Callable[..., Bench], tmp_path: Path) -> None:
    budgets = Budgets(disk_folder=str(tmp_path), disk_engines=frozenset({"counting"}))
    first, second = CountingEngine(), CountingEngine()
    run = bench(budgets, first)
    run.end(run.submit(Encode("counting", image("a"))))
    assert run.counters().disk_bytes > 0
    again = bench(budgets, second)
    done = again.end(again.submit(prompt("a")))
    assert isinstance(done, Done)
    assert done.encode_ms == 0
    assert second.encoded == []
    assert again.counters().encoded == {("counting", "a")}


def test_the_disk_keeps_its_budget(bench: Callable[..., Bench], tmp_path: Path) -> None:
    budget = 1 << 20
    engine = CountingEngine(size=200_000)
    run = bench(
        Budgets(ram_bytes=0, disk_folder=str(tmp_path), disk_bytes=budget, disk_engines=frozenset({"counting"})), engine
    )
    for number in range(30):
        run.end(run.submit(Encode("counting", image(str(number)))))
    assert 0 < run.counters().disk_bytes <= budget + 110_000
    on_disk = sum(path.stat().st_size for path in tmp_path.rglob("*.val"))
    assert on_disk <= budget + 110_000


def test_a_cache_folder_that_cannot_be_used_only_makes_things_slow(bench: Callable[..., Bench], tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    engine = CountingEngine()
    run = bench(Budgets(disk_folder=str(in_the_way), disk_engines=frozenset({"counting"})), engine)
    assert isinstance(run.end(run.submit(prompt("a"))), Done)
    assert run.counters().disk_bytes == 0


def test_features_that_cost_less_than_reading_them_are_not_written(tmp_path: Path) -> None:
    assert worth_storing(4 << 20, encode_ms=5000)
    assert not worth_storing(4 << 20, encode_ms=50)
    assert not worth_storing(400 << 20, encode_ms=2000)
    cache = FeatureCache(Budgets(disk_folder=str(tmp_path)))
    engine = CountingEngine()
    for name, milliseconds in (("slow", 5000.0), ("quick", 1.0)):
        cache.put(FeatureKey("counting", "1", name), Values(np.ones(100, np.float32)), milliseconds)
    cache.close()
    later = FeatureCache(Budgets(disk_folder=str(tmp_path)))
    found = {name: later.get(FeatureKey("counting", "1", name), engine) for name in ("slow", "quick")}
    assert found["slow"] is not None
    assert found["quick"] is None
    later.close()


def test_a_prompt_during_prefetch_is_answered_soon(bench: Callable[..., Bench]) -> None:
    """The same as a time: the work ahead takes seconds, the prompt milliseconds."""
    engine = CountingEngine(steps=400)
    run = bench(Budgets(), engine)
    run.end(run.submit(Encode("counting", image("current"))))
    started = threading.Event()

    def slow(number: int) -> None:
        started.set()
        time.sleep(0.005)

    engine.at_report = slow
    run.submit(ahead("next"))
    assert started.wait(SECONDS)
    begin = time.perf_counter()
    assert isinstance(run.end(run.submit(prompt("current"))), Done)
    assert time.perf_counter() - begin < 1.0
