"""Reading mask PNGs that someone else wrote: the numbers in them, not their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from desktop.dataset.formats.contract import FormatError

_INDEXED = ("1", "L", "P", "I", "I;16")


def read_png(path: Path) -> PillowImage.Image:
    """A PNG, decoded. Raises :class:`FormatError` when it cannot be read; Pillow's limit on sizes holds."""
    try:
        with PillowImage.open(path, formats=("PNG",)) as picture:
            picture.load()
            return picture.copy()
    except FileNotFoundError:
        raise FormatError(f"{path.name} is not there.") from None
    except PillowImage.DecompressionBombError:
        raise FormatError(f"{path.name} is larger than images may be.") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise FormatError(f"{path.name} is not a PNG that can be read: {error}.") from None


def read_indices(path: Path) -> NDArray[np.uint32]:
    """The index of each pixel, (height, width). Raises :class:`FormatError` for pictures in colour."""
    picture = read_png(path)
    if picture.mode not in _INDEXED:
        raise FormatError(f"{path.name} is a picture in colour ({picture.mode}), not a map of indices.")
    values = np.asarray(picture)
    if values.min(initial=0) < 0:
        raise FormatError(f"{path.name} has negative values.")
    return values.astype(np.uint32)
