"""The feature cache: budgets, the pinned image, the tiers, the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diskcache
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference.features import Budgets, FeatureCache, FeatureKey, Tier
from inference.text_embeddings import TextEmbeddings


@dataclass(frozen=True)
class Sized:
    nbytes: int


@dataclass(frozen=True)
class Movable:
    nbytes: int
    on_device: bool = True

    def to_host(self) -> Movable:
        return Movable(self.nbytes, False)

    def to_device(self) -> Movable:
        return Movable(self.nbytes, True)


@dataclass(frozen=True)
class Storable:
    values: NDArray[np.generic]

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def to_arrays(self) -> Mapping[str, NDArray[np.generic]]:
        return {"values": self.values}


class Restorer:
    def features_from_arrays(self, arrays: Mapping[str, NDArray[np.generic]]) -> Storable:
        return Storable(arrays["values"])


ENGINE: Any = object()


def key(image: str, engine: str = "e", crop: tuple[int, int, int, int] | None = None) -> FeatureKey:
    return FeatureKey(engine, "f", image, crop)


names = st.sampled_from("abcdef")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), names, st.integers(0, 60)),
        st.tuples(st.just("get"), names, st.just(0)),
        st.tuples(st.just("pin"), names, st.just(0)),
    ),
    max_size=40,
)


@given(steps)
def test_a_tier_is_least_recently_used_within_its_budget_and_never_drops_the_pinned_image(
    steps: list[tuple[str, str, int]],
) -> None:
    tier = Tier(100)
    model: dict[str, int] = {}  # in order of use
    pinned = None
    for step, name, size in steps:
        if step == "get":
            assert (tier.get(key(name)) is not None) == (name in model)
            if name in model:
                model[name] = model.pop(name)
        elif step == "put":
            model.pop(name, None)
            model[name] = size
            tier.put(key(name), Sized(size))
        else:
            pinned = name
            tier.pin(name)
        for oldest in list(model):
            if sum(model.values()) > 100 and oldest != pinned:
                del model[oldest]
        assert [held.content_hash for held in tier.held()] == list(model)
        assert tier.used == sum(model.values())
        assert tier.used <= max(100, model.get(pinned or "", 0))


def test_features_that_leave_the_device_go_to_ram_and_come_back() -> None:
    cache = FeatureCache(Budgets(device_bytes=10, ram_bytes=100))
    cache.put(key("a"), Movable(10))
    cache.put(key("b"), Movable(10))
    assert cache.counters().used_bytes == 20
    assert cache.get(key("a"), ENGINE) == Movable(10, on_device=True)
    assert cache.get(key("b"), ENGINE) == Movable(10, on_device=True)
    assert cache.counters().images == 2


def test_keys_differ_by_everything_that_features_depend_on() -> None:
    keys = [key("a"), key("b"), key("a", "f"), key("a", crop=(0, 0, 1, 1)), FeatureKey("e", "g", "a")]
    assert len({one.text() for one in keys}) == len(keys)
    cache = FeatureCache()
    cache.put(keys[0], Sized(1))
    assert [cache.get(one, ENGINE) is not None for one in keys] == [True, False, False, False, False]


def test_making_room_keeps_the_image_at_hand() -> None:
    cache = FeatureCache()
    for name in "abc":
        cache.put(key(name), Sized(5))
    assert cache.drop_others("b") == 10
    assert cache.counters().encoded == {("e", "b")}
    assert cache.drop_engine("e") == 5
    assert cache.counters().used_bytes == 0


def test_the_disk_remembers_in_half_precision_for_the_engines_that_asked(tmp_path: Path) -> None:
    budgets = Budgets(disk_folder=str(tmp_path), disk_engines=frozenset({"e"}))
    values = np.array([0.5, -3.25, 1e3], np.float32)
    first = FeatureCache(budgets)
    first.put(key("a"), Storable(values))
    first.put(key("a", "other"), Storable(values))
    first.put(key("big"), Storable(np.array([1e9], np.float32)))
    first.close()
    engine: Any = Restorer()
    second = FeatureCache(budgets)
    found = second.get(key("a"), engine)
    assert isinstance(found, Storable)
    assert found.values.dtype == np.float16
    np.testing.assert_array_equal(found.values, values)
    assert second.get(key("a", "other"), engine) is None
    big = second.get(key("big"), engine)
    assert isinstance(big, Storable)
    assert big.values[0] == np.float32(1e9), "what does not fit into half precision is kept as it is"
    second.close()


class _Spy:
    """Unpickling this would raise."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (int, ("code was run",))


def test_pickles_and_broken_entries_on_the_disk_are_misses(tmp_path: Path) -> None:
    with diskcache.Cache(str(tmp_path)) as planted:
        planted.set(key("pickle").text(), _Spy())
        planted.set(key("broken").text(), b"no safetensors")
    cache = FeatureCache(Budgets(disk_folder=str(tmp_path), disk_engines=frozenset({"e"})))
    engine: Any = Restorer()
    assert cache.get(key("pickle"), engine) is None
    assert cache.get(key("broken"), engine) is None
    cache.close()


def test_texts_are_embedded_once_by_encoder_and_survive_a_restart(tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def compute(texts: list[str]) -> NDArray[np.float32]:
        asked.append(texts)
        return np.array([[len(text), 1] for text in texts], np.float32)

    texts = TextEmbeddings(str(tmp_path))
    np.testing.assert_array_equal(texts.get("clip", ["cat", "horse", "cat"], compute), [[3, 1], [5, 1], [3, 1]])
    texts.get("clip", ["horse", "cow"], compute)
    texts.get("bert", ["cat"], compute)
    texts.close()
    again = TextEmbeddings(str(tmp_path))
    again.get("clip", ["cow", "cat"], compute)
    again.close()
    assert asked == [["cat", "horse"], ["cow"], ["cat"]]
