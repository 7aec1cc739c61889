"""A review round: items in order, approved or sent back, edits attributed, decisions taken back in their place."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.dataset.model import Comment, ImageState, ReviewState
from desktop.dataset.review import Order, ReviewItem, ReviewPlan, Unit, annotators, review_items
from desktop.workspace import Workspace
from inference.prompts import Point
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker


def square(x: int, side: int = 8) -> Mask:
    return Mask.from_crop(np.ones((side, side), bool), x, 2, WIDTH, HEIGHT)


@pytest.fixture
def annotated(browsing: Workspace, qtbot: QtBot) -> Workspace:
    """Ann drew two cars on the first image and one on the second; both images are done, and Kim is here now."""
    browsing.settings.set("general.author", "Ann")
    browsing.create_instance(square(0), "Polygon")
    car = browsing.add_category("car")
    browsing.set_category(list(browsing.instances), car)
    browsing.create_instance(square(20), "Polygon")
    browsing.mark_done()
    qtbot.waitUntil(lambda: browsing.pixels is not None)
    browsing.create_instance(square(40), "Polygon")
    browsing.mark_done()
    browsing.settings.set("general.author", "Kim")
    return browsing


def started(workspace: Workspace, **plan: object) -> Workspace:
    assert workspace.project is not None
    items = review_items(workspace.project, ReviewPlan(**{"order": Order.IMAGE, **plan}))
    assert workspace.start_review(items) == ""
    return workspace


def states(workspace: Workspace) -> list[str]:
    assert workspace.project is not None
    return [i.review.value for i in workspace.project.all_instances()]


def test_done_images_have_done_instances_and_say_who_did_it(annotated: Workspace) -> None:
    first = annotated.images[0]
    assert (first.state, first.editor) == (ImageState.DONE, "Ann")
    assert first.changed
    assert states(annotated) == ["done"] * 3
    assert annotated.project is not None
    assert annotators(annotated.project) == ["Ann"]


def test_a_round_of_instances(annotated: Workspace) -> None:
    started(annotated)
    info = annotated.review
    assert info is not None
    assert (info.number, info.count, info.title, info.by) == (1, 3, "car #1 in img1.png", "Ann")
    assert annotated.selection == (1,)
    annotated.approve()
    annotated.send_back("the left edge")
    info = annotated.review
    assert info is not None
    assert (info.number, info.approved, info.sent_back) == (3, 1, 1)
    assert states(annotated) == ["reviewed", "needs work", "done"]
    assert annotated.images[0].state is ImageState.REJECTED
    assert annotated.project is not None
    second = annotated.project.instance(2)
    assert [(c.text, c.author) for c in second.comments] == [("the left edge", "Kim")]
    assert (second.reviewer, second.found) == ("Kim", second.mask)
    assert second.provenance.author == "Ann"
    assert second.provenance.editor == ""
    annotated.approve()
    assert not annotated.reviewing
    assert annotated.log.rows()[-1][1] == "Review: 2 of 3 approved, 1 sent back."


def test_decisions_are_taken_back_by_name_where_they_were_made(annotated: Workspace) -> None:
    started(annotated)
    annotated.approve()
    annotated.approve()
    assert annotated.current_image is not None
    assert annotated.current_image.id == 2
    assert annotated.undo_name == "Undo Approve car #2"
    annotated.undo()
    assert annotated.current_image.id == 1
    assert states(annotated) == ["reviewed", "done", "done"]
    info = annotated.review
    assert info is not None
    assert (info.number, info.approved) == (2, 1)
    annotated.redo()
    assert states(annotated) == ["reviewed", "reviewed", "done"]
    assert annotated.review is not None
    assert annotated.review.number == 3
    annotated.undo()
    annotated.undo()
    assert states(annotated) == ["done"] * 3
    assert annotated.undo_name == "Undo Mark img1.png done"


def test_edits_of_the_reviewer_are_attributed_undone_first_and_shown(annotated: Workspace) -> None:
    started(annotated)
    assert annotated.difference() is None
    annotated.approve()
    annotated.edit_instances({2: square(20, 10)}, "Brush stroke")
    change = annotated.difference()
    assert change is not None
    assert (change[0].area, change[1].area) == (36, 0)
    assert annotated.undo_name == "Undo Brush stroke on car #2"
    annotated.undo()
    assert annotated.difference() is None
    annotated.redo()
    annotated.approve()
    assert annotated.project is not None
    done = annotated.project.instance(2)
    assert (done.provenance.author, done.provenance.editor, done.provenance.mask_edits) == ("Ann", "Kim", 1)
    assert done.found == square(20)
    annotated.leave_review()
    annotated.go_to_image(1)
    annotated.select([2])
    shown = annotated.difference()
    assert shown is not None
    assert shown[0].area == 36


def test_what_was_sent_back_is_fixed_and_the_next_review_shows_what_changed(annotated: Workspace) -> None:
    started(annotated)
    annotated.send_back("too small")
    annotated.leave_review()
    annotated.settings.set("general.author", "Ann")
    annotated.go_to_image(1)
    annotated.edit_instances({1: square(0, 9)}, "Brush stroke")
    annotated.comment_on("wider now", [1])
    annotated.mark_done(go_next=False)
    assert states(annotated) == ["done"] * 3
    annotated.settings.set("general.author", "Kim")
    started(annotated)
    change = annotated.difference()
    assert change is not None
    assert change[0].area == 17
    annotated.approve()
    assert annotated.project is not None
    one = annotated.project.instance(1)
    assert (one.review, one.found) == (ReviewState.REVIEWED, None)
    assert [(c.author, c.text) for c in one.comments] == [("Kim", "too small"), ("Ann", "wider now")]


def test_a_round_of_images(annotated: Workspace) -> None:
    started(annotated, unit=Unit.IMAGE)
    assert annotated.review is not None
    assert annotated.review.title == "img1.png"
    annotated.edit_instances({1: square(0, 9)}, "Brush stroke")
    annotated.approve()
    assert annotated.images[0].state is ImageState.REVIEWED
    assert states(annotated)[:2] == ["reviewed", "reviewed"]
    annotated.send_back("one is missing")
    second = annotated.images[1]
    assert second.state is ImageState.REJECTED
    assert [(c.text, c.author) for c in second.comments] == [("one is missing", "Kim")]
    assert not annotated.reviewing
    annotated.undo()
    assert annotated.images[1].state is ImageState.DONE
    assert annotated.images[1].comments == ()


def test_a_decision_waits_for_the_session_and_for_the_item(annotated: Workspace, worker: FakeWorker) -> None:
    started(annotated)
    annotated.refine(1)
    annotated.add_prompt(Point(2.5, 3.5))
    assert annotated.can_decide() == "Accept or discard the open session first."
    annotated.approve()
    assert states(annotated) == ["done"] * 3
    annotated.discard()
    annotated.select([1])
    annotated.delete_selected()
    assert "deleted" in annotated.can_decide()
    annotated.review_step(1)
    annotated.go_to_image(3)
    annotated.approve()
    assert annotated.current_image is not None
    assert annotated.current_image.id == 1
    assert states(annotated) == ["done", "done"]
    annotated.approve()
    assert states(annotated) == ["reviewed", "done"]


def test_orders_and_conditions(annotated: Workspace) -> None:
    assert annotated.project is not None
    project = annotated.project
    sample = ReviewPlan(size=2, seed=5)
    assert review_items(project, sample) == review_items(project, sample)
    assert len(review_items(project, sample)) == 2
    everything = {review_items(project, ReviewPlan(size=1, seed=seed))[0].instance_id for seed in range(30)}
    assert everything == {1, 2, 3}
    assert review_items(project, ReviewPlan(annotator="Kim")) == []
    assert len(review_items(project, ReviewPlan(annotator="Ann", category_id=annotated.categories[0].id))) == 3
    assert review_items(project, ReviewPlan(states=frozenset({ReviewState.REVIEWED}))) == []
    images = review_items(project, ReviewPlan(unit=Unit.IMAGE, states=frozenset({ReviewState.DONE}), size=0))
    assert images == [ReviewItem(1), ReviewItem(2)]
    for order in Order:
        for unit in Unit:
            assert len(review_items(project, ReviewPlan(unit, order, size=0))) == (3 if unit is Unit.INSTANCE else 2)


def test_lowest_scores_and_doubtful_images_come_first(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    for image, score in ((1, 0.9), (1, 0.7), (2, 0.4), (2, 0.95)):
        browsing.go_to_image(image)
        qtbot.waitUntil(lambda: browsing.pixels is not None)
        browsing.add_prompt(Point(10.5, 10.5))
        worker.answer(score)
        browsing.accept()
    assert browsing.project is not None

    def order(which: Order) -> list[int | None]:
        assert browsing.project is not None
        return [item.instance_id for item in review_items(browsing.project, ReviewPlan(order=which, size=0))]

    assert order(Order.SCORE) == [3, 2, 1, 4]
    assert order(Order.DOUBT) == [3, 4, 2, 1]
    browsing.set_image_filter(browsing.image_filter.__class__(order="uncertainty"))
    assert [image.id for image in browsing.visible_images] == [2, 1, 3]
    made = browsing.project.instance(1).provenance
    assert made.seconds is not None
    assert (made.mask_edits, made.source) == (0, "classic")


def test_comments_and_states_by_hand_are_steps(annotated: Workspace) -> None:
    annotated.go_to_image(1)
    annotated.mark_instances([1, 2], ReviewState.NEEDS_WORK)
    assert annotated.undo_name == "Undo Mark 2 instances needs work"
    assert annotated.images[0].state is ImageState.REJECTED
    annotated.undo()
    assert annotated.images[0].state is ImageState.DONE
    annotated.comment_on("  ", [1])
    assert annotated.instances[1].comments == ()
    annotated.comment_on("why?")
    assert annotated.undo_name == "Undo Comment on img1.png"
    assert annotated.images[0].comments[0].text == "why?"
    assert isinstance(annotated.images[0].comments[0], Comment)
    annotated.undo()
    assert annotated.images[0].comments == ()


def test_nothing_to_review_is_said(browsing: Workspace) -> None:
    assert browsing.start_review([]) == "There is no project to review yet."
    browsing.create_instance(square(0), "Polygon")
    assert browsing.start_review([]) == "Nothing is left to review."
    assert not browsing.reviewing
