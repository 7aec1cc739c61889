"""Who may ask how often: the token, rates per client, and how much may be sent. Nothing here knows of engines."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

LEAST_TOKEN = 16
"""Characters of the shortest token that is taken."""

MOST_CLIENTS = 10_000
"""Clients whose rates are remembered; the ones not heard of for longest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``body_bytes`` and ``pixels`` bound one request; ``per_second`` and ``burst`` one client; ``refused_per_minute``
    its attempts with a wrong token; ``at_once`` all running requests together; ``body_seconds`` the sending of one."""

    body_bytes: int = 256 << 20
    pixels: int = 100_000_000
    images_bytes: int = 2 << 30
    per_second: float = 50.0
    burst: int = 200
    refused_per_minute: float = 10.0
    at_once: int = 16
    body_seconds: float = 60.0


def check_token(token: str) -> None:
    """Raises ValueError, with one sentence, for a token that could be guessed or not be sent."""
    if len(token) < LEAST_TOKEN:
        raise ValueError(f"The token has {len(token)} characters; at least {LEAST_TOKEN} are needed.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("The token may hold printable ASCII characters only, and no blanks.")


class Rate:
    """A bucket per client that fills with ``per_second`` up to ``burst``. ``clock`` gives seconds."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Seconds until this client may ask again; 0 now."""
        return max(0.0, (1.0 - self._level(client)) / self._per_second)

    def take(self, client: str) -> None:
        """Count one request."""
        level = self._level(client) - 1.0
        self._clients[client] = (max(level, -1.0), self._clock())
        self._clients.move_to_end(client)
        if len(self._clients) > MOST_CLIENTS:
            self._clients.popitem(last=False)

    def _level(self, client: str) -> float:
        level, since = self._clients.get(client, (self._burst, self._clock()))
        return min(self._burst, level + (self._clock() - since) * self._per_second)


class Guard:
    """ASGI middleware: whoever comes too often gets 429, whoever has no token 401, before anything is read."""

    def __init__(self, application: ASGIApp, token: str, limits: Limits) -> None:
        check_token(token)
        self._application = application
        self._expected = f"Bearer {token}".encode()
        self._rate = Rate(limits.per_second, limits.burst)
        self._refused = Rate(limits.refused_per_minute / 60, limits.refused_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # no websockets; uvicorn closes the connection
        client = scope["client"][0] if scope.get("client") else ""
        wait = max(self._rate.wait(client), self._refused.wait(client))
        if wait > 0:
            await _refuse(send, 429, "Too many requests.", [(b"retry-after", str(int(wait) + 1).encode())])
            return
        self._rate.take(client)
        given = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(given, self._expected):
            self._refused.take(client)
            await _refuse(send, 401, "A token is required.", [(b"www-authenticate", b"Bearer")])
            return
        await self._application(scope, receive, send)


async def body(request: Request, limits: Limits) -> bytes:
    """What the client sent. Raises 413 when it is too much, 408 when it takes too long, 400 when it breaks off."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.body_bytes:
        raise _too_much(limits)
    held = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for piece in request.stream():
                held += piece
                if len(held) > limits.body_bytes:
                    raise _too_much(limits)
    except TimeoutError:
        raise HTTPException(408, "The request took too long to arrive.") from None
    except ClientDisconnect:
        raise HTTPException(400, "The request broke off.") from None
    return bytes(held)


def _too_much(limits: Limits) -> HTTPException:
    return HTTPException(413, f"The request is too large; {limits.body_bytes} bytes are allowed.")


async def _refuse(send: Send, status: int, sentence: str, headers: list[tuple[bytes, bytes]]) -> None:
    content = (b"content-type", b"text/plain; charset=utf-8")
    # the body of the request is not read, so the connection cannot be used again
    await send(
        {"type": "http.response.start", "status": status, "headers": [content, *headers, (b"connection", b"close")]}
    )
    await send({"type": "http.response.body", "body": sentence.encode()})
