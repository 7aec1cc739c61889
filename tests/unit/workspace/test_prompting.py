"""Sessions on the screen: requests, accepting, refining, undo across the accept (ux.md §4, §10, §22.3, §22.11)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from desktop.dataset.masks import Mask
from desktop.workspace import Notice, Workspace
from inference.messages import FailureKind
from inference.prompts import Box, Point, PromptKind
from tests.unit.workspace.fake_worker import HEIGHT, WIDTH, FakeWorker


def prompt_and_answer(workspace: Workspace, worker: FakeWorker, *points: tuple[float, float]) -> None:
    for x, y in points:
        workspace.add_prompt(Point(x, y))
        worker.answer()


def test_accept_makes_one_instance_with_its_origin(browsing: Workspace, worker: FakeWorker) -> None:
    cat = browsing.add_category("cat")
    prompt_and_answer(browsing, worker, (20, 20))
    browsing.accept()
    (instance,) = browsing.instances.values()
    assert instance.category_id == cat
    assert instance.provenance.source == "classic"
    assert instance.provenance.score == pytest.approx(0.9)
    assert '"at":[20' in instance.provenance.prompts
    assert instance.mask.contains(20, 20)
    assert browsing.session is None
    assert browsing.selection == (instance.id,)
    assert browsing.undo_name == f"Undo Accept cat #{instance.id}"


def test_what_is_accepted_keeps_off_others_when_told_so(browsing: Workspace, worker: FakeWorker) -> None:
    prompt_and_answer(browsing, worker, (20, 20))
    browsing.accept()
    browsing.change_options(replace(browsing.options, protect_others=True))
    prompt_and_answer(browsing, worker, (22, 20))
    browsing.accept()
    first, second = browsing.instances.values()
    assert first.mask.overlap(second.mask) == 0
    prompt_and_answer(browsing, worker, (20, 20))
    browsing.accept()
    assert len(browsing.instances) == 2
    assert browsing.session is not None
    assert "not to be overwritten" in browsing.messages()[-1][1]


def test_accept_and_start_next_leaves_nothing_selected(browsing: Workspace, worker: FakeWorker) -> None:
    prompt_and_answer(browsing, worker, (20, 20))
    browsing.accept(start_next=True)
    assert browsing.selection == ()


def test_five_prompts_undo_redo_cycle_accept_undo_esc_redo(browsing: Workspace, worker: FakeWorker) -> None:
    """Walk-through 3 of ux.md §22."""
    prompt_and_answer(browsing, worker, *((5 + 8 * n, 20) for n in range(5)))
    asked = len(worker.segments)
    for _ in range(3):
        browsing.undo()
    for _ in range(2):
        browsing.redo()
    assert len(browsing.prompts) == 4
    browsing.cycle_candidate()
    assert browsing.session is not None
    chosen = browsing.session.candidate
    assert chosen is not None
    browsing.accept()
    (instance,) = browsing.instances.values()
    assert instance.mask == Mask.from_array(chosen.mask())
    browsing.undo()
    assert not browsing.instances
    assert browsing.session is not None
    assert len(browsing.prompts) == 4
    assert browsing.session.candidate is chosen
    browsing.undo()
    assert len(browsing.prompts) == 3
    browsing.redo()
    assert browsing.cancel()
    assert browsing.session is None
    browsing.redo()
    assert [i.mask for i in browsing.instances.values()] == [instance.mask]
    assert len(worker.segments) == asked, "nothing was run twice"


def test_a_discarded_session_comes_back_with_undo(browsing: Workspace, worker: FakeWorker) -> None:
    prompt_and_answer(browsing, worker, (20, 20))
    assert browsing.cancel()
    assert browsing.session is None
    assert browsing.undo_name == "Undo Discard session"
    browsing.undo()
    assert browsing.session is not None
    assert browsing.session.candidate is not None


def test_esc_first_drops_the_request(browsing: Workspace, worker: FakeWorker) -> None:
    browsing.add_prompt(Point(20, 20))
    assert browsing.cancel()
    assert worker.cancelled
    assert browsing.session is not None
    assert not browsing.session.busy
    assert browsing.cancel()
    assert browsing.session is None
    assert not browsing.cancel()


def test_refine_replaces_the_mask_and_keeps_id_class_and_attributes(browsing: Workspace, worker: FakeWorker) -> None:
    cat = browsing.add_category("cat")
    browsing.create_instance(Mask.from_polygons([[(4, 4), (20, 4), (20, 20), (4, 20)]], WIDTH, HEIGHT), "Polygon")
    (first,) = browsing.instances.values()
    browsing.set_properties([first.id], attributes={"colour": "red"})
    browsing.add_category("dog")
    assert browsing.can_refine() == ""
    browsing.refine_selected()
    browsing.add_prompt(Point(6, 6, positive=False))
    assert [p.kind for p in worker.segments[-1].prompts] == [PromptKind.MASK, PromptKind.POINT]
    worker.answer()
    browsing.accept()
    (refined,) = browsing.instances.values()
    assert (refined.id, refined.category_id, dict(refined.attributes)) == (first.id, cat, {"colour": "red"})
    assert not refined.mask.contains(6, 6)
    assert refined.mask.contains(15, 15)
    assert browsing.undo_name == f"Undo Refine cat #{first.id}"
    browsing.undo()
    assert browsing.instances[first.id].mask == first.mask
    assert browsing.session is not None
    assert browsing.session.refines == first.id


def test_switching_engines_keeps_prompts_and_says_what_is_ignored(browsing: Workspace, worker: FakeWorker) -> None:
    """Walk-through 11 of ux.md §22 with two engines."""
    prompt_and_answer(browsing, worker, (20, 20))
    asked = len(worker.segments)
    browsing.set_find_with("words")
    browsing.set_refine_with("words")
    assert browsing.session is not None
    assert [(i.kind, i.count) for i in browsing.session.ignored] == [("point", 1)]
    assert browsing.can_run() == "Words uses text; points are ignored. Points would work with Classic."
    browsing.set_find_with("classic")
    browsing.set_refine_with("classic")
    assert browsing.session.candidate is not None
    assert len(worker.segments) == asked


def test_words_that_no_engine_takes_are_said(browsing: Workspace, worker: FakeWorker) -> None:
    raised: list[Notice] = []
    browsing.notice_raised.connect(raised.append)
    browsing.add_text("cat, dog")
    assert [p.text for p in browsing.prompts] == ["cat", "dog"]  # type: ignore[union-attr]
    assert raised[0].text == (
        "Classic uses points, boxes, scribbles and masks; text is ignored. Text would work with Words."
    )
    raised[0].actions[0].run()
    assert browsing.find_with == "words"
    assert worker.segments[-1].engine == "words"
    worker.answer(0.2, 0.1)
    assert browsing.session is not None
    assert browsing.session.message == "No region matched 'cat, dog' above 0.30."
    browsing.set_text_threshold(0.15)
    assert browsing.session.candidate is not None
    browsing.add_text("cat")
    assert list(browsing.text_history) == ["cat", "cat, dog"]


def test_found_with_words_refined_with_clicks(browsing: Workspace, worker: FakeWorker) -> None:
    browsing.set_find_with("words")
    browsing.add_text("cat")
    worker.answer()
    browsing.add_prompt(Point(30, 30))
    assert worker.segments[-1].engine == "classic"
    assert worker.segments[-1].prompts.prompts[0].kind is PromptKind.MASK


def test_a_failing_engine_keeps_the_prompts(browsing: Workspace, worker: FakeWorker) -> None:
    raised: list[Notice] = []
    browsing.notice_raised.connect(raised.append)
    browsing.add_prompt(Point(20, 20))
    worker.fail()
    assert raised[0].text == "The engine broke."
    assert raised[0].details == "a trace"
    assert len(browsing.prompts) == 1
    raised[0].actions[0].run()
    worker.answer()
    assert browsing.session is not None
    assert browsing.session.candidate is not None


def test_unusable_prompts_are_a_hint_not_a_notice(browsing: Workspace, worker: FakeWorker) -> None:
    raised: list[Notice] = []
    browsing.notice_raised.connect(raised.append)
    browsing.add_prompt(Point(20, 20, positive=False))
    worker.fail(FailureKind.UNUSABLE_PROMPTS)
    assert not raised
    assert browsing.session is not None
    assert browsing.session.message == "The engine broke."


def test_nothing_found_is_never_an_empty_instance(browsing: Workspace, worker: FakeWorker) -> None:
    browsing.add_prompt(Point(20, 20, positive=False))
    worker.answer()
    browsing.accept()
    assert not browsing.instances
    assert browsing.messages()[-1][1] == "Nothing found — add a positive point or lower the threshold"


def test_several_candidates_can_be_kept(browsing: Workspace, worker: FakeWorker) -> None:
    prompt_and_answer(browsing, worker, (20, 20))
    browsing.keep_candidate(0, True)
    browsing.keep_candidate(1, True)
    browsing.accept()
    assert len(browsing.instances) == 2
    browsing.undo()
    assert not browsing.instances


def test_region_of_interest_goes_with_the_request(browsing: Workspace, worker: FakeWorker) -> None:
    browsing.set_region_of_interest((-5, 2, 40, 400))
    assert browsing.region_of_interest == (0, 2, 40, HEIGHT)
    browsing.add_prompt(Box(5, 5, 20, 20))
    assert worker.segments[-1].region_of_interest == (0, 2, 40, HEIGHT)


def test_history_jumps(browsing: Workspace, worker: FakeWorker, qtbot: QtBot) -> None:
    for x in (5, 20, 40):
        browsing.create_instance(Mask.from_polygons([[(x, 4), (x + 8, 4), (x + 8, 12)]], WIDTH, HEIGHT), "Polygon")
    names = [entry.name for entry in browsing.history()]
    assert names == [f"Polygon unlabelled #{n}" for n in (1, 2, 3)]
    browsing.jump_to(1)
    assert list(browsing.instances) == [1]
    assert [entry.done for entry in browsing.history()] == [True, False, False]
    browsing.jump_to(3)
    assert list(browsing.instances) == [1, 2, 3]
