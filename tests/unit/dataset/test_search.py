"""Searching a project answers as the filter of the instance list does, but asks SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.dataset import changes as c
from desktop.dataset.instance_filter import FLAGS, FilterError, InstanceFacts, InstanceFilter, Term, parse_filter
from desktop.dataset.masks import Mask
from desktop.dataset.model import Category, Comment, Image, Instance, Provenance, ReviewState
from desktop.dataset.prompt_json import to_json
from desktop.dataset.search import asks_about_instances, matching_images
from desktop.dataset.store import Project
from inference.prompts import Point, PromptSet

PROMPTS = to_json(PromptSet((Point(1, 1), Point(2, 2))))


def mask(side: int) -> Mask:
    return Mask.from_crop(np.ones((side, side), bool), 0, 0, 16, 16)


MADE = "2026-11-01T12:00:00Z"
KINDS = (
    Instance(1, 1, mask(4), 1, provenance=Provenance("sam", score=0.4, prompts=PROMPTS, author="Ann", created=MADE)),
    Instance(2, 2, mask(9), None, is_crowd=True, z_order=3, locked=True, review=ReviewState.NEEDS_WORK, reviewer="Kim",
             reviewed="2026-11-03T10:00:00Z", comments=(Comment("Too small", "Kim"), Comment("Done", "Ann"))),
    Instance(3, 3, mask(2), 2, review=ReviewState.REVIEWED,
             provenance=Provenance("imported", author="Ann", editor="Ben", edited="2025-01-01T12:00Z", mask_edits=2)),
    Instance(4, 4, mask(5), 2, review=ReviewState.DONE, provenance=Provenance("lite", score=0.9, seconds=12.5)),
)  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One instance of each kind on an image of its own."""
    folder = tmp_path_factory.mktemp("search")
    with Project.create(folder / "p", state_folder=folder) as made:
        made.apply(
            c.AddImages(tuple(Image(i, f"{i}.png", width=16, height=16) for i in range(1, 6))),
            c.AddCategories((Category(1, "Car", "#f00"), Category(2, "dog", "#0f0", position=1))),
            c.AddInstances(KINDS),
        )
        yield made


_SIGNS = ["<", "<=", ">", ">=", "=", "!=", ":"]
_words = st.sampled_from(["car", "dog", "sam", "ann", "kim", "ben", "done", "small", "needs-work", "a", "draft"])
_terms = st.one_of(
    st.builds(
        Term,
        st.sampled_from(["class", "source", "engine", "state", "editor", "reviewer", "comment"]),
        st.sampled_from([":", "=", "!="]),
        _words,
        st.booleans(),
    ),
    st.builds(
        Term,
        st.sampled_from(["class", "engine", "editor", "reviewer", "comment"]),
        st.sampled_from(["=", "!="]),
        st.just(""),
        st.booleans(),
    ),
    st.builds(
        Term,
        st.sampled_from(["score", "area", "prompts", "seconds", "edits", "id", "z"]),
        st.sampled_from(_SIGNS),
        st.sampled_from(["0", "0.4", "0.9", "2", "3", "12.5", "16", "25"]),
        st.booleans(),
    ),
    st.builds(
        Term,
        st.sampled_from(["created", "edited", "reviewed"]),
        st.sampled_from(_SIGNS),
        st.sampled_from(["2025", "2026-11", "2026-11-01", "2026-11-02", str(date(2030, 1, 1))]),
        st.booleans(),
    ),
    st.builds(Term, st.just("is"), st.just(":"), st.sampled_from([f for f in FLAGS if f != "hidden"]), st.booleans()),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_terms, min_size=1, max_size=3))
def test_the_same_images_as_the_filter_of_the_list(project: Project, terms: list[Term]) -> None:
    wanted = InstanceFilter(tuple(terms))
    names = {None: "", 1: "Car", 2: "dog"}
    expected = {i.image_id for i in KINDS if wanted.accepts(InstanceFacts.of(i, names[i.category_id]))}
    assert matching_images(project, str(wanted)) == (expected, "")


def test_bare_words_are_left_for_the_file_name(project: Project) -> None:
    assert asks_about_instances("street state:done")
    assert not asks_about_instances("street 5")
    assert matching_images(project, "street state:done 01") == ({4}, "street 01")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("parts>1", "“parts” can be asked about the instances of the open image only"),
        ("is:hidden", "“is:hidden” can be asked"),
        ("colour:red", "is not a field"),
        ("state:", "needs a value"),
    ],
)
def test_what_cannot_be_asked_is_said(project: Project, text: str, says: str) -> None:
    with pytest.raises(FilterError, match=says):
        matching_images(project, text)


def test_a_filter_is_its_text(project: Project) -> None:
    assert str(parse_filter("editor:ann score<0.5")) == "editor:ann score<0.5"
