"""The recipe of the judge learns what it is shown, and the regions it looks at are a partition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.evaluation.index import IndexImage
from inference.models.classic.decide import best_threshold, expected_iou
from inference.models.classic.evidence import Seeds, gather
from inference.models.classic.fit import is_for_fitting, train
from inference.models.classic.judge import fitted_judge
from inference.models.classic.regions import build_regions


def named(name: str) -> IndexImage:
    return IndexImage(name, Path("a.jpg"), Path("a.png"), "photo", ())


def test_the_recipe_learns_a_rule_that_is_not_linear() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(20_000, 4)).astype(np.float32)
    y = ((x[:, 0] * x[:, 1]) > 0).astype(np.float32)
    judge = train([(x, y, np.ones(len(x), dtype=np.float32))], seed=0, epochs=12)
    assert ((judge.logits(x) > 0) == (y > 0.5)).mean() > 0.93


def test_frames_of_one_sequence_are_on_one_side_and_both_sides_have_images() -> None:
    assert len({is_for_fitting(named(f"camvid_0016E5_{frame:05d}")) for frame in range(20)}) == 1
    sides = [is_for_fitting(named(f"voc_{number}")) for number in range(200)]
    assert 60 < sum(sides) < 140


def test_the_fitted_judge_reads_the_evidence_there_is() -> None:
    regions = build_regions(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    middle = np.array([[40.5, 30.5]], dtype=np.float32)
    evidence = gather(regions, Seeds(middle, np.zeros((0, 2), np.float32), middle, True))
    judge = fitted_judge()
    assert evidence.shape == (regions.count, len(judge.mean))
    logits = judge.logits(evidence)
    assert logits.shape == (regions.count,)
    assert np.isfinite(logits).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 1000))
def test_regions_partition_the_view_and_borders_join_neighbours(height: int, width: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    regions = build_regions(pixels, count=40)
    assert regions.labels.shape == (height, width)
    assert set(np.unique(regions.labels)) == set(range(regions.count))
    assert regions.sizes.sum() == height * width
    assert (regions.edges[:, 0] < regions.edges[:, 1]).all()
    # an unreachable region would be 9 away: the view is connected
    assert (regions.climb([0]) <= 1).all()


@pytest.mark.parametrize("certainty", [0.7, 0.99])
def test_the_expected_iou_of_independent_regions_is_what_happens(certainty: float) -> None:
    generator = np.random.default_rng(1)
    probability = np.where(np.arange(4000) < 1000, certainty, 1 - certainty).astype(np.float32)
    sizes = np.ones(4000, dtype=np.float32)
    truth = generator.random(4000) < probability
    threshold = best_threshold(probability, sizes)
    mask = probability > threshold
    happened = (mask & truth).sum() / (mask | truth).sum()
    assert expected_iou(probability, sizes, threshold) == pytest.approx(happened, abs=0.03)
