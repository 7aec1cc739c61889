"""Asking a server: one connection that is kept open, reconnects by itself, and stops when its job is cancelled."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import numpy as np
from numpy.typing import NDArray

from inference import __version__
from inference.engine import (
    Cancelled,
    EngineError,
    Image,
    OutOfMemory,
    Report,
    UnusablePrompts,
    WeightsMissing,
    WrongWeights,
    silent,
)
from inference.messages import FailureKind
from inference.remote import PROTOCOL, PROTOCOL_HEADER, codec, pictures, wire

PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds before each further try when the server cannot be reached or is busy."""

QUIET = 15.0
"""Seconds without a sign of life after which a connection counts as lost (the server sends one every two)."""

MOST_ANSWER = 2 << 30
MOST_PIXELS = 400_000_000

_RAISED: dict[str, type[EngineError]] = {
    FailureKind.WEIGHTS_MISSING: WeightsMissing,
    FailureKind.WRONG_WEIGHTS: WrongWeights,
    FailureKind.OUT_OF_MEMORY: OutOfMemory,
    FailureKind.UNUSABLE_PROMPTS: UnusablePrompts,
}


class ServerTrouble(EngineError):
    """The server cannot be reached, or refuses; the text is one sentence without the token."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a server says about itself."""

    version: str
    engines: tuple[str, ...]
    device: str
    most_bytes: int
    most_pixels: int


