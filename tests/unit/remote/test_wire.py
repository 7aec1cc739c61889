"""Messages: what goes out comes in, and nothing else comes in."""

from __future__ import annotations

import pickle
import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from inference.engine import Vocabulary
from inference.prompts import Box, MaskPrompt, Point, Polygon, Prompt, PromptSet, Reference, Scribble, Text
from inference.remote import codec, pictures, wire
from inference.remote.wire import Malformed
from inference.results import Candidate, Frame, Ignored, Label, LabelScores, Memory, Region, Segmentation

PIXELS = 10_000
numbers = st.floats(-1e6, 1e6, allow_nan=False)
vertices = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6).map(tuple)
masks = arrays_of.arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20)))
signs = st.booleans()


@st.composite
def references(draw: st.DrawFn) -> Reference:
    mask = draw(masks)
    pixels = draw(arrays_of.arrays(np.uint8, (*mask.shape, 3)))
    return Reference(pixels, mask, draw(st.text(max_size=10)), draw(signs))


prompts = st.one_of(
    st.builds(Point, numbers, numbers, signs, st.integers(0, 5)),
    st.builds(Box, numbers, numbers, numbers, numbers, signs, st.integers(0, 5)),
    st.builds(Scribble, vertices, numbers, signs),
    st.builds(Polygon, vertices, signs),
    st.builds(MaskPrompt, masks, signs),
    st.builds(Text, st.text(max_size=30), signs),
    references(),
)


def through(message: wire.Message, packing: codec.Packing) -> tuple[wire.Message, codec.Unpacking]:
    told, arrays = wire.unpacked(wire.packed(message, packing.arrays))
    return told, codec.Unpacking(arrays, PIXELS)


def same(a: Prompt, b: Prompt) -> bool:
    if isinstance(a, MaskPrompt) and isinstance(b, MaskPrompt):
        return np.array_equal(a.mask, b.mask) and a.positive == b.positive
    if isinstance(a, Reference) and isinstance(b, Reference):
        return np.array_equal(a.pixels, b.pixels) and np.array_equal(a.mask, b.mask) and a.name == b.name
    return a == b


@given(st.lists(prompts, max_size=6))
@settings(max_examples=60)
def test_prompts_arrive_as_they_were_said(said: list[Prompt]) -> None:
    packing = codec.Packing()
    told, arrays = through({"prompts": codec.prompts_out(PromptSet(tuple(said)), packing)}, packing)
    arrived = codec.prompts_in(told["prompts"], arrays).prompts
    assert len(arrived) == len(said)
    assert all(same(a, b) for a, b in zip(said, arrived, strict=True))


def test_muted_prompts_stay_at_home() -> None:
    packing = codec.Packing()
    history = PromptSet((Point(1, 1), Point(2, 2))).with_muted(0, True)
    told, arrays = through({"prompts": codec.prompts_out(history, packing)}, packing)
    assert codec.prompts_in(told["prompts"], arrays).prompts == (Point(2, 2),)


def test_a_segmentation_arrives_bit_by_bit() -> None:
    logits = np.random.default_rng(0).normal(size=(7, 9)).astype(np.float32)
    candidate = Candidate(logits, Frame(20, 30, (1.5, 2.0, 20.0, 19.0)), 0.7, "lite", (Label("고양이", 0.5),), False)
    memory = Memory(
        "lite",
        {
            "logits": logits,
            "rounds": np.array([3], np.int64),
            "digest": np.arange(5, dtype=np.uint8),
            "count": np.array(4),
        },
    )
    packing = codec.Packing()
    sent = Segmentation((candidate,), memory, (Ignored("text", 2),), ("A note.",))
    told, arrays = through({"answer": codec.segmentation_out(sent, packing)}, packing)
    got = codec.segmentation_in(told["answer"], arrays)
    assert np.array_equal(got.candidates[0].logits, logits)
    assert (got.candidates[0].frame, got.candidates[0].labels) == (candidate.frame, candidate.labels)
    assert (got.candidates[0].score, got.candidates[0].calibrated) == (0.7, False)
    assert got.memory is not None
    assert all(got.memory.arrays[name].shape == memory.arrays[name].shape for name in memory.arrays)
    assert all(np.array_equal(got.memory.arrays[name], memory.arrays[name]) for name in memory.arrays)
    assert (got.ignored, got.notes) == (sent.ignored, sent.notes)


