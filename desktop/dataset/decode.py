"""Bytes of a file to arrays of its original values, by format. Errors are sentences that begin with the file name."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import PIL.Image
import tifffile
from numpy.typing import NDArray

from desktop.dataset.errors import ImageReadError

Values: TypeAlias = NDArray[Any]
"""Pixel values as stored, (H, W) or (H, W, bands), any number type."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff"})
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION_TAG = 274


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Original values before orientation, and how they are meant: ``alpha`` says that the last band is opacity."""

    values: Values
    orientation: int = 1
    alpha: bool = False
    white_is_zero: bool = False


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn any decoder's complaint into one sentence about the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImageReadError:
        raise
    except FileNotFoundError:
        raise ImageReadError(f"{path.name}: the file was not found in {path.parent}.") from None
    except PermissionError:
        raise ImageReadError(f"{path.name}: there is no permission to read the file.") from None
    except PIL.Image.DecompressionBombError:
        raise ImageReadError(f"{path.name}: the image has too many pixels to be opened safely.") from None
    except PIL.UnidentifiedImageError:
        raise ImageReadError(f"{path.name}: the file is not an image that can be read.") from None
    except MemoryError:
        raise ImageReadError(f"{path.name}: there is not enough memory for the image.") from None
    except Exception as error:  # decoders raise anything for broken files: struct, Index, Syntax, zlib, tifffile errors
        if "truncated" in str(error).lower() or isinstance(error, EOFError):
            raise ImageReadError(f"{path.name}: the file is truncated.") from error
        raise ImageReadError(f"{path.name}: the file is damaged ({str(error) or type(error).__name__}).") from error


def is_tiff(data: bytes) -> bool:
    return data[:4] in _TIFF_MAGIC


def check_pixels(width: int, height: int) -> None:
    """Pillow's limit for every decoder: twice ``Image.MAX_IMAGE_PIXELS`` is refused."""
    limit = PIL.Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > 2 * limit:
        raise PIL.Image.DecompressionBombError(f"{width} × {height}")


def orientation_of(picture: PIL.Image.Image) -> int:
    """The EXIF orientation 1–8; 1 when there is none or it is nonsense."""
    value = picture.getexif().get(_ORIENTATION_TAG, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def decode(path: Path, data: bytes, page: int) -> Decoded:
    """Decode one page of a file that was read into memory."""
    with named(path):
        if is_tiff(data):
            return _decode_tiff(path, data, page)
        if page:
            raise ImageReadError(f"{path.name}: there is no page {page + 1}.")
        return _decode_picture(data)


def _decode_picture(data: bytes) -> Decoded:
    with PIL.Image.open(io.BytesIO(data)) as picture:
        orientation = orientation_of(picture)
        if _is_deep_png(data):
            check_pixels(*picture.size)
            return _decode_deep_png(data, orientation)
        return from_pillow(picture, orientation)


def from_pillow(picture: PIL.Image.Image, orientation: int) -> Decoded:
    """The values of a Pillow image; palettes and other colour models become RGB, opacity is kept as a band."""
    mode = picture.mode
    if mode in ("L", "RGB") and "transparency" not in picture.info:
        return Decoded(np.asarray(picture), orientation)
    if mode in ("I", "F") or mode.startswith("I;16"):
        return Decoded(np.asarray(picture), orientation)
    if mode == "1":
        return Decoded(np.asarray(picture.convert("L")), orientation)
    if mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in picture.info:
        wanted = "LA" if mode in ("LA", "La") else "RGBA"
        return Decoded(np.asarray(picture.convert(wanted)), orientation, alpha=True)
    return Decoded(np.asarray(picture.convert("RGB")), orientation)


def _is_deep_png(data: bytes) -> bool:
    """Whether it is a PNG of 16 bits with colour or opacity, which Pillow would cut to 8 bits."""
    return data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 25 and data[24] == 16 and data[25] in (2, 4, 6)


def _decode_deep_png(data: bytes, orientation: int) -> Decoded:
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    values = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if values is None:
        raise EOFError("truncated")
    if values.ndim == 3:
        order = [2, 1, 0, 3][: values.shape[2]]
        values = np.ascontiguousarray(values[..., order])
    return Decoded(values, orientation, alpha=values.ndim == 3 and values.shape[2] == 4)


def _decode_tiff(path: Path, data: bytes, number: int) -> Decoded:
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        if not 0 <= number < len(file.pages):
            raise ImageReadError(f"{path.name}: there is no page {number + 1}.")
        page: Any = file.pages[number]
        check_pixels(page.imagewidth, page.imagelength)
        bands = int(page.samplesperpixel)
        _check_supported(path, page, bands)
        orientation = _tiff_orientation(page)
        try:
            values = page.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            # tifffile leaves most compressions to a further package; Pillow's libtiff has them
            with PIL.Image.open(io.BytesIO(data)) as picture:
                picture.seek(number)
                picture.load()  # Pillow turns TIFFs by their orientation tag while it loads them
                turned = from_pillow(picture, 1)
            return replace(turned, values=unturned(turned.values, orientation), orientation=orientation)
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
            table = np.asarray(page.colormap)
            scale = 257 if table.max() > 255 else 1
            return Decoded((table[:, values] // scale).astype(np.uint8).transpose(1, 2, 0), orientation)
        if values.ndim == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
            values = np.moveaxis(values, 0, -1)
        if page.photometric == tifffile.PHOTOMETRIC.SEPARATED:
            values = np.asarray(PIL.Image.fromarray(np.ascontiguousarray(values), "CMYK").convert("RGB"))
            return Decoded(values, orientation)
        if values.dtype == np.bool_:
            values = values.astype(np.uint8) * np.uint8(255)
        inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        return Decoded(values, orientation, alpha=bands in (2, 4), white_is_zero=inverted)


def unturned(values: Values, orientation: int) -> Values:
    """Rows and columns as stored, from the oriented image: the reverse of ``images.oriented``."""
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values.swapaxes(0, 1) if orientation >= 5 else values


def _check_supported(path: Path, page: Any, bands: int) -> None:
    dtype = page.dtype
    kind = "?" if dtype is None else dtype.kind
    flat = page.ndim <= 2 + (bands > 1)
    cmyk = page.photometric == tifffile.PHOTOMETRIC.SEPARATED
    if kind in "uifb" and bands <= 4 and flat and (not cmyk or (dtype == np.uint8 and bands == 4)):
        return
    words = {"f": "float", "c": "complex", "u": "integer", "i": "signed integer"}.get(kind, "unknown")
    raise ImageReadError(f"{path.name}: {bands}-band {page.bitspersample}-bit {words} TIFF is not supported.")


def _tiff_orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION_TAG)
    value = 1 if tag is None else tag.value
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def tiff_pages(path: Path) -> tuple[list[tuple[int, int]], int]:
    """The stored (width, height) of each page and the orientation of the first, from the headers alone."""
    with tifffile.TiffFile(str(path)) as file:
        if len(file.pages) == 0:
            raise struct.error("no pages")
        pages: list[Any] = list(file.pages)
        first: Any = file.pages[0]
        return [(page.imagewidth, page.imagelength) for page in pages], _tiff_orientation(first)
