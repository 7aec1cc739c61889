"""The one image loader (ux.md §15): every pixel that is shown or segmented comes from here, oriented once."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from desktop.dataset.decode import SUFFIXES, Decoded, Values, check_pixels, decode, named, orientation_of, tiff_pages
from desktop.dataset.decode import is_tiff as _is_tiff
from desktop.dataset.errors import ImageReadError

__all__ = [
    "SUFFIXES",
    "ImageInfo",
    "ImageReadError",
    "LoadedImage",
    "Preview",
    "decode_scaled",
    "load",
    "natural_key",
    "oriented",
    "probe",
    "scan_folder",
]

_SAMPLE = 1 << 20


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header says: ``sizes`` are the oriented (width, height) of each page; ``orientation`` is EXIF's 1–8."""

    sizes: tuple[tuple[int, int], ...]
    orientation: int

    @property
    def width(self) -> int:
        return self.sizes[0][0]

    @property
    def height(self) -> int:
        return self.sizes[0][1]

    @property
    def pages(self) -> int:
        return len(self.sizes)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedImage:
    """One decoded image or page, oriented. Arrays are read-only.

    ``pixels``: uint8 (H, W, 3) RGB for display and engines; deeper images are windowed from ``window`` (their 1st and
    99th percentile of finite values) to 0–255. ``values``: the original numbers, (H, W) or (H, W, bands).
    ``content_hash``: of the file's bytes and the page.
    """

    pixels: NDArray[np.uint8]
    values: Values
    orientation: int
    content_hash: str
    window: tuple[float, float] = (0.0, 255.0)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def nbytes(self) -> int:
        shared = np.shares_memory(self.values, self.pixels)
        return int(self.pixels.nbytes + (0 if shared else self.values.nbytes))

    def value_at(self, x: float, y: float) -> tuple[float, ...]:
        """The original value(s) of the pixel under an image point; () outside the image."""
        column, row = int(np.floor(x)), int(np.floor(y))
        if not (0 <= column < self.width and 0 <= row < self.height):
            return ()
        return tuple(np.atleast_1d(self.values[row, column]).tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A reduced image for first pixels and thumbnails: uint8 (h, w, 3) RGB, and the full oriented size."""

    pixels: NDArray[np.uint8]
    width: int
    height: int
    orientation: int


def load(path: Path | str, page: int = 0) -> LoadedImage:
    """Decode an image (or a page of a TIFF) fully. Raises :class:`ImageReadError` with a sentence naming the file."""
    path = Path(path)
    with named(path):
        data = path.read_bytes()
    decoded = decode(path, data, page)
    digest = hashlib.blake2b(data, digest_size=16, salt=page.to_bytes(8, "little")).hexdigest()
    del data
    with named(path):
        pixels, window = _display(decoded)
        shared = pixels is decoded.values
        pixels = oriented(pixels, decoded.orientation)
        values = pixels if shared else oriented(decoded.values, decoded.orientation)
    pixels.flags.writeable = False
    values.flags.writeable = False
    return LoadedImage(pixels, values, decoded.orientation, digest, window)


def probe(path: Path | str) -> ImageInfo:
    """Sizes, pages and orientation without decoding pixels. Raises :class:`ImageReadError`."""
    path = Path(path)
    with named(path):
        with path.open("rb") as stream:
            head = stream.read(4)
        if _is_tiff(head):
            stored, orientation = tiff_pages(path)
        else:
            with PIL.Image.open(path) as picture:
                stored, orientation = [picture.size], orientation_of(picture)
        return ImageInfo(tuple(_turned(*size, orientation) for size in stored), orientation)


def decode_scaled(path: Path | str, max_side: int, page: int = 0) -> Preview:
    """Decode so that the longer side is at most ``max_side`` px, as cheaply as the format allows (JPEG: a fraction).

    Never enlarges. Raises :class:`ImageReadError`.
    """
    path = Path(path)
    with named(path):
        with path.open("rb") as stream:
            head = stream.read(4)
        if not _is_tiff(head) and page == 0:
            with PIL.Image.open(path) as picture:
                if picture.format == "JPEG":
                    return _draft(picture, max_side)
    full = load(path, page)
    return Preview(_reduced(full.pixels, max_side), full.width, full.height, full.orientation)


def _draft(picture: PIL.Image.Image, max_side: int) -> Preview:
    stored = picture.size
    check_pixels(*stored)
    orientation = orientation_of(picture)
    factor = max_side / max(stored)
    if factor < 1:
        # libjpeg then decodes 1/2, 1/4 or 1/8 of the resolution: the smallest that is not below what is wanted
        picture.draft("RGB", (max(1, int(stored[0] * factor)), max(1, int(stored[1] * factor))))
    pixels = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"), np.uint8)
    width, height = _turned(*stored, orientation)
    return Preview(oriented(_reduced(pixels, max_side), orientation), width, height, orientation)


def _reduced(pixels: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    factor = max_side / max(width, height)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def oriented(values: Values, orientation: int) -> Values:
    """Turn stored rows and columns into the oriented image of an EXIF orientation 1–8."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return np.ascontiguousarray(values)


def _turned(width: int, height: int, orientation: int) -> tuple[int, int]:
    return (height, width) if orientation >= 5 else (width, height)


def _display(decoded: Decoded) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Values as uint8 (H, W, 3): deep values windowed, grey tripled, opacity blended over white."""
    values = decoded.values
    colour, alpha = (values[..., :-1], values[..., -1]) if decoded.alpha and values.ndim == 3 else (values, None)
    if colour.ndim == 3 and colour.shape[2] == 1:
        colour = colour[..., 0]
    window = (0.0, 255.0)
    if colour.dtype != np.uint8:
        window = _window(colour)
        colour = _windowed(colour, window)
    if decoded.white_is_zero:
        colour = 255 - colour
    if alpha is not None:
        top = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
        opacity = (alpha.astype(np.float32) / top).reshape(*alpha.shape, *[1] * (colour.ndim - 2))
        colour = np.rint(colour * opacity + 255 * (1 - opacity)).astype(np.uint8)
    if colour.ndim == 2:
        colour = cv2.cvtColor(np.ascontiguousarray(colour), cv2.COLOR_GRAY2RGB)
    return colour, window


def _window(values: Values) -> tuple[float, float]:
    """The 1st and 99th percentile of the finite values, from an even sample of large images."""
    step = max(1, int(np.sqrt(values.size / _SAMPLE)))
    sample = values[::step, ::step].astype(np.float64).ravel()
    sample = sample[np.isfinite(sample)]
    if len(sample) == 0:
        return (0.0, 1.0)
    low, high = np.percentile(sample, [1, 99])
    if high <= low:
        low, high = sample.min(), sample.max()
    return (float(low), float(high) if high > low else float(low) + 1.0)


def _windowed(values: Values, window: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = window
    precise = np.float64 if values.dtype.itemsize > 4 else np.float32
    scaled = np.subtract(values, low, dtype=precise) * precise(255 / (high - low))
    finite = np.nan_to_num(scaled, nan=0, posinf=255, neginf=0)
    return np.asarray(np.rint(np.clip(finite, 0, 255)), np.uint8)


_DIGITS = re.compile(r"(\d+)")


def natural_key(path: Path | str) -> tuple[tuple[int, str], ...]:
    """A sort key that puts ``img2`` before ``img10``, whatever the case."""
    pieces = _DIGITS.split(str(path).casefold())
    return tuple((int(piece), "") if index % 2 else (-1, piece) for index, piece in enumerate(pieces))


def scan_folder(folder: Path | str, *, recursive: bool = True) -> list[Path]:
    """The image files of a folder by their suffix, in natural order; nothing is opened, hidden entries are left out.

    Folders that cannot be listed inside are passed over. Raises :class:`ImageReadError` for the folder itself.
    """
    root = Path(folder)
    try:
        os.scandir(root).close()
    except OSError as error:
        raise ImageReadError(f"{root.name or root}: the folder cannot be read ({error.strerror}).") from None
    found = list(_walk(str(root), recursive))
    found.sort(key=lambda name: natural_key(name[len(str(root)) :]))
    return [Path(name) for name in found]


def _walk(folder: str, recursive: bool) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if os.path.splitext(entry.name)[1].lower() in SUFFIXES:
            if entry.is_file():
                yield entry.path
        elif recursive and entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, recursive)
