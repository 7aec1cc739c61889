"""Where weights are looked for: the model folder, places that a person added, and the Hugging Face cache."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs

FOLDER_VARIABLE = "MASKWRIGHT_WEIGHTS_DIR"
ADDED = "places.json"
PARTIAL = ".partial"
"""Below the model folder: what is being downloaded."""

DEPTH = 4
MOST_FILES = 20_000
"""A place with more files than that is no folder of models; the rest of it is not looked at."""


def folder() -> Path:
    """The model folder: ``MASKWRIGHT_WEIGHTS_DIR``, or ``weights`` in the user data folder. It need not exist."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("maskwright")) / "weights"


def added() -> tuple[Path, ...]:
    """Files and folders elsewhere that a person added, oldest first."""
    try:
        stored = json.loads((folder() / ADDED).read_text(encoding="utf-8"))
        return tuple(Path(str(each)) for each in stored["places"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def remember(place: Path) -> None:
    """Look there from now on. Raises OSError when the model folder cannot be written."""
    _write([*(each for each in added() if each != place), place])


def forget(place: Path) -> None:
    """Look there no longer; nothing there is touched. Raises OSError."""
    _write([each for each in added() if each != place])


def hub_cache() -> Path:
    """The cache of ``huggingface_hub``, by its own rules; it need not exist."""
    direct = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if direct:
        return Path(direct).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    general = os.environ.get("XDG_CACHE_HOME")
    return (Path(general) if general else Path.home() / ".cache") / "huggingface" / "hub"


def snapshots(repository: str) -> list[Path]:
    """Folders of the hub's cache that hold a version of a repository, the newest first."""
    root = hub_cache() / f"models--{repository.replace('/', '--')}" / "snapshots"
    try:
        found = [path for path in root.iterdir() if path.is_dir()]
    except OSError:
        return []
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def files_below(place: Path) -> Iterator[Path]:
    """Files of a place, by name, those of a folder before those of the folders in it; hidden ones are left out."""
    if place.is_file():
        yield place
        return
    left = MOST_FILES
    level = [place]
    for _ in range(DEPTH + 1):
        below: list[Path] = []
        for each in level:
            for path, is_folder in _listed(each):
                left -= 1
                if left < 0:
                    return
                if is_folder:
                    below.append(path)
                else:
                    yield path
        level = below


def _listed(path: Path) -> list[tuple[Path, bool]]:
    try:
        with os.scandir(path) as found:
            rows = [(Path(each.path), each.is_dir()) for each in found if not each.name.startswith(".")]
    except OSError:
        return []
    return sorted(rows)


def _write(places: list[Path]) -> None:
    root = folder()
    root.mkdir(parents=True, exist_ok=True)
    temporary = root / f".{ADDED}"
    temporary.write_text(json.dumps({"places": [str(each) for each in places]}, indent=1), encoding="utf-8")
    temporary.replace(root / ADDED)
