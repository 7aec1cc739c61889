"""The server over a real connection: who is let in, what is refused, and that nothing of it does any harm."""

from __future__ import annotations

import json
import logging
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator

import httpx2
import numpy as np
import pytest

from inference.engine import Image
from inference.remote import PROTOCOL, PROTOCOL_HEADER, pictures, service, wire
from inference.remote.client import Connection
from inference.remote.guard import Limits, Rate
from inference.server import InProcess
from tests.e2e.stub_engines import ENGINES
from tests.unit.remote.serving import TOKEN, Served, serving

PIXELS = np.arange(60 * 80 * 3, dtype=np.uint32).reshape(60, 80, 3).astype(np.uint8)
POINT = [{"kind": "point", "positive": True, "at": [40.5, 30.5], "part": 0}]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKWRIGHT_ENGINES", ENGINES)
        with serving(
            Limits(body_bytes=2_000_000, pixels=1_000_000, per_second=1e6, burst=10**6, refused_per_minute=1e6)
        ) as up:
            yield up


def http(served: Served, token: str = TOKEN, protocol: str = str(PROTOCOL)) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {token}", PROTOCOL_HEADER: protocol}
    return httpx2.Client(base_url=served.address, headers=headers, trust_env=False, timeout=30, verify=False)


def image_name(served: Served) -> str:
    return Connection(served.address, TOKEN).send_image(Image(PIXELS, "x"))


def question(name: str, **changes: object) -> bytes:
    return wire.packed({"kind": "segment", "engine": "stub-quick", "image": name, "prompts": POINT, **changes})


def last_message(data: bytes) -> wire.Message:
    return wire.unpacked(wire.Unframer(10**9).feed(data)[-1])[0]


def works(served: Served) -> None:
    """A whole request goes through."""
    with http(served) as client:
        answer = client.post("/v1/run", content=question(image_name(served)))
        assert answer.status_code == 200
        assert last_message(answer.content)["type"] == "result"


def test_a_whole_request_goes_through(served: Served) -> None:
    works(served)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/hello"), ("POST", "/v1/images"), ("POST", "/v1/run"), ("GET", "/"), ("GET", "/x")]
)
@pytest.mark.parametrize("header", [None, "", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"])
def test_without_the_token_there_is_nothing(served: Served, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = httpx2.request(method, served.address + path, headers=headers, trust_env=False, verify=False)
    assert answer.status_code == 401
    assert answer.text == "A token is required."


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr("inference.remote.guard.hmac.compare_digest", lambda a, b: bool(compared.append((a, b))))
    with serving() as up, http(up) as client:
        assert client.get("/v1/hello").status_code == 401
    assert compared == [(f"Bearer {TOKEN}".encode(), f"Bearer {TOKEN}".encode())]


@pytest.mark.parametrize("token", ["", "short", "with a blank in the middle", "kein-ascii-zeichen-ä-dabei"])
def test_a_poor_token_is_refused_at_once(token: str) -> None:
    server = InProcess()
    try:
        with pytest.raises(ValueError, match="token"):
            service.application(server, token)
    finally:
        server.close()


def test_large_requests_are_refused_before_they_are_read(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), 20) as raw:
        raw.sendall(_head("/v1/images", length=50_000_000))
        assert b"413" in raw.recv(4096).split(b"\r\n")[0]


def test_large_requests_without_a_length_are_refused_while_they_arrive(served: Served) -> None:
    pieces = (bytes(100_000) for _ in range(100))
    try:
        with http(served) as client:
            assert client.post("/v1/images", content=pieces).status_code == 413
    except httpx2.TransportError:
        pass  # the server hung up in the middle of the sending, which is as good
    works(served)


def test_large_images_are_refused_by_their_header(served: Served) -> None:
    bomb = bytearray(pictures.encoded(np.zeros((4, 4, 3), np.uint8)))
    bomb[16:24] = struct.pack(">II", 50_000, 50_000)
    with http(served) as client:
        answer = client.post("/v1/images", content=bytes(bomb))
    assert (answer.status_code, answer.text) == (413, "The image has 50000 × 50000 pixels; 1000000 are allowed.")


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "no-such-engine"},
        {"engine": "../../etc/passwd"},
        {"engine": 3},
        {"kind": "delete"},
        {"prompts": [{"kind": "point", "positive": True, "at": [1e999, 0]}]},
        {"prompts": "all"},
        {"prompts": [{"kind": "mask", "positive": True, "mask": {"bits": "a7", "size": [4, 4]}}]},
        {"seed": -1},
        {"seed": "x"},
        {"options": {"a": [1]}},
        {"memory": {"engine": "x", "arrays": {"a": "a0"}}},
    ],
)
def test_malformed_messages_are_named(served: Served, change: dict[str, object]) -> None:
    name = image_name(served)
    words = json.dumps({"kind": "segment", "engine": "stub-quick", "image": name, "prompts": POINT, **change}).encode()
    with http(served) as client:
        answer = client.post("/v1/run", content=wire.MAGIC + struct.pack("<I", len(words)) + words)
    assert answer.status_code == 400
    assert answer.text.endswith(".")
    assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/v1/../../etc/passwd", "/v1/images/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
     "/v1/images/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/v1/images\\..\\..\\secret", "/v1/run%00.py"],
)  # fmt: skip
def test_paths_lead_nowhere(served: Served, path: str) -> None:
    with socket.create_connection(("127.0.0.1", served.port), 20) as raw:
        raw.sendall(_head(path, method="GET"))
        answer = raw.recv(4096)
    assert answer.split()[1] in (b"404", b"405", b"400")
    assert b"root:" not in answer