class Connection:
    """A server by its address (``https://host:port``). ``certificate``: a file with the authority that signed its own.

    Not for several threads at once. Raises :class:`ServerTrouble` for an address that would show the token to others.
    """

    def __init__(
        self, address: str, token: str, certificate: str | None = None, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.address = checked_address(address)
        self._pause = pause
        self._most_bytes = 0
        trusted: ssl.SSLContext | bool = False  # reading the system's authorities takes a while, so only for HTTPS
        if self.address.startswith("https:"):
            try:
                trusted = ssl.create_default_context(cafile=certificate)
            except OSError as error:
                raise ServerTrouble(f"The certificate {certificate} cannot be read ({error}).") from error
        self._http = httpx2.Client(
            base_url=self.address,
            headers={"Authorization": f"Bearer {token}", PROTOCOL_HEADER: str(PROTOCOL)},
            timeout=httpx2.Timeout(QUIET, connect=5.0),
            verify=trusted,
            trust_env=False,  # neither a proxy of the environment nor a .netrc has any business with the token
        )

    @property
    def host(self) -> str:
        """How the server is called in sentences."""
        return urlsplit(self.address).netloc

    def close(self) -> None:
        self._http.close()

    def hello(self, report: Report = silent) -> Hello:
        """Versions and engines. Raises :class:`ServerTrouble`, also when the two sides do not speak the same way."""
        answer = self._ask(lambda: self._http.get("/v1/hello"), report)
        try:
            told = answer.json()
            if told["protocol"] != PROTOCOL:
                raise ServerTrouble(
                    f"The server {self.host} runs Maskwright {told['maskwright']}, this is {__version__}: "
                    "they do not understand each other."
                )
            self._most_bytes = int(told["most_bytes"])
            return Hello(
                str(told["maskwright"]), tuple(map(str, told["engines"])), str(told["device"]),
                int(told["most_bytes"]), int(told["most_pixels"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            raise ServerTrouble(f"{self.host} does not answer like a Maskwright server.") from error

    def send_image(self, image: Image, report: Report = silent) -> str:
        """Upload pixels; returns their name there."""
        data = pictures.encoded(image.pixels)
        self._check_size(data)
        answer = self._ask(lambda: self._http.post("/v1/images", content=data), report)
        return str(answer.json()["image"])

    def run(
        self, message: wire.Message, packing: codec.Packing, report: Report
    ) -> tuple[wire.Message, codec.Unpacking]:
        """Ask for a job and wait for its result: the message that ends it, and its arrays.

        Raises :class:`UnknownImage` when the image has to be sent (again), :class:`Cancelled` when ``report`` does,
        the engine's own errors, and :class:`ServerTrouble`.
        """
        data = wire.packed(message, packing.arrays)
        self._check_size(data)
        for pause in (*PAUSES, None):
            try:
                return self._run(data, report)
            except (httpx2.TransportError, _Busy) as error:
                if pause is None:
                    raise self._unreachable(error) from error
                report(None, f"Waiting for {self.host}")
                self._pause(pause)
        raise AssertionError

    def _run(self, data: bytes, report: Report) -> tuple[wire.Message, codec.Unpacking]:
        with self._http.stream("POST", "/v1/run", content=data) as answer:
            if answer.status_code != 200:
                answer.read()
                self._check(answer)
            for told, arrays in _messages(answer):
                match told.get("type"):
                    case "progress":
                        _pass_on(told, arrays, report)
                    case "alive":
                        report(None, f"Waiting for {self.host}")
                    case "result":
                        return told, codec.Unpacking(arrays, MOST_PIXELS)
                    case "failed":
                        kind = _RAISED.get(str(told.get("kind")), EngineError)
                        raise kind(str(told.get("text")))
                    case "dropped":
                        raise Cancelled
        raise httpx2.RemoteProtocolError("The server ended its answer early.")

    def _ask(self, send: Callable[[], httpx2.Response], report: Report) -> httpx2.Response:
        for pause in (*PAUSES, None):
            try:
                answer = send()
                self._check(answer)
                return answer
            except (httpx2.TransportError, _Busy) as error:
                if pause is None:
                    raise self._unreachable(error) from error
                report(None, f"Waiting for {self.host}")
                self._pause(pause)
        raise AssertionError

    def _check(self, answer: httpx2.Response) -> None:
        code = answer.status_code
        if code == 200:
            return
        if code in (429, 502, 503, 504):
            raise _Busy(f"it answers {code}")
        if code == 404:
            raise UnknownImage(f"The server {self.host} does not know the image.")
        if code == 401:
            raise ServerTrouble(f"The server {self.host} does not accept the token.")
        if code == 426:
            raise ServerTrouble(f"The server {self.host} runs another version of Maskwright than this, {__version__}.")
        said = answer.text.strip().splitlines()[0][:200] if answer.text.strip() else f"it answers {code}"
        raise ServerTrouble(f"The server {self.host} refuses: {said}")

    def _check_size(self, data: bytes) -> None:
        """A server that refuses a request does not read it to its end, which looks like a broken connection here."""
        if self._most_bytes and len(data) > self._most_bytes:
            raise ServerTrouble(
                f"This request has {len(data) / 1e6:.0f} MB; the server {self.host} takes {self._most_bytes / 1e6:.0f}."
            )

    def _unreachable(self, error: Exception) -> ServerTrouble:
        why = str(error).strip().rstrip(".") or type(error).__name__
        return ServerTrouble(f"The server {self.host} cannot be reached ({why}). Your prompts are kept.")


class UnknownImage(ServerTrouble):
    """The server has not got the image, or not any more."""


class _Busy(Exception):
    """The server, or the proxy before it, says to come again later."""


def checked_address(address: str) -> str:
    """The address without a slash at its end.

    Raises :class:`ServerTrouble` unless it is HTTPS, or HTTP to this very machine.
    """
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.path.strip("/"):
        raise ServerTrouble(f"'{address}' is no address of a server; it looks like https://host:8737.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ServerTrouble(
            f"{parts.hostname} is another machine: its address must begin with https://, or others can read the token."
        )
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(host: str) -> bool:
    """Whether a name or number means this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _messages(answer: httpx2.Response) -> Iterator[tuple[wire.Message, dict[str, NDArray[np.generic]]]]:
    unframer = wire.Unframer(MOST_ANSWER)
    try:
        for piece in answer.iter_raw():
            for data in unframer.feed(piece):
                yield wire.unpacked(data)
    except wire.Malformed as problem:
        raise ServerTrouble(f"The server's answer cannot be read: {problem}") from problem


def _pass_on(told: wire.Message, arrays: dict[str, NDArray[np.generic]], report: Report) -> None:
    fraction, preview = told.get("fraction"), arrays.get(str(told.get("preview")))
    known = isinstance(fraction, int | float)
    shown = np.asarray(preview, np.float32) if preview is not None and preview.ndim == 2 else None
    report(float(fraction) if known else None, str(told.get("text", "")), shown)  # type: ignore[arg-type]
