"""The feature cache: what ``encode`` returned, kept by byte budgets on the device, in RAM and on disk (design.md §4).

An engine's features need nothing but ``nbytes``. Two optional protocols let the cache do more with them:
:class:`DeviceFeatures` can move between the device and RAM, :class:`StorableFeatures` can be written to disk (and the
engine, a :class:`RestoresFeatures`, makes them again from the arrays).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inference.engine import Engine, Features
from inference.feature_disk import FeatureDisk
from inference.messages import CacheChanged

Rectangle = tuple[int, int, int, int]


@runtime_checkable
class DeviceFeatures(Protocol):
    """Features that live on the device or in RAM. Both methods return new features or ``self``, never change them."""

    @property
    def nbytes(self) -> int: ...

    @property
    def on_device(self) -> bool: ...

    def to_host(self) -> DeviceFeatures: ...

    def to_device(self) -> DeviceFeatures: ...


@runtime_checkable
class StorableFeatures(Protocol):
    """Features that can be kept on disk as named arrays (floats are stored as float16)."""

    @property
    def nbytes(self) -> int: ...

    def to_arrays(self) -> Mapping[str, NDArray[np.generic]]: ...


@runtime_checkable
class RestoresFeatures(Protocol):
    """An engine whose features can come back from disk; it casts the arrays to the dtype it computes in."""

    def features_from_arrays(self, arrays: Mapping[str, NDArray[np.generic]]) -> Features: ...


@dataclass(frozen=True, slots=True)
class FeatureKey:
    """What features depend on. ``fingerprint`` covers weights and preprocessing version (see ``Engine``); ``crop`` is
    the region of interest in image pixels, or None for the whole image."""

    engine: str
    fingerprint: str
    content_hash: str
    crop: Rectangle | None = None

    def text(self) -> str:
        """One unambiguous line, the key on disk."""
        crop = ",".join(map(str, self.crop)) if self.crop is not None else "whole"
        return "\n".join((self.engine, self.fingerprint, self.content_hash, crop))


@dataclass(frozen=True, slots=True)
class Budgets:
    """Bytes per tier. Disk is used only when ``disk_folder`` is set: always for the engines of ``disk_engines``, else
    where computing features takes clearly longer than reading them (:func:`worth_storing`)."""

    device_bytes: int = 2 << 30
    ram_bytes: int = 1 << 30
    disk_bytes: int = 8 << 30
    disk_folder: str | None = None
    disk_engines: frozenset[str] = field(default_factory=frozenset)


READ_BYTES_PER_SECOND = 200e6
"""Of an ordinary disk, safetensors and the way to the device included."""

WORTH = 3.0
"""Features are kept on disk when computing them takes this many times as long as reading them."""


def worth_storing(nbytes: int, encode_ms: float) -> bool:
    """Whether reading features of ``nbytes`` (half of it on disk) saves time over ``encode_ms`` of computing."""
    return encode_ms / 1000 > WORTH * (nbytes / 2) / READ_BYTES_PER_SECOND + 0.05


class Tier:
    """Least recently used features go when the budget is exceeded; those of the pinned image never do.

    A pinned image may therefore exceed the budget by itself: without its features the person could not work at all.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.pinned: str | None = None
        self._held: OrderedDict[FeatureKey, tuple[Features, int]] = OrderedDict()
        self._used = 0

    @property
    def used(self) -> int:
        """Bytes held, as the features said when they were put."""
        return self._used

    @property
    def pinned_bytes(self) -> int:
        """Bytes of the pinned image's features, which never go."""
        return sum(size for key, (_, size) in self._held.items() if key.content_hash == self.pinned)

    def __contains__(self, key: FeatureKey) -> bool:
        return key in self._held

    def held(self) -> tuple[FeatureKey, ...]:
        """Least recently used first."""
        return tuple(self._held)

    def get(self, key: FeatureKey) -> Features | None:
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: FeatureKey, features: Features) -> list[tuple[FeatureKey, Features]]:
        """Keep ``features``; returns what had to go for them, which may be the features themselves."""
        self.take(key)
        size = int(features.nbytes)
        self._held[key] = (features, size)
        self._used += size
        return self._evict()

    def pin(self, content_hash: str | None) -> list[tuple[FeatureKey, Features]]:
        """Protect another image; returns what the budget no longer covers now."""
        self.pinned = content_hash
        return self._evict()

    def take(self, key: FeatureKey) -> Features | None:
        """Remove and return."""
        if key not in self._held:
            return None
        features, size = self._held.pop(key)
        self._used -= size
        return features

    def _evict(self) -> list[tuple[FeatureKey, Features]]:
        gone = []
        for key in tuple(self._held):
            if self._used <= self.budget:
                break
            if key.content_hash != self.pinned:
                features = self._held[key][0]
                self.take(key)
                gone.append((key, features))
        return gone


