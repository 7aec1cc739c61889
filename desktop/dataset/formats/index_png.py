"""Reading mask PNGs that someone else wrote: the numbers in them, not their colours."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from desktop.dataset.formats.contract import FormatError

_INDEXED = ("1", "L", "P", "I", "I;16")


def read_png(source: Path | BinaryIO, name: str, size: tuple[int, int]) -> PillowImage.Image:
    """A PNG of that (width, height), decoded; ``name`` is for messages.

    Raises :class:`FormatError` when it cannot be read, and before decoding when it has another size: a file of a few
    bytes can claim to be a picture that fills the memory.
    """
    try:
        with PillowImage.open(source, formats=("PNG",)) as picture:
            if picture.size != size:
                found = f"{picture.width} × {picture.height}"
                raise FormatError(f"{name} has {found} pixels, not {size[0]} × {size[1]}.")
            picture.load()
            return picture.copy()
    except FileNotFoundError:
        raise FormatError(f"{name} is not there.") from None
    except PillowImage.DecompressionBombError:
        raise FormatError(f"{name} is larger than images may be.") from None
    except (OSError, EOFError, SyntaxError, ValueError, TypeError, struct.error, zlib.error) as error:
        raise FormatError(f"{name} is not a PNG that can be read: {error}.") from None


def read_indices(path: Path, size: tuple[int, int]) -> NDArray[np.uint32]:
    """The index of each pixel, (height, width). Raises :class:`FormatError` as above and for pictures in colour."""
    picture = read_png(path, path.name, size)
    if picture.mode not in _INDEXED:
        raise FormatError(f"{path.name} is a picture in colour ({picture.mode}), not a map of indices.")
    values = np.asarray(picture)
    if values.min(initial=0) < 0:
        raise FormatError(f"{path.name} has negative values.")
    return values.astype(np.uint32)
