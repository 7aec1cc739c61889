"""Which packages of the system the libraries of a bundle come from, and which libraries nothing in it asks for.

PyInstaller takes along what Python's and Qt's libraries ask the loader for, from the system of the build. Those belong
to Debian's packages, whose names, versions and licence texts go into the bundle; on other systems there is no such
answer, and nothing is said.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

DOCUMENTS = Path("/usr/share/doc")


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A package of Debian or one of its kin."""

    name: str
    version: str
    architecture: str

    @property
    def licence_text(self) -> Path:
        """The file that states the licences; images made for containers may have dropped it."""
        return DOCUMENTS / self.name / "copyright"


def packages(libraries: Iterable[str]) -> list[Package]:
    """The packages that own these files, by name; files that no package owns are passed over."""
    if shutil.which("dpkg-query") is None:
        return []
    wanted = {spelling for path in libraries for spelling in _spellings(path)}
    if not wanted:
        return []
    # exit status 1: some file is nobody's
    lines = _lines("dpkg-query", "-S", *sorted(wanted))
    owners = sorted({owner for line in lines for owner in line.rpartition(": ")[0].split(", ") if owner})
    if not owners:
        return []
    rows = _lines("dpkg-query", "-W", "-f=${Package} ${Version} ${Architecture}\\n", *owners)
    return sorted({Package(*row.split()) for row in rows})


def no_longer_needed(
    dropped: Iterable[Path], kept: Iterable[Path], needs: Callable[[Path], Iterable[str]], known: dict[str, Path]
) -> set[str]:
    """The names among ``known`` (name to file) that only dropped libraries ask for, directly or through others.

    ``needs`` tells what a library asks the loader for.
    """

    def reached(roots: Iterable[Path]) -> set[str]:
        found: set[str] = set()
        waiting = list(roots)
        while waiting:
            new = {name for name in needs(waiting.pop()) if name in known} - found
            found |= new
            waiting += [known[name] for name in new]
        return found

    doubtful = reached(dropped)
    return doubtful - reached(path for path in kept if path.name not in doubtful)


def _spellings(path: str) -> set[str]:
    """A library's paths with and without links, and with ``/usr`` left out, as older packages list themselves."""
    found = {path, os.path.realpath(path)}
    return found | {each.removeprefix("/usr") for each in found}


def _lines(*command: str) -> list[str]:
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
    ).stdout.splitlines()