class FeatureCache:
    """The three tiers as one: device → RAM → disk. Not thread-safe; one worker owns it."""

    def __init__(self, budgets: Budgets | None = None) -> None:
        self.budgets = budgets or Budgets()
        self._device = Tier(self.budgets.device_bytes)
        self._ram = Tier(self.budgets.ram_bytes)
        folder = self.budgets.disk_folder
        usable = folder is not None and self.budgets.disk_bytes > 0
        self._disk = FeatureDisk.opened(folder, self.budgets.disk_bytes) if folder is not None and usable else None
        self._typical: dict[str, tuple[int, bool]] = {}

    def get(self, key: FeatureKey, engine: Engine) -> Features | None:
        """The features from the fastest tier that has them, moved up to where the engine needs them; else None."""
        features = self._device.get(key)
        if features is not None:
            return features
        features = self._ram.get(key)
        if isinstance(features, DeviceFeatures):
            self._ram.take(key)
            features = features.to_device()
            self._keep(key, features)
        if features is None:
            features = self._from_disk(key, engine)
        return features

    def put(self, key: FeatureKey, features: Features, encode_ms: float = 0.0) -> None:
        """Keep features that were just computed in ``encode_ms``, also on disk where that was asked for or pays."""
        self._keep(key, features)
        size = int(features.nbytes)
        self._typical[key.engine] = (size, isinstance(features, DeviceFeatures) and features.on_device)
        if self._disk is None or not isinstance(features, StorableFeatures):
            return
        if key.engine in self.budgets.disk_engines or worth_storing(size, encode_ms):
            self._disk.put(key.text(), features.to_arrays())

    def is_on_disk(self, key: FeatureKey) -> bool:
        """Whether the disk tier has features of a key; reads none."""
        return self._disk is not None and key.text() in self._disk

    def has_room_beside_pinned(self, engine: str) -> bool:
        """Whether features of one more image fit beside those of the current one, judged by the engine's last ones."""
        size, on_device = self._typical.get(engine, (0, False))
        tier = self._device if on_device else self._ram
        return tier.pinned_bytes + size <= tier.budget

    def pin(self, content_hash: str | None) -> None:
        """Name the current image; its features stay in memory whatever else comes."""
        self._to_ram(self._device.pin(content_hash))
        self._ram.pin(content_hash)

    def drop_others(self, content_hash: str) -> int:
        """Out of memory: forget the features of all other images (they were prefetched or seen). Returns bytes."""
        return self._drop(lambda key: key.content_hash != content_hash)

    def drop_engine(self, engine: str) -> int:
        """Forget an engine's features in memory. Returns bytes."""
        return self._drop(lambda key: key.engine == engine)

    @property
    def used_bytes(self) -> int:
        """Bytes held in memory."""
        return self._device.used + self._ram.used

    def counters(self) -> CacheChanged:
        """What the status bar shows: images with features in memory, bytes of all tiers in memory."""
        keys = (*self._device.held(), *self._ram.held())
        return CacheChanged(
            images=len({key.content_hash for key in keys}),
            used_bytes=self.used_bytes,
            budget_bytes=self._ram.budget + (self._device.budget if self._device.used else 0),
            encoded=frozenset((key.engine, key.content_hash) for key in keys if key.crop is None),
            disk_bytes=self._disk.used if self._disk is not None else 0,
        )

    def close(self) -> None:
        if self._disk is not None:
            self._disk.close()

    def _keep(self, key: FeatureKey, features: Features) -> None:
        if isinstance(features, DeviceFeatures) and features.on_device:
            self._ram.take(key)
            self._to_ram(self._device.put(key, features))
        else:
            self._ram.put(key, features)

    def _to_ram(self, evicted: list[tuple[FeatureKey, Features]]) -> None:
        for key, features in evicted:
            if isinstance(features, DeviceFeatures):
                self._ram.put(key, features.to_host())

    def _from_disk(self, key: FeatureKey, engine: Engine) -> Features | None:
        if self._disk is None or not isinstance(engine, RestoresFeatures):
            return None
        arrays = self._disk.get(key.text())
        if arrays is None:
            return None
        features = engine.features_from_arrays(arrays)
        self._keep(key, features)
        return features

    def _drop(self, unwanted: Callable[[FeatureKey], bool]) -> int:
        before = self.used_bytes
        for tier in (self._device, self._ram):
            for key in tier.held():
                if unwanted(key):
                    tier.take(key)
        return before - self.used_bytes
