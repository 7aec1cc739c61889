"""What ``maskwright serve`` answers: features and masks, computed by the same supervised worker as on a desk.

- ``GET /v1/hello``: versions, installed engines, device, limits (JSON).
- ``POST /v1/images``: an image as PNG; answers with its name, the SHA-256 of its pixels. Kept in memory, never on disk.
- ``POST /v1/run``: one message of ``wire``; answers with a stream of messages: progress, then the result or a failure.
  Closing the connection cancels the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from inference import __version__, messages, registry
from inference.feature_disk import halved
from inference.messages import Dropped, Failed, Finished, GivenFeatures, Progress
from inference.remote import PROTOCOL, PROTOCOL_HEADER, codec, wire
from inference.remote.guard import Guard, Limits, body, check_token
from inference.remote.pictures import Pictures, TooLarge, decoded, name_of
from inference.remote.wire import Malformed
from inference.results import LabelScores, Segmentation
from inference.server import Server

HEARTBEAT = 2.0
"""Seconds after which a quiet job sends a sign of life, so that a dead connection is noticed."""


def application(server: Server, token: str, limits: Limits | None = None) -> Starlette:
    """The ASGI application round a started server. Raises ValueError when the token is too short."""
    service = _Service(server, limits or Limits())
    routes = [
        Route("/v1/hello", service.hello, methods=["GET"]),
        Route("/v1/images", service.keep, methods=["POST"]),
        Route("/v1/run", service.run, methods=["POST"]),
    ]
    guard = Middleware(Guard, token=token, limits=service.limits)
    check_token(token)
    return Starlette(routes=routes, middleware=[guard], exception_handlers={HTTPException: _sentence})


class _Service:
    def __init__(self, server: Server, limits: Limits) -> None:
        self.limits = limits
        self._server = server
        self._images = Pictures(limits.images_bytes)
        self._device = messages.DeviceInfo("")
        self._running = 0
        server.subscribe(self._hear)

    def _hear(self, event: messages.Event) -> None:
        if isinstance(event, messages.DeviceInfo):
            self._device = event

    async def hello(self, request: Request) -> Response:
        specs = [spec for spec in registry.engine_specs() if registry.installed(spec.name)]
        return JSONResponse(
            {
                "maskwright": __version__,
                "protocol": PROTOCOL,
                "engines": [spec.name for spec in specs],
                "device": self._device.name,
                "most_bytes": self.limits.body_bytes,
                "most_pixels": self.limits.pixels,
            }
        )

    async def keep(self, request: Request) -> Response:
        _check_protocol(request)
        data = await body(request, self.limits)
        try:
            pixels = await asyncio.to_thread(decoded, data, self.limits.pixels)
        except TooLarge as problem:
            raise HTTPException(413, str(problem)) from None
        except Malformed as problem:
            raise HTTPException(400, str(problem)) from None
        name = await asyncio.to_thread(name_of, pixels)
        self._images.keep(pixels, name)
        return JSONResponse({"image": name})

    async def run(self, request: Request) -> Response:
        _check_protocol(request)
        if self._running >= self.limits.at_once:
            raise HTTPException(429, "Too many requests are running.", {"retry-after": "1"})
        data = await body(request, self.limits)
        try:
            message, arrays = wire.unpacked(data)
            asked = self._request(message, codec.Unpacking(arrays, self.limits.pixels))
        except Malformed as problem:
            raise HTTPException(400, str(problem)) from None
        return StreamingResponse(self._answers(asked), media_type="application/octet-stream")

    def _request(self, message: wire.Message, arrays: codec.Unpacking) -> messages.Request:
        engine, name = message.get("engine"), message.get("image")
        if not isinstance(engine, str) or not registry.known(engine):
            raise Malformed("The message names no engine that is known here.")
        image = self._images.get(name) if isinstance(name, str) else None
        if image is None:
            raise HTTPException(404, "The image is not known here (any more).")
        options = codec.options_in(message.get("options", {}))
        seed = message.get("seed", 0)
        if type(seed) is not int or not 0 <= seed < 2**63:
            raise Malformed("The seed is no whole number.")
        match message.get("kind"):
            case "encode":
                return messages.Encode(engine, image, options=options, give=message.get("give") is True)
            case "segment":
                prompts = codec.prompts_in(message.get("prompts"), arrays)
                memory = codec.memory_in(message.get("memory"), arrays)
                session = secrets.token_hex(8)  # each request is its own: the desk has said what is out of date
                return messages.Segment(engine, image, prompts, session, 0, memory, seed, options=options)
            case "everything":
                return messages.Everything(engine, image, codec.vocabulary_in(message.get("vocabulary")), seed, options)
            case "label":
                rows = message.get("masks")
                vocabulary = codec.vocabulary_in(message.get("vocabulary"))
                if not isinstance(rows, list) or len(rows) > codec.MOST_NAMES or vocabulary is None:
                    raise Malformed("The message has no masks or no names.")
                masks = tuple(arrays.mask(row) for row in rows)
                return messages.RankLabels(engine, image, masks, vocabulary, options=options)
        raise Malformed("The message asks for something unknown.")

    async def _answers(self, asked: messages.Request) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[messages.Event] = asyncio.Queue()

        def hear(event: messages.Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
                loop.call_soon_threadsafe(heard.put_nowait, event)

        self._running += 1
        unsubscribe = self._server.subscribe(hear)
        job = self._server.submit(asked)
        ended = False
        try:
            while not ended:
                try:
                    event = await asyncio.wait_for(heard.get(), HEARTBEAT)
                except TimeoutError:
                    yield wire.framed(wire.packed({"type": "alive"}))
                    continue
                if getattr(event, "job", None) != job:
                    continue
                ended = isinstance(event, Finished | Failed | Dropped)
                data = await asyncio.to_thread(_told, event) if ended else _told(event)
                if data:
                    yield wire.framed(data)
        finally:
            unsubscribe()
            self._running -= 1
            if not ended:
                self._server.cancel(job)


def _told(event: messages.Event) -> bytes:
    """An event of the job as a message; nothing for events that the desk need not know."""
    packing = codec.Packing()
    match event:
        case Progress(_, fraction, text, preview):
            shown = packing.array(preview) if preview is not None else None
            return wire.packed(
                {"type": "progress", "fraction": fraction, "text": text, "preview": shown}, packing.arrays
            )
        case Finished():
            return wire.packed({"type": "result", **_result(event, packing)}, packing.arrays)
        case Failed():
            # the sentence only: what else is known speaks of this machine's folders
            return wire.packed({"type": "failed", "kind": event.kind.value, "text": event.message})
        case Dropped():
            return wire.packed({"type": "dropped"})
    return b""


def _result(event: Finished, packing: codec.Packing) -> wire.Message:
    times = {"encode_ms": event.encode_ms, "run_ms": event.run_ms}
    match event.result:
        case Segmentation() as found:
            return {**times, "answer": codec.segmentation_out(found, packing)}
        case LabelScores() as scores:
            return {**times, "answer": codec.scores_out(scores, packing)}
        case GivenFeatures(fingerprint, arrays):
            names = None
            if arrays is not None:
                names = {name: packing.array(halved(each)) for name, each in arrays.items()}
            return {**times, "answer": {"fingerprint": fingerprint, "arrays": names}}
        case list() as regions:
            return {**times, "answer": codec.regions_out(regions, packing)}
    return {**times, "answer": None}


def _check_protocol(request: Request) -> None:
    theirs = request.headers.get(PROTOCOL_HEADER, "")
    if theirs != str(PROTOCOL):
        raise HTTPException(426, f"This server speaks protocol {PROTOCOL} (Maskwright {__version__}).")


async def _sentence(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return PlainTextResponse(problem.detail, problem.status_code, headers=problem.headers)
