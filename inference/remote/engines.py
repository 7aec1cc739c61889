"""Engines of this side whose work is done on a server, wholly or up to the features.

With ``MASKWRIGHT_SERVER`` and ``MASKWRIGHT_SERVER_TOKEN`` in the worker's environment, each engine is opened

- here, when the server has not got it, or it answers at once here and its features cannot travel;
- *shared*, when both sides have the same weights and features that can travel: encoder there, decoder here, so that a
  prompt never waits for the network;
- on the server altogether otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine import (
    Configurable,
    Engine,
    EngineError,
    EngineSpec,
    Features,
    Image,
    Options,
    Report,
    Speed,
    Vocabulary,
    silent,
)
from inference.features import RestoresFeatures
from inference.prompts import MaskArray, PromptSet
from inference.remote import ADDRESS_VARIABLE, CERTIFICATE_VARIABLE, TOKEN_VARIABLE, codec, configured, wire
from inference.remote.client import Connection, Hello, UnknownImage
from inference.results import LabelScores, Memory, Region, Segmentation

_SAMPLE = Image(np.full((64, 64, 3), 128, np.uint8), "sample")
"""What an engine there is asked to look at once, to learn who it is."""


def opened(spec: EngineSpec, installed: bool, create: Callable[[], Engine]) -> Engine:
    """The engine, here, there or shared. Raises ``ServerTrouble`` or what ``create`` raises."""
    if installed and spec.speed is Speed.INSTANT and not spec.weights:
        return create()
    connection, hello = _server()
    if spec.name not in hello.engines:
        return create()
    there = _There(connection, hello, spec.name)
    identity = there.identity()
    if installed and identity.portable:
        here = create()
        if isinstance(here, RestoresFeatures) and here.fingerprint == identity.fingerprint:
            return SharedEngine(here, there)
    return ServerEngine(spec, there, identity.fingerprint)


def server_line() -> str:
    """The server and its device, for the device line; nothing when none is used or none was asked yet."""
    if not configured() or not _server.cache_info().currsize:
        return ""
    connection, hello = _server()
    return f"{connection.host} ({hello.device})" if hello.device else connection.host


@cache
def _server() -> tuple[Connection, Hello]:
    connection = Connection(
        os.environ[ADDRESS_VARIABLE], os.environ.get(TOKEN_VARIABLE, "").strip(), os.environ.get(CERTIFICATE_VARIABLE)
    )
    return connection, connection.hello()


@dataclass(frozen=True, slots=True)
class Identity:
    """``fingerprint`` of the engine there; ``portable``: its features can travel."""

    fingerprint: str
    portable: bool


class _There:
    """One engine of the server: builds the questions and reads the answers."""

    def __init__(self, connection: Connection, hello: Hello, engine: str) -> None:
        self._connection = connection
        self._hello = hello
        self._engine = engine
        self._names: dict[str, str] = {}
        self.options: dict[str, Any] = {}
        self.seed = 0

    def identity(self, report: Report = silent) -> Identity:
        given, _ = self.ask("encode", _SAMPLE, {"give": True}, codec.Packing(), report)
        return Identity(str(given["fingerprint"]), given["arrays"] is not None)

    def features(self, image: Image, report: Report) -> dict[str, NDArray[np.generic]]:
        """The features of an image as arrays."""
        given, arrays = self.ask("encode", image, {"give": True}, codec.Packing(), report)
        return {name: arrays.array(each) for name, each in given["arrays"].items()}

    def ask(
        self, kind: str, image: Image, rest: Mapping[str, Any], packing: codec.Packing, report: Report
    ) -> tuple[Any, codec.Unpacking]:
        """The answer to one job; sends the image first where the server has not got it."""
        report(None, f"Asking {self._connection.host}")
        name = self._names.get(image.content_hash) or self._send(image, report)
        for _ in range(2):
            message = {
                "kind": kind, "engine": self._engine, "image": name, "options": self.options, "seed": self.seed, **rest,
            }  # fmt: skip
            try:
                told, arrays = self._connection.run(message, packing, report)
            except UnknownImage:  # the server was started anew, or had to make room
                name = self._send(image, report)
                continue
            try:
                return told["answer"], arrays
            except KeyError as error:
                raise wire.Malformed("The server's answer holds no result.") from error
        raise UnknownImage(f"The server {self._connection.host} cannot keep the image; it needs more memory.")

    def _send(self, image: Image, report: Report) -> str:
        if image.height * image.width > self._hello.most_pixels:
            raise EngineError(
                f"The image has {image.width} × {image.height} pixels; "
                f"the server {self._connection.host} takes {self._hello.most_pixels}."
            )
        report(None, f"Sending the image to {self._connection.host}")
        name = self._names[image.content_hash] = self._connection.send_image(image, report)
        return name


@dataclass(frozen=True, slots=True, eq=False)
class ImageThere:
    """Features that stay on the server; the pixels are kept to send them again after a restart."""

    image: Image

    @property
    def nbytes(self) -> int:
        return int(self.image.pixels.nbytes)


class ServerEngine:
    """An engine that runs on the server altogether."""

    def __init__(self, spec: EngineSpec, there: _There, fingerprint: str) -> None:
        self.spec = spec
        self.fingerprint = fingerprint
        self._there = there

    def configure(self, options: Options) -> None:
        """Raises ``UnusableOption``."""
        self.spec.settled(options)
        self._there.options = dict(options)

    def reseed(self, seed: int) -> None:
        self._there.seed = seed

    def encode(self, image: Image, report: Report) -> Features:
        self._there.ask("encode", image, {}, codec.Packing(), report)
        return ImageThere(image)

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        packing = codec.Packing()
        said = {"prompts": codec.prompts_out(prompts, packing), "memory": codec.memory_out(memory, packing)}
        return codec.segmentation_in(*self._there.ask("segment", _image(features), said, packing, report))

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        said = {"vocabulary": codec.vocabulary_out(vocabulary)}
        return codec.regions_in(*self._there.ask("everything", _image(features), said, codec.Packing(), report))

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        packing = codec.Packing()
        said = {"masks": [packing.mask(mask) for mask in masks], "vocabulary": codec.vocabulary_out(vocabulary)}
        return codec.scores_in(*self._there.ask("label", _image(features), said, packing, silent))


class SharedEngine:
    """Encoder on the server, decoder here: only pixels and features travel, prompts stay."""

    def __init__(self, here: Engine, there: _There) -> None:
        assert isinstance(here, RestoresFeatures)
        self._here: Any = here
        self._there = there
        self.spec = here.spec
        self.fingerprint = here.fingerprint

    def configure(self, options: Options) -> None:
        if isinstance(self._here, Configurable):
            self._here.configure(options)
        self._there.options = dict(options)

    def reseed(self, seed: int) -> None:
        if hasattr(self._here, "reseed"):
            self._here.reseed(seed)

    def encode(self, image: Image, report: Report) -> Features:
        restored: Features = self._here.features_from_arrays(self._there.features(image, report))
        return restored

    def features_from_arrays(self, arrays: Mapping[str, NDArray[np.generic]]) -> Features:
        """So that the disk tier of the cache works as it does without a server."""
        restored: Features = self._here.features_from_arrays(arrays)
        return restored

    def segment(self, features: Features, prompts: PromptSet, memory: Memory | None, report: Report) -> Segmentation:
        found: Segmentation = self._here.segment(features, prompts, memory, report)
        return found

    def everything(self, features: Features, vocabulary: Vocabulary | None, report: Report) -> list[Region]:
        regions: list[Region] = self._here.everything(features, vocabulary, report)
        return regions

    def label(self, features: Features, masks: Sequence[MaskArray], vocabulary: Vocabulary) -> LabelScores:
        scores: LabelScores = self._here.label(features, masks, vocabulary)
        return scores


def _image(features: Features) -> Image:
    assert isinstance(features, ImageThere)
    return features.image
