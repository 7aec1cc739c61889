"""The recipe of the judge learns what it is shown, and the regions it looks at are a partition."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.evaluation.clicks import ClickRun
from inference.evaluation.index import IndexImage
from inference.models.classic.borders import band, judged
from inference.models.classic.decide import best_threshold, boxed_threshold, expected_iou, tallied
from inference.models.classic.evidence import Seeds, gather, reach_of
from inference.models.classic.fit import is_for_fitting, train
from inference.models.classic.judge import fitted_judges
from inference.models.classic.regions import build_regions
from inference.models.classic.report import held_out_tasks, table


def named(name: str) -> IndexImage:
    return IndexImage(name, Path("a.jpg"), Path("a.png"), "photo", ())


def clicked(x: float, y: float, positive: bool = True, earlier: np.ndarray | None = None) -> Seeds:
    """One newest click at (x, y), with a map of an earlier round or without."""
    point, none = np.array([[x, y]], dtype=np.float32), np.zeros((0, 2), np.float32)
    inner, outer = (point, none) if positive else (none, point)
    reach = 0.0 if earlier is None else reach_of(earlier, point, positive)
    return Seeds(inner, outer, point, positive, earlier=earlier, reach=reach)


def test_the_recipe_learns_a_rule_that_is_not_linear() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(20_000, 4)).astype(np.float32)
    y = ((x[:, 0] * x[:, 1]) > 0).astype(np.float32)
    judge = train([(x, y, np.ones(len(x), dtype=np.float32))], seed=0, widths=(64, 32), epochs=12)
    assert ((judge.logits(x) > 0) == (y > 0.5)).mean() > 0.93


def test_frames_of_one_sequence_are_on_one_side_and_both_sides_have_images() -> None:
    sequences = [
        {is_for_fitting(named(f"camvid_{sequence}_{frame:05d}")) for frame in range(20)}
        for sequence in ("0001TP", "0006R0", "0016E5")
    ]
    assert all(len(sides) == 1 for sides in sequences)
    assert len(set.union(*sequences)) == 2
    sides = [is_for_fitting(named(f"voc_{number}")) for number in range(200)]
    assert 60 < sum(sides) < 140


def test_the_fitted_judges_read_the_evidence_there_is() -> None:
    regions = build_regions(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    seeds = clicked(40.5, 30.5)
    judges = fitted_judges()
    evidence = gather(regions, seeds)
    assert evidence.shape == (regions.count, len(judges.regions.mean))
    assert np.isfinite(judges.regions.logits(evidence)).all()
    assert judges.pixels is not None
    doubted = band(regions, np.linspace(0, 1, regions.count, dtype=np.float32), seeds)
    assert doubted.evidence.shape == (len(doubted.at), len(judges.pixels.mean))
    assert len(doubted.at) > 0
    assert np.isfinite(judges.pixels.logits(doubted.evidence)).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 50), st.integers(1, 50), st.booleans(), st.integers(0, 1000))
def test_borders_are_judged_pixel_by_pixel_and_corrections_go_one_way(
    height: int, width: int, positive: bool, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    regions = build_regions(generator.integers(0, 255, (height, width, 3), dtype=np.uint8), count=40)
    earlier = generator.random((height, width), dtype=np.float32)
    seeds = clicked(width / 2, height / 2, positive, earlier)
    pixels = fitted_judges().pixels
    assert pixels is not None
    probability = generator.random(regions.count, dtype=np.float32)
    result = judged(regions, probability, band(regions, probability, seeds), seeds, pixels)
    assert result.shape == (height, width)
    assert np.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1
    assert (result >= earlier).all() if positive else (result <= earlier).all()


def test_a_correction_reaches_as_far_as_the_border_it_is_to_move() -> None:
    earlier = np.zeros((40, 60), np.float32)
    earlier[:, :30] = 1
    missing = np.array([[40.5, 20.5]], np.float32)
    assert reach_of(earlier, missing, True) == pytest.approx(11, abs=0.6)
    assert reach_of(earlier, missing, False) == 0


def test_a_box_prefers_the_mask_that_touches_its_sides() -> None:
    probability = np.full((40, 40), 0.28, np.float32)
    probability[8:32, 12:28] = 0.9
    assert best_threshold(*tallied(probability)) > 0.28
    assert boxed_threshold(probability) < 0.28
    probability[:] = np.where(probability > 0.5, 0.9, 0.05)
    assert boxed_threshold(probability) > 0.05


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


def test_the_report_takes_held_out_tasks_alone_and_the_same_every_time(tmp_path: Path) -> None:
    images = [
        {"id": f"voc_{n}", "image": "a.jpg", "mask": "a.png", "source": "voc2010", "objects": [{"id": 1}, {"id": 2}]}
        for n in range(80)
    ]
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"images": images}), encoding="utf-8")
    chosen = held_out_tasks(index, 12)
    assert len(chosen) == len({task.image.id for task in chosen}) == 12
    assert not any(is_for_fitting(task.image) for task in chosen)
    assert chosen == held_out_tasks(index, 12)


def test_the_table_of_the_report() -> None:
    runs = [ClickRun("photo", (0.5, 0.92), 0.1), ClickRun("thin", (0.1,) * 20, 0.3)]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(runs).splitlines()]
    assert [row[0] for row in rows[2:]] == ["all", "photo", "thin"]
    assert rows[2][1:6] == ["2", "11.00", "11.00", "11.00", "0.300"]
    assert rows[3][1:] == ["1", "2.00", "2.00", "2.00", "0.500", "0.920", "0.920", "0.920", "0", "50"]
    assert rows[4][-2:] == ["1", "15"]
