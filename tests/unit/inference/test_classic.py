"""Classic takes every kind of prompt it claims, obeys clicks, and has a clear answer to anything."""

from __future__ import annotations

import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.engine import EngineError, Image, UnusablePrompts, silent
from inference.engines.classic import SPEC, create
from inference.models.classic.rounds import Sight
from inference.prompts import Box, MaskPrompt, Point, Polygon, Prompt, PromptSet, Reference, Scribble, Text
from inference.results import Memory, Segmentation


def scene(height: int = 240, width: int = 320) -> tuple[np.ndarray, np.ndarray]:
    """A textured ball on a textured ground, and its mask."""
    generator = np.random.default_rng(3)
    pixels = generator.normal((90, 120, 70), 9, (height, width, 3))
    ball = np.zeros((height, width), np.uint8)
    cv2.circle(ball, (width // 2, height // 2), height // 4, 1, -1)
    pixels[ball == 1] = generator.normal((190, 60, 50), 9, (int(ball.sum()), 3))
    return np.clip(cv2.GaussianBlur(pixels, (0, 0), 0.8), 0, 255).astype(np.uint8), ball.astype(bool)


def answer(pixels: np.ndarray, *prompts: Prompt, memory: Memory | None = None) -> Segmentation:
    engine = create()
    return engine.segment(engine.encode(Image(pixels, "x"), silent), PromptSet(prompts), memory, silent)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


PIXELS, BALL = scene()
H, W = BALL.shape
RIM = tuple((W / 2 + 68 * np.cos(a), H / 2 + 68 * np.sin(a)) for a in np.linspace(0, 6, 24))


@pytest.mark.parametrize(
    "prompt",
    [
        Point(W / 2, H / 2),
        Box(W / 2 - 62, H / 2 - 62, W / 2 + 62, H / 2 + 62),
        Scribble(((W / 2 - 35, H / 2), (W / 2 + 35, H / 2 + 10))),
        Polygon(RIM),
        MaskPrompt(BALL),
    ],
    ids=lambda prompt: prompt.kind,
)
def test_every_kind_of_prompt_finds_the_ball(prompt: Prompt) -> None:
    assert iou(answer(PIXELS, prompt).candidates[0].mask(), BALL) > 0.85


def test_a_negative_click_removes_and_a_positive_one_adds() -> None:
    pixels, ball = scene()
    second = np.zeros_like(ball)
    second[20:60, 20:80] = True
    pixels[second] = pixels[ball][: second.sum()]
    engine = create()
    features = engine.encode(Image(pixels, "x"), silent)
    prompts = PromptSet((Point(W / 2, H / 2),))
    first = engine.segment(features, prompts, None, silent)
    for added in (Point(50, 40, True), Point(50, 40, False)):
        answered = engine.segment(features, prompts.added(added), first.memory, silent)
        mask = answered.candidates[0].mask()
        assert mask[40, 50] == added.positive
        assert mask[second].mean() > 0.8 if added.positive else mask[second].mean() < 0.2
        assert iou(mask & ~second, ball) > 0.85


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-30, 350), st.floats(-30, 270), st.booleans()), min_size=1, max_size=5))
def test_pixels_at_clicks_are_as_asked_last(clicks: list[tuple[float, float, bool]]) -> None:
    points = [Point(W / 2, H / 2), *(Point(*click) for click in clicks)]
    mask = answer(PIXELS, *points).candidates[0].mask()
    asked: dict[tuple[int, int], bool] = {}
    for point in points:
        asked[int(np.clip(point.x, 0.5, W - 0.5)), int(np.clip(point.y, 0.5, H - 0.5))] = point.positive
    apart = [
        (key, sign)
        for key, sign in asked.items()
        if all(np.hypot(key[0] - o[0], key[1] - o[1]) > 4 for o, s in asked.items() if s != sign)
    ]
    assert all(mask[y, x] == sign for (x, y), sign in apart)


def test_the_answer_is_the_same_every_time() -> None:
    first, second = (answer(PIXELS, Point(W / 2, H / 2), Point(20, 20, False)) for _ in range(2))
    assert len(first.candidates) == len(second.candidates)
    for a, b in zip(first.candidates, second.candidates, strict=True):
        assert np.array_equal(a.logits, b.logits)
        assert a.score == b.score


def test_candidates_differ_and_none_is_empty() -> None:
    candidates = answer(PIXELS, Point(W / 2, H / 2)).candidates
    masks = [each.mask() for each in candidates]
    assert all(mask.any() for mask in masks)
    assert all(0 < each.score < 1 for each in candidates)
    assert len({mask.tobytes() for mask in masks}) == len(masks)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2), (3, 500)])
@pytest.mark.parametrize("value", [0, 255])
def test_tiny_and_flat_images_have_an_answer(size: tuple[int, int], value: int) -> None:
    pixels = np.full((*size, 3), value, np.uint8)
    for prompts in ([Point(0.5, 0.5)], [Box(0, 0, size[1], size[0])], [Point(0.5, 0.5), Point(400, 30, False)]):
        answered = answer(pixels, *prompts)
        assert all(each.mask().shape == size and each.mask().any() for each in answered.candidates)


@pytest.mark.parametrize(
    "prompts",
    [
        (),
        (Point(5, 5, False),),
        (Text("a ball"),),
        (Box(9, 9, 9, 40),),
        (Polygon(((1.0, 1.0), (5.0, 5.0))),),
        (MaskPrompt(np.zeros((H, W), bool)),),
        (Point(float("nan"), 3),),
    ],
)
def test_without_a_usable_positive_prompt_a_sentence_says_so(prompts: tuple[Prompt, ...]) -> None:
    with pytest.raises(UnusablePrompts, match="needs a positive"):
        answer(PIXELS, *prompts)


