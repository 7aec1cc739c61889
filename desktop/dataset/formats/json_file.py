"""Reading JSON that someone else wrote: every way it can be wrong becomes one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from desktop.dataset.formats.contract import FormatError
from desktop.dataset.formats.text_file import read_text

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a UTF-8 JSON file (a byte order mark is accepted). Raises :class:`FormatError`."""
    text = read_text(path)
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FormatError(f"{path.name} is not complete JSON ({where}: {error.msg.lower()}).") from None
    except RecursionError:
        raise FormatError(f"{path.name} is nested too deeply.") from None
    except ValueError:  # whole numbers with thousands of digits
        raise FormatError(f"{path.name} has a number that is too long.") from None
    if _SURROGATE.search(text) and not _is_text(found):
        raise FormatError(f"{path.name} has half of a character (a lone surrogate), which no file can keep.")
    if not isinstance(found, dict):
        raise FormatError(f"{path.name} holds no JSON object.")
    return found


def _is_text(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True
