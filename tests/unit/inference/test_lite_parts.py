"""The parts of ``lite``: sights, prompt maps, agreement, concepts, label scores, the weights file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.engine import WrongWeights
from inference.models.lite import concepts
from inference.models.lite.agreement import kept_elsewhere
from inference.models.lite.concepts import Concept, Concepts, Evidence
from inference.models.lite.decoder import similarities
from inference.models.lite.label_features import close_up
from inference.models.lite.labels import evidence_score, name_scores
from inference.models.lite.layers import ConvNorm, fold_normalisation
from inference.models.lite.meaning import place_weights
from inference.models.lite.prompt_maps import MAX_SEEDS, Canvas
from inference.models.lite.rounds import rounds_of
from inference.models.lite.sight import BLOCK, Sight
from inference.models.lite.weights import model_from, packaged_bytes, read_state
from inference.prompts import Box, Point

sizes = st.integers(1, 3000)


@given(sizes, sizes)
def test_the_whole_is_seen_in_blocks(height: int, width: int) -> None:
    sight = Sight.whole(height, width)
    assert sight.height % BLOCK == 0
    assert sight.width % BLOCK == 0
    assert max(sight.height, sight.width) <= 512
    assert sight.region == (0, 0, width, height)


@given(st.integers(40, 3000), st.integers(40, 3000), st.data())
def test_a_close_up_lies_in_the_image_and_shows_the_object(height: int, width: int, data: st.DataObject) -> None:
    x0, y0 = data.draw(st.floats(0, width - 2)), data.draw(st.floats(0, height - 2))
    x1, y1 = data.draw(st.floats(x0 + 1, width)), data.draw(st.floats(y0 + 1, height))
    sight = Sight.zoom((x0, y0, x1, y1), height, width)
    if sight is not None:
        left, top, right, bottom = sight.region
        assert 0 <= left <= x0
        assert 0 <= top <= y0
        assert x1 <= right <= width
        assert y1 <= bottom <= height
        assert sight.height * sight.width < 200_000


def test_a_map_seen_from_its_own_sight_stays() -> None:
    sight = Sight.whole(288, 384)
    values = np.random.default_rng(0).random((72, 96)).astype(np.float32)
    assert np.allclose(sight.resampled(values, sight.region, (72, 96)), values, atol=1e-5)


def test_a_close_up_of_a_map_shows_its_part() -> None:
    values = np.zeros((50, 50), np.float32)
    values[10:20, 30:40] = 1
    seen = Sight((60.0, 20.0, 80.0, 40.0), 64, 64).resampled(values, (0, 0, 100, 100), (16, 16))
    assert seen[1:-1, 1:-1].min() > 0.99


@given(st.floats(-500, 900), st.floats(-500, 900), st.booleans())
def test_clicks_anywhere_land_on_the_canvas(x: float, y: float, positive: bool) -> None:
    canvas = Canvas(20, 30)
    canvas.click(x, y, positive)
    maps = canvas.maps()
    assert maps.shape == (7, 20, 30)
    assert maps[0 if positive else 2].max() == 1
    assert maps[2 if positive else 0].max() == 0


def test_only_the_newest_seeds_are_kept() -> None:
    canvas = Canvas(20, 30)
    for column in range(MAX_SEEDS + 6):
        canvas.click(column * 4.0, 0.0, positive=True)
    assert canvas.seed_array()[0, 1] == 6


def test_similarity_is_one_at_a_seed_and_minus_one_without() -> None:
    embedding = torch.nn.functional.normalize(torch.randn(1, 8, 6, 7), dim=1)
    maps = similarities(embedding, torch.tensor([[[2.0, 3.0, 1.0], [0.0, 0.0, 0.0]]]), 1)
    assert maps[0, 0, 2, 3] == pytest.approx(1.0, abs=1e-5)
    assert (maps[0, 1] == -1).all()


def test_unasked_changes_are_taken_back() -> None:
    prior = np.full((20, 20), -4.0, np.float32)
    prior[5:15, 2:8] = 4.0
    changed = prior.copy()
    changed[5:15, 8:10] = 3.0
    changed[0:2, 15:20] = 3.0
    kept = kept_elsewhere(changed, prior, [(10, 9)])
    assert (kept[5:15, 8:10] > 0).all()
    assert (kept[0:2, 15:20] < 0).all()


def test_a_click_does_not_undo_what_another_one_asked_for() -> None:
    prior = np.full((20, 20), -4.0, np.float32)
    prior[:, :8] = 4.0
    emptied = np.full((20, 20), -4.0, np.float32)
    assert (kept_elsewhere(emptied, prior, [(10, 7)]) < 0).all()
    kept = kept_elsewhere(emptied, prior, [(10, 7)], others=[(10, 2)])
    assert kept[10, 7] < 0
    assert kept[10, 2] > 0
    assert (kept[:, 6:] < 0).all()
    assert (kept[8:13, :4] > 0).all()


def test_a_round_is_a_prompt_and_negatives_wait_for_the_first_positive() -> None:
    first, second, third = Point(1, 1, positive=False), Box(0, 0, 5, 5), Point(2, 2)
    assert rounds_of([first, second, third]) == [[first, second], [third]]
    assert rounds_of([first]) == []


def test_folding_a_normalisation_changes_nothing() -> None:
    torch.manual_seed(0)
    layer = ConvNorm(3, 5)
    layer(torch.randn(8, 3, 16, 16) * 3 + 1)
    layer.eval()
    x = torch.randn(1, 3, 16, 16)
    before = layer(x)
    fold_normalisation(layer)
    assert torch.allclose(layer(x), before, atol=1e-5)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_close_ups_for_labels_cover_the_mask(height: int, width: int, data: st.DataObject) -> None:
    mask = np.zeros((height, width), bool)
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    mask[row:, column:] = True
    image, coverage = close_up(np.zeros((height, width, 3), np.uint8), mask)
    assert image.shape == (224, 224, 3)
    assert coverage.max() > 0


TABLE = [
    Concept("animal", ("beast",), (), frozenset({7})),
    Concept("dog", ("puppy",), ("animal",), frozenset({1, 2})),
    Concept("cat", (), ("animal",), frozenset({3})),
]
SMALL = Concepts(TABLE, ["dog", "car"], ["fish", "poodle", "pug", "tabby"])


@pytest.mark.parametrize(
    ("name", "classes", "imagenet"),
    [
        ("dog", {0}, {1, 2}),
        ("Puppies", {0}, {1, 2}),
        ("a_dog", {0}, {1, 2}),
        ("cats", set(), {3}),
        ("animal", {0}, {1, 2, 3, 7}),
        ("poodle", set(), {1}),
        ("cars", {1}, set()),
        ("zorglub", set(), set()),
    ],
)
def test_names_find_their_evidence(name: str, classes: set[int], imagenet: set[int]) -> None:
    assert SMALL.evidence(name) == Evidence(frozenset(classes), frozenset(imagenet))


@pytest.mark.parametrize(
    ("phrase", "name"), [("red car", "car"), ("the dog on the car", "dog"), ("two big cats", "cats"), ("blue", "")]
)
def test_a_phrase_is_about_its_noun(phrase: str, name: str) -> None:
    assert SMALL.evidence_in_phrase(phrase)[0] == name


@pytest.mark.parametrize(
    ("phrase", "best"), [("the cat on the left", 0), ("rightmost cat", 1), ("upper cat", 1), ("the largest cat", 0)]
)
def test_words_about_places_choose(phrase: str, best: int) -> None:
    masks = [np.zeros((40, 60), bool), np.zeros((40, 60), bool)]
    masks[0][20:40, 0:25] = True
    masks[1][0:10, 45:60] = True
    assert place_weights(phrase, masks).argmax() == best


def test_the_packaged_table_names_existing_outputs() -> None:
    table = concepts.packaged(("dog",))
    assert len(table.evidence("dog").imagenet) == 118
    assert table.evidence("animal").classes == {0}
    assert max(table.evidence("vehicle").imagenet) < 1000


def test_label_scores_share_what_overlapping_names_claim() -> None:
    classes = np.array([[0.9, 0.1]], np.float32)
    imagenet = np.array([[0.0, 0.5, 0.5, 0.0, 0, 0, 0, 0]], np.float32)
    scores, unknown = name_scores(SMALL, ["dog", "puppy", "zorglub"], classes, imagenet)
    assert scores[0, 0] == scores[0, 1] == pytest.approx(0.5)
    assert scores[0, 2] == 0
    assert unknown[0] == 0
    only_car, rest = name_scores(SMALL, ["car"], classes, imagenet)
    assert only_car[0, 0] == pytest.approx(0.1)
    assert rest[0] == pytest.approx(0.9)
    assert evidence_score(Evidence(frozenset(), frozenset()), classes, imagenet)[0] == 0


def test_the_packaged_weights_load_and_are_small() -> None:
    data = packaged_bytes()
    assert len(data) <= 16_000_000
    assert len(model_from(data).classes) > 100


def test_damaged_weights_are_refused_with_their_name() -> None:
    data = packaged_bytes()
    with pytest.raises(WrongWeights, match=r"mine\.safetensors is damaged"):
        read_state(data[:5000], "mine.safetensors")
    with pytest.raises(WrongWeights, match="damaged"):
        read_state(b"not safetensors at all", "x")


def test_weights_of_another_architecture_are_refused() -> None:
    from safetensors.torch import save

    with pytest.raises(WrongWeights, match="another architecture"):
        model_from(save({"backbone.stem.weight": torch.zeros(1)}), "other.safetensors")
