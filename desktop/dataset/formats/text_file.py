"""Reading text that someone else wrote: every way it can be unreadable becomes one sentence."""

from __future__ import annotations

from pathlib import Path

from desktop.dataset.formats.contract import FormatError


def read_text(path: Path) -> str:
    """The content of a UTF-8 file (a byte order mark is accepted). Raises :class:`FormatError`."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FormatError(f"{path.name} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except UnicodeDecodeError as error:
        raise FormatError(f"{path.name} is not UTF-8 text (byte {error.start}).") from None