def test_image_names_are_looked_up_and_never_opened(served: Served) -> None:
    with http(served) as client:
        for name in ("../../etc/passwd", "/etc/passwd", "0" * 64, ""):
            answer = client.post("/v1/run", content=question(name))
            assert answer.status_code == 404


def test_another_protocol_is_refused(served: Served) -> None:
    with http(served, protocol="99") as client:
        answer = client.post("/v1/run", content=b"")
    assert answer.status_code == 426
    assert answer.text.startswith("This server speaks protocol 1")


def test_too_many_requests_are_told_to_wait() -> None:
    with serving(Limits(per_second=0.5, burst=5)) as up, http(up) as client:
        codes = [client.get("/v1/hello").status_code for _ in range(8)]
        assert codes[:5] == [200] * 5
        assert 429 in codes[5:]


def test_guessing_tokens_is_slowed_down_sooner() -> None:
    with serving(Limits(per_second=1e6, burst=10**6, refused_per_minute=3)) as up, http(up, "x" * 30) as client:
        assert [client.get("/v1/hello").status_code for _ in range(5)] == [401, 401, 401, 429, 429]


def test_a_rate_fills_up_again() -> None:
    now = [0.0]
    rate = Rate(2.0, 3, lambda: now[0])
    for _ in range(3):
        assert rate.wait("a") == 0
        rate.take("a")
    assert rate.wait("a") == pytest.approx(0.5)
    assert rate.wait("b") == 0
    now[0] = 0.5
    assert rate.wait("a") == 0


