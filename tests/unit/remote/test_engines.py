"""Engines whose work is done on a server: the same masks, few bytes, cancelled and reconnected as it should be."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference import registry, remote
from inference.engine import Cancelled, Engine, Image, UnusablePrompts, Vocabulary, silent
from inference.messages import DeviceInfo, Segment
from inference.prompts import Box, Point, PromptSet, Text
from inference.remote import client, engines
from inference.remote.client import Connection, ServerTrouble
from inference.remote.engines import ServerEngine, SharedEngine
from inference.remote.guard import Limits
from inference.results import Segmentation
from inference.server import Supervised
from tests.e2e.stub_engines import ENGINES
from tests.unit.remote.serving import TOKEN, Served, portable, serving

PLUGGED = f"{ENGINES},tests.unit.remote.serving:portable"
IMAGE = Image(np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8), "an image")
CLICK = PromptSet((Point(60.5, 40.5),))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", PLUGGED)
    with serving() as up:
        use(monkeypatch, up.address)
        yield up


def use(patch: pytest.MonkeyPatch, address: str) -> None:
    """Let :func:`opened` ask this server. The environment stays as it is: the server is in this process, too."""
    patch.setattr(client, "PAUSES", (0.01, 0.02))
    connection = Connection(address, TOKEN)
    hello = connection.hello()
    patch.setattr(engines, "_server", lambda: (connection, hello))


def opened(name: str) -> Engine:
    plug_in = registry._plug_in(name)
    return engines.opened(plug_in.SPEC, registry.installed(name), plug_in.create)


@pytest.mark.usefixtures("served")
def test_what_answers_at_once_stays_here() -> None:
    assert not isinstance(opened("classic"), ServerEngine)
    assert not isinstance(opened("stub-quick"), ServerEngine)


@pytest.mark.usefixtures("served")
def test_a_slow_engine_works_there_and_answers_the_same() -> None:
    engine = opened("stub-slow")
    assert isinstance(engine, ServerEngine)
    features = engine.encode(IMAGE, silent)
    found = engine.segment(features, CLICK, None, silent)
    assert found.candidates[0].mask()[40, 60]
    assert found.memory is not None
    again = engine.segment(features, CLICK, found.memory, silent)
    assert again.memory is not None
    assert int(again.memory.arrays["rounds"]) == 2
    assert [region.label for region in engine.everything(features, Vocabulary(("a",)), silent)] == ["all"]
    masks = [found.candidates[0].mask()] * 2
    assert engine.label(features, masks, Vocabulary(("a", "b"))).scores.shape == (2, 2)


@pytest.mark.usefixtures("served")
def test_seed_and_options_travel() -> None:
    engine = opened("stub-slow")
    assert isinstance(engine, ServerEngine)
    engine.reseed(7)
    found = engine.segment(engine.encode(IMAGE, silent), CLICK, None, silent)
    assert found.memory is not None
    assert int(found.memory.arrays["seed"]) == 7


def test_features_come_from_there_and_are_decoded_here(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = type(portable.SPEC)(*(getattr(portable.SPEC, name) for name in portable.SPEC.__slots__))
    monkeypatch.setattr(type(portable), "SPEC", _with_speed(slow, "seconds"))
    engine = opened("stub-portable")
    assert isinstance(engine, SharedEngine)
    features = engine.encode(IMAGE, silent)
    local = engine._here
    assert local.encodes == 0
    found = engine.segment(features, CLICK, None, silent)
    assert local.runs == 1
    expected = local.segment(local.encode(IMAGE, silent), CLICK, None, silent)
    assert np.array_equal(found.candidates[0].logits, expected.candidates[0].logits)


@pytest.mark.usefixtures("served")
def test_errors_are_those_of_the_engine() -> None:
    engine = opened("stub-slow")
    features = engine.encode(IMAGE, silent)
    with pytest.raises(UnusablePrompts, match="needs a point"):
        engine.segment(features, PromptSet((Box(1, 1, 5, 5),)), None, silent)


def test_cancelling_here_ends_the_work_there(served: Served, tmp_path: Path) -> None:
    engine = opened("stub-slow")
    features = engine.encode(IMAGE, silent)
    ended: list[object] = []
    served.server.subscribe(ended.append)
    seen: list[str] = []

    def report(fraction: float | None, message: str, preview: object = None) -> None:
        seen.append(message)
        if preview is not None:
            raise Cancelled

    with pytest.raises(Cancelled):
        engine.segment(features, PromptSet((Text(f"hold {tmp_path}/gate"),)), None, report)
    assert "holding" in seen
    _soon(lambda: any(type(event).__name__ == "Dropped" for event in ended))


def test_an_image_that_the_server_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", PLUGGED)
    with serving() as first:
        use(monkeypatch, first.address)
        engine = opened("stub-slow")
        features = engine.encode(IMAGE, silent)
    with serving(port=first.port):
        assert engine.segment(features, CLICK, None, silent).candidates


def test_a_server_that_comes_back_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    with serving() as first:
        connection = Connection(first.address, TOKEN, pause=pauses.append)
        connection.hello()
    up = serving(port=first.port)

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            up.__enter__()

    connection._pause = wait
    try:
        assert "classic" in connection.hello().engines
    finally:
        up.__exit__(None, None, None)
    assert pauses == list(client.PAUSES[:2])


def test_a_server_that_is_gone_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as gone:
        pass
    connection = Connection(gone.address, TOKEN, pause=lambda seconds: None)
    with pytest.raises(
        ServerTrouble, match=r"^The server 127\.0\.0\.1:\d+ cannot be reached \(.*\)\. Your prompts are kept\.$"
    ):
        connection.hello()


def test_a_wrong_token_is_one_sentence_without_it() -> None:
    with serving() as up, pytest.raises(ServerTrouble) as caught:
        Connection(up.address, "another-token-altogether").hello()
    assert str(caught.value) == f"The server {up.address[7:]} does not accept the token."


def test_another_protocol_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as up:
        monkeypatch.setattr(client, "PROTOCOL", 2)
        with pytest.raises(ServerTrouble, match="they do not understand each other"):
            Connection(up.address, TOKEN).hello()


def test_what_is_no_maskwright_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.remote.service.PROTOCOL", "one")
    with serving() as up, pytest.raises(ServerTrouble):
        Connection(up.address, TOKEN).hello()


@pytest.mark.parametrize(
    "address", ["", "gpu-box", "ftp://gpu", "https://", "https://me:secret@gpu", "https://gpu/path"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ServerTrouble, match="is no address of a server"):
        client.checked_address(address)


def test_the_token_does_not_leave_the_machine_in_the_clear() -> None:
    with pytest.raises(ServerTrouble, match="must begin with https://"):
        client.checked_address("http://gpu-box:8737")
    for address in ("http://127.0.0.1:8737", "http://localhost:1", "http://[::1]:8737", "https://gpu-box:8737/"):
        assert client.checked_address(address) == address.rstrip("/")


def test_a_request_that_is_too_large_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Limits(body_bytes=1000, per_second=1e6, burst=10**6)) as up:
        connection = Connection(up.address, TOKEN)
        connection.hello()
        with pytest.raises(ServerTrouble, match=r"the server 127.0.0.1:\d+ takes 0\."):
            connection.send_image(IMAGE)


def test_a_worker_asks_the_server_that_its_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way: scheduling here, the question in a worker process, the engine there."""
    monkeypatch.setenv("MASKWRIGHT_ENGINES", PLUGGED)
    with serving() as up:
        desk = Supervised()
        desk._environment = {remote.ADDRESS_VARIABLE: up.address, remote.TOKEN_VARIABLE: TOKEN}
        lines: list[str] = []
        desk.subscribe(lambda event: lines.append(event.name) if isinstance(event, DeviceInfo) else None)
        desk.start()
        try:
            done = desk.run_to_end(Segment("stub-slow", IMAGE, CLICK, "s", 1))
        finally:
            desk.close()
    assert isinstance(done.result, Segmentation)
    assert done.result.candidates[0].mask()[40, 60]
    assert done.result.memory is not None
    assert int(done.result.memory.arrays["pid"]) == os.getpid()
    assert lines[-1].startswith(up.address.removeprefix("http://"))


def test_without_a_server_nothing_of_the_network_is_loaded() -> None:
    code = (
        "import sys, inference.server, inference.registry as r; r.create_engine('classic');"
        "print(sorted({'httpx2', 'starlette', 'uvicorn'} & set(sys.modules)))"
    )
    variables = {name: value for name, value in os.environ.items() if name != remote.ADDRESS_VARIABLE}
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def _with_speed(spec: object, speed: str) -> object:
    from dataclasses import replace

    from inference.engine import Speed

    return replace(spec, speed=Speed(speed))  # type: ignore[type-var]


def _soon(true: object) -> None:
    end = time.monotonic() + 20
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
