"""The session of ux.md §4: one request per change, latest wins, results kept, undo without running again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.rounds import CHOSEN
from desktop.session import Session, Stop
from inference.prompts import Box, MaskPrompt, Point, PromptKind, Text
from inference.results import Segmentation
from tests.unit.session.session_engines import SIZE, answer, candidate, opened, settle


def square(side: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:side, :side] = True
    return mask


def test_every_prompt_change_asks_once() -> None:
    session = opened()
    assert session.next_ask() is None
    session.add(Point(1, 1))
    first = session.next_ask()
    assert first is not None
    assert first.prompts.prompts == (Point(1, 1),)
    assert session.busy
    assert session.next_ask() is None, "the same request is not sent twice"
    session.take(first.revision, answer(first))
    assert not session.busy
    assert session.next_ask() is None
    assert len(session.candidates) == 2


def test_late_answers_are_shown_only_while_nothing_newer_was() -> None:
    session = opened()
    session.add(Point(1, 1))
    old = session.next_ask()
    session.add(Point(2, 2))
    new = session.next_ask()
    assert old is not None
    assert new is not None
    assert session.take(old.revision, answer(old)), "nothing newer is shown yet"
    assert session.busy, "the newest is still on its way"
    assert session.take(new.revision, answer(new))
    shown = session.candidates
    assert not session.take(old.revision, answer(old))
    assert session.candidates is not None
    assert [c.score for c in session.candidates] == [c.score for c in shown]


def test_an_older_answer_never_replaces_a_newer_one() -> None:
    session = opened()
    session.add(Point(1, 1))
    old = session.next_ask()
    session.add(Point(2, 2))
    new = session.next_ask()
    assert old is not None
    assert new is not None
    session.take(new.revision, answer(new, 0.8))
    assert not session.take(old.revision, answer(old, 0.1))
    assert session.candidate is not None
    assert session.candidate.score == 0.8
    session.undo()
    assert session.candidate.score == 0.1, "the late answer was remembered for its own prompts"
    assert session.next_ask() is None


def test_undo_and_redo_come_from_the_cache_and_restore_choice_and_memory() -> None:
    session = opened()
    for place in range(3):
        session.add(Point(place, place))
        assert settle(session) == 1
    session.undo()
    session.choose(1)
    assert session.next_ask() is None
    session.undo()
    session.redo()
    assert session.chosen == 1, "the choice belongs to the round"
    session.add(Point(9, 9))
    ask = session.next_ask()
    assert ask is not None
    assert ask.memory is not None
    assert int(ask.memory.arrays[CHOSEN]) == 1
    assert not session.can_redo


def test_memory_comes_from_the_longest_known_beginning() -> None:
    session = opened()
    session.add(Point(0, 0))
    settle(session)
    first = session.revision
    session.add(Point(1, 1))
    settle(session)
    session.remove(1)
    session.add(Point(2, 2))
    ask = session.next_ask()
    assert ask is not None
    assert ask.memory is not None
    assert int(ask.memory.arrays["revision"]) == first, "the removed prompt must not live on in the memory"


def test_mute_is_undoable_and_asks_again() -> None:
    session = opened()
    session.add(Point(0, 0))
    session.add(Point(1, 1, positive=False))
    settle(session)
    session.mute(1, True)
    ask = session.next_ask()
    assert ask is not None
    assert list(ask.prompts) == [Point(0, 0)]
    session.undo()
    assert session.prompts.muted == frozenset()
    assert session.next_ask() is None


def test_a_drag_is_one_step() -> None:
    session = opened()
    session.add(Point(0, 0))
    for x in range(1, 5):
        session.replace(0, Point(x, 0), final=False)
    session.replace(0, Point(5, 0), final=True)
    assert session.prompts.prompts == (Point(5, 0),)
    session.undo()
    assert session.prompts.prompts == (Point(0, 0),)


def test_held_prompts_run_once() -> None:
    session = opened()
    session.hold(True)
    session.add(Point(0, 0))
    session.add(Point(1, 1))
    assert session.next_ask() is None
    session.hold(False)
    ask = session.next_ask()
    assert ask is not None
    assert len(ask.prompts.prompts) == 2


def test_esc_drops_the_request_then_the_session() -> None:
    session = opened()
    session.add(Point(0, 0))
    ask = session.next_ask()
    assert ask is not None
    assert session.stop() is Stop.REQUEST
    assert not session.take(ask.revision, answer(ask)), "a cancelled answer is not shown"
    assert session.candidate is None
    assert session.stop() is Stop.SESSION


def test_cycle_and_keep() -> None:
    session = opened()
    session.add(Point(0, 0))
    settle(session)
    session.cycle()
    assert session.chosen == 1
    session.cycle()
    assert session.chosen == 0
    session.cycle(-1)
    session.keep(0, True)
    session.keep(1, True)
    assert len(session.to_accept()) == 2
    session.keep(0, False)
    assert [c.score for c in session.to_accept()] == [0.5]


def test_empty_masks_are_never_accepted() -> None:
    session = opened()
    session.add(Point(0, 0))
    ask = session.next_ask()
    assert ask is not None
    session.take(ask.revision, Segmentation((candidate(0.9, 0),)))
    assert session.candidate is not None
    assert session.to_accept() == ()


def test_threshold_filters_what_words_found_and_nothing_else() -> None:
    session = opened("both", "both")
    session.add(Text("cat"))
    ask = session.next_ask()
    assert ask is not None
    session.take(ask.revision, answer(ask, 0.9, 0.25, 0.1))
    assert [c.score for c in session.candidates] == [0.9]
    session.text_threshold = 0.2
    assert [c.score for c in session.candidates] == [0.9, 0.25]
    session.max_results = 1
    assert [c.score for c in session.candidates] == [0.9]
    session.text_threshold = 0.95
    assert session.candidates == ()
    assert session.chosen == -1
    assert session.has_answer


def test_find_with_words_refine_with_clicks() -> None:
    session = opened("words", "clicks")
    session.add(Text("cat"))
    found = session.next_ask()
    assert found is not None
    assert found.engine == "words"
    session.take(found.revision, answer(found, 0.9, 0.8))
    session.choose(1)
    session.add(Point(3, 3, positive=False))
    refine = session.next_ask()
    assert refine is not None
    assert refine.engine == "clicks"
    prior, point = refine.prompts.prompts
    assert isinstance(prior, MaskPrompt)
    assert prior.mask.sum() == answer(found, 0.9, 0.8).candidates[1].mask().sum()
    assert point == Point(3, 3, positive=False)


def test_words_are_asked_before_the_clicks_that_refine_them() -> None:
    session = opened("words", "clicks")
    session.add(Text("cat"))
    session.add(Point(1, 1))
    first = session.next_ask()
    assert first is not None
    assert first.engine == "words"
    session.take(first.revision, answer(first))
    second = session.next_ask()
    assert second is not None
    assert second.engine == "clicks"


def test_clicks_alone_go_to_the_engine_that_takes_them() -> None:
    session = opened("words", "clicks")
    session.add(Point(1, 1))
    ask = session.next_ask()
    assert ask is not None
    assert ask.engine == "clicks"
    assert ask.prompts.prompts == (Point(1, 1),)


def test_switching_engines_keeps_prompts_says_what_is_ignored_and_restores_answers() -> None:
    session = opened("both", "both")
    session.add(Point(1, 1))
    settle(session)
    shown = session.candidates
    session.set_engines("words", "words")
    assert session.prompts.prompts == (Point(1, 1),)
    assert [(i.kind, i.count) for i in session.ignored] == [("point", 1)]
    assert session.unusable()
    assert session.next_ask() is None
    session.set_engines("clicks", "clicks")
    assert settle(session) == 1
    session.set_engines("both", "both")
    assert session.next_ask() is None, "the first engine's answer is still known"
    assert session.candidates == shown


def test_slow_engines_run_as_a_job_and_only_when_asked_to() -> None:
    session = opened("slow", "slow")
    session.add(Text("cat"))
    assert session.next_ask() is None
    ask = session.next_ask(explicit=True)
    assert ask is not None
    assert ask.as_job


def test_run_again_asks_again() -> None:
    session = opened()
    session.add(Point(0, 0))
    settle(session)
    ask = session.next_ask(explicit=True)
    assert ask is not None
    assert session.take(ask.revision, answer(ask, 0.7))
    assert [c.score for c in session.candidates] == [0.7]


def test_compare_adds_the_masks_of_another_engine() -> None:
    session = opened("clicks", "clicks")
    session.add(Point(0, 0))
    settle(session)
    ask = session.ask_also("blind")
    assert ask is not None
    assert session.take(ask.revision, answer(ask, 0.6))
    assert [c.engine for c in session.candidates] == ["clicks", "clicks", "blind"]
    assert session.ask_also("words") is None


def test_failures_end_the_wait_for_the_newest_only() -> None:
    session = opened()
    session.add(Point(0, 0))
    old = session.next_ask()
    session.add(Point(1, 1))
    new = session.next_ask()
    assert old is not None
    assert new is not None
    assert not session.fail(old.revision)
    assert session.busy
    assert session.fail(new.revision)
    assert not session.busy
    assert session.next_ask() is not None


class TestRefine:
    def test_opens_on_the_mask_and_can_be_accepted_as_it_is(self) -> None:
        session = opened(prior=square(6), refines=12)
        assert session.candidate is not None
        assert session.candidate.mask().sum() == 36
        assert session.is_empty
        assert session.next_ask() is None
        assert not session.can_undo

    def test_the_mask_cannot_be_removed(self) -> None:
        session = opened(prior=square(6), refines=12)
        with pytest.raises(ValueError, match="refined"):
            session.remove(0)

    def test_engines_with_mask_input_get_the_mask(self) -> None:
        session = opened(prior=square(6), refines=12)
        session.add(Point(2, 2, positive=False))
        ask = session.next_ask()
        assert ask is not None
        assert [p.kind for p in ask.prompts] == [PromptKind.MASK, PromptKind.POINT]
        session.undo()
        assert session.candidate is not None
        assert session.candidate.mask().sum() == 36, "without prompts the prior is back"

    def test_engines_without_it_get_box_and_deepest_point_and_change_only_what_is_pointed_at(self) -> None:
        prior = square(10)
        session = opened("blind", "blind", prior=prior, refines=12)
        session.add(Point(20.5, 20.5))
        ask = session.next_ask()
        assert ask is not None
        box, deepest, said = ask.prompts.prompts
        assert box == Box(0, 0, 10, 10)
        assert isinstance(deepest, Point)
        assert prior[int(deepest.y), int(deepest.x)]
        assert said == Point(20.5, 20.5)
        logits = np.full((SIZE, SIZE), -5.0, np.float32)
        logits[18:24, 18:24] = 5.0
        made = candidate(0.9)
        session.take(ask.revision, Segmentation((type(made)(logits, made.frame, 0.9, "blind"),)))
        assert session.candidate is not None
        mask = session.candidate.mask()
        assert (mask == (prior | (logits > 0))).all(), "what was lost elsewhere is kept, what was pointed at is added"


PLACES = st.integers(0, SIZE - 1)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), PLACES),
        st.tuples(st.just("undo"), st.just(0)),
        st.tuples(st.just("redo"), st.just(0)),
        st.tuples(st.just("remove"), PLACES),
        st.tuples(st.just("mute"), PLACES),
        st.tuples(st.just("cycle"), st.just(1)),
        st.tuples(st.just("answer"), PLACES),
    ),
    max_size=40,
)


def _move(session: Session, move: str, value: int) -> None:
    count = len(session.prompts)
    if move == "add":
        session.add(Point(value + 0.5, 0.5))
    elif move == "undo":
        session.undo()
    elif move == "redo":
        session.redo()
    elif move == "cycle":
        session.cycle()
    elif move == "remove" and count:
        session.remove(value % count)
    elif move == "mute" and count:
        session.mute(value % count, value % 2 == 0)


@settings(max_examples=200, deadline=None)
@given(MOVES)
def test_whatever_happens_the_newest_answer_wins_and_known_prompts_are_never_asked_again(
    moves: list[tuple[str, int]],
) -> None:
    session = opened()
    waiting = []
    asked: set[tuple[str, object]] = set()
    newest_shown = -1
    for move, value in moves:
        if move == "answer" and waiting:
            ask = waiting.pop(value % len(waiting))
            shown = session.take(ask.revision, answer(ask))
            asked.add((ask.engine, ask.about))
            assert not (shown and ask.revision < newest_shown)
            if shown:
                newest_shown = ask.revision
        else:
            _move(session, move, value)
        ask = session.next_ask()
        if ask is not None:
            assert (ask.engine, ask.about) not in asked, "its answer is in the cache"
            assert ask.about == session.prompts
            waiting.append(ask)
        assert -1 <= session.chosen < max(len(session.candidates), 1)
        assert session.candidate is None or session.candidate in session.candidates


@settings(max_examples=100, deadline=None)
@given(MOVES)
def test_undoing_everything_and_redoing_it_is_the_identity(moves: list[tuple[str, int]]) -> None:
    session = opened()
    for move, value in moves:
        _move(session, move, value)
        settle(session)
    while session.redo():
        pass
    prompts, shown = session.prompts, session.candidates
    steps = 0
    while session.undo():
        steps += 1
    assert len(session.prompts) == 0
    assert session.candidates == ()
    while session.redo():
        steps -= 1
    assert steps == 0
    assert session.prompts == prompts
    assert session.candidates == shown
