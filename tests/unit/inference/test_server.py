"""The server with both of its backends; the child process is real, its engines are stubs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from inference.engine import Cancelled, Vocabulary
from inference.features import Budgets
from inference.messages import (
    CacheChanged,
    DeviceInfo,
    Dropped,
    EngineChanged,
    EngineState,
    Everything,
    Failed,
    FailureKind,
    Finished,
    Progress,
    RankLabels,
    WorkerRestarted,
)
from inference.prompts import MaskPrompt, Point, Text
from inference.results import Segmentation
from inference.server import InProcess, JobFailed, Server, ServerClosed, Supervised
from tests.e2e.stub_engines import ENGINES
from tests.unit.inference.stub_server import Ears, encode, image, segment

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", ENGINES)
    monkeypatch.syspath_prepend(str(ROOT))


def _started(kind: type[Server], budgets: Budgets | None = None) -> Server:
    server = kind(budgets)
    if isinstance(server, Supervised):
        server.start()
    return server


@pytest.fixture(params=[InProcess, Supervised])
def ears(request: pytest.FixtureRequest) -> Iterator[Ears]:
    server = _started(request.param)
    yield Ears(server)
    assert server.close(10.0)


@pytest.fixture
def child() -> Iterator[Ears]:
    server = _started(Supervised)
    yield Ears(server)
    assert server.close(10.0)


def counts(event: object) -> dict[str, int]:
    assert isinstance(event, Finished), event
    assert isinstance(event.result, Segmentation)
    assert event.result.memory is not None
    return {name: int(value) for name, value in event.result.memory.arrays.items() if value.ndim == 0}


def test_a_second_round_uses_the_features_of_the_first(ears: Ears) -> None:
    first = ears.end(ears.submit(segment()))
    assert isinstance(first, Finished)
    assert first.encode_ms > 0
    second = ears.end(ears.submit(segment(revision=2, memory=first.result.memory)))  # type: ignore[union-attr]
    assert counts(second)["encodes"] == 1
    assert counts(second)["rounds"] == 2
    assert isinstance(second, Finished)
    assert second.encode_ms == 0
    cache = ears.wait(lambda event: isinstance(event, CacheChanged) and event.images == 1)
    assert isinstance(cache, CacheChanged)
    assert cache.encoded == {("stub-quick", "a")}
    assert cache.used_bytes == image().pixels.nbytes


def test_states_follow_each_other(ears: Ears) -> None:
    ears.end(ears.submit(segment()))
    states = [event.state for event in ears.heard if isinstance(event, EngineChanged) and event.fraction is None]
    assert states == [
        EngineState.LOADING, EngineState.READY, EngineState.ENCODING, EngineState.RUNNING, EngineState.READY,
    ]  # fmt: skip


def test_a_prompt_interrupts_a_batch_run_of_the_same_engine_which_starts_again(ears: Ears, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    batch = ears.submit(Everything("stub-quick", image(), Vocabulary((f"hold {gate}",))))
    ears.running(batch)
    prompt = ears.submit(segment())
    assert isinstance(ears.end(prompt), Finished)
    gate.touch()
    assert isinstance(ears.end(batch), Finished)
    assert ears.order() == [prompt, batch]
    assert ears.starts(batch) == 2


def test_a_prompt_for_another_engine_runs_in_the_middle_of_a_batch_run(ears: Ears, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    batch = ears.submit(Everything("stub-slow", image(), Vocabulary((f"hold {gate}",))))
    ears.running(batch)
    assert isinstance(ears.end(ears.submit(segment())), Finished)
    gate.touch()
    assert isinstance(ears.end(batch), Finished)
    assert ears.starts(batch) == 1


def test_pending_work_runs_by_urgency(ears: Ears, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    blocker = ears.submit(segment(Text(f"hold {gate}"), session="blocker"))
    ears.running(blocker)
    batch = ears.submit(Everything("stub-quick", image()))
    prefetch = ears.submit(encode("c", prefetch=True))
    current = ears.submit(encode("b"))
    prompt = ears.submit(segment(session="t"))
    gate.touch()
    ears.end(batch)
    assert ears.order() == [blocker, prompt, current, prefetch, batch]


def test_an_encoding_that_a_prompt_waits_for_is_not_thrown_away(ears: Ears, tmp_path: Path) -> None:
    name = f"a|hold {tmp_path / 'gate'}"
    prefetch = ears.submit(encode(name, prefetch=True))
    ears.running(prefetch)
    prompt = ears.submit(segment(of=name))
    (tmp_path / "gate").touch()
    assert counts(ears.end(prompt))["encodes"] == 1
    assert isinstance(ears.end(prefetch), Finished)


def test_only_the_newest_pending_revision_runs(ears: Ears, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    running = ears.submit(segment(Text(f"hold {gate}")))
    ears.running(running)
    second, third, fourth = (ears.submit(segment(revision=revision)) for revision in (2, 3, 4))
    elsewhere = ears.submit(segment(session="other"))
    for job in (second, third):
        end = ears.end(job)
        assert isinstance(end, Dropped)
        assert end.replaced
    gate.touch()
    # the running one belongs to an instant engine, so that its result still comes
    assert isinstance(ears.end(running), Finished)
    assert isinstance(ears.end(fourth), Finished)
    assert isinstance(ears.end(elsewhere), Finished)


def test_a_slow_engine_stops_for_the_newer_revision(ears: Ears, tmp_path: Path) -> None:
    old = ears.submit(segment(Text(f"hold {tmp_path / 'never'}"), engine="stub-slow"))
    ears.running(old)
    new = ears.submit(segment(engine="stub-slow", revision=2))
    end = ears.end(old)
    assert isinstance(end, Dropped)
    assert end.replaced
    assert counts(ears.end(new))["encodes"] == 1


def test_cancel_ends_waiting_jobs_at_once_and_running_ones_at_their_next_report(ears: Ears, tmp_path: Path) -> None:
    running = ears.submit(segment(Text(f"hold {tmp_path / 'never'}")))
    ears.running(running)
    waiting = ears.submit(segment(session="t"))
    ears.server.cancel(waiting)
    end = ears.end(waiting)
    assert isinstance(end, Dropped)
    assert not end.replaced
    ears.server.cancel(running)
    assert isinstance(ears.end(running), Dropped)
    assert isinstance(ears.end(ears.submit(segment())), Finished)


def test_results_of_a_closed_session_are_dropped(ears: Ears, tmp_path: Path) -> None:
    running = ears.submit(segment(Text(f"hold {tmp_path / 'never'}")))
    ears.running(running)
    labels = ears.submit(RankLabels("stub-quick", image(), (), Vocabulary(("x",)), session="s"))
    ears.server.close_session("s")
    assert isinstance(ears.end(running), Dropped)
    assert isinstance(ears.end(labels), Dropped)
    assert isinstance(ears.end(ears.submit(segment())), Finished), "the same name opens a session anew"


def test_previews_arrive_at_most_twenty_times_a_second(ears: Ears) -> None:
    start = time.monotonic()
    job = ears.submit(segment(Text("steps 300 2")))
    ears.end(job)
    seconds = time.monotonic() - start
    previews = [event for event in ears.heard if isinstance(event, Progress) and event.preview is not None]
    assert 2 <= len(previews) <= seconds * 20 + 2
    fractions = [event.fraction for event in previews if event.fraction is not None]
    assert fractions == sorted(fractions)


def test_out_of_memory_is_tried_once_more_after_making_room(ears: Ears) -> None:
    ears.end(ears.submit(segment(of="b")))
    ears.end(ears.submit(segment(engine="stub-other", of="b")))
    assert isinstance(ears.end(ears.submit(segment(Text("oom 2")))), Finished), "one failure, one retry"
    last = [event for event in ears.heard if isinstance(event, CacheChanged)][-1]
    assert last.encoded == {("stub-quick", "a")}, "features of other images and engines made room"
    unloaded = [event.engine for event in ears.heard if getattr(event, "state", None) is EngineState.AVAILABLE]
    assert unloaded == ["stub-other"]


def test_out_of_memory_twice_says_what_was_needed(ears: Ears) -> None:
    end = ears.end(ears.submit(segment(Text("oom 9"))))
    assert isinstance(end, Failed)
    assert end.kind is FailureKind.OUT_OF_MEMORY
    assert end.message == "The GPU ran out of memory (needed about 2.3 GB). Your prompts are kept."


@pytest.mark.parametrize(
    ("request_", "kind", "sentence"),
    [
        (segment(Text("raise")), FailureKind.INTERNAL, "Stub-Quick failed: ValueError. Your prompts are kept."),
        (segment(Text("refuse")), FailureKind.ENGINE, "This engine refuses."),
        (segment(engine="stub-missing"), FailureKind.WEIGHTS_MISSING, "Stub-Missing needs a weights file."),
        (segment(engine="no-such"), FailureKind.ENGINE, "There is no engine 'no-such'; the engines are: classic"),
        (segment(region_of_interest=(900, 0, 950, 9)), FailureKind.ENGINE, "The region of interest lies outside"),
    ],
)
def test_failures_are_told_in_a_sentence(ears: Ears, request_: object, kind: FailureKind, sentence: str) -> None:
    end = ears.end(ears.submit(request_))  # type: ignore[arg-type]
    assert isinstance(end, Failed)
    assert end.kind is kind
    assert end.message.startswith(sentence)
    assert isinstance(ears.end(ears.submit(segment())), Finished), "the server goes on"


def test_ignored_prompts_and_the_seed_reach_their_places(ears: Ears) -> None:
    end = ears.end(ears.submit(segment(MaskPrompt(image().pixels[..., 0] > 0), seed=7)))
    assert counts(end)["seed"] == 7
    assert isinstance(end, Finished)
    assert isinstance(end.result, Segmentation)
    assert [(ignored.kind, ignored.count) for ignored in end.result.ignored] == [("mask", 1)]


def test_a_region_of_interest_gives_the_same_mask_in_image_coordinates(ears: Ears) -> None:
    whole = ears.end(ears.submit(segment()))
    crop = ears.end(ears.submit(segment(session="t", region_of_interest=(30, 20, 110, 95))))
    masks = [end.result.candidates[0].mask() for end in (whole, crop)]  # type: ignore[union-attr]
    assert masks[0].any()
    assert (masks[0] == masks[1]).all()


def test_waiting_for_one_job(ears: Ears, tmp_path: Path) -> None:
    heard: list[object] = []
    assert ears.server.run_to_end(segment(Text("steps 3 60")), heard.append).result is not None
    assert any(isinstance(event, Progress) for event in heard)
    with pytest.raises(JobFailed, match="This engine refuses"):
        ears.server.run_to_end(segment(Text("refuse")))
    request = segment(Text(f"hold {tmp_path / 'never'}"), session="x")
    with pytest.raises(Cancelled):
        ears.server.run_to_end(request, lambda _: ears.server.close_session("x"))


def test_restart_of_an_engine_loads_it_again(ears: Ears) -> None:
    ears.end(ears.submit(segment()))
    ears.server.restart_engine("stub-quick")
    assert counts(ears.end(ears.submit(segment())))["runs"] == 1


def test_closing_drops_what_did_not_end(tmp_path: Path) -> None:
    server = InProcess()
    ears = Ears(server)
    running = ears.submit(segment(Text(f"hold {tmp_path / 'never'}")))
    ears.running(running)
    assert server.close(10.0)
    assert isinstance(ears.end(running), Dropped)
    with pytest.raises(ServerClosed):
        server.submit(segment())


# --- what only a process can do


def test_a_killed_worker_costs_the_running_job_only(child: Ears, tmp_path: Path) -> None:
    running = child.submit(segment(Text(f"hold {tmp_path / 'never'}")))
    child.running(running)
    waiting = child.submit(segment(session="t"))
    assert isinstance(child.server, Supervised)
    pid = child.server.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    end = child.end(running)
    assert isinstance(end, Failed)
    assert end.kind is FailureKind.WORKER_DIED
    assert end.message == "Stub-Quick stopped unexpectedly (signal SIGKILL). Your prompts are kept."
    assert counts(child.end(waiting))["pid"] != pid
    child.wait(lambda event: isinstance(event, WorkerRestarted))


def test_an_interrupted_batch_run_survives_a_prompt_that_kills_the_worker(child: Ears, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    batch = child.submit(Everything("stub-slow", image(), Vocabulary((f"hold {gate}",))))
    child.running(batch)
    assert isinstance(child.end(child.submit(segment(Text("exit")))), Failed)
    gate.touch()
    assert isinstance(child.end(batch), Finished)


@pytest.mark.parametrize(("how", "reason"), [("abort", "signal SIGABRT"), ("exit", "exit code 7")])
def test_a_crash_in_native_code_is_reported_with_its_last_words(child: Ears, how: str, reason: str) -> None:
    end = child.end(child.submit(segment(Text(how))))
    assert isinstance(end, Failed)
    assert reason in end.message
    assert how == "exit" or "Aborted" in end.details
    child.wait(lambda event: isinstance(event, EngineChanged) and event.state is EngineState.FAILED)
    assert isinstance(child.end(child.submit(segment())), Finished)
    assert child.starts(1) == 1, "the job that killed the worker is not tried again"


def test_a_result_that_cannot_travel_fails_its_job_only(child: Ears) -> None:
    end = child.end(child.submit(segment(Text("unsendable"))))
    assert isinstance(end, Failed)
    assert end.kind is FailureKind.INTERNAL
    assert isinstance(child.end(child.submit(segment())), Finished)


def test_a_busy_engine_can_be_restarted(child: Ears, tmp_path: Path) -> None:
    running = child.submit(segment(Text(f"hold {tmp_path / 'never'}")))
    child.running(running)
    child.server.restart_engine("stub-quick")
    assert isinstance(child.end(running), Failed)
    assert isinstance(child.end(child.submit(segment())), Finished)


def test_a_worker_that_cannot_start_is_given_up_after_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [sys.executable, "-c", "raise SystemExit(3)"]
    monkeypatch.setattr("inference.backends._start", lambda: (broken, dict(os.environ)))
    server = _started(Supervised)
    ears = Ears(server)
    end = ears.end(ears.submit(segment()))
    assert isinstance(end, Failed)
    assert end.message == "The inference worker stopped 3 times while starting (exit code 3)."
    assert server.close(10.0)


def test_two_hundred_images_leave_memory_flat_and_nothing_behind() -> None:
    shared_before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    threads_before = set(threading.enumerate())
    server = _started(Supervised, Budgets(ram_bytes=10_000_000))
    ears = Ears(server)
    sizes: list[int] = []
    for number in range(200):
        picture = image(f"image {number}", 800, 600)
        server.pin(picture.content_hash)
        request = segment(Point(9.5, 9.5), session=str(number))
        job = ears.submit(type(request)(request.engine, picture, request.prompts, request.session, 1))
        assert isinstance(ears.end(job), Finished)
        ears.heard.clear()
        if number in (50, 199):
            assert isinstance(server, Supervised)
            sizes.append(sum(psutil.Process(pid).memory_info().rss for pid in (os.getpid(), server.worker_pid)))
    pid = server.worker_pid  # type: ignore[attr-defined]
    assert sizes[1] <= sizes[0] * 1.05, f"{sizes} bytes after 50 and 200 images"
    assert server.close(10.0)
    assert not psutil.pid_exists(pid)
    assert set(threading.enumerate()) <= threads_before
    if os.path.isdir("/dev/shm"):
        assert set(os.listdir("/dev/shm")) <= shared_before


PARENT = """
import sys
import numpy as np
from inference.engine import Image
from inference.messages import Progress, Segment
from inference.prompts import Point, PromptSet, Text
from inference.server import Supervised

