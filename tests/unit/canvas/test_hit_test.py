from __future__ import annotations

from typing import Any

import numpy as np

from desktop.canvas.hit_test import HitIndex
from desktop.canvas.host import CanvasInstance
from desktop.dataset.masks import Mask


def test_the_smallest_instance_is_hit_first_and_clicking_again_cycles_down(make: Any) -> None:
    index = HitIndex([make(1, 0, 0, 60, 60), make(2, 10, 10, 30, 30), make(3, 15, 15, 20, 20)])
    picked = [index.pick(17, 17, 1.0) for _ in range(4)]
    assert picked == [3, 2, 1, 3]


def test_a_click_elsewhere_starts_at_the_top_again(make: Any) -> None:
    index = HitIndex([make(1, 0, 0, 60, 60), make(2, 10, 10, 30, 30)])
    assert index.pick(12, 12, 1.0) == 2
    assert index.pick(28, 28, 1.0) == 2


def test_locked_and_hidden_instances_are_not_hit(make: Any) -> None:
    index = HitIndex([make(1, 0, 0, 60, 60), make(2, 5, 5, 30, 30, locked=True), make(3, 5, 5, 20, 20, hidden=True)])
    assert index.at(10, 10) == [1]
    assert index.in_box(0, 0, 100, 80) == [1]


def test_holes_and_borders_are_exact(make: Any) -> None:
    ring = np.ones((20, 20), bool)
    ring[5:15, 5:15] = False
    index = HitIndex([CanvasInstance(1, Mask.from_crop(ring, 10, 10, 100, 80), "#ffffff")])
    assert index.at(12.5, 12.5) == [1]
    assert index.at(20, 20) == []
    assert index.at(29.99, 29.99) == [1]
    assert index.at(30.0, 30.0) == []
    assert index.in_box(16, 16, 24, 24) == []
    assert index.in_box(16, 16, 26, 26) == [1]


def test_update_replaces_adds_and_removes(make: Any) -> None:
    index = HitIndex([make(1, 0, 0, 10, 10), make(2, 20, 20, 30, 30)])
    assert index.at(5, 5) == [1]
    index.update([make(1, 50, 50, 60, 60), make(3, 0, 0, 5, 5)], [2])
    assert index.at(5.5, 5.5) == []
    assert index.at(55, 55) == [1]
    assert index.at(2, 2) == [3]
    assert index.at(25, 25) == []


def test_occupied_leaves_out_the_own_instance(make: Any) -> None:
    index = HitIndex([make(1, 0, 0, 10, 10), make(2, 5, 5, 20, 20)])
    taken = index.occupied(4, 4, 12, 12, without=(1,))
    assert taken.sum() == 7 * 7
    assert not taken[0].any()


def test_nearest_border_snaps_within_reach_only(make: Any) -> None:
    index = HitIndex([make(1, 10, 10, 30, 30)])
    assert index.nearest_border(20.0, 7.0, 5.0) == (20.0, 10.0)
    assert index.nearest_border(20.0, 2.0, 5.0) is None


def test_nothing_is_hit_without_instances() -> None:
    index = HitIndex()
    assert index.at(1, 1) == []
    assert index.pick(1, 1, 1.0) is None
    assert index.in_box(0, 0, 9, 9) == []
