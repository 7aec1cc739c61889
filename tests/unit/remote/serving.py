"""A real server on loopback for the tests, with the stub engines in this process, and a portable engine of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import uvicorn
from numpy.typing import NDArray

from desktop.cli.serve import listening, settings
from inference.engine import Image, Report
from inference.prompts import PromptSet
from inference.remote import service
from inference.remote.guard import Limits
from inference.results import Memory, Segmentation
from inference.server import InProcess, Server
from tests.e2e.stub_engines import StubEngine, StubFeatures, quick

TOKEN = "a-token-for-the-tests-only"


@dataclass
class Served:
    address: str
    server: Server
    port: int


@contextmanager
def serving(limits: Limits | None = None, port: int = 0, server: Server | None = None) -> Iterator[Served]:
    """``maskwright serve`` without its command line."""
    limits = limits or Limits(per_second=1e6, burst=10**6, refused_per_minute=1e6)
    inside = server or InProcess()
    config = uvicorn.Config(service.application(inside, TOKEN, limits), **settings(limits))
    running = uvicorn.Server(config)
    listener = listening("127.0.0.1", port)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not running.started and time.monotonic() < end:
        time.sleep(0.005)
    number = listener.getsockname()[1]
    try:
        yield Served(f"http://127.0.0.1:{number}", inside, number)
    finally:
        running.should_exit = True
        thread.join(20)
        listener.close()
        if server is None:
            inside.close()
        assert not thread.is_alive()


@dataclass(frozen=True)
class PortableFeatures:
    pixels: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        return int(self.pixels.nbytes)

    def to_arrays(self) -> Mapping[str, NDArray[np.generic]]:
        return {"pixels": self.pixels, "mean": np.array([self.pixels.mean()], np.float32)}


class PortableEngine(StubEngine):
    """Its features can travel."""

    def encode(self, image: Image, report: Report) -> PortableFeatures:  # type: ignore[override]
        self.encodes += 1
        return PortableFeatures(image.pixels)

    def features_from_arrays(self, arrays: Mapping[str, NDArray[np.generic]]) -> PortableFeatures:
        return PortableFeatures(np.asarray(arrays["pixels"], np.uint8))

    def segment(  # type: ignore[override]
        self, features: PortableFeatures, prompts: PromptSet, memory: Memory | None, report: Report
    ) -> Segmentation:
        return super().segment(StubFeatures(features.pixels, 0), prompts, memory, report)


class Portable:
    """To be plugged in as ``tests.unit.remote.serving:portable``."""

    SPEC = type(quick.SPEC)("stub-portable", "Portable", *(getattr(quick.SPEC, n) for n in quick.SPEC.__slots__[2:]))

    def create(self) -> PortableEngine:
        return PortableEngine(self.SPEC)


portable = Portable()
