"""The engine contract as ``lite`` keeps it: every kind of prompt, memory, undo, labels, words and references."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.engine import Engine, Features, Image, UnusablePrompts, Vocabulary, silent
from inference.engines import lite
from inference.models.lite.meaning import Meaning
from inference.prompts import (
    Box,
    MaskArray,
    MaskPrompt,
    Point,
    Polygon,
    Prompt,
    PromptKind,
    PromptSet,
    Reference,
    Scribble,
    Text,
)
from inference.results import Ignored

SAMPLES = Path(__file__).parents[3] / "resources" / "sample" / "images"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return lite.create()


def photo(name: str) -> Image:
    pixels = cv2.imdecode(np.fromfile(SAMPLES / name, np.uint8), cv2.IMREAD_COLOR)
    return Image(np.ascontiguousarray(pixels[:, :, ::-1]), name)


@pytest.fixture(scope="module")
def cup(engine: Engine) -> Features:
    """A cup of coffee on a table; 600 x 400."""
    return engine.encode(photo("coffee.jpg"), silent)


def best(engine: Engine, features: Features, *prompts: object) -> MaskArray:
    return engine.segment(features, PromptSet(tuple(prompts)), None, silent).candidates[0].mask()  # type: ignore[arg-type]


def overlap(one: MaskArray, other: MaskArray) -> float:
    return float((one & other).sum() / max((one | other).sum(), 1))


INSIDE = Point(250.5, 200.5)
CUP_BOX = Box(130, 70, 420, 370)


def test_a_click_selects_what_was_clicked_and_not_the_whole_image(engine: Engine, cup: Features) -> None:
    mask = best(engine, cup, INSIDE)
    assert mask.shape == (400, 600)
    assert mask[200, 250]
    assert 0.02 < mask.mean() < 0.9


def test_candidates_come_with_scores_of_the_unit_interval(engine: Engine, cup: Features) -> None:
    answer = engine.segment(cup, PromptSet((INSIDE,)), None, silent)
    assert len(answer.candidates) == 3
    assert all(0 <= candidate.score <= 1 and candidate.engine == "lite" for candidate in answer.candidates)


def test_every_visual_prompt_alone_gives_a_mask(engine: Engine, cup: Features) -> None:
    rough = np.zeros((400, 600), bool)
    rough[100:350, 150:400] = True
    outline = Polygon(((140, 80), (400, 70), (420, 300), (250, 380), (130, 300)))
    for prompt in (INSIDE, CUP_BOX, Scribble(((200, 200), (300, 210)), 6.0), outline, MaskPrompt(rough)):
        assert best(engine, cup, prompt).any(), prompt.kind


def test_a_dot_of_the_scribble_tool_counts_like_a_click(engine: Engine, cup: Features) -> None:
    """A press without a drag: a stroke of one vertex, which no drawing routine draws as a line."""
    dot = Scribble(((INSIDE.x, INSIDE.y),), 8.0)
    clicked, dotted = best(engine, cup, INSIDE), best(engine, cup, dot)
    assert (clicked & dotted).sum() > 0.9 * (clicked | dotted).sum()
    off = Scribble(((300.5, 200.5),), 20.0, positive=False)
    assert not best(engine, cup, INSIDE, off)[195:206, 295:306].any()


EMPTY = (
    MaskPrompt(np.zeros((400, 600), bool)),
    Box(100, 100, 100, 300),
    Box(100, 100, 100.4, 100.4),
    Polygon(((100, 100), (300, 300))),
    Polygon(((100, 100), (100, 200), (100, 300))),
)


@pytest.mark.parametrize("prompt", EMPTY, ids=lambda prompt: type(prompt).__name__)
def test_what_holds_no_pixel_says_nothing(engine: Engine, cup: Features, prompt: Prompt) -> None:
    """A click after it is a first click; alone it is refused, where an empty mask with a score would come else."""
    answer = engine.segment(cup, PromptSet((prompt, INSIDE)), None, silent)
    np.testing.assert_array_equal(answer.candidates[0].mask(), best(engine, cup, INSIDE))
    assert answer.ignored == (Ignored(prompt.kind, 1),)
    with pytest.raises(UnusablePrompts):
        engine.segment(cup, PromptSet((prompt,)), None, silent)


def test_a_phrase_that_finds_nothing_does_not_hold_back_the_click_after_it(
    engine: Engine, cup: Features, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Meaning, "find_text", lambda *_: [])
    words = Text("giraffe")
    assert engine.segment(cup, PromptSet((words,)), None, silent).candidates == ()
    np.testing.assert_array_equal(best(engine, cup, words, INSIDE), best(engine, cup, INSIDE))


def test_a_negative_mask_is_left_out(engine: Engine, cup: Features) -> None:
    taken = np.zeros((400, 600), bool)
    taken[150:230, 200:260] = True
    before, after = best(engine, cup, INSIDE), best(engine, cup, INSIDE, MaskPrompt(taken, positive=False))
    assert before[150:230, 200:260].mean() > 0.9
    assert after[153:227, 203:257].mean() < 0.05
    assert after.sum() > 0.5 * before.sum()


def test_a_box_keeps_the_object_near_the_box(engine: Engine, cup: Features) -> None:
    mask = best(engine, cup, CUP_BOX)
    outside = mask.copy()
    outside[60:380, 120:430] = False
    assert outside.sum() < 0.1 * mask.sum()


@pytest.mark.parametrize("place", [(30.5, 30.5), (580.5, 390.5), (300.5, 200.5)])
def test_a_correction_click_is_obeyed(engine: Engine, cup: Features, place: tuple[float, float]) -> None:
    before = best(engine, cup, INSIDE)
    column, row = int(place[0]), int(place[1])
    asked = not before[row, column]
    after = best(engine, cup, INSIDE, Point(*place, positive=asked))
    assert after[row, column] == asked


def test_a_negative_box_is_excluded(engine: Engine, cup: Features) -> None:
    mask = best(engine, cup, INSIDE, Box(200, 150, 260, 230, positive=False))
    assert mask[152:228, 203:257].mean() < 0.05


def test_a_prior_mask_is_returned_as_it_was_given(engine: Engine, cup: Features) -> None:
    rng = np.random.default_rng(3)
    rough = cv2.resize(rng.random((8, 12)), (600, 400), interpolation=cv2.INTER_CUBIC) > 0.6
    assert np.array_equal(best(engine, cup, MaskPrompt(rough)), rough)


def test_one_click_on_a_prior_changes_only_its_neighbourhood(engine: Engine, cup: Features) -> None:
    prior = np.zeros((400, 600), bool)
    prior[100:350, 150:400] = True
    after = best(engine, cup, MaskPrompt(prior), Point(380.5, 330.5, positive=False))
    assert not after[330, 380]
    assert overlap(after[:250, :300], prior[:250, :300]) > 0.9


def test_negative_prompts_alone_cannot_be_used(engine: Engine, cup: Features) -> None:
    with pytest.raises(UnusablePrompts, match="at least one positive prompt"):
        engine.segment(cup, PromptSet((Point(10, 10, positive=False),)), None, silent)


def test_a_negative_click_before_the_first_positive_one_counts(engine: Engine, cup: Features) -> None:
    mask = best(engine, cup, Point(20.5, 20.5, positive=False), INSIDE)
    assert mask[200, 250]
    assert not mask[20, 20]


def test_memory_gives_what_the_whole_history_gives(engine: Engine, cup: Features) -> None:
    prompts, memory = PromptSet(), None
    for prompt in (INSIDE, Point(150.5, 350.5, positive=False), CUP_BOX):
        prompts = prompts.added(prompt)
        answer = engine.segment(cup, prompts, memory, silent)
        memory = answer.memory
    assert np.array_equal(answer.candidates[0].mask(), best(engine, cup, *prompts))


def test_memory_gives_what_the_whole_history_gives_after_many_clicks(engine: Engine) -> None:
    view = engine.encode(photo("coffee.jpg"), silent)
    inside = [(250.5, 200.5), (180.5, 150.5), (300.5, 120.5), (220.5, 300.5)]
    outside = [(150.5, 350.5), (420.5, 100.5), (100.5, 60.5), (430.5, 300.5)]
    clicks = [Point(*p) for p in inside] + [Point(*p, positive=False) for p in outside]
    prompts, memory = PromptSet(), None
    for click in clicks:
        prompts = prompts.added(click)
        answer = engine.segment(view, prompts, memory, silent)
        memory = answer.memory
        row, column = int(click.y), int(click.x)
        assert answer.candidates[0].mask()[row, column] == click.positive
    fresh = engine.encode(photo("coffee.jpg"), silent)
    assert np.array_equal(answer.candidates[0].mask(), best(engine, fresh, *prompts))


def test_memory_of_another_history_is_not_used(engine: Engine, cup: Features) -> None:
    elsewhere = engine.segment(cup, PromptSet((Point(20.5, 20.5),)), None, silent).memory
    answer = engine.segment(cup, PromptSet((INSIDE,)), elsewhere, silent)
    assert np.array_equal(answer.candidates[0].mask(), best(engine, cup, INSIDE))


def test_the_same_question_gives_the_same_answer(engine: Engine) -> None:
    image = photo("chelsea.jpg")
    masks = [best(engine, engine.encode(image, silent), Point(200.5, 150.5)) for _ in range(2)]
    assert np.array_equal(*masks)


@pytest.mark.parametrize("size", [(9, 700), (700, 9), (1, 1), (33, 31)])
def test_odd_image_sizes_work(engine: Engine, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    features = engine.encode(Image(pixels, "noise"), silent)
    assert best(engine, features, Point(size[1] / 2, size[0] / 2)).shape == size


def test_labels_know_a_cat_and_admit_ignorance(engine: Engine) -> None:
    features = engine.encode(photo("chelsea.jpg"), silent)
    scores = engine.label(features, [np.ones((300, 451), bool)], Vocabulary(("dog", "kitten", "bus")))
    assert scores.ranked(0, 1)[0].name == "kitten"
    assert scores.scores[0, 1] > 0.5 > scores.unknown[0]
    nonsense = engine.label(features, [np.ones((300, 451), bool)], Vocabulary(("zorglub",)))
    assert nonsense.unknown[0] == 1
    assert nonsense.scores[0, 0] == 0


def test_an_empty_mask_is_unknown(engine: Engine, cup: Features) -> None:
    scores = engine.label(cup, [np.zeros((400, 600), bool)], Vocabulary(("cup",)))
    assert scores.unknown[0] == 1


def test_words_find_and_clicks_refine(engine: Engine, cup: Features) -> None:
    found = engine.segment(cup, PromptSet((Text("a cup of coffee"),)), None, silent)
    assert found.candidates
    assert overlap(found.candidates[0].mask(), best(engine, cup, INSIDE)) > 0.3
    click = Point(590.5, 10.5, positive=True)
    refined = engine.segment(cup, PromptSet((Text("a cup of coffee"), click)), found.memory, silent)
    assert refined.candidates[0].mask()[10, 590]


def test_words_after_a_click_are_reported_as_ignored(engine: Engine, cup: Features) -> None:
    answer = engine.segment(cup, PromptSet((INSIDE, Text("cup"))), None, silent)
    assert [(each.kind, each.count) for each in answer.ignored] == [(PromptKind.TEXT, 1)]


def test_unknown_words_are_named(engine: Engine, cup: Features) -> None:
    with pytest.raises(UnusablePrompts, match="zorglub"):
        engine.segment(cup, PromptSet((Text("zorglub"),)), None, silent)


def test_a_reference_finds_its_like(engine: Engine, cup: Features) -> None:
    image = photo("coffee.jpg")
    region = np.zeros((400, 600), bool)
    region[100:330, 160:380] = True
    found = engine.segment(cup, PromptSet((Reference(image.pixels, region),)), None, silent)
    assert found.candidates[0].mask()[100:330, 160:380].mean() > 0.3


def test_everything_gives_distinct_labelled_regions(engine: Engine, cup: Features) -> None:
    regions = engine.everything(cup, Vocabulary(("cup", "spoon", "dining table")), silent)
    assert regions
    assert any(region.label == "cup" for region in regions)
    for index, one in enumerate(regions):
        assert all(overlap(one.mask, other.mask) <= 0.6 for other in regions[:index])
