"""SEEM as an engine: rounds with memory, mixtures of prompts, names, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.engine import EngineError, Image, UnusablePrompts, Vocabulary, silent
from inference.engines import seem
from inference.models.seem.segmenter import SeemFeatures, SeemSegmenter
from inference.prompts import Box, MaskPrompt, Point, Polygon, Prompt, PromptSet, Reference, Scribble, Text
from inference.results import Candidate, Memory, Segmentation
from tests.unit.inference.seem_model import SHAPE, write_weights, write_word_pieces

SIZE = (90, 130)
RNG = np.random.default_rng(1)
REGION = np.zeros(SIZE, bool)
REGION[20:50, 30:80] = True
POINT = Point(40.5, 30.5)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> SeemSegmenter:
    folder = tmp_path_factory.mktemp("seem")
    return SeemSegmenter(seem.SPEC, write_weights(folder / "seem.pt"), write_word_pieces(folder / "merges.txt"), SHAPE)


@pytest.fixture(scope="module")
def features(engine: SeemSegmenter) -> SeemFeatures:
    pixels = RNG.integers(0, 256, (*SIZE, 3), np.uint8)
    return engine.encode(Image(pixels, "hash"), silent)


KINDS: dict[str, Prompt] = {
    "box": Box(30, 20, 80, 50),
    "scribble": Scribble(((31.0, 25.0), (60.0, 40.0))),
    "polygon": Polygon(((10.0, 60.0), (25.0, 62.0), (20.0, 80.0))),
    "mask": MaskPrompt(REGION),
    "text": Text("red cat"),
    "reference": Reference(RNG.integers(0, 256, (60, 50, 3), np.uint8), np.eye(60, 50, dtype=bool)),
    "negative": Point(100.5, 70.5, positive=False),
}


def _round(engine: SeemSegmenter, features: SeemFeatures, *said: Prompt, memory: Memory | None = None) -> Segmentation:
    return engine.segment(features, PromptSet(said), memory, silent)


def _same(first: Candidate, second: Candidate) -> bool:
    return first.logits.shape == second.logits.shape and bool(np.array_equal(first.logits, second.logits))


def test_a_click_gives_masks_of_the_image(engine: SeemSegmenter, features: SeemFeatures) -> None:
    result = _round(engine, features, POINT)
    assert len(result.candidates) == 3
    for candidate in result.candidates:
        assert candidate.mask().shape == SIZE
        assert 0 <= candidate.score <= 1
        assert candidate.engine == "seem"
    assert _same(result.candidates[0], _round(engine, features, POINT).candidates[0])
    assert features.nbytes > 100_000


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "negative"])
def test_every_kind_of_prompt_works_alone(engine: SeemSegmenter, features: SeemFeatures, kind: str) -> None:
    result = _round(engine, features, KINDS[kind])
    assert result.candidates
    assert not result.ignored


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_prompt_changes_a_mixture(engine: SeemSegmenter, features: SeemFeatures, kind: str) -> None:
    """All kinds but one, then all: one forward in which each has its say."""
    others = [prompt for name, prompt in KINDS.items() if name != kind]
    without = _round(engine, features, POINT, *others)
    everything = _round(engine, features, POINT, *others, KINDS[kind])
    assert not _same(without.candidates[0], everything.candidates[0])


def test_memory_counts_and_undo_brings_it_back(engine: SeemSegmenter, features: SeemFeatures) -> None:
    more = Point(60.5, 44.5)
    first = _round(engine, features, POINT)
    second = _round(engine, features, POINT, more, memory=first.memory)
    third = _round(engine, features, POINT, more, KINDS["negative"], memory=second.memory)
    forgetful = _round(engine, features, POINT, more)
    assert not _same(second.candidates[0], forgetful.candidates[0])
    assert third.memory is not None
    assert first.memory is not None
    again = _round(engine, features, POINT, more, memory=first.memory)
    assert _same(again.candidates[0], second.candidates[0])


def test_memory_of_another_engine_or_image_size_is_not_used(engine: SeemSegmenter, features: SeemFeatures) -> None:
    plain = _round(engine, features, POINT)
    foreign = Memory("other", {"previous mask": np.ones((4, 4), np.float32)})
    misfit = Memory("seem", {"previous mask": np.ones((4, 4), np.float32)})
    for memory in (foreign, misfit):
        assert _same(_round(engine, features, POINT, memory=memory).candidates[0], plain.candidates[0])


def test_negative_prompts_alone_are_refused_but_refine(engine: SeemSegmenter, features: SeemFeatures) -> None:
    with pytest.raises(UnusablePrompts, match="positive"):
        _round(engine, features, KINDS["negative"])
    sure = Memory("seem", {"previous mask": np.full(features.sight.mask_features.shape[2:], 5, np.float32)})
    assert _round(engine, features, KINDS["negative"], memory=sure).candidates


def test_boxes_bound_the_mask(engine: SeemSegmenter, features: SeemFeatures) -> None:
    masks = [c.mask() for c in _round(engine, features, Box(30, 20, 80, 50)).candidates]
    outside = np.ones(SIZE, bool)
    outside[19:51, 29:81] = False
    assert not any((mask & outside).any() for mask in masks)
    excluded = _round(engine, features, Point(100.5, 30.5), Box(0, 0, 65, 90, positive=False))
    assert not any(c.mask()[:, :63].any() for c in excluded.candidates)


def test_negative_text_is_reported(engine: SeemSegmenter, features: SeemFeatures) -> None:
    (ignored,) = _round(engine, features, POINT, Text("cat", positive=False)).ignored
    assert (ignored.kind, ignored.count) == ("text", 1)


def test_labels_rank_any_vocabulary(engine: SeemSegmenter, features: SeemFeatures) -> None:
    scores = engine.label(features, [REGION, np.zeros(SIZE, bool)], Vocabulary(("red", "cat", "tree-merged")))
    assert scores.scores.shape == (2, 3)
    np.testing.assert_allclose(scores.scores.sum(1) + scores.unknown, 1, atol=1e-5)
    assert scores.unknown[1] == 1
    assert len({float(value) for value in scores.scores[0]}) == 3


def test_everything_needs_names_and_its_regions_do_not_overlap(engine: SeemSegmenter, features: SeemFeatures) -> None:
    with pytest.raises(EngineError, match="names"):
        engine.everything(features, None, silent)
    regions = engine.everything(features, Vocabulary(("red", "cat"), frozenset({"cat"})), silent)
    assert sum((region.mask.astype(int) for region in regions), np.zeros(SIZE, int)).max() <= 1


def test_text_without_word_pieces_says_what_is_missing(features: SeemFeatures, tmp_path: Path) -> None:
    engine = SeemSegmenter(seem.SPEC, write_weights(tmp_path / "seem.pt"), None, SHAPE)
    assert _round(engine, features, POINT).candidates
    with pytest.raises(EngineError, match=r"merges\.txt"):
        _round(engine, features, Text("cat"))