assert "torch" not in sys.modules, "torch in the parent"
server = Supervised()
def hear(event):
    if isinstance(event, Progress) and event.message == "holding":
        loaded = sorted({"torch", "transformers", "PySide6"} & set(sys.modules))
        print(server.worker_pid, loaded, flush=True)
server.subscribe(hear)
server.start()
prompts = PromptSet((Point(1.5, 1.5), Text("hold " + sys.argv[1])))
server.submit(Segment("stub-quick", Image(np.zeros((9, 9, 3), np.uint8), "a"), prompts, "s", 1))
sys.stdin.read()
"""


def test_a_killed_parent_leaves_no_worker_and_never_loads_torch(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "never")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert parent.stdout is not None
    pid, _, loaded = parent.stdout.readline().decode().strip().partition(" ")
    worker = psutil.Process(int(pid))
    libraries = " ".join(entry.path for entry in worker.memory_maps()) if sys.platform == "linux" else ""
    parent.kill()
    parent.communicate()
    psutil.wait_procs([worker], timeout=30)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert loaded == "[]"
    assert "libtorch" not in libraries


def test_the_worker_moves_to_the_cpu_and_starts_again_what_ran(child: Ears, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    running = child.submit(segment(Text(f"hold {gate}")))
    child.running(running)
    assert isinstance(child.server, Supervised)
    first = child.server.worker_pid
    child.server.use_cpu("the GPU ran out of memory")
    line = child.wait(lambda event: isinstance(event, DeviceInfo) and bool(event.reason))
    assert line == DeviceInfo("CPU", "the GPU ran out of memory")
    gate.touch()
    end = child.end(running)
    assert counts(end)["pid"] != first
    assert child.starts(running) == 2
    assert not psutil.pid_exists(first or 0)
