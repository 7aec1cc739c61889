"""What goes into a crop and what comes out of it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference.engine import Image
from inference.prompts import Box, MaskPrompt, Point, PromptSet, Scribble, Text
from inference.region_of_interest import Crop, whole_image_memory
from inference.results import Candidate, Frame, Memory, Segmentation

IMAGE = Image(np.arange(60 * 80 * 3, dtype=np.uint8).reshape(60, 80, 3), "a")
regions = st.tuples(st.integers(-9, 70), st.integers(-9, 50), st.integers(2, 90), st.integers(2, 70)).map(
    lambda r: (r[0], r[1], r[0] + r[2], r[1] + r[3])
).filter(lambda r: r[2] > 0 and r[3] > 0)  # fmt: skip


@given(regions, st.integers(0, 79), st.integers(0, 59))
def test_a_point_on_a_pixel_comes_back_on_that_pixel(region: tuple[int, int, int, int], x: int, y: int) -> None:
    crop = Crop.of(IMAGE, region)
    if crop is None:
        return
    inside, outside = crop.prompts(PromptSet((Point(x + 0.5, y + 0.5),)))
    x0, y0, x1, y1 = crop.rectangle
    assert bool(list(inside)) == (x0 <= x < x1 and y0 <= y < y1) == (not outside)
    for prompt in inside:
        assert isinstance(prompt, Point)
        cropped = crop.image(IMAGE)
        row, column = int(prompt.y), int(prompt.x)
        assert (cropped.pixels[row, column] == IMAGE.pixels[y, x]).all()
        logits = np.full((cropped.height, cropped.width), -5.0, np.float32)
        logits[row, column] = 5.0
        candidate = Candidate(logits, Frame.whole(cropped.height, cropped.width), 1.0, "e")
        mask = crop.placed(Segmentation((candidate,))).candidates[0].mask()
        assert mask.shape == (60, 80)
        assert np.argwhere(mask).tolist() == [[y, x]]


def test_prompts_are_moved_clipped_or_counted_as_ignored() -> None:
    crop = Crop(60, 80, (10, 20, 50, 50))
    mask = np.zeros((60, 80), bool)
    mask[25, 15] = True
    text = Text("a cup")
    prompts = PromptSet(
        (Box(0, 0, 30, 30), Box(60, 0, 70, 9), Scribble(((12, 22), (70, 22))), MaskPrompt(mask), text, Point(1, 1))
    )
    inside, outside = crop.prompts(prompts)
    box, scribble, prior, kept = inside
    assert box == Box(0, 0, 20, 10)
    assert scribble == Scribble(((2, 2), (60, 2)))
    assert isinstance(prior, MaskPrompt)
    assert np.argwhere(prior.mask).tolist() == [[5, 5]]
    assert kept is text
    assert [(ignored.kind, ignored.count) for ignored in outside] == [("box", 1), ("point", 1)]


def test_a_padded_map_does_not_spill_over_the_crop() -> None:
    crop = Crop(60, 80, (10, 20, 50, 50))
    candidate = Candidate(np.ones((40, 40), np.float32), Frame(30, 40, (0, 0, 40, 40)), 1.0, "e")
    mask = crop.placed(Segmentation((candidate,))).candidates[0].mask()
    expected = np.zeros((60, 80), bool)
    expected[20:50, 10:50] = True
    assert (mask == expected).all()


def test_a_memory_is_used_only_in_the_region_it_was_made_in() -> None:
    crop, elsewhere = Crop(60, 80, (10, 20, 50, 50)), Crop(60, 80, (0, 0, 50, 50))
    memory = crop.placed(Segmentation((), Memory("e", {"logits": np.ones(3)}))).memory
    mine = crop.memory_in(memory)
    assert mine is not None
    assert list(mine.arrays) == ["logits"]
    assert elsewhere.memory_in(memory) is None
    assert whole_image_memory(memory) is None
    assert whole_image_memory(mine) is mine
    assert crop.memory_in(mine) is None


@given(regions)
def test_a_preview_covers_the_region_in_the_whole_image(region: tuple[int, int, int, int]) -> None:
    crop = Crop.of(IMAGE, region)
    if crop is None:
        return
    preview = crop.preview(np.ones((4, 4), np.float32))
    expected = np.zeros((60, 80), np.float32)
    x0, y0, x1, y1 = crop.rectangle
    expected[y0:y1, x0:x1] = 1
    np.testing.assert_allclose(preview, expected)
