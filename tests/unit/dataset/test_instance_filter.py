"""The filter language of the instance list."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.dataset.instance_filter import (
    DATE_FIELDS,
    FLAGS,
    NUMBER_FIELDS,
    TEXT_FIELDS,
    FilterError,
    InstanceFacts,
    InstanceFilter,
    Term,
    parse_filter,
)

CAR = InstanceFacts(7, "Car", "seem", "draft", score=0.4, area=150, parts=2, holes=1)
HAND = InstanceFacts(
    8, "", "hand", "needs work", "Too small", "Ann\nKim", "Kim", edited="2026-11-01T12:00:00Z", prompts=4, area=900,
    locked=True,
)  # fmt: skip


def test_the_example_of_the_specification() -> None:
    wanted = parse_filter("class:car score<0.5 area<200 source:seem state:draft")
    assert wanted.accepts(CAR)
    assert not wanted.accepts(HAND)


@pytest.mark.parametrize(
    ("text", "car", "hand"),
    [
        ("", True, True),
        ("car", True, False),
        ("-car", False, True),
        ("score>=0.4", True, False),
        ("score<1", True, False),
        ("-score<1", False, True),
        ("area!=150", False, True),
        ('state:"needs work"', False, True),
        ("state:needs", False, True),
        ("state:needs-work", False, True),
        ("comment:small", False, True),
        ("is:commented", False, True),
        ("engine:see", True, False),
        ("engine:hand", False, False),
        ("editor:kim", False, True),
        ("editor=ann", False, True),
        ("editor=an", False, False),
        ("reviewer:kim", False, True),
        ("prompts>3", False, True),
        ("seconds>0", False, False),
        ("edited:2026-11-01", False, True),
        ("edited>2026-11-01", False, False),
        ("edited>2026-10", False, True),
        ("edited<=2026", False, True),
        ("edited!=2026-12", False, True),
        ("-edited:2026", True, False),
        ("is:locked", False, True),
        ("is:unlabelled", False, True),
        ("holes>0 parts=2", True, False),
        ("id:7", True, False),
        ("class=car", True, False),
        ("class=ca", False, False),
        ('class=""', False, True),
    ],
)
def test_terms(text: str, car: bool, hand: bool) -> None:
    wanted = parse_filter(text)
    assert (wanted.accepts(CAR), wanted.accepts(HAND)) == (car, hand)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour:red", "“colour” is not a field"),
        ("score<high", "not a number"),
        ("area<nan", "not a number"),
        ("class<car", "“class” is text"),
        ("is:big", "should be one of is:locked"),
        ("class:", "needs a value"),
        ("edited>yesterday", "needs a day such as 2026-11-01"),
        ("edited>2026-13", "needs a day"),
        ("edited>9999", "needs a day"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    with pytest.raises(FilterError, match=says):
        parse_filter(text)


_words = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).map(
    str.lower
)
_numbers = st.floats(0, 1e6, allow_nan=False).map(str)
_terms = st.one_of(
    st.builds(Term, st.sampled_from(TEXT_FIELDS), st.sampled_from([":", "=", "!="]), _words, st.booleans()),
    st.builds(
        Term,
        st.sampled_from(NUMBER_FIELDS),
        st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
        _numbers,
        st.booleans(),
    ),
    st.builds(
        Term,
        st.sampled_from(DATE_FIELDS),
        st.sampled_from(["<", "<=", ">", ">=", "=", "!=", ":"]),
        st.dates(date(1990, 1, 1), date(2100, 1, 1)).map(str),
        st.booleans(),
    ),
    st.builds(Term, st.just("is"), st.just(":"), st.sampled_from(FLAGS), st.booleans()),
    st.builds(Term, st.just(""), st.just(""), _words.filter(str.strip), st.booleans()),
)


@given(st.lists(_terms, max_size=5))
def test_written_filters_read_back_equal(terms: list[Term]) -> None:
    wanted = InstanceFilter(tuple(terms))
    assert parse_filter(str(wanted)) == wanted


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_a_named_mistake(text: str) -> None:
    outcome = ""
    wanted = InstanceFilter()
    try:
        wanted = parse_filter(text)
    except FilterError as error:
        outcome = str(error)
    if outcome:
        assert outcome.endswith(".")
    else:
        assert parse_filter(str(wanted)) == wanted


@given(_terms, st.floats(0, 1), st.integers(0, 2000))
def test_a_minus_turns_a_term_round(term: Term, score: float, area: int) -> None:
    facts = InstanceFacts(1, "car", "seem", "draft", score=score, area=area)
    opposite = Term(term.field, term.operator, term.value, not term.negated)
    assert term.holds(facts) is not opposite.holds(facts)
