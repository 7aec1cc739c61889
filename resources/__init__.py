"""Files that ship with the program; found through :mod:`importlib.resources`, never by a path of the checkout."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable


def resource(*parts: str) -> Traversable:
    """Return the bundled file or folder ``resources/<parts>``, for example ``resource("icons", "point.svg")``."""
    found: Traversable = files(__name__)
    for part in parts:
        found = found / part
    return found