def test_prompts_of_other_kinds_are_reported() -> None:
    answered = answer(PIXELS, Point(W / 2, H / 2), Text("ball"), Reference(PIXELS, BALL))
    assert [(each.kind, each.count) for each in answered.ignored] == [("text", 1), ("reference", 1)]


def test_a_click_that_contradicts_another_wins_by_being_later() -> None:
    mask = answer(PIXELS, Point(W / 2, H / 2), Point(W / 2, H / 2, False)).candidates
    assert not mask or not mask[0].mask()[H // 2, W // 2]


def test_a_correction_goes_one_way() -> None:
    engine = create()
    features = engine.encode(Image(PIXELS, "x"), silent)
    prompts = PromptSet((Point(W / 2, H / 2),))
    first = engine.segment(features, prompts, None, silent)
    assert first.memory is not None
    before = first.memory.arrays["probability"].astype(np.float32)
    for added in (Point(30, 30, True), Point(W / 2 + 20, H / 2, False)):
        memory = engine.segment(features, prompts.added(added), first.memory, silent).memory
        assert memory is not None
        change = (memory.arrays["probability"].astype(np.float32) - before) * (1 if added.positive else -1)
        assert change.min() >= -1e-6
        assert change.max() > 0.3


def test_negative_areas_are_excluded() -> None:
    left = Box(0, 0, W / 2, H, positive=False)
    mask = answer(PIXELS, Point(W / 2 + 30, H / 2), left).candidates[0].mask()
    assert not mask[:, : W // 2].any()
    assert mask[H // 2, W // 2 + 30]


def test_a_positive_region_of_everything_is_everything() -> None:
    mask = answer(PIXELS, MaskPrompt(np.ones((H, W), bool))).candidates[0].mask()
    assert mask.mean() > 0.99


def test_a_box_contains_its_mask() -> None:
    box = Box(W / 2 + 62, H / 2 + 62, W / 2 - 62, H / 2 - 62)
    rows, columns = np.nonzero(answer(PIXELS, box).candidates[0].mask())
    assert columns.min() >= W / 2 - 62
    assert columns.max() < W / 2 + 62
    assert rows.min() >= H / 2 - 62


def test_an_object_that_is_small_in_the_image_is_looked_at_closer_and_the_crop_stays_in_use() -> None:
    pixels = np.full((300, 400, 3), 60, np.uint8)
    pixels[100:130, 150:190] = (200, 160, 40)
    engine = create()
    features = engine.encode(Image(pixels, "x"), silent)
    prompts = PromptSet((Point(170, 115),))
    first = engine.segment(features, prompts, None, silent)
    second = engine.segment(features, prompts.added(Point(160, 105)), first.memory, silent)
    assert first.memory is not None
    assert second.memory is not None
    x0, y0, x1, y1 = first.memory.arrays["area"]
    assert x0 <= 150
    assert y0 <= 100
    assert 190 <= x1 < 400
    assert 130 <= y1 < 300
    assert np.array_equal(first.memory.arrays["area"], second.memory.arrays["area"])


def test_memory_of_another_engine_is_not_used() -> None:
    foreign = Memory("other", {"whatever": np.zeros(3)})
    mine, plain = answer(PIXELS, Point(W / 2, H / 2), memory=foreign), answer(PIXELS, Point(W / 2, H / 2))
    assert np.array_equal(mine.candidates[0].logits, plain.candidates[0].logits)


def test_it_neither_labels_nor_runs_over_the_whole_image() -> None:
    engine = create()
    features = engine.encode(Image(PIXELS, "x"), silent)
    assert isinstance(features, Sight)
    assert features.nbytes > PIXELS.nbytes
    with pytest.raises(EngineError, match="needs prompts"):
        engine.everything(features, None, silent)


def test_a_small_object_in_a_large_photo_keeps_a_fine_edge() -> None:
    pixels, _ = scene(2400, 3200)
    small, ball = scene(240, 320)
    pixels[1000:1240, 1500:1820] = small
    truth = np.zeros((2400, 3200), bool)
    truth[1000:1240, 1500:1820] = ball
    ground = np.random.default_rng(0).normal((90, 120, 70), 9, (int((~truth).sum()), 3)).clip(0, 255)
    pixels[~truth] = ground.astype(np.uint8)
    mask = answer(pixels, Box(1595, 1055, 1725, 1185)).candidates[0].mask()
    assert iou(mask, truth) > 0.87


def test_a_prompt_on_twelve_megapixels_is_in_time() -> None:
    pixels = cv2.resize(PIXELS, (4000, 3000)).astype(np.uint8, copy=False)
    engine = create()
    features = engine.encode(Image(pixels, "x"), silent)
    prompts, memory, times = PromptSet(), None, []
    for point in (Point(2000, 1500), Point(300, 300, False), Point(2300, 1700), Point(3500, 2500, False)):
        prompts = prompts.added(point)
        # processor time: a busy machine says nothing of the engine
        begun = time.process_time()
        memory = engine.segment(features, prompts, memory, silent).memory
        times.append(time.process_time() - begun)
    print(f"Classic, 12 megapixels, prompt to mask: median {1000 * float(np.median(times)):.0f} ms of one core (400)")
    # twice the budget, as for the other benchmarks
    assert float(np.median(times)) < 0.8


def test_it_never_imports_torch() -> None:
    code = "import sys; from inference.engines.classic import create; create(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert SPEC.weights == ()
