"""Arrays on disk for the feature cache: float16 safetensors inside a ``diskcache`` that never unpickles anything."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import safetensors.numpy
from diskcache import Cache, Disk
from diskcache.core import MODE_PICKLE
from numpy.typing import NDArray

log = logging.getLogger(__name__)

FOLDER_VARIABLE = "MASKWRIGHT_CACHE_DIR"
Arrays = Mapping[str, NDArray[np.generic]]


def features_folder() -> Path:
    """Where the disk tier lies: below ``MASKWRIGHT_CACHE_DIR``, or in the user's cache folder. It need not exist."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return (Path(chosen) if chosen else Path(platformdirs.user_cache_dir("maskwright"))) / "features"


class _PlainDisk(Disk):  # type: ignore[misc]
    """Bytes under text keys only: a cache folder that someone prepared must not be able to run code."""

    def get(self, key: Any, raw: Any) -> Any:
        return super().get(key, raw) if raw else ""

    def fetch(self, mode: int, filename: Any, value: Any, read: bool) -> Any:
        return None if mode == MODE_PICKLE else super().fetch(mode, filename, value, read)


class FeatureDisk:
    """Least recently used entries go when ``budget`` bytes are exceeded. A broken entry or disk is a miss, no error."""

    def __init__(self, folder: str, budget: int) -> None:
        self._cache = Cache(folder, disk=_PlainDisk, size_limit=budget, eviction_policy="least-recently-used")
        self._budget = budget

    @classmethod
    def opened(cls, folder: str, budget: int) -> FeatureDisk | None:
        """None when the folder cannot be used: then there is no disk tier in this run."""
        try:
            return cls(folder, budget)
        except Exception:  # sqlite, permissions, a file in the way: without this tier things are only slower
            log.warning("The feature cache on disk cannot be opened", exc_info=True)
            return None

    @property
    def used(self) -> int:
        """Bytes on disk, the cache's own tables included."""
        try:
            return int(self._cache.volume())
        except Exception:
            return 0

    def __contains__(self, key: str) -> bool:
        try:
            return key in self._cache
        except Exception:
            return False

    def put(self, key: str, arrays: Arrays) -> None:
        """Store arrays; floats become float16 unless a value does not fit into its range.

        What would take up the whole budget by itself is not stored.
        """
        try:
            data = safetensors.numpy.save({name: halved(array) for name, array in arrays.items()})
            if len(data) < self._budget:
                self._cache.set(key, data)
        except Exception:  # sqlite, disk full, read-only folder: a cache that cannot be written is only slow
            log.warning("Features could not be written to the disk cache", exc_info=True)

    def get(self, key: str) -> dict[str, NDArray[np.generic]] | None:
        """The arrays as they were stored (float16), or None."""
        try:
            stored = self._cache.get(key)
            return safetensors.numpy.load(stored) if isinstance(stored, bytes) else None
        except Exception:
            log.warning("Features in the disk cache could not be read; they are computed again", exc_info=True)
            return None

    def close(self) -> None:
        self._cache.close()


def halved(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Floats as float16 unless a value does not fit into its range; everything else as it is. Contiguous."""
    array = np.ascontiguousarray(array)
    if array.dtype not in (np.float32, np.float64):
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(np.isfinite(half), np.isfinite(array)) else array
