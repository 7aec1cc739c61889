"""The scenes are what their captions say, and their masks are where their pixels are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.toyworld.captions import RELATIONS, WORDS, caption, expressions, name, relation_between
from tests.toyworld.scenes import COLOURS, SHAPES, Scene, make_scene, tight_crop
from tests.toyworld.words import LENGTH, make_tokenizer

TWINS = st.sampled_from([None, "horizontal", "vertical"])
SEEDS = st.integers(0, 10_000)
MANY = settings(max_examples=25, deadline=None)


def scene_of(seed: int, twins: str | None, size: int = 96) -> Scene:
    rng = np.random.default_rng(seed)
    return make_scene(rng, int(rng.integers(2, 5)), twins, size)  # type: ignore[arg-type]


@MANY
@given(SEEDS, TWINS)
def test_masks_lie_apart_and_within_their_circles(seed: int, twins: str | None) -> None:
    scene = scene_of(seed, twins)
    y, x = np.mgrid[0 : scene.size, 0 : scene.size] + 0.5
    total = np.zeros((scene.size, scene.size), int)
    for thing in scene.things:
        assert thing.mask.any()
        assert np.hypot(x - thing.x, y - thing.y)[thing.mask].max() <= thing.radius + 1
        total += thing.mask
    assert total.max() == 1


@MANY
@given(SEEDS, TWINS)
def test_a_mask_covers_the_pixels_of_its_colour(seed: int, twins: str | None) -> None:
    scene = scene_of(seed, twins, 192)
    for thing in scene.things:
        core = cv2.erode(thing.mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)  # without soft edges
        inside = scene.pixels[core].astype(float)
        brightest = inside[inside.sum(1).argsort()[-len(inside) // 4 :]]  # leaves a texture's dark tone out
        distance = {word: np.linalg.norm(np.median(brightest, 0) - rgb) for word, rgb in COLOURS.items()}
        assert min(distance, key=lambda word: distance[word]) == thing.look.colour


@MANY
@given(SEEDS, TWINS)
def test_outside_the_masks_no_pixel_looks_like_a_thing(seed: int, twins: str | None) -> None:
    scene = scene_of(seed, twins)
    covered = np.any([thing.mask for thing in scene.things], axis=0)
    outside = scene.pixels[~covered].astype(float)
    for thing in scene.things:
        shade = np.percentile(scene.pixels[thing.mask].astype(float), 75, axis=0)
        alike = np.abs(outside - shade).max(1) < 12
        assert alike.mean() < 0.03  # soft edges only, or another thing's


@MANY
@given(SEEDS, TWINS)
def test_same_seed_same_scene(seed: int, twins: str | None) -> None:
    one, other = scene_of(seed, twins), scene_of(seed, twins)
    assert (one.pixels == other.pixels).all()
    assert [thing.look for thing in one.things] == [thing.look for thing in other.things]


@MANY
@given(SEEDS, TWINS)
def test_an_expression_means_exactly_one_thing(seed: int, twins: str | None) -> None:
    """Checked by an understanding of the words of its own: filter by look, then by place or relation."""
    scene = scene_of(seed, twins)
    for expression in expressions(scene):
        assert meant(scene, expression.text) == [expression.target]


@pytest.mark.parametrize("twins", ["horizontal", "vertical"])
def test_twins_can_only_be_told_apart_by_position(twins: str) -> None:
    for seed in range(20):
        scene = scene_of(seed, twins)
        said = [each for each in expressions(scene) if each.target in (0, 1)]
        assert {each.target for each in said} == {0, 1}
        assert all(each.kind in ("position", "relation") for each in said)
        words = {each.text.split()[0] for each in said if each.kind == "position"}
        assert words >= ({"left", "right"} if twins == "horizontal" else {"top", "bottom"})


def test_relations_hold() -> None:
    for seed in range(30):
        scene = scene_of(seed, None)
        relation = relation_between(scene, 0, 1)
        if relation:
            x, y = RELATIONS[relation]
            a, b = scene.things[0], scene.things[1]
            assert (a.x - b.x) * x + (a.y - b.y) * y > 0


@MANY
@given(SEEDS, TWINS)
def test_captions_use_known_words_only_and_name_what_is_there(seed: int, twins: str | None) -> None:
    scene = scene_of(seed, twins)
    words = caption(np.random.default_rng(seed), scene).split()
    assert set(words) <= set(WORDS)
    assert {word for word in words if word in SHAPES} <= {thing.look.shape for thing in scene.things}
    assert {word for word in words if word in COLOURS} <= {thing.look.colour for thing in scene.things}


def test_a_tight_crop_is_the_thing_alone() -> None:
    scene = make_scene(np.random.default_rng(3), 2, size=96)
    crop = tight_crop(scene, 1, 64, masked=True)
    assert crop.shape == (64, 64, 3)
    lit = crop.sum(2) > 60
    assert lit[0].any()
    assert lit[-1].any()
    assert lit[:, 0].any()
    assert lit[:, -1].any()


def test_each_word_is_one_token_and_any_text_can_be_written() -> None:
    tokenizer = make_tokenizer()
    for word in WORDS:
        assert len(tokenizer(word).input_ids) == 3, word
    assert len(tokenizer("a red striped circle left of the blue square").input_ids) == 11
    assert tokenizer.decode(tokenizer("zebra, ünder 7!").input_ids, skip_special_tokens=True).split() == [
        "zebra", ",", "ünder", "7", "!",
    ]  # fmt: skip
    assert tokenizer("a", padding="max_length").input_ids[-1] == tokenizer.eos_token_id
    assert len(tokenizer("a", padding="max_length").input_ids) == LENGTH


def meant(scene: Scene, text: str) -> list[int]:
    """The things that a text can mean, by the rules a reader would use."""
    for relation, (x, y) in RELATIONS.items():
        if relation in text:
            first, second = text.split(f" {relation} the ")
            (other,) = (thing for thing in scene.things if name(thing.look, False) == second)
            return [
                index
                for index, thing in enumerate(scene.things)
                if name(thing.look, False) == first and (thing.x - other.x) * x + (thing.y - other.y) * y > 0
            ]
    words = text.split()
    side = words.pop(0) if words[0] in ("left", "right", "top", "bottom") else ""
    fitting = [i for i, thing in enumerate(scene.things) if name(thing.look, False) == " ".join(words)]
    if not side:
        return fitting
    place = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}[side]
    return [max(fitting, key=lambda i: scene.things[i].x * place[0] + scene.things[i].y * place[1])]
