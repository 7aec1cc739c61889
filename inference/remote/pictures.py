"""Images on their way to the server: as PNG, checked before they are decoded, kept there by their hash."""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.engine import Image
from inference.remote.wire import Malformed

_START = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">I4sIIBBBBB")
_EIGHT_BIT_RGB = (8, 2, 0, 0, 0)
"""Depth, colour type, compression, filter, interlace."""

FASTEST = 1
"""zlib level: the network is to win time, not the processor to lose it."""


def name_of(pixels: NDArray[np.uint8]) -> str:
    """SHA-256 over size and pixels, in hexadecimal."""
    digest = hashlib.sha256(f"{pixels.shape[0]} {pixels.shape[1]} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels uint8 (height, width, 3) RGB as PNG."""
    done, data = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, FASTEST])
    if not done:
        raise ValueError("The image cannot be written as PNG.")
    return bytes(data)


def decoded(data: bytes, most_pixels: int) -> NDArray[np.uint8]:
    """The pixels again. The size is read first, so that a small file cannot unfold to a large picture.

    Raises :class:`Malformed` for everything but an 8-bit RGB PNG of at most ``most_pixels``, and :class:`TooLarge`.
    """
    if data[: len(_START)] != _START or len(data) < len(_START) + _HEADER.size:
        raise Malformed("The image is no PNG.")
    _, kind, width, height, *rest = _HEADER.unpack_from(data, len(_START))
    if kind != b"IHDR" or tuple(rest) != _EIGHT_BIT_RGB or not width or not height:
        raise Malformed("The image is no plain RGB PNG with 8 bits per colour.")
    if width * height > most_pixels:
        raise TooLarge(f"The image has {width} × {height} pixels; {most_pixels} are allowed.")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None or picture.shape != (height, width, 3):
        raise Malformed("The image is damaged.")
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


class TooLarge(Malformed):
    """An image of more pixels than are allowed."""


class Pictures:
    """The images that clients sent; those not used for longest go when ``budget`` bytes are exceeded."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._used = 0
        self._held: OrderedDict[str, Image] = OrderedDict()

    def keep(self, pixels: NDArray[np.uint8], name: str) -> None:
        if name not in self._held:
            self._held[name] = Image(pixels, name)
            self._used += pixels.nbytes
        self._held.move_to_end(name)
        while self._used > self._budget and len(self._held) > 1:
            self._used -= self._held.popitem(last=False)[1].pixels.nbytes

    def get(self, name: str) -> Image | None:
        if name not in self._held:
            return None
        self._held.move_to_end(name)
        return self._held[name]
