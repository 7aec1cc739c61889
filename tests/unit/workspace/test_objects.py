"""Instances and classes: exact, one undo step each, nothing vanishes by accident."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.canvas.host import SelectMode
from desktop.dataset.masks import Mask
from desktop.workspace import ColourBy, Workspace
from desktop.workspace.operations import Operation
from inference.messages import Everything, Finished
from inference.results import Region
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker, rectangle


@pytest.fixture
def three(browsing: Workspace) -> Workspace:
    """Instances 1, 2 (overlapping) and 3 (apart)."""
    for box in ((2, 2, 12, 12), (8, 8, 20, 20), (40, 30, 50, 40)):
        browsing.create_instance(rectangle(*box), "Rectangle")
    return browsing


CHANGES: dict[str, Callable[[Workspace], None]] = {
    "union": Workspace.union_selected,
    "subtract": Workspace.subtract_selected,
    "intersect": Workspace.intersect_selected,
    "exclude": Workspace.exclude_selected,
    "delete": Workspace.delete_selected,
    "duplicate": Workspace.duplicate_selected,
    "merge": Workspace.merge_selected,
    "grow": lambda w: w.shape_selected(Operation.GROW, 2),
    "smooth": lambda w: w.shape_selected(Operation.SMOOTH, 2),
    "split": lambda w: w.split_selected([(5, 0), (15, 40)], closed=False),
    "to the back": lambda w: w.raise_selected(to_front=True),
    "move": lambda w: w.move_instances(w.selection, 3, -1),
    "lock": lambda w: w.lock_instances([1], True),
    "attributes": lambda w: w.set_properties([1], attributes={"a": "b"}),
    "crowd": lambda w: w.set_properties([2], is_crowd=True),
    "cut": Workspace.cut_selected,
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_one_step_that_undo_takes_back_exactly(three: Workspace, name: str) -> None:
    three.select([1, 2])
    before, steps = dict(three.instances), len(three.history())
    CHANGES[name](three)
    after = dict(three.instances)
    assert after != before
    assert len(three.history()) == steps + 1
    three.undo()
    assert dict(three.instances) == before
    assert list(three.instances) == list(before)
    three.redo()
    assert dict(three.instances) == after


def test_booleans_are_exact(three: Workspace) -> None:
    one, two = three.instances[1].mask, three.instances[2].mask
    three.select([2, 1])
    three.subtract_selected()
    assert three.instances[2].mask == two.subtract(one)
    three.undo()
    three.select([1, 2])
    three.union_selected()
    assert three.instances[1].mask == one.union(two)
    assert list(three.instances) == [1, 3]


def test_an_intersection_of_nothing_changes_nothing(three: Workspace) -> None:
    three.select([1, 3])
    three.intersect_selected()
    assert list(three.instances) == [1, 2, 3]


def test_merge_and_split_parts(three: Workspace) -> None:
    three.select([1, 3])
    three.union_selected()
    assert len(three.instances[1].mask.components()) == 2
    three.split_parts()
    assert len(three.instances) == 3
    assert all(len(i.mask.components()) == 1 for i in three.instances.values())


def test_shrinking_never_makes_an_instance_vanish(three: Workspace) -> None:
    three.select([1])
    three.shape_selected(Operation.GROW, -50)
    assert 1 in three.instances


def test_locked_instances_are_left_alone(three: Workspace) -> None:
    three.lock_instances([1], True)
    three.select([1, 3])
    three.delete_selected()
    assert list(three.instances) == [1, 2]
    three.edit_instances({1: rectangle(0, 0, 1, 1)}, "Brush")
    assert three.instances[1].mask == rectangle(2, 2, 12, 12)


def test_editing_to_nothing_deletes(three: Workspace) -> None:
    three.edit_instances({3: Mask.empty(WIDTH, HEIGHT)}, "Eraser stroke")
    assert list(three.instances) == [1, 2]
    assert three.undo_name == "Undo Eraser stroke on unlabelled #3"


def test_selection_modes_and_cycle(three: Workspace) -> None:
    three.select([1])
    three.select([2], SelectMode.ADD)
    assert three.selection == (1, 2)
    three.select([1, 3], SelectMode.TOGGLE)
    assert three.selection == (2, 3)
    three.invert_selection()
    assert three.selection == (1,)
    three.select_next()
    assert three.selection == (2,)
    three.select_next(-1)
    assert three.selection == (1,)
    three.select_all()
    assert three.selection == (1, 2, 3)


def test_order_changes_step_by_step(three: Workspace) -> None:
    three.select([1])
    three.raise_selected()
    assert list(three.instances) == [2, 1, 3]
    three.raise_selected(to_front=True)
    assert list(three.instances) == [2, 3, 1]
    three.lower_selected(to_back=True)
    assert list(three.instances) == [1, 2, 3]


def test_visibility_is_no_step(three: Workspace) -> None:
    steps = len(three.history())
    three.select([1])
    three.toggle_hide_selected()
    assert three.is_hidden(1)
    three.toggle_hide_all()
    assert three.is_hidden(3)
    three.toggle_hide_all()
    three.toggle_solo_selected()
    assert three.is_hidden(2)
    assert len(three.history()) == steps
    for rule in ColourBy:
        three.set_colour_by(rule)
        assert all(shown.colour.startswith("#") for shown in three.canvas_instances())


def test_paste_in_another_image_at_the_same_place(three: Workspace) -> None:
    three.select([1, 2])
    three.copy_selected()
    three.go_next()
    three._learn(type(three.images[0])(**{**_fields(three), "width": WIDTH, "height": HEIGHT}))
    three.paste()
    assert [i.mask for i in three.instances.values()] == [rectangle(2, 2, 12, 12), rectangle(8, 8, 20, 20)]
    assert {i.id for i in three.instances.values()} == {4, 5}


def _fields(workspace: Workspace) -> dict[str, object]:
    image = workspace.current_image
    assert image is not None
    return {name: getattr(image, name) for name in image.__slots__}


class TestClasses:
    def test_digits_make_current_and_reassign(self, three: Workspace) -> None:
        cat, dog = three.add_category("cat"), three.add_category("dog")
        three.select([1, 2])
        three.apply_category(dog)
        assert three.current_category is not None
        assert three.current_category.name == "dog"
        assert three.instances[1].category_id == dog
        assert three.count(dog) == type(three.count(dog))(2, 2)
        three.undo()
        assert three.count(None).image == 3
        assert three.count(cat).image == 0

    def test_names_are_unique_and_not_empty(self, three: Workspace) -> None:
        cat = three.add_category("cat")
        assert three.add_category(" cat ") == cat
        three.add_category("dog")
        with pytest.raises(ValueError, match="dog"):
            three.change_category(cat, name="dog")
        with pytest.raises(ValueError, match="name"):
            three.add_category("  ")

    def test_rename_keeps_the_id_and_is_one_step(self, three: Workspace) -> None:
        cat = three.add_category("cat")
        three.change_category(cat, name="kitten")
        assert three.category(cat) is not None
        assert three.undo_name == "Undo Rename class cat to kitten"
        three.undo()
        assert three.class_name(cat) == "cat"

    def test_merge_delete_and_undo(self, three: Workspace) -> None:
        cat, dog = three.add_category("cat"), three.add_category("dog")
        three.set_category([1, 2], cat)
        three.merge_category(cat, dog)
        assert [c.id for c in three.categories] == [dog]
        assert three.instances[1].category_id == dog
        three.undo()
        assert three.instances[1].category_id == cat
        assert [c.id for c in three.categories] == [cat, dog]
        three.delete_category(cat)
        assert three.instances[1].category_id is None
        three.undo()
        assert three.instances[1].category_id == cat
        three.delete_category(cat, delete_instances=True)
        assert list(three.instances) == [3]
        three.undo()
        assert list(three.instances) == [1, 2, 3]
        assert three.add_category("new") not in (cat, dog)

    def test_reorder_and_paste_a_list(self, three: Workspace) -> None:
        three.add_categories(["a", "b", " c", "a", ""])
        assert [c.name for c in three.categories] == ["a", "b", "c"]
        three.move_category(three.categories[2].id, 0)
        assert [c.name for c in three.categories] == ["c", "a", "b"]
        three.undo()
        three.undo()
        assert three.categories == ()

    def test_hide_and_solo(self, three: Workspace) -> None:
        cat = three.add_category("cat")
        three.set_category([1], cat)
        three.hide_category(cat, True)
        assert three.is_hidden(1)
        three.hide_category(cat, False)
        three.toggle_solo_category(cat)
        assert not three.is_hidden(1)
        assert three.is_hidden(2)


class TestProposals:
    def propose(self, workspace: Workspace, worker: FakeWorker) -> None:
        workspace.run_everything()
        job, request = worker.waiting.pop()
        assert isinstance(request, Everything)
        regions = [
            Region(rectangle(2, 2, 12, 12).to_array(), 0.9, "cat"),
            Region(rectangle(22, 2, 30, 12).to_array(), 0.8, "dog"),
            Region(np.zeros((HEIGHT, WIDTH), bool), 0.7),
        ]
        worker.event.emit(Finished(job, request, regions))

    def test_proposals_are_not_instances_until_accepted(self, three: Workspace, worker: FakeWorker) -> None:
        self.propose(three, worker)
        assert [(p.label, p.checked) for p in three.proposals] == [("cat", False), ("dog", True)]
        assert len(three.instances) == 3
        assert [shown.id for shown in three.canvas_instances() if shown.proposal] == [-1, -2]
        three.accept_all_proposals()
        assert [three.class_name(i.category_id) for i in three.instances.values()][-1] == "dog"
        assert [p.label for p in three.proposals] == ["cat"]
        three.set_proposal_threshold(0.95)
        assert not three.proposals
        three.set_proposal_threshold(0)
        three.reject_all_proposals()
        assert not three.proposals

    def test_the_run_is_a_job(self, three: Workspace, worker: FakeWorker) -> None:
        three.run_everything()
        (job,) = three.jobs
        assert job.active
        three.cancel_job(job.id)
        assert not three.jobs[0].active


def test_export_and_import_are_jobs(three: Workspace, tmp_path: Path, qtbot) -> None:  # type: ignore[no-untyped-def]
    three.set_category([1, 2, 3], three.add_category("cat"))
    job = three.export("coco", tmp_path / "out", {})
    qtbot.waitUntil(lambda: not next(j for j in three.jobs if j.id == job).active)
    (done,) = three.jobs
    assert done.state == "done"
    written = next((tmp_path / "out").glob("*.json"))
    masks = [i.mask for i in three.instances.values()]
    three.select_all()
    three.delete_selected()
    three.import_from("coco", written, {})
    assert [i.mask for i in three.instances.values()] == masks
    three.undo()
    assert not three.instances
    dry_run = three.plan_import("coco", written, {})
    three.create_instance(masks[0].union(masks[1]), "meanwhile")
    made = set(three.instances)
    three.import_from("coco", written, {}, dry_run)  # its ids were taken meanwhile: it is planned again
    assert made < set(three.instances)
    assert len(three.instances) == len(made) + len(masks)
    three.undo()
    three.import_from("coco", written, {}, three.plan_import("coco", written, {}))
    assert len(three.instances) == len(made) + len(masks)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    failed = three.import_from("coco", broken, {})
    assert next(j for j in three.jobs if j.id == failed).state == "failed"


EDITS = st.lists(
    st.tuples(st.sampled_from(["create", "delete", "grow", "move", "class", "undo", "redo"]), st.integers(0, 5)),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS)
def test_what_is_shown_is_what_is_stored(browsing: Workspace, edits: list[tuple[str, int]]) -> None:
    category = browsing.add_category("cat")
    for edit, number in edits:
        ids = list(browsing.instances)
        if ids:
            browsing.select([ids[number % len(ids)]])
        if edit == "create":
            browsing.create_instance(rectangle(number, number, number + 6, number + 9), "Rectangle")
        elif edit == "delete":
            browsing.delete_selected()
        elif edit == "grow":
            browsing.shape_selected(Operation.GROW, 1)
        elif edit == "move":
            browsing.move_instances(browsing.selection, number, 1)
        elif edit == "class":
            browsing.apply_category(category)
        elif edit == "undo":
            browsing.undo()
        else:
            browsing.redo()
        assert browsing.project is not None
        assert list(browsing.project.instances(1)) == list(browsing.instances.values())