def test_regions_scores_and_vocabularies_arrive() -> None:
    mask = np.eye(13, dtype=bool)
    packing = codec.Packing()
    scores = LabelScores(("a", "b"), np.array([[0.25, 0.5]], np.float32), np.array([0.25], np.float32))
    vocabulary = Vocabulary(("a", "b"), frozenset({"b"}), (("x",), ()))
    message = {
        "regions": codec.regions_out([Region(mask, 0.5, "b", False), Region(mask, 0.25)], packing),
        "scores": codec.scores_out(scores, packing),
        "vocabulary": codec.vocabulary_out(vocabulary),
    }
    told, arrays = through(message, packing)
    first, second = codec.regions_in(told["regions"], arrays)
    assert np.array_equal(first.mask, mask)
    assert (first.label, first.is_thing, second.label, second.is_thing) == ("b", False, None, True)
    assert np.array_equal(codec.scores_in(told["scores"], arrays).scores, scores.scores)
    assert codec.vocabulary_in(told["vocabulary"]) == vocabulary


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    for attempt in (data, wire.MAGIC + data, wire.MAGIC + struct.pack("<I", 2) + b"{}" + data):
        with suppress(Malformed):  # anything else is a failure
            wire.unpacked(attempt)


def test_a_pickle_is_never_read() -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("a pickle was read",))

    for start in (b"", wire.MAGIC, wire.MAGIC + struct.pack("<I", 2) + b"{}"):
        with pytest.raises(Malformed):
            wire.unpacked(start + pickle.dumps(Trap()))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["kind", "positive", "at", "part", "vertices", "width", "mask", "bits", "size", "text", "pixels", "name",
         "engine", "arrays", "names", "stuff", "synonyms", "candidates", "logits", "region", "score", "labels"]
    ), inner, max_size=6),
    max_leaves=15,
)  # fmt: skip


@given(json_values)
@settings(max_examples=200)
def test_any_json_is_understood_or_malformed(value: object) -> None:
    arrays = codec.Unpacking({"a0": np.zeros(3, np.uint8)}, PIXELS)
    readers = (
        codec.prompts_in, codec.memory_in, codec.segmentation_in, codec.regions_in, codec.scores_in,
        lambda given, _: codec.vocabulary_in(given), lambda given, _: codec.options_in(given),
    )  # fmt: skip
    for read in readers:
        with suppress(Malformed):
            read(value, arrays)


@pytest.mark.parametrize("text", ["NaN", "Infinity", '{"a": NaN}', "[]", "3", '"x"', "{", "[" * 100_000])
def test_words_that_are_no_object_are_refused(text: str) -> None:
    words = text.encode()
    with pytest.raises(Malformed):
        wire.unpacked(wire.MAGIC + struct.pack("<I", len(words)) + words)


def test_a_mask_must_fit_its_size_and_the_bound() -> None:
    arrays = codec.Unpacking({"a0": np.zeros(2, np.uint8)}, 100)
    assert arrays.mask({"bits": "a0", "size": [3, 5]}).shape == (3, 5)
    for size in ([3, 6], [0, 5], [-3, -5], [11, 10], [3.0, 5], "35", [3], [True, 5]):
        with pytest.raises(Malformed):
            arrays.mask({"bits": "a0", "size": size})


@given(st.lists(st.binary(max_size=40), max_size=5), st.integers(1, 30))
def test_a_stream_may_be_cut_anywhere(sent: list[bytes], step: int) -> None:
    stream = b"".join(map(wire.framed, sent))
    unframer = wire.Unframer(40)
    got = [each for at in range(0, len(stream), step) for each in unframer.feed(stream[at : at + step])]
    assert got == sent


def test_a_stream_announces_no_more_than_allowed() -> None:
    with pytest.raises(Malformed, match="41 bytes was announced; 40"):
        wire.Unframer(40).feed(wire.framed(bytes(41)))


@given(arrays_of.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30), st.just(3))))
@settings(max_examples=40)
def test_pictures_arrive_exactly(pixels: np.ndarray) -> None:
    got = pictures.decoded(pictures.encoded(pixels), PIXELS)
    assert np.array_equal(got, pixels)
    assert pictures.name_of(got) == pictures.name_of(pixels)


def test_a_picture_is_measured_before_it_is_unfolded() -> None:
    bomb = bytearray(pictures.encoded(np.zeros((4, 4, 3), np.uint8)))
    bomb[16:24] = struct.pack(">II", 60_000, 60_000)
    with pytest.raises(pictures.TooLarge, match=r"60000 × 60000 pixels; 10000 are allowed\."):
        pictures.decoded(bytes(bomb), PIXELS)


@given(st.binary(max_size=100), st.integers(0, 200))
@settings(max_examples=100)
def test_damaged_pictures_are_refused(noise: bytes, at: int) -> None:
    data = bytearray(pictures.encoded(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)))
    data[at : at + len(noise)] = noise
    with suppress(Malformed):
        assert pictures.decoded(bytes(data), PIXELS).size <= 3 * PIXELS


def test_json_has_a_limit() -> None:
    with pytest.raises(Malformed, match="too long"):
        wire.unpacked(wire.packed({"text": "x" * (wire.MOST_JSON + 1)}))
