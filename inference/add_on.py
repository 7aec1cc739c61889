"""The add-on environment: where a frozen program finds the engines that it leaves out.

A frozen Maskwright holds Classic, Lite and torch for the CPU. The other engines need libraries of several gigabytes and
often a GPU; they live in an ordinary Python environment with the same version of Maskwright in it, and the worker
process runs there instead of in the frozen program. Only messages cross the border, so the two Pythons may differ.

The environment is the folder ``engines`` of the user data folder, or where ``MASKWRIGHT_ENGINES_ENV`` points to; from a
checkout or a wheel only the variable counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from inference import __version__

VARIABLE = "MASKWRIGHT_ENGINES_ENV"
_LOADER_PATHS = ("LD_LIBRARY_PATH", "LIBPATH", "DYLD_LIBRARY_PATH")
"""What the frozen program sets for itself; the values of before are kept under the name with ``_ORIG``."""


def folder() -> Path | None:
    """Where the environment is or would be; None where the engines of this installation are used in any case."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    if getattr(sys, "frozen", False):
        return Path(platformdirs.user_data_dir("maskwright", appauthor=False)) / "engines"
    return None


def python() -> Path | None:
    """The interpreter of the environment, when it is there and holds this very version of Maskwright."""
    place = folder()
    if place is None or version_in(place) != __version__:
        return None
    return _interpreter(place)


def version_in(place: Path) -> str:
    """The version of Maskwright that is installed in an environment, or an empty text."""
    if not _interpreter(place).exists():
        return ""
    libraries = [*place.glob("lib/python3*/site-packages"), place / "Lib" / "site-packages"]
    for library in libraries:
        for entry in sorted(library.glob("maskwright-*.dist-info")):
            return entry.name.removeprefix("maskwright-").removesuffix(".dist-info")
    return ""


def remedy() -> str:
    """One sentence on how the libraries that are missing here can be had."""
    place = folder()
    if place is None:
        return "Install Maskwright with all of its dependencies."
    found = version_in(place)
    if found and found != __version__:
        return f"The add-on environment {place} holds Maskwright {found}, this is {__version__}: they must be the same."
    if found and getattr(sys, "frozen", False):  # only the window's worker runs there
        return (
            f"The add-on environment has its own command line for that: {_interpreter(place).with_name('maskwright')}"
        )
    if found:
        return f"Install Maskwright with all of its dependencies in {place}."
    return f"Make an add-on environment with Maskwright {__version__} in {place} (docs/packaging.md says how)."


def child_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables for a program that does not belong to the frozen one: the loader's paths as they were before."""
    theirs = {name: value for name, value in inherited.items() if name != "PYTHONPATH"}
    if getattr(sys, "frozen", False):
        for name in _LOADER_PATHS:
            before = theirs.pop(f"{name}_ORIG", None)
            theirs.pop(name, None)
            if before is not None:
                theirs[name] = before
    return theirs


def _interpreter(place: Path) -> Path:
    return place / "Scripts" / "python.exe" if sys.platform == "win32" else place / "bin" / "python"
