"""SEEM as an engine: rounds with memory, mixtures of prompts, names, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from inference import vocabularies
from inference.engine import Cancelled, EngineError, Image, UnusableOption, UnusablePrompts, Vocabulary, silent
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


def test_a_dot_is_drawn_like_a_line_that_ends_where_it_begins(engine: SeemSegmenter, features: SeemFeatures) -> None:
    dot, line = Scribble(((40.5, 30.5),), 8.0), Scribble(((40.5, 30.5), (40.5, 30.5)), 8.0)
    assert dot.line == line.vertices
    answers = [_round(engine, features, each).candidates[0] for each in (dot, line)]
    assert _same(*answers)
    elsewhere = _round(engine, features, Scribble(((90.5, 70.5),), 8.0)).candidates[0]
    assert not _same(answers[0], elsewhere)


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


@pytest.fixture
def configured(engine: SeemSegmenter) -> Iterator[Callable[..., None]]:
    yield lambda **options: engine.configure(options)
    engine.configure({})


def test_panoptic_regions_do_not_overlap_and_semantic_ones_cover_all(
    engine: SeemSegmenter, features: SeemFeatures, configured: Callable[..., None]
) -> None:
    names = Vocabulary(("red", "cat"), frozenset({"cat"}))
    found = engine.everything(features, names, silent)
    assert sum((region.mask.astype(int) for region in found), np.zeros(SIZE, int)).max() <= 1
    configured(regions="semantic")
    found = engine.everything(features, names, silent)
    assert len({region.label for region in found}) == len(found)
    assert (sum(region.mask.astype(int) for region in found) == 1).all()
    assert all(region.is_thing == (region.label == "red") and 0 <= region.score <= 1 for region in found)


def test_instances_are_things_best_first(
    engine: SeemSegmenter,
    features: SeemFeatures,
    configured: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inference.models.seem.whole_image.SCORE_THRESHOLD", 0.01)
    configured(regions="instance")
    found = engine.everything(features, Vocabulary(("red", "cat"), frozenset({"cat"})), silent)
    assert found
    assert {region.label for region in found} == {"red"}
    assert [region.score for region in found] == sorted((region.score for region in found), reverse=True)
    assert all(region.mask.any() for region in found)


def test_without_names_a_whole_image_is_searched_for_cocos(
    engine: SeemSegmenter, features: SeemFeatures, configured: Callable[..., None]
) -> None:
    configured(regions="semantic")
    labels = {region.label for region in engine.everything(features, None, silent)}
    assert labels
    assert labels <= set(vocabularies.packaged("coco133").names)


def test_reading_many_names_can_be_cancelled(engine: SeemSegmenter, features: SeemFeatures) -> None:
    def cancelled(fraction: float | None, message: str, preview: object = None) -> None:
        if "tree 2" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        engine.everything(features, Vocabulary(("tree 1", "tree 2", "tree 3")), cancelled)


def test_the_best_of_a_classs_names_counts(engine: SeemSegmenter, features: SeemFeatures) -> None:
    alone = engine.label(features, [REGION], Vocabulary(("red", "cat", "tree")))
    joined = engine.label(features, [REGION], Vocabulary(("red", "cat"), synonyms=((), ("tree",))))
    best = max(float(alone.scores[0, 1]), float(alone.scores[0, 2]))
    assert joined.scores.shape == (1, 2)
    assert joined.scores[0, 1] / joined.scores[0, 0] == pytest.approx(best / alone.scores[0, 0], rel=1e-3)


def test_the_official_layout_forgets_the_round_before(
    engine: SeemSegmenter, features: SeemFeatures, configured: Callable[..., None]
) -> None:
    first = _round(engine, features, POINT)
    more = Point(60.5, 44.5)
    configured(layout="demo")
    demo = _round(engine, features, POINT, more, memory=first.memory)
    assert _same(demo.candidates[0], _round(engine, features, POINT, more).candidates[0])
    everything = [KINDS[kind] for kind in ("box", "scribble", "text", "reference", "negative")]
    assert _round(engine, features, *everything).candidates
    configured()
    assert not _same(demo.candidates[0], _round(engine, features, POINT, more, memory=first.memory).candidates[0])


def test_a_box_can_mean_its_inside(
    engine: SeemSegmenter, features: SeemFeatures, configured: Callable[..., None]
) -> None:
    centre = _round(engine, features, KINDS["box"])
    configured(box="inside")
    assert not _same(centre.candidates[0], _round(engine, features, KINDS["box"]).candidates[0])
    with pytest.raises(UnusableOption, match="A box means"):
        engine.configure({"box": "corner"})


def test_text_without_word_pieces_says_what_is_missing(features: SeemFeatures, tmp_path: Path) -> None:
    engine = SeemSegmenter(seem.SPEC, write_weights(tmp_path / "seem.pt"), None, SHAPE)
    assert _round(engine, features, POINT).candidates
    with pytest.raises(EngineError, match=r"merges\.txt"):
        _round(engine, features, Text("cat"))


def test_a_reference_serves_a_strip_of_images_with_one_encoding(
    engine: SeemSegmenter, features: SeemFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[tuple[int, ...]] = []
    look = engine._look

    def watched(pixels: np.ndarray) -> object:
        looked.append(pixels.shape)
        return look(pixels)

    monkeypatch.setattr(engine, "_look", watched)
    region = Reference(RNG.integers(0, 256, (64, 48, 3), np.uint8), np.eye(64, 48, dtype=bool))
    frames = [engine.encode(Image(RNG.integers(0, 256, (*SIZE, 3), np.uint8), name), silent) for name in "ab"]
    found = [_round(engine, frame, region) for frame in frames]
    assert looked == [(*SIZE, 3), (*SIZE, 3), (64, 48, 3)]
    assert not _same(found[0].candidates[0], found[1].candidates[0])
    again = Reference(region.pixels.copy(), region.mask)
    assert _same(_round(engine, frames[0], again).candidates[0], found[0].candidates[0])
    assert len(looked) == 3
