"""Arrow keys: a row of presses is one undo step and loses nothing at the border."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.workspace import Workspace, nudging
from tests.unit.workspace.fake_worker import rectangle


@pytest.fixture
def two(browsing: Workspace) -> Workspace:
    for box in ((2, 2, 12, 12), (20, 8, 30, 20)):
        browsing.create_instance(rectangle(*box), "Rectangle")
    return browsing


def test_a_row_of_presses_is_one_step(two: Workspace) -> None:
    before, steps = dict(two.instances), len(two.history())
    for _ in range(5):
        two.nudge_instances((1, 2), 1, 0)
    two.nudge_instances((1, 2), 0, 10)
    assert two.instances[1].mask == rectangle(7, 12, 17, 22)
    assert two.instances[2].mask == rectangle(25, 18, 35, 30)
    assert two.instances[1].provenance.mask_edits == 1
    assert len(two.history()) == steps + 1
    assert two.project is not None
    assert list(two.project.instances(1)) == list(two.instances.values())
    after = dict(two.instances)
    two.undo()
    assert dict(two.instances) == before
    two.redo()
    assert dict(two.instances) == after


def test_what_leaves_the_image_comes_back(two: Workspace) -> None:
    shape = two.instances[1].mask
    for dx in (*[-3] * 3, *[3] * 3):
        two.nudge_instances((1,), dx, 0)
    assert two.instances[1].mask == shape


def test_an_instance_is_never_pushed_out(two: Workspace) -> None:
    steps = len(two.history())
    for _ in range(6):
        two.nudge_instances((1,), -10, 0)
    assert two.instances[1].mask == rectangle(0, 2, 2, 12), "only the first press kept some of it inside"
    two.nudge_instances((1,), 10, 0)
    assert two.instances[1].mask == rectangle(2, 2, 12, 12)
    assert len(two.history()) == steps + 1


def test_a_pause_another_change_or_an_undo_ends_the_row(two: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = len(two.history())
    two.nudge_instances((1,), 1, 0)
    two.nudge_instances((2,), 1, 0)
    assert len(two.history()) == steps + 2, "other instances"
    two.undo()
    two.nudge_instances((1,), 1, 0)
    assert len(two.history()) == steps + 2, "after an undo"
    two.lock_instances([2], True)
    two.nudge_instances((1,), 1, 0)
    assert len(two.history()) == steps + 4, "after another change"
    monkeypatch.setattr(nudging, "PAUSE", 0.0)
    two.nudge_instances((1,), 1, 0)
    assert len(two.history()) == steps + 5, "after a pause"
    assert two.instances[1].mask == rectangle(6, 2, 16, 12)


def test_a_press_that_could_not_move_does_not_reopen_the_move_before_it(
    two: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.nudge_instances((1,), -10, 0)
    steps = len(two.history())
    monkeypatch.setattr(nudging, "PAUSE", 0.0)
    two.nudge_instances((1,), -10, 0)
    assert len(two.history()) == steps, "it would have left the image"
    monkeypatch.setattr(nudging, "PAUSE", 60.0)
    two.nudge_instances((1,), 10, 0)
    assert two.instances[1].mask == rectangle(10, 2, 12, 12)
    assert len(two.history()) == steps + 1


def test_locked_instances_stay(two: Workspace) -> None:
    two.lock_instances([1], True)
    steps = len(two.history())
    two.nudge_instances((1,), 1, 0)
    assert len(two.history()) == steps
    two.nudge_instances((1, 2), 1, 0)
    two.nudge_instances((1, 2), 1, 0)
    assert two.instances[1].mask == rectangle(2, 2, 12, 12)
    assert two.instances[2].mask == rectangle(22, 8, 32, 20)
    assert len(two.history()) == steps + 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=8))
def test_a_row_equals_one_move_by_its_sum(two: Workspace, presses: list[tuple[int, int]]) -> None:
    two.nudge_instances((), 0, 0)
    before = two.instances[2].mask
    for press in presses:
        two.nudge_instances((2,), *press)
    moved = before.translated(sum(x for x, _ in presses), sum(y for _, y in presses))
    if not moved.is_empty:
        assert two.instances[2].mask == moved
    two.edit_instances({2: before}, "Brush")