def test_more_jobs_than_allowed_wait(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("MASKWRIGHT_ENGINES", ENGINES)
    hold = [{"kind": "text", "positive": True, "text": f"hold {tmp_path}/gate"}]
    with serving(Limits(at_once=1, per_second=1e6, burst=10**6)) as up, http(up) as client:
        name = image_name(up)
        with client.stream("POST", "/v1/run", content=question(name, prompts=hold)) as first:
            pieces = first.iter_raw()
            next(pieces)
            assert client.post("/v1/run", content=question(name)).status_code == 429
        _soon(lambda: client.post("/v1/run", content=question(name)).status_code == 200)


def test_who_hangs_up_cancels(served: Served, tmp_path: object) -> None:
    events: list[object] = []
    unsubscribe = served.server.subscribe(events.append)
    hold = [{"kind": "text", "positive": True, "text": f"hold {tmp_path}/gate"}]
    with (
        http(served) as client,
        client.stream("POST", "/v1/run", content=question(image_name(served), prompts=hold)) as r,
    ):
        next(r.iter_raw())
    _soon(lambda: any(type(event).__name__ == "Dropped" for event in events))
    unsubscribe()
    works(served)


def test_a_failure_is_one_sentence_and_no_traceback(served: Served) -> None:
    broken = [{"kind": "text", "positive": True, "text": "raise"}]
    with http(served) as client:
        answer = client.post("/v1/run", content=question(image_name(served), prompts=broken))
    said = last_message(answer.content)
    assert (said["type"], said["kind"]) == ("failed", "internal")
    assert b"Traceback" not in answer.content
    assert b"/tests/" not in answer.content


def test_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serving() as up:
        connection = Connection(up.address, TOKEN)
        connection.hello()
        httpx2.get(
            up.address + "/v1/hello", headers={"Authorization": f"Bearer {TOKEN}?"}, trust_env=False, verify=False
        )
    said = "\n".join(record.getMessage() for record in caplog.records if "httpcore" not in record.name)
    assert TOKEN not in said


def fuzz(served: Served, requests: int, seed: int = 0) -> None:
    """Requests that are wrong in every way: lines, headers, bodies, messages, arrays, pictures."""
    random_ = random.Random(seed)
    good = [question(image_name(served)), pictures.encoded(PIXELS[:8, :8])]
    with http(served) as client:
        for _ in range(requests):
            if random_.random() < 0.1:
                _raw_noise(served.port, random_)
                continue
            data = bytearray(random_.choice(good))
            for _ in range(random_.randint(1, 8)):
                at = random_.randrange(len(data) + 1)
                data[at : at + random_.randint(0, 4)] = random_.randbytes(random_.randint(0, 6))
            path = random_.choice(["/v1/run", "/v1/images", "/v1/hello", "/" + random_.randbytes(4).hex()])
            try:
                answer = client.request(
                    random_.choice(["POST", "POST", "POST", "GET", "PUT"]), path, content=bytes(data)
                )
            except httpx2.TransportError:
                continue
            assert answer.status_code < 500, (path, answer.status_code, answer.text)


def drop(served: Served, times: int, seed: int = 0) -> None:
    """Connections that end at any point of a request or its answer."""
    random_ = random.Random(seed)
    data = question(image_name(served))
    whole = _head("/v1/run", length=len(data)) + data
    for _ in range(times):
        with socket.create_connection(("127.0.0.1", served.port), 20) as raw:
            raw.sendall(whole[: random_.randint(0, len(whole))])
            if random_.random() < 0.5:
                raw.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )  # a reset instead of a goodbye


def test_a_short_fuzz_and_dropped_connections_leave_it_working(served: Served) -> None:
    fuzz(served, 300)
    drop(served, 20)
    works(served)


@pytest.mark.slow
def test_ten_thousand_fuzzed_requests_and_two_hundred_dropped_connections(served: Served) -> None:
    before = threading.active_count()
    fuzz(served, 10_000, seed=1)
    drop(served, 200, seed=1)
    works(served)
    _soon(lambda: threading.active_count() <= before + 40)  # asyncio's pool for work off the loop


def _raw_noise(port: int, random_: random.Random) -> None:
    with socket.create_connection(("127.0.0.1", port), 20) as raw:
        raw.settimeout(5)
        try:
            raw.sendall(
                random_.choice([b"", b"GET / HTTP/1.1\r\n", _head("/v1/run", length=5)]) + random_.randbytes(50)
            )
            raw.shutdown(socket.SHUT_WR)
            raw.recv(1000)
        except OSError:
            pass


def _head(path: str, length: int = 0, method: str = "POST") -> bytes:
    lines = (
        f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}",
        f"{PROTOCOL_HEADER}: {PROTOCOL}", f"Content-Length: {length}", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


def _soon(true: object) -> None:
    end = time.monotonic() + 20
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
